//! The op table: the one declaration that every user of ops derives from.
//!
//! # Naming rules
//!
//! `int.` and `float.` ops work on raw registers; a suffix `.i` means that an operand is an immediate integer;
//! `jump.notX` jumps unless X holds, which is not the same as the opposite comparison when NaN is involved.
//!
//! # Operand kinds
//!
//! See [`Operand`]. A jump distance counts from the next instruction and is positive except in `loop`,
//! `for.int.lt`, `for.int.le` and `receive`'s retry, which use `loop`.
//!
//! # Flags
//!
//! `THROWS` may raise a script error; `ALLOCATES` may allocate; `CALLS` may push a frame (a script function or hook
//! runs and its result arrives in `a` later); `SAFEPOINT` may switch tasks or collect; `ENDS` never falls through.

#![allow(missing_docs)] // `OpInfo` fields and operand kinds are documented where they are declared below.

/// What an operand means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Unused; must be zero.
    None,
    /// A tagged register that is written.
    Write,
    /// A tagged register that is read.
    Read,
    /// A tagged register that is read and written.
    ReadWrite,
    /// A raw register that is written.
    RawWrite,
    /// A raw register that is read.
    RawRead,
    /// A raw register that is read and written.
    RawReadWrite,
    /// First of consecutive tagged registers, read; how many stands in the instruction's Count operand (for
    /// `call.method` and `call.super` one more: the receiver).
    Window,
    /// First of two consecutive tagged registers, read or written.
    Pair,
    /// A number of registers or elements.
    Count,
    /// 0 or 1.
    Flag,
    /// A signed immediate integer.
    Imm,
    /// A signed distance from the next instruction.
    Jump,
    /// Index of a constant.
    Const,
    /// Index of a declared type.
    Type,
    /// Index of an inline-cache site of this function.
    Site,
    /// Index of a function of this module.
    Function,
    /// Slot of a module variable.
    Global,
    /// Index of a captured value.
    Upvalue,
    /// Number of a parameter.
    Param,
    /// Index of a class declaration.
    Class,
}

/// What the table says about an op.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The op.
    pub op: Op,
    /// Its name in the text form.
    pub name: &'static str,
    /// Kind of the small operand.
    pub n: Operand,
    /// Kind of `a`.
    pub a: Operand,
    /// Kind of `b`, or of the wide operand if `wide`.
    pub b: Operand,
    /// Kind of `c`; `None` if `wide`.
    pub c: Operand,
    /// Whether `b` and `c` form one operand.
    pub wide: bool,
    /// Flags: [`THROWS`] and its neighbours.
    pub flags: u8,
    /// One-line meaning.
    pub doc: &'static str,
}

/// No effect beyond the registers.
pub const PURE: u8 = 0;
/// May throw.
pub const THROWS: u8 = 1;
/// May allocate in the heap of the running thread.
pub const ALLOCATES: u8 = 2;
/// May push a frame.
pub const CALLS: u8 = 4;
/// May switch tasks or collect.
pub const SAFEPOINT: u8 = 8;
/// Control never reaches the next instruction.
pub const ENDS: u8 = 16;

macro_rules! op_info {
    ($name:ident $text:literal (n: $n:ident, a: $a:ident, b: $b:ident, c: $c:ident) $flags:expr, $doc:expr) => {
        OpInfo {
            op: Op::$name,
            name: $text,
            n: Operand::$n,
            a: Operand::$a,
            b: Operand::$b,
            c: Operand::$c,
            wide: false,
            flags: $flags,
            doc: $doc,
        }
    };
    ($name:ident $text:literal (n: $n:ident, a: $a:ident, d: $d:ident) $flags:expr, $doc:expr) => {
        OpInfo {
            op: Op::$name,
            name: $text,
            n: Operand::$n,
            a: Operand::$a,
            b: Operand::$d,
            c: Operand::None,
            wide: true,
            flags: $flags,
            doc: $doc,
        }
    };
}

macro_rules! ops {
    ($( $(#[doc = $doc:literal])* $name:ident = $text:literal $operands:tt $($flag:ident)|+; )*) => {
        /// An op of the register machine.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum Op { $( $(#[doc = $doc])* $name, )* }

        /// The table, indexed by op.
        pub static TABLE: &[OpInfo] = &[ $( op_info!($name $text $operands ($($flag)|+), concat!($($doc),*)), )* ];
    };
}

ops! {
    // Moves and constants
    /// Does nothing.
    Nop = "nop" (n: None, a: None, b: None, c: None) PURE;
    /// `a = b`.
    Move = "move" (n: None, a: Write, b: Read, c: None) PURE;
    /// `a = b`, both raw.
    MoveRaw = "move.raw" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// `a` = constant `d`.
    LoadK = "load.k" (n: None, a: Write, d: Const) PURE;
    /// `a = null`.
    LoadNull = "load.null" (n: None, a: Write, b: None, c: None) PURE;
    /// `a = true`.
    LoadTrue = "load.true" (n: None, a: Write, b: None, c: None) PURE;
    /// `a = false`.
    LoadFalse = "load.false" (n: None, a: Write, b: None, c: None) PURE;
    /// `a` = the small integer `d`.
    LoadInt = "load.int" (n: None, a: Write, d: Imm) PURE;
    /// Raw `a` = the integer `d`.
    LoadIntRaw = "load.int.raw" (n: None, a: RawWrite, d: Imm) PURE;
    /// Raw `a` = the bits of the Int or Float constant `d`.
    LoadKRaw = "load.k.raw" (n: None, a: RawWrite, d: Const) PURE;
    /// Tagged `a` = raw integer `b`.
    BoxI = "box.int" (n: None, a: Write, b: RawRead, c: None) ALLOCATES;
    /// Tagged `a` = raw float `b`.
    BoxF = "box.float" (n: None, a: Write, b: RawRead, c: None) ALLOCATES;
    /// Raw `a` = integer in `b`; otherwise throws TypeError naming what constant `c` says (`variable n`, `result of fib`, ...; a string).
    UnboxI = "unbox.int" (n: None, a: RawWrite, b: Read, c: Const) THROWS;
    /// Raw `a` = float in `b`, an integer being converted; otherwise TypeError as `unbox.int`.
    UnboxF = "unbox.float" (n: None, a: RawWrite, b: Read, c: Const) THROWS;
    /// Raw float `a` = raw integer `b`.
    IToF = "int.to.float" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// Raw integer `a` = raw float `b` without its fraction; RangeError if it does not fit.
    FToI = "float.to.int" (n: None, a: RawWrite, b: RawRead, c: None) THROWS;
    /// Checks that `a` fits type `b` (an integer becomes a float where the type is float); otherwise TypeError naming what constant `c` says.
    CheckType = "check.type" (n: None, a: ReadWrite, b: Type, c: Const) THROWS | ALLOCATES;
    // Arithmetic on any values
    /// `a = b + c`: numbers, strings, or the hook `add`.
    Add = "add" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b - c`.
    Sub = "sub" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b * c`.
    Mul = "mul" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b / c`; integers truncate, a zero divisor throws DivisionByZero.
    Div = "div" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b % c`; the sign is the dividend's.
    Mod = "mod" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b ** c`; a negative integer exponent gives a float.
    Pow = "pow" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b & c`.
    BitAnd = "bit.and" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b | c`.
    BitOr = "bit.or" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b ^ c`.
    BitXor = "bit.xor" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b << c`; OverflowError when bits are lost, ValueError for a count outside 0..64.
    Shl = "shl" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b >> c`, keeping the sign.
    Shr = "shr" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b >>> c`, filling with zero bits.
    UShr = "ushr" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b + c` with the immediate integer `c`.
    AddI = "add.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b - c` with an immediate.
    SubI = "sub.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b * c` with an immediate.
    MulI = "mul.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b / c` with an immediate.
    DivI = "div.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b % c` with an immediate.
    ModI = "mod.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b & c` with an immediate.
    BitAndI = "bit.and.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b << c` with an immediate.
    ShlI = "shl.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b >> c` with an immediate.
    ShrI = "shr.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = -b`.
    Neg = "neg" (n: None, a: Write, b: Read, c: None) THROWS | ALLOCATES | CALLS;
    /// `a = ~b`.
    BitNot = "bit.not" (n: None, a: Write, b: Read, c: None) THROWS | ALLOCATES | CALLS;
    /// `a = !b` by truth value.
    Not = "not" (n: None, a: Write, b: Read, c: None) PURE;
    /// `a = b == c`.
    Eq = "eq" (n: None, a: Write, b: Read, c: Read) THROWS | CALLS;
    /// `a = b != c`.
    Ne = "ne" (n: None, a: Write, b: Read, c: Read) THROWS | CALLS;
    /// `a = b < c`: numbers, strings, or the hook `compare`.
    Lt = "lt" (n: None, a: Write, b: Read, c: Read) THROWS | CALLS;
    /// `a = b <= c`.
    Le = "le" (n: None, a: Write, b: Read, c: Read) THROWS | CALLS;
    /// `a` = whether `c` contains `b` (element of an array, key of a map, part of a string, member of a range, or the hook `contains`).
    In = "in" (n: None, a: Write, b: Read, c: Read) THROWS | CALLS;
    /// `a` = whether `b` is a non-null value of type `c`.
    Is = "is" (n: None, a: Write, b: Read, c: Type) THROWS;
    // Arithmetic on raw registers
    /// Raw `a = b + c`; OverflowError.
    IAdd = "int.add" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b - c`; OverflowError.
    ISub = "int.sub" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b * c`; OverflowError.
    IMul = "int.mul" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b / c`, truncating; DivisionByZero, OverflowError.
    IDiv = "int.div" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b % c`; DivisionByZero.
    IMod = "int.mod" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b & c`.
    IAnd = "int.and" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw `a = b | c`.
    IOr = "int.or" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw `a = b ^ c`.
    IXor = "int.xor" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw `a = b << c`; as `shl`.
    IShl = "int.shl" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b >> c`; as `shr`.
    IShr = "int.shr" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b >>> c`; as `ushr`.
    IUShr = "int.ushr" (n: None, a: RawWrite, b: RawRead, c: RawRead) THROWS;
    /// Raw `a = b + c` with an immediate.
    IAddI = "int.add.i" (n: None, a: RawWrite, b: RawRead, c: Imm) THROWS;
    /// Raw `a = b * c` with an immediate.
    IMulI = "int.mul.i" (n: None, a: RawWrite, b: RawRead, c: Imm) THROWS;
    /// Raw `a = b / c` with an immediate.
    IDivI = "int.div.i" (n: None, a: RawWrite, b: RawRead, c: Imm) THROWS;
    /// Raw `a = b % c` with an immediate.
    IModI = "int.mod.i" (n: None, a: RawWrite, b: RawRead, c: Imm) THROWS;
    /// Raw `a = b & c` with an immediate.
    IAndI = "int.and.i" (n: None, a: RawWrite, b: RawRead, c: Imm) PURE;
    /// Raw `a = b << c` with an immediate.
    IShlI = "int.shl.i" (n: None, a: RawWrite, b: RawRead, c: Imm) THROWS;
    /// Raw `a = b >> c` with an immediate.
    IShrI = "int.shr.i" (n: None, a: RawWrite, b: RawRead, c: Imm) THROWS;
    /// Raw `a = -b`; OverflowError.
    INeg = "int.neg" (n: None, a: RawWrite, b: RawRead, c: None) THROWS;
    /// Raw `a = ~b`.
    IBitNot = "int.bit.not" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// Tagged bool `a = b == c`.
    IEq = "int.eq" (n: None, a: Write, b: RawRead, c: RawRead) PURE;
    /// Tagged bool `a = b < c`.
    ILt = "int.lt" (n: None, a: Write, b: RawRead, c: RawRead) PURE;
    /// Tagged bool `a = b <= c`.
    ILe = "int.le" (n: None, a: Write, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = b + c`.
    FAdd = "float.add" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = b - c`.
    FSub = "float.sub" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = b * c`.
    FMul = "float.mul" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = b / c` by IEEE 754.
    FDiv = "float.div" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = b % c`; the sign is the dividend's.
    FMod = "float.mod" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = b ** c`.
    FPow = "float.pow" (n: None, a: RawWrite, b: RawRead, c: RawRead) PURE;
    /// Raw float `a = -b`.
    FNeg = "float.neg" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// Raw float `a` = square root of `b`.
    FSqrt = "float.sqrt" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// Raw float `a` = magnitude of `b`.
    FAbs = "float.abs" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// Raw float `a` = `b` rounded down.
    FFloor = "float.floor" (n: None, a: RawWrite, b: RawRead, c: None) PURE;
    /// Tagged bool `a = b == c`.
    FEq = "float.eq" (n: None, a: Write, b: RawRead, c: RawRead) PURE;
    /// Tagged bool `a = b < c`.
    FLt = "float.lt" (n: None, a: Write, b: RawRead, c: RawRead) PURE;
    /// Tagged bool `a = b <= c`.
    FLe = "float.le" (n: None, a: Write, b: RawRead, c: RawRead) PURE;
    // Jumps
    /// Jumps forward by `d`.
    Jump = "jump" (n: None, a: None, d: Jump) PURE;
    /// Jumps back by `d`; a safepoint. Every backward jump is one of `loop`, `for.int.lt`, `for.int.le`.
    Loop = "loop" (n: None, a: None, d: Jump) SAFEPOINT;
    /// Jumps if `a` is truthy.
    JTrue = "jump.true" (n: None, a: Read, d: Jump) PURE;
    /// Jumps if `a` is falsy.
    JFalse = "jump.false" (n: None, a: Read, d: Jump) PURE;
    /// Jumps if `a` is null.
    JNull = "jump.null" (n: None, a: Read, d: Jump) PURE;
    /// Jumps if `a` is not null.
    JNotNull = "jump.notnull" (n: None, a: Read, d: Jump) PURE;
    /// Jumps if `a` is an instance of TaskExit.
    JTaskExit = "jump.taskexit" (n: None, a: Read, d: Jump) PURE;
    /// Jumps unless `a` is a non-null value of type `b`.
    JNotIs = "jump.notis" (n: None, a: Read, b: Type, c: Jump) THROWS;
    /// Jumps if `a == b`.
    JEq = "jump.eq" (n: None, a: Read, b: Read, c: Jump) THROWS | CALLS;
    /// Jumps if `a != b`.
    JNe = "jump.ne" (n: None, a: Read, b: Read, c: Jump) THROWS | CALLS;
    /// Jumps if `a < b`.
    JLt = "jump.lt" (n: None, a: Read, b: Read, c: Jump) THROWS | CALLS;
    /// Jumps if `a <= b`.
    JLe = "jump.le" (n: None, a: Read, b: Read, c: Jump) THROWS | CALLS;
    /// Jumps unless `a < b` (which differs from `b <= a` for NaN).
    JNLt = "jump.notlt" (n: None, a: Read, b: Read, c: Jump) THROWS | CALLS;
    /// Jumps unless `a <= b`.
    JNLe = "jump.notle" (n: None, a: Read, b: Read, c: Jump) THROWS | CALLS;
    /// Jumps if `a` equals the immediate `b`.
    JEqI = "jump.eq.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps if `a` differs from the immediate `b`.
    JNeI = "jump.ne.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps if `a < b` with an immediate.
    JLtI = "jump.lt.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps if `a <= b` with an immediate.
    JLeI = "jump.le.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps if `a > b` with an immediate.
    JGtI = "jump.gt.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps if `a >= b` with an immediate.
    JGeI = "jump.ge.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps unless `a < b` with an immediate.
    JNLtI = "jump.notlt.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps unless `a <= b` with an immediate.
    JNLeI = "jump.notle.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps unless `a > b` with an immediate.
    JNGtI = "jump.notgt.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps unless `a >= b` with an immediate.
    JNGeI = "jump.notge.i" (n: None, a: Read, b: Imm, c: Jump) THROWS | CALLS;
    /// Jumps if raw `a == b`.
    IJEq = "int.jump.eq" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw `a != b`.
    IJNe = "int.jump.ne" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw `a < b`.
    IJLt = "int.jump.lt" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw `a <= b`.
    IJLe = "int.jump.le" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw `a` equals the immediate `b`.
    IJEqI = "int.jump.eq.i" (n: None, a: RawRead, b: Imm, c: Jump) PURE;
    /// Jumps if raw `a` differs from the immediate `b`.
    IJNeI = "int.jump.ne.i" (n: None, a: RawRead, b: Imm, c: Jump) PURE;
    /// Jumps if raw `a < b` with an immediate.
    IJLtI = "int.jump.lt.i" (n: None, a: RawRead, b: Imm, c: Jump) PURE;
    /// Jumps if raw `a <= b` with an immediate.
    IJLeI = "int.jump.le.i" (n: None, a: RawRead, b: Imm, c: Jump) PURE;
    /// Jumps if raw `a > b` with an immediate.
    IJGtI = "int.jump.gt.i" (n: None, a: RawRead, b: Imm, c: Jump) PURE;
    /// Jumps if raw `a >= b` with an immediate.
    IJGeI = "int.jump.ge.i" (n: None, a: RawRead, b: Imm, c: Jump) PURE;
    /// Jumps if raw float `a == b`.
    FJEq = "float.jump.eq" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw float `a != b`.
    FJNe = "float.jump.ne" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw float `a < b`.
    FJLt = "float.jump.lt" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps if raw float `a <= b`.
    FJLe = "float.jump.le" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps unless raw float `a < b`.
    FJNLt = "float.jump.notlt" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Jumps unless raw float `a <= b`.
    FJNLe = "float.jump.notle" (n: None, a: RawRead, b: RawRead, c: Jump) PURE;
    /// Raw `a += 1`, then jumps back by `c` if `a < b`; a safepoint. The loop is entered only if `a < b`, so `a` cannot overflow.
    ForLt = "for.int.lt" (n: None, a: RawReadWrite, b: RawRead, c: Jump) SAFEPOINT;
    /// If raw `a < b`: `a += 1` and jumps back by `c`; a safepoint.
    ForLe = "for.int.le" (n: None, a: RawReadWrite, b: RawRead, c: Jump) SAFEPOINT;
    // Calls
    /// `a = b(c, c+1, ...)` with `n` arguments from register `c` on. `b` may be anything callable; a class makes an instance.
    Call = "call" (n: Count, a: Write, b: Read, c: Window) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// As `call` for this module's capture-free function `b`.
    CallStatic = "call.static" (n: Count, a: Write, b: Function, c: Window) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// `a` = method named by site `b` of the receiver in register `c`, with `n` arguments from `c+1` on. A callable attribute of that name serves too.
    CallMethod = "call.method" (n: Count, a: Write, b: Site, c: Window) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// As `call.method`, but looked up in the superclass of the class that the running method was declared in. Site name `new` is the super-constructor.
    CallSuper = "call.super" (n: Count, a: Write, b: Site, c: Window) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// `a` = new instance of class `b`, constructed with `n` arguments from `c` on.
    New = "new" (n: Count, a: Write, b: Read, c: Window) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// `a = b(...c)` with the elements of the array `c`.
    CallSpread = "call.spread" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// `a` = method of site `b` of receiver `c` with the elements of the array `c+1`.
    CallMethodSpread = "call.method.spread" (n: None, a: Write, b: Site, c: Pair) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// As `call.super`: receiver `c`, array of arguments `c+1`.
    CallSuperSpread = "call.super.spread" (n: None, a: Write, b: Site, c: Pair) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// `a` = new instance of class `b` constructed with the elements of the array `c`.
    NewSpread = "new.spread" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// Ends the function with result `a`.
    Return = "return" (n: None, a: Read, b: None, c: None) ENDS;
    /// Ends the function with result null.
    ReturnNull = "return.null" (n: None, a: None, b: None, c: None) ENDS;
    /// Jumps if parameter `a` was given; otherwise falls through to the code that computes its default.
    DefaultArg = "default.arg" (n: None, a: Param, d: Jump) PURE;
    // Closures and variables
    /// `a` = function `d` as a value, capturing what its `captures` list says; without captures always the same value.
    Closure = "closure" (n: None, a: Write, d: Function) ALLOCATES;
    /// `a` = new cell holding `b`.
    NewCell = "cell.new" (n: None, a: Write, b: Read, c: None) ALLOCATES;
    /// `a` = content of the cell `b`.
    CellGet = "cell.get" (n: None, a: Write, b: Read, c: None) THROWS;
    /// Content of the cell `a` = `b`.
    CellSet = "cell.set" (n: None, a: Read, b: Read, c: None) THROWS;
    /// `a` = captured value `b`.
    UpGet = "up.get" (n: None, a: Write, b: Upvalue, c: None) PURE;
    /// `a` = content of the captured cell `b`.
    UpCellGet = "up.cell.get" (n: None, a: Write, b: Upvalue, c: None) THROWS | ALLOCATES;
    /// Content of the captured cell `b` = `a`.
    UpCellSet = "up.cell.set" (n: None, a: Read, b: Upvalue, c: None) THROWS;
    /// `a` = variable `d`; NameError if it has not been set yet.
    GetGlobal = "global.get" (n: None, a: Write, d: Global) THROWS | ALLOCATES;
    /// Variable `d` = `a`.
    SetGlobal = "global.set" (n: None, a: Read, d: Global) THROWS;
    /// `a` = the module that string constant `d` names, loaded and run first if need be.
    Import = "import" (n: None, a: Write, d: Const) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    // Attributes and elements
    /// `a` = attribute named by site `c` of `b`: an attribute, a bound method, a module's or class's member, a built-in property.
    GetAttr = "attr.get" (n: None, a: Write, b: Read, c: Site) THROWS | ALLOCATES | CALLS;
    /// Attribute named by site `c` of `a` = `b`.
    SetAttr = "attr.set" (n: None, a: Read, b: Read, c: Site) THROWS | ALLOCATES | CALLS;
    /// `a` = method named by site `c` of the superclass of the class that the running method was declared in, bound to `b`.
    GetSuper = "super.get" (n: None, a: Write, b: Read, c: Site) THROWS | ALLOCATES | CALLS;
    /// `a = b.length`; site `c` is named `length`.
    GetLen = "length" (n: None, a: Write, b: Read, c: Site) THROWS | ALLOCATES | CALLS;
    /// `a` = attribute of `b` whose name is the string in `c`.
    GetAttrDyn = "attr.get.dynamic" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// Attribute of `a` whose name is the string in `b` = `c`.
    SetAttrDyn = "attr.set.dynamic" (n: None, a: Read, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b[c]`.
    GetIndex = "index.get" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a[b] = c`.
    SetIndex = "index.set" (n: None, a: Read, b: Read, c: Read) THROWS | ALLOCATES | CALLS;
    /// `a = b[c]` with an immediate integer index.
    GetIndexI = "index.get.i" (n: None, a: Write, b: Read, c: Imm) THROWS | ALLOCATES | CALLS;
    /// `a = b[c]` with a raw integer index.
    ArrGet = "index.get.raw" (n: None, a: Write, b: Read, c: RawRead) THROWS | ALLOCATES | CALLS;
    /// `a[b] = c` with a raw integer index.
    ArrSet = "index.set.raw" (n: None, a: Read, b: RawRead, c: Read) THROWS | ALLOCATES | CALLS;
    /// Raw integer `a = b[c]`; `b` is an IntArray (TypeError otherwise).
    IAGet = "ints.get" (n: None, a: RawWrite, b: Read, c: RawRead) THROWS;
    /// `a[b] = c`, `a` an IntArray, `b` and `c` raw integers.
    IASet = "ints.set" (n: None, a: Read, b: RawRead, c: RawRead) THROWS;
    /// Raw float `a = b[c]`; `b` is a FloatArray.
    FAGet = "floats.get" (n: None, a: RawWrite, b: Read, c: RawRead) THROWS;
    /// `a[b] = c`, `a` a FloatArray, `b` a raw integer, `c` a raw float.
    FASet = "floats.set" (n: None, a: Read, b: RawRead, c: RawRead) THROWS;
    /// `a = b[c..c+1]`; null stands for an open end; `n` = 1 includes the end.
    Slice = "slice" (n: Flag, a: Write, b: Read, c: Pair) THROWS | ALLOCATES | CALLS;
    // Literals
    /// `a` = array of the `c` registers from `b` on.
    NewArray = "array.new" (n: None, a: Write, b: Window, c: Count) ALLOCATES;
    /// Appends `b` to the fresh array `a`.
    ArrayPush = "array.push" (n: None, a: Read, b: Read, c: None) ALLOCATES;
    /// Appends all elements of the iterable `b` to the fresh array `a`.
    ArrayExtend = "array.extend" (n: None, a: Read, b: Read, c: None) THROWS | ALLOCATES | CALLS;
    /// `a` = empty map with room for `b` entries.
    NewMap = "map.new" (n: None, a: Write, b: Count, c: None) ALLOCATES;
    /// Copies the entries of the map `b` into the fresh map `a`.
    MapExtend = "map.extend" (n: None, a: Read, b: Read, c: None) THROWS | ALLOCATES;
    /// `a` = range from `b` to `c` (integers); `n` = 1 includes the end.
    NewRange = "range.new" (n: Flag, a: Write, b: Read, c: Read) THROWS | ALLOCATES;
    /// `a` = `b` as a string, by the hook `to_string` where there is one.
    ToStr = "to.string" (n: None, a: Write, b: Read, c: None) THROWS | ALLOCATES | CALLS;
    /// `a` = the strings in `c` registers from `b` on, joined.
    Concat = "concat" (n: None, a: Write, b: Window, c: Count) THROWS | ALLOCATES;
    // Iteration
    /// Begins iterating over `b` with state in registers `a`, `a+1`: array, map, string, bytes, range, typed array, generator, or an object with the hook `iterate`.
    IterStart = "iter.start" (n: None, a: Pair, b: Read, c: None) THROWS | ALLOCATES | CALLS;
    /// Next element into `b` (`n` = 1: the element, of a map the key; `n` = 2: index or key into `b`, element into `b+1`), which are not the iterator's own registers, or jumps by `c` at the end.
    IterNext = "iter.next" (n: Count, a: Pair, b: Write, c: Jump) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// Suspends the generator with value `b`; `a` = what is sent in when it resumes.
    GenYield = "generator.yield" (n: None, a: Write, b: Read, c: None) THROWS | SAFEPOINT;
    // Errors
    /// Throws `a`; an Error without a trace gets one.
    Throw = "throw" (n: None, a: Read, b: None, c: None) THROWS | ENDS | ALLOCATES;
    /// Throws `a` again with the trace that it has.
    Rethrow = "rethrow" (n: None, a: Read, b: None, c: None) THROWS | ENDS;
    /// Throws an error whose class and message constant `d` gives as `Class: message`; `a` is unused.
    Fail = "fail" (n: None, a: Write, d: Const) THROWS | ENDS | ALLOCATES;
    // Tasks
    /// `a` = the running task.
    CurrentTask = "task.current" (n: None, a: Write, b: None, c: None) PURE;
    /// `a` = Future of a new task on this thread that calls `b` with `n` arguments from `c` on.
    Spawn = "spawn" (n: Count, a: Write, b: Read, c: Window) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// Starts a task as `spawn`, without a Future.
    SpawnDetached = "spawn.detached" (n: Count, a: None, b: Read, c: Window) THROWS | ALLOCATES | SAFEPOINT;
    /// `a` = value of the future `b`, suspending the task until it is there; rethrows its error.
    Await = "await" (n: None, a: Write, b: Read, c: None) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// Gives the thread's other tasks their turn.
    Yield = "yield" (n: None, a: None, b: None, c: None) THROWS | SAFEPOINT;
    /// Suppresses involuntary switching of this task; nests.
    AtomicEnter = "atomic.enter" (n: None, a: None, b: None, c: None) PURE;
    /// Takes one `atomic.enter` back.
    AtomicLeave = "atomic.leave" (n: None, a: None, b: None, c: None) THROWS | SAFEPOINT;
    /// Opens a scope: tasks spawned by this task until it is left are its children. `a` = scope.
    ScopeEnter = "scope.enter" (n: None, a: Write, b: None, c: None) ALLOCATES;
    /// Waits for the children of scope `a`; if one failed, cancels the others, waits for them and throws its error.
    ScopeLeave = "scope.leave" (n: None, a: Read, b: None, c: None) THROWS | ALLOCATES | SAFEPOINT;
    /// Cancels the children of scope `a` and waits for them.
    ScopeAbort = "scope.abort" (n: None, a: Read, b: None, c: None) THROWS | ALLOCATES | SAFEPOINT;
    /// Begins a receive on the task's mailbox, state in `a`, `a+1`; `b` = timeout in seconds or null.
    RecvStart = "receive.start" (n: None, a: Pair, b: Read, c: None) THROWS | ALLOCATES;
    /// `b` = next message not yet looked at in this receive, waiting for one if need be; jumps by `c` when the timeout has passed.
    RecvNext = "receive.next" (n: None, a: Pair, b: Write, c: Jump) THROWS | ALLOCATES | SAFEPOINT | CALLS;
    /// Removes the message that `receive.next` gave last from the mailbox.
    RecvTake = "receive.take" (n: None, a: Pair, b: None, c: None) THROWS;
    // Proxies
    /// `a` = proxy of `b`, locked; `c` = proxy class or null for the mapped one.
    Share = "share" (n: None, a: Write, b: Read, c: Read) THROWS | ALLOCATES;
    /// `a` = target of the proxy `b`, or off its thread a direct reference to it.
    Unshare = "unshare" (n: None, a: Write, b: Read, c: None) THROWS | ALLOCATES;
    /// Locks the proxy `a`.
    Lock = "lock" (n: None, a: Read, b: None, c: None) THROWS;
    /// Unlocks the proxy `a`; `b` = null or "async" for messages, "sync" for writes that wait.
    Unlock = "unlock" (n: None, a: Read, b: Read, c: None) THROWS;
    // Classes
    /// `a` = class made from declaration `c` with superclass `b` (or null).
    NewClass = "class.new" (n: None, a: Write, b: Read, c: Class) THROWS | ALLOCATES;
    /// Adds the methods of declaration `b` to class `a`.
    ExtendClass = "class.extend" (n: None, a: Read, b: Class, c: None) THROWS | ALLOCATES;
    /// Constant named by `c` of class `a` = `b`, an immutable value.
    SetStatic = "class.static" (n: None, a: Read, b: Read, c: Const) THROWS;
}

impl Op {
    /// The op with this number, if there is one.
    pub fn from_byte(byte: u8) -> Option<Op> {
        TABLE.get(byte as usize).map(|info| info.op)
    }

    /// The table's entry for this op.
    pub fn info(self) -> &'static OpInfo {
        &TABLE[self as usize]
    }

    /// The op with this name in the text form.
    pub fn from_name(name: &str) -> Option<Op> {
        TABLE.iter().find(|info| info.name == name).map(|info| info.op)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_indexed_by_op() {
        for (number, info) in TABLE.iter().enumerate() {
            assert_eq!(info.op as usize, number);
            assert_eq!(Op::from_name(info.name), Some(info.op));
        }
    }
}
