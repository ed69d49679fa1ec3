//! The data form of a compiled unit: what `.corb` files hold and the loader takes.
//!
//! Invariant: plain data. A [`Module`] refers to nothing at run time; the loader links it into a VM after the
//! verifier has accepted it. Indices (functions, constants, types, classes, globals) are local to the module.

use super::instr::Instr;

/// A compiled unit: one source file, or one input of a REPL session.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Module {
    /// The name shown in traces: the path as given, or `<repl>`.
    pub name: String,
    /// Constants, by index.
    pub consts: Vec<Const>,
    /// Functions; number 0 holds the top-level statements (no parameters).
    pub functions: Vec<Function>,
    /// Class and `extend` declarations.
    pub classes: Vec<ClassDef>,
    /// Declared types that ops refer to.
    pub types: Vec<TypeRef>,
    /// Names of the module's variables, by slot. A session's later units repeat the earlier slots first.
    pub globals: Vec<String>,
    /// Namespaces; number 0 is the root and lists the module's exports.
    pub namespaces: Vec<NamespaceDef>,
    /// The function to call with the program's arguments after the top level, if the unit declares `main`.
    pub main: Option<u32>,
    /// The register value that a REPL prints is what function 0 returns when this is set.
    pub yields_value: bool,
}

/// A constant. Strings, bytes and big integers become immortal objects that all threads share.
#[derive(Clone, Debug, PartialEq)]
pub enum Const {
    /// The value `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A big integer in decimal digits with optional sign.
    Big(String),
    /// A range of integers.
    Range {
        /// First element.
        start: i64,
        /// End.
        end: i64,
        /// Whether `end` belongs to the range.
        inclusive: bool,
    },
    /// A built-in name (`print`, `Error`, `int`, ...), resolved when the module is loaded.
    Builtin(String),
    /// A namespace of this module as a value.
    Namespace(u32),
}

/// A function's code and everything needed to run, trace and describe it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Function {
    /// Name for traces: `fib`, `Account.deposit`, `<lambda>`, `<module>`.
    pub name: String,
    /// Number of positional parameters including `self`, without the rest parameter.
    pub params: u8,
    /// How many of them must be given.
    pub required: u8,
    /// Whether register `params` receives the surplus arguments as an Array.
    pub rest: bool,
    /// Whether a call makes a generator.
    pub generator: bool,
    /// Whether register 0 is `self`.
    pub method: bool,
    /// Number of tagged registers, at least `params` (+1 with rest).
    pub tagged: u16,
    /// Number of raw registers; they are numbered behind the tagged ones.
    pub raw: u16,
    /// The instructions.
    pub code: Vec<Instr>,
    /// Exception handlers, innermost first: the first whose range covers the pc wins.
    pub handlers: Vec<Handler>,
    /// Where variables that may hold objects are in scope.
    pub variables: Vec<Variable>,
    /// Source positions, ascending by pc; an entry holds until the next.
    pub lines: Vec<Line>,
    /// Inline-cache sites.
    pub sites: Vec<Site>,
    /// What a closure of this function takes from the function around it.
    pub captures: Vec<Capture>,
    /// Parameter names, for messages and documentation (rest parameter last).
    pub param_names: Vec<String>,
    /// The `///` comment.
    pub doc: String,
}

/// Where a captured value is found when the closure is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// A tagged register of the enclosing function (a cell, if the variable is assigned after capture).
    Register(u16),
    /// A captured value of the enclosing function.
    Upvalue(u16),
}

/// An exception handler: covers `start..end`, continues at `target` with the thrown value in `register`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handler {
    /// First covered instruction.
    pub start: u32,
    /// One past the last covered instruction.
    pub end: u32,
    /// Where to continue.
    pub target: u32,
    /// Tagged register that receives the thrown value.
    pub register: u16,
}

/// A variable: from `start` to `end` what tagged register `register` holds is kept alive, whether it is read again or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// First instruction of its scope.
    pub start: u32,
    /// One past the last instruction of its scope.
    pub end: u32,
    /// Its register.
    pub register: u16,
}

/// A source position: from `pc` on, code stems from `line`:`column` (both from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// First instruction.
    pub pc: u32,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
}

/// An inline-cache site: the name looked up there. Each thread keeps its own cache for each site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Attribute, method or export name.
    pub name: String,
}

/// A class declaration, or an `extend` declaration (then `attributes` is empty and `init` none).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClassDef {
    /// Name shown in messages, with its namespace: `Account`, `geo.Point`.
    pub name: String,
    /// Own attributes in order; inherited ones come before them in an instance.
    pub attributes: Vec<AttributeDef>,
    /// Methods: name and function (whose `method` is set). The constructor is named `new`.
    pub methods: Vec<(String, u32)>,
    /// Static functions.
    pub statics: Vec<(String, u32)>,
    /// A method without arguments that sets attributes whose initial value is not a constant; runs before the constructor,
    /// superclasses' first.
    pub init: Option<u32>,
    /// The `///` comment.
    pub doc: String,
}

/// One declared attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeDef {
    /// Name.
    pub name: String,
    /// Index into [`Module::types`], checked at every assignment.
    pub ty: u16,
    /// Constant index of the initial value (`null`, or the type's zero, where none was written).
    pub initial: u32,
    /// The `///` comment.
    pub doc: String,
}

/// A declared type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeRef {
    /// No restriction.
    Any,
    /// An integer.
    Int,
    /// A float; integers are converted.
    Float,
    /// A truth value.
    Bool,
    /// A string (never null).
    Str,
    /// An instance of a built-in class (`Array`, `Error`, `TaskExit`, ...), or null.
    Builtin(String),
    /// An instance of the class in this global slot, or null.
    Global(u32),
    /// An instance of the class found by following attributes from the module in this global slot, or null.
    Member(u32, Vec<String>),
}

/// A namespace: what can be reached by name through it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NamespaceDef {
    /// Full path; empty for the module's root.
    pub path: String,
    /// Members in order of declaration.
    pub members: Vec<(String, Export)>,
}

/// What a namespace's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// The variable (or class, or constant) in this slot.
    Global(u32),
    /// A function without captures.
    Function(u32),
    /// A nested namespace.
    Namespace(u32),
}
