//! Loops: each counts in a way of its own, and each is bounded by something that its body cannot change.

use super::{ELEMENTS, Kind, Loops, MOST_TURNS};

/// Turns of loops: few, many, and those around a strip's.
const TURNS: [u64; 17] = [0, 1, 2, 3, 5, 8, 9, 17, 40, 63, 64, 65, 66, 100, 129, 200, 300];
/// Ranges with ends at which something ends.
const ENDS: [&str; 12] = [
    "int.MAX - TURNS..int.MAX",
    "int.MAX - TURNS..=int.MAX",
    "int.MIN..int.MIN + TURNS",
    "int.MIN..=int.MIN + TURNS",
    "1073741824 - TURNS..1073741824",
    "1073741800..=1073741800 + TURNS",
    "2147483640..2147483640 + TURNS",
    "4611686018427387900..4611686018427387900 + TURNS",
    "-4611686018427387910..TURNS - 4611686018427387910",
    "1152921504606846970..1152921504606846970 + TURNS",
    "-TURNS..0",
    "0 - TURNS..=1",
];

/// A loop without its body.
#[derive(Default)]
struct Way {
    head: String,
    tail: String,
    counter: String,
    /// The array whose indices it counts.
    over: Option<String>,
    turns: u64,
    /// What a turn begins with.
    first: Vec<String>,
}

impl Loops {
    /// A loop, if there is room for its turns.
    pub(super) fn looping(&mut self) {
        self.maker.statements = self.maker.statements.saturating_sub(1);
        let nested = self.maker.loops;
        let room = (MOST_TURNS / self.weight).min([300, 70, 9, 0][nested.min(3) as usize]);
        if room < 2 {
            return self.plain_statement();
        }
        let fit = TURNS.iter().filter(|turns| **turns <= room).count() as u32;
        // More turns are more likely in a loop around everything.
        let least = if nested == 0 && !self.draw().one_in(4) { fit / 2 } else { 0 };
        let turns = TURNS[self.draw().from_to(least, fit - 1) as usize];
        // What is counted near the ends is extreme.
        let way = self.draw().below(20);
        let i = self.maker.name(if matches!(way, 6 | 11 | 12) { "w" } else { "i" });
        match way {
            0..=5 => {
                let from = self.draw().of(&["0", "0", "0", "1", "2", "-3"]);
                let dots = self.draw().of(&["..", "..", "..="]);
                self.counting(&i, &format!("{from}{dots}{turns}"), turns + 4);
            }
            6 | 7 => {
                let from = self.int_named(if way == 6 { 1 } else { 20 });
                let from = from.unwrap_or_else(|| "7".into());
                let dots = self.draw().of(&["..", "..="]);
                let range = match self.draw().below(3) {
                    0 => format!("{from} - {turns}{dots}{from}"),
                    1 => format!("{from} - 2{dots}{from} - 2 + {turns}"),
                    _ => format!("{from}{dots}{from} + {turns}"),
                };
                self.counting(&i, &range, turns + 1);
            }
            8..=10 if room >= ELEMENTS => {
                let (_, array) = self.some_array();
                let range = self.draw().of(&[
                    "0..A.length",
                    "0..A.length",
                    "0..=A.length",
                    "1..A.length",
                    "0..A.length - 1",
                ]);
                self.counting_over(&i, &range.replace('A', &array), ELEMENTS, Some(array));
            }
            11 => {
                let range = self.draw().of(&ENDS).replace("TURNS", &turns.to_string());
                self.counting(&i, &range, turns + 1);
            }
            12 => {
                let (from, to) = (self.int(1), self.int(1));
                self.guarded(&i, &format!("{from}..{to}"), turns);
            }
            13 => {
                let kind = self.draw().of(&[Kind::Array, Kind::Ints]);
                let array = self.array_of(kind);
                self.guarded(&i, &array, turns);
            }
            way => self.stepping(way, &i, turns),
        }
    }

    /// A loop that counts by itself.
    fn counting(&mut self, i: &str, range: &str, turns: u64) {
        self.counting_over(i, range, turns, None);
    }

    /// One that goes over the indices of an array, if there is one.
    fn counting_over(&mut self, i: &str, range: &str, turns: u64, over: Option<String>) {
        let mut way = Way { head: format!("for ({i} in {range})"), over, turns, ..Way::default() };
        // The body's variable is another one than the loop's counter.
        if self.draw().one_in(14) {
            way.first.push(format!("{i} += {};", self.draw().below(4)));
        }
        self.looped(Way { counter: i.into(), ..way });
    }

    /// A loop that would have any number of turns, but is left after so many.
    fn guarded(&mut self, i: &str, what: &str, turns: u64) {
        let t = self.maker.name("t");
        line!(self.maker, "int {t} = 0;");
        let first = vec![format!("{t}++;"), format!("if ({t} > {turns}) break;")];
        let head = format!("for ({i} in {what})");
        self.looped(Way { head, counter: i.into(), turns, first, ..Way::default() });
    }

    /// A loop that the program itself counts.
    fn stepping(&mut self, way: u32, i: &str, turns: u64) {
        let step = self.draw().of(&[1_u64, 1, 1, 2, 3, 7, 16, 17]);
        let word = if self.draw().one_in(4) { "var" } else { "int" };
        let end = turns * step;
        let mut made = Way { counter: i.into(), turns: turns + 1, ..Way::default() };
        if way == 14 || way == 15 {
            let order = self.draw().of(&["<", "<="]);
            if self.draw().one_in(3) {
                let end = self.fixed("e", end);
                let last = self.draw().of(&["> 0", ">= 0", "> 3"]);
                made.head = format!("for ({word} {i} = {end}; {i} {last}; {i} -= {step})");
                return self.looped(made);
            }
            let (end, step) = match self.draw().one_in(2) {
                true => (self.fixed("e", end), self.fixed("s", step)),
                false => (end.to_string(), step.to_string()),
            };
            made.head = format!("for ({word} {i} = 0; {i} {order} {end}; {i} += {step})");
            return self.looped(made);
        }
        let down = way == 16;
        line!(self.maker, "{word} {i} = {};", if down { end } else { 0 });
        made.first.push(format!("{i} {}= {step};", if down { "-" } else { "+" }));
        let bound = if down { format!("{i} > 0") } else { format!("{i} < {end}") };
        let more = if self.draw().one_in(3) { format!(" && {}", self.condition(1)) } else { String::new() };
        if way == 19 {
            (made.head, made.tail) = ("do".into(), format!(" while ({bound});"));
        } else {
            made.head = format!("while ({bound}{more})");
        }
        self.looped(made);
        self.maker.declare_fixed(i, Kind::Int);
    }

    /// A variable that holds a number and is not assigned again.
    fn fixed(&mut self, prefix: &str, n: u64) -> String {
        let name = self.maker.name(prefix);
        line!(self.maker, "int {name} = {n};");
        name
    }

    fn looped(&mut self, way: Way) {
        let label = self.draw().one_in(5).then(|| self.maker.name("l"));
        self.maker.open(&match &label {
            Some(label) => format!("{label}: {}", way.head),
            None => way.head,
        });
        let (around, labels) = (self.weight, self.maker.labels.len());
        self.weight *= way.turns.max(1);
        self.maker.loops += 1;
        self.maker.counters.push(way.counter.clone());
        self.over.push(way.over);
        self.maker.labels.extend(label);
        self.scoped(|maker| {
            maker.maker.declare_fixed(&way.counter, Kind::Int);
            way.first.iter().for_each(|line| maker.maker.line(line));
            let outer = maker.maker.loops == 1;
            if outer && way.turns > 8 && maker.draw().one_in(4) {
                let mask = if way.turns > 40 { 31 } else { 7 };
                line!(maker.maker, "if (({} & {mask}) == {}) pause();", way.counter, mask - 2);
            }
            let most = if outer { 6 } else { 3 };
            maker.body(most);
        });
        self.maker.labels.truncate(labels);
        self.over.pop();
        self.maker.counters.pop();
        self.maker.loops -= 1;
        self.cost += self.weight;
        self.weight = around;
        self.maker.close(&way.tail);
    }
}
