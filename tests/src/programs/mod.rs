//! Whole random programs that end, do the same each time, and are hot enough to be compiled: what the interpreter and compiled code are
//! compared with.
//!
//! A program is made from a seed alone. It declares classes, functions and generators, whose parameters have types or none; drivers with
//! loops that call them; and prints what happens, errors with their traces, and a checksum. A line [`NEXT_INPUT`] begins what is given
//! to the VM as another input of the same session, so that classes and functions change while tasks are in the middle of their loops.
//!
//! - `draw`: the random numbers;
//! - `expressions`, `statements`, `declarations`: what their names say;
//! - `loops`: programs of another kind, which are all loops.
//!
//! Invariant: one statement a line, and a line that opens a block ends with `{`, one that closes it begins with `}`: so a program can be
//! made smaller without a parser.

/// Makes a line of the program.
macro_rules! line {
    ($maker:expr, $($format:tt)*) => {{
        let line = format!($($format)*);
        $maker.line(&line);
    }};
}

/// Makes a line that opens a block.
macro_rules! open {
    ($maker:expr, $($format:tt)*) => {{
        let head = format!($($format)*);
        $maker.open(&head);
    }};
}

mod declarations;
mod draw;
mod expressions;
pub mod loops;
mod statements;

pub use draw::Draw;

/// Between two inputs of one session.
pub const NEXT_INPUT: &str = "// next input";

/// What a value is meant to be. Nothing enforces it: now and then something else comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Int,
    Float,
    Bool,
    Text,
    Array,
    Ints,
    Floats,
    Map,
    Object,
    /// A function of one int that gives an int.
    Closure,
    Any,
}

/// The kinds whose values a program makes.
const KINDS: [Kind; 10] = [
    Kind::Int,
    Kind::Float,
    Kind::Bool,
    Kind::Text,
    Kind::Array,
    Kind::Ints,
    Kind::Floats,
    Kind::Map,
    Kind::Object,
    Kind::Closure,
];

impl Kind {
    /// The declared type of a variable that holds such values.
    fn declared(self) -> &'static str {
        match self {
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Bool => "bool",
            Kind::Text => "string",
            Kind::Array => "Array",
            Kind::Ints => "IntArray",
            Kind::Floats => "FloatArray",
            Kind::Map => "Map",
            Kind::Object | Kind::Closure | Kind::Any => "var",
        }
    }
}

/// Something that an expression may name.
struct Variable {
    name: String,
    kind: Kind,
    /// Whether it takes values of its kind only.
    typed: bool,
    assignable: bool,
}

/// A parameter.
#[derive(Clone)]
struct Parameter {
    kind: Kind,
    default: bool,
}

/// A function that may be called.
#[derive(Clone)]
struct Function {
    name: String,
    parameters: Vec<Parameter>,
    rest: bool,
    result: Kind,
    generator: bool,
}

/// What surrounds the statement that is being made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    /// In a function with such a result.
    Function(Kind),
    Generator,
    /// In a block that may not be left by `return`.
    Block,
}

/// Makes one program.
struct Maker {
    draw: Draw,
    text: String,
    /// Blocks that are open.
    indent: usize,
    variables: Vec<Variable>,
    functions: Vec<Function>,
    classes: u32,
    names: u32,
    place: Place,
    /// Counters of the loops around, innermost last; labels of those that have one.
    counters: Vec<String>,
    labels: Vec<String>,
    /// Loops around within this function.
    loops: u32,
    /// Most turns of an outermost loop.
    turns: u32,
    /// Statements that may still be made in this function.
    statements: u32,
    /// Whether functions may be called here: what is called by them may not, or all would be recursion.
    calls: bool,
}

/// The program of a seed.
pub fn program(seed: u64) -> String {
    Maker::new(seed).program()
}

impl Maker {
    fn new(seed: u64) -> Maker {
        Maker {
            draw: Draw::new(seed),
            text: String::new(),
            indent: 0,
            variables: Vec::new(),
            functions: Vec::new(),
            classes: 0,
            names: 0,
            place: Place::Top,
            counters: Vec::new(),
            labels: Vec::new(),
            loops: 0,
            turns: 0,
            statements: 0,
            calls: true,
        }
    }

    fn line(&mut self, line: &str) {
        for _ in 0..self.indent {
            self.text.push_str("    ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line that opens a block.
    fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.indent += 1;
    }

    /// A line that closes one and opens the next.
    fn reopen(&mut self, head: &str) {
        self.indent -= 1;
        self.line(&format!("}} {head} {{"));
        self.indent += 1;
    }

    fn close(&mut self, tail: &str) {
        self.indent -= 1;
        self.line(&format!("}}{tail}"));
    }

    /// A new name.
    fn name(&mut self, letter: &str) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    fn declare(&mut self, name: &str, kind: Kind, typed: bool) {
        self.variables.push(Variable { name: name.into(), kind, typed, assignable: true });
    }

    /// A name that is not assigned.
    fn declare_fixed(&mut self, name: &str, kind: Kind) {
        self.variables.push(Variable { name: name.into(), kind, typed: false, assignable: false });
    }

    /// Makes something with variables of its own.
    fn scoped(&mut self, make: impl FnOnce(&mut Self)) {
        let count = self.variables.len();
        make(self);
        self.variables.truncate(count);
    }

    /// A variable for which `fits` holds.
    fn variable(&mut self, fits: impl Fn(&Variable) -> bool) -> Option<usize> {
        let found: Vec<usize> = (0..self.variables.len()).filter(|&v| fits(&self.variables[v])).collect();
        // What was declared last is of most interest.
        let near = found.len().saturating_sub(6);
        let from = if self.draw.one_in(3) { &found[..] } else { &found[near..] };
        (!from.is_empty()).then(|| from[self.draw.below(from.len() as u32) as usize])
    }

    fn kind(&mut self) -> Kind {
        // Numbers most of the time.
        match self.draw.below(20) {
            0..=6 => Kind::Int,
            7..=10 => Kind::Float,
            n => KINDS[n as usize % KINDS.len()],
        }
    }
}
