//! Random programs of loops over numbers and arrays: counters, steps, early ends, small branches, sums near the ends of what an int holds, and
//! arrays that grow and shrink in what a loop calls. They are made for what the JIT does to such loops: strips, views, ranges, selects.
//!
//! A program declares helpers, functions with loops that call them, and a driver that calls those in turns, with numbers that are ordinary at
//! first and extreme now and then. What it prints is checksums, and errors with their traces.
//!
//! - `expressions`, `statements`: what their names say;
//! - `turns`: the loops themselves;
//! - `helpers`: what they call.
//!
//! Invariant: what a program does is bounded without fuel. Each loop has a bound of turns that nothing in it changes, a function calls only
//! those that were declared before it, or itself with a counter that falls; and the turns around a statement are multiplied and kept
//! below [`MOST_TURNS`]. As everywhere in generated programs: one statement a line.

mod expressions;
mod helpers;
mod statements;
mod turns;

use super::{Draw, Kind, Maker};

/// Turns of all loops of a function around one of its statements, at most: those of what it calls are counted in.
const MOST_TURNS: u64 = 4_000;
/// Statements that a program executes, roughly: enough for functions to become hot and to run on as machine code.
const WORK: u64 = 120_000;
/// Statements that all calls of one function from one place execute, at most.
const MOST_WORK: u64 = 4 * MOST_TURNS;
/// Elements that arrays over which loops go are taken to have.
const ELEMENTS: u64 = 60;

/// What every program begins with: a checksum of all that is noted, of which the first is printed; errors with their traces; and a pause in
/// which a function that has become hot may be compiled, so that the loop around is entered in the middle.
const HEAD: &str = "\
var sum = 0;
var notes = 0;
var errors = 0;
var pauses = 0;
function note(x) {
    notes++;
    if (notes < 100) print(x);
    var code = 7;
    if (x is int) code = x;
    else if (x is float) code = x.to_bits();
    sum = int.wrapping_add(int.wrapping_mul(sum, 31), code);
}
function check(a) {
    int s = a.length;
    for (x in a) {
        var code = 7;
        if (x is int) code = x;
        else if (x is float) code = x.to_bits();
        s = int.wrapping_add(int.wrapping_mul(s, 31), code);
    }
    note(s);
}
function pause() {
    if (pauses < 6) {
        pauses++;
        sleep(0.002);
    }
}
function fail(e) {
    errors++;
    if (errors < 30) print(`${e}\\n${e.trace()}`);
    note(errors);
}
";

/// A function that loops may call.
#[derive(Clone, Default)]
struct Helper {
    name: String,
    parameters: Vec<Kind>,
    /// Which of them may be given extreme numbers.
    wild: Vec<bool>,
    /// `None` for one that gives nothing of use.
    result: Option<Kind>,
    /// Whether it changes the length of an array that it is given.
    resizes: bool,
    /// Statements that a call executes, roughly.
    cost: u64,
}

/// Makes one program.
struct Loops {
    maker: Maker,
    helpers: Vec<Helper>,
    /// The arrays over whose indices the loops around go, innermost last.
    over: Vec<Option<String>>,
    /// Whether the statement that is being made accesses an array where it may well end.
    risky: bool,
    /// Turns of the loops around, multiplied.
    weight: u64,
    /// Statements that a call of the function executes, as far as it has been made.
    cost: u64,
}

/// The program of a seed.
pub fn program(seed: u64) -> String {
    let maker = Maker::new(seed);
    Loops { maker, helpers: Vec::new(), over: Vec::new(), risky: false, weight: 1, cost: 0 }.program()
}

impl Loops {
    fn draw(&mut self) -> &mut Draw {
        &mut self.maker.draw
    }

    fn program(mut self) -> String {
        self.maker.text.push_str(HEAD);
        self.globals();
        for _ in 0..self.draw().from_to(1, 4) {
            self.helper();
        }
        let mut works = Vec::new();
        for _ in 0..self.draw().from_to(1, 2) {
            works.push(self.work());
        }
        self.driver(&works);
        self.maker.text
    }

    /// Variables of the module.
    fn globals(&mut self) {
        for kind in [Kind::Int, Kind::Array, Kind::Ints] {
            if self.draw().one_in(2) {
                let value = if kind == Kind::Int { "3".into() } else { self.new_array(kind) };
                let typed = kind != Kind::Array || self.draw().one_in(2);
                let name = self.maker.name("g");
                let word = if typed { kind.declared() } else { "var" };
                line!(self.maker, "{word} {name} = {value};");
                self.maker.declare(&name, kind, typed);
            }
        }
    }

    /// Makes a function around what `body` makes. What a call of it costs is given back.
    fn function(&mut self, head: &str, body: impl FnOnce(&mut Self)) -> u64 {
        let count = self.maker.variables.len();
        self.maker.open(head);
        (self.weight, self.cost) = (1, 2);
        body(self);
        self.maker.close("");
        self.maker.variables.truncate(count);
        std::mem::take(&mut self.cost)
    }

    /// Parameters of these kinds, declared for the body, as text.
    fn parameters(&mut self, kinds: &[Kind]) -> String {
        let mut text = Vec::new();
        for &kind in kinds {
            // Ints that may be extreme have names of their own, so that most expressions do without them.
            let wild = kind == Kind::Int && self.draw().one_in(4);
            let name = self.maker.name(if wild { "w" } else { "p" });
            let typed = kind != Kind::Array && !self.draw().one_in(5) || self.draw().one_in(3);
            text.push(if typed { format!("{} {name}", kind.declared()) } else { name.clone() });
            self.maker.declare(&name, kind, typed);
        }
        text.join(", ")
    }

    /// A function with loops: the kind of thing that is to become hot.
    fn work(&mut self) -> Helper {
        let mut parameters = vec![Kind::Int, self.draw().of(&[Kind::Array, Kind::Ints])];
        for _ in 0..self.draw().below(4) {
            parameters.push(self.draw().of(&[
                Kind::Int,
                Kind::Int,
                Kind::Float,
                Kind::Array,
                Kind::Ints,
                Kind::Floats,
            ]));
        }
        let count = self.maker.variables.len();
        let name = self.maker.name("work");
        let text = self.parameters(&parameters);
        let arrow = if self.draw().one_in(2) { " -> int" } else { "" };
        let cost = self.function(&format!("function {name}({text}){arrow}"), |maker| {
            for _ in 0..maker.draw().from_to(2, 4) {
                maker.declaration(Kind::Int);
            }
            if maker.draw().one_in(3) {
                let kind = maker.draw().of(&[Kind::Float, Kind::Array, Kind::Ints, Kind::Floats]);
                maker.declaration(kind);
            }
            maker.maker.statements = maker.draw().from_to(4, 14);
            maker.looping();
            while maker.maker.statements > 0 {
                match maker.draw().one_in(4) {
                    true => maker.attempt(),
                    false => maker.statement(),
                }
            }
            maker.conclusion();
        });
        let given = &self.maker.variables[count..];
        let wild = given.iter().map(|parameter| parameter.name.starts_with('w')).collect();
        self.maker.variables.truncate(count);
        let result = Some(Kind::Int);
        let work = Helper { name, parameters, wild, result, cost, ..Helper::default() };
        if self.draw().one_in(3) {
            self.helpers.push(work.clone());
        }
        work
    }

    /// What has been computed is noted and returned.
    fn conclusion(&mut self) {
        let mut result = String::from("1");
        for v in 0..self.maker.variables.len() {
            let name = self.maker.variables[v].name.clone();
            let kind = self.maker.variables[v].kind;
            match kind {
                Kind::Int if name.starts_with(['v', 'w']) => result.push_str(&format!(" ^ {name}")),
                Kind::Float => line!(self.maker, "note({name});"),
                Kind::Array | Kind::Ints | Kind::Floats if !self.draw().one_in(4) => {
                    line!(self.maker, "check({name});");
                }
                _ => {}
            }
            self.cost += 10;
        }
        line!(self.maker, "return {result};");
    }

    /// Calls everything again and again, in a function or in the module itself.
    fn driver(&mut self, works: &[Helper]) {
        let cost: u64 = works.iter().map(|work| work.cost).sum();
        let rounds = (WORK / cost.max(1)).clamp(40, 400);
        let inside = self.draw().one_in(2);
        if inside {
            self.maker.open("function drive(int rounds)");
        }
        let end = if inside { "rounds".into() } else { rounds.to_string() };
        open!(self.maker, "for (round in 0..{end})");
        let count = self.maker.variables.len();
        for kind in [Kind::Array, Kind::Ints, Kind::Floats] {
            let value = self.new_array(kind);
            let name = self.maker.name("a");
            line!(self.maker, "var {name} = {value};");
            self.maker.declare(&name, kind, false);
        }
        self.maker.line("if (round % 9 == 8) pause();");
        for work in works {
            let arguments: Vec<String> = work
                .parameters
                .iter()
                .zip(&work.wild)
                .map(|(kind, wild)| self.argument(*kind, *wild))
                .collect();
            self.maker.open("try");
            line!(self.maker, "note({}({}));", work.name, arguments.join(", "));
            self.maker.reopen("catch (e)");
            self.maker.line("fail(e);");
            self.maker.close("");
        }
        for v in 0..self.maker.variables.len() {
            let (name, kind) = (self.maker.variables[v].name.clone(), self.maker.variables[v].kind);
            match kind {
                Kind::Array | Kind::Ints if name.starts_with('g') => {
                    line!(self.maker, "if ({name}.length > 100) {name}.truncate(9);");
                }
                Kind::Array | Kind::Ints | Kind::Floats => line!(self.maker, "check({name});"),
                _ => line!(self.maker, "{name} = round;"),
            }
        }
        self.maker.variables.truncate(count);
        self.maker.close("");
        if inside {
            self.maker.close("");
            line!(self.maker, "drive({rounds});");
        }
        self.maker.line("print(sum, notes, errors);");
    }

    /// What the driver gives to a function in a round.
    fn argument(&mut self, kind: Kind, wild: bool) -> String {
        if kind == Kind::Float {
            return self.draw().of(&["0.5", "round * 0.25", "1e300", "round", "(0.0 - round)"]).into();
        }
        if kind != Kind::Int {
            return self.array_of(kind);
        }
        let usual = match self.draw().below(5) {
            0 => self.draw().below(70).to_string(),
            1 => format!("round % {}", self.draw().of(&[3, 8, 64, 65, 100])),
            2 => format!("round * {}", self.draw().of(&[2, 5, 17])),
            3 => "(0 - round)".into(),
            _ => "round".into(),
        };
        let way = if wild { self.draw().below(3) } else { self.draw().below(12) };
        match way {
            0 => {
                let (every, at) = (self.draw().of(&[2, 5, 16, 64]), self.draw().below(64));
                format!("(round % {every} == {} ? {} : {usual})", at % every, self.extreme())
            }
            1 => format!("(round > {} ? {} : {usual})", self.draw().from_to(3, 60), self.extreme()),
            _ => usual,
        }
    }
}
