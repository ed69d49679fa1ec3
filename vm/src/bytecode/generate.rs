//! Random modules for tests and fuzzing: valid ones built op by op from the table, and small damage to them.
//!
//! Invariant: what [`module`] makes passes the verifier (so that all that stands behind it is reached), contains each
//! kind of table entry, and depends on nothing but the state of the generator of random numbers.

use super::instr::Instr;
use super::module::{
    AttributeDef, Capture, ClassDef, Const, Export, Function, Handler, Line, Module, NamespaceDef, Site,
    TypeRef, Variable,
};
use super::operand::Field;
use super::ops::{Op, Operand, TABLE};

/// A small generator of random numbers (xorshift64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose numbers depend on the seed alone.
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`, or 0 if there is none.
    pub fn below(&mut self, limit: u32) -> u32 {
        if limit == 0 { 0 } else { ((self.bits() >> 32) % u64::from(limit)) as u32 }
    }

    /// True once in `odds` times.
    pub fn one_in(&mut self, odds: u32) -> bool {
        self.below(odds) == 0
    }
}

/// Numbers of the functions with a fixed part to play.
const METHOD: u32 = 1;
const INIT: u32 = 2;
const PLAIN: u32 = 3;
const GENERATOR: u32 = 4;
/// The first function that captures values.
const CLOSURES: u32 = 5;

/// Indices of constants with a fixed kind.
const K_NULL: u32 = 0;
const K_NUMBERS: [u32; 2] = [2, 3];
const K_STRINGS: [u32; 2] = [4, 5];

/// A random module that the verifier accepts.
pub fn module(rng: &mut Rng) -> Module {
    let mut module = Module {
        name: "dir/sample \"one\".cor".into(),
        consts: consts(rng),
        functions: Vec::new(),
        classes: classes(),
        types: vec![
            TypeRef::Any,
            TypeRef::Int,
            TypeRef::Float,
            TypeRef::Bool,
            TypeRef::Str,
            TypeRef::Builtin("Array".into()),
            TypeRef::Global(1),
            TypeRef::Member(0, vec!["geo".into(), "Point".into()]),
        ],
        globals: vec!["geo".into(), "Point".into(), "tally".into()],
        namespaces: namespaces(),
        main: if rng.one_in(2) { Some(PLAIN) } else { None },
        yields_value: rng.one_in(2),
    };
    let count = CLOSURES + 1 + rng.below(4);
    module.functions = (0..count).map(|number| signature(rng, number)).collect();
    for number in 0..count {
        body(rng, &mut module, number);
    }
    module
}

fn consts(rng: &mut Rng) -> Vec<Const> {
    let mut all = vec![
        Const::Null,
        Const::Bool(rng.one_in(2)),
        Const::Int(rng.bits() as i64),
        Const::Float(f64::from(rng.bits() as i32) / 8.0),
        Const::Str("line one\nline \"two\"; \\ \u{7f} \u{1F40D}".into()),
        Const::Str("IndexError: out of range".into()),
        Const::Bytes(vec![0, 255, 10]),
        Const::Big("-123456789012345678901234567890".into()),
        Const::Range { start: -2, end: i64::MAX, inclusive: rng.one_in(2) },
        Const::Builtin("print".into()),
        Const::Namespace(1),
    ];
    for _ in 0..rng.below(4) {
        all.push(match rng.below(6) {
            0 => Const::Int(i64::MIN),
            1 => Const::Float(f64::NEG_INFINITY),
            2 => Const::Float(-0.0),
            3 => Const::Float(f64::from_bits(rng.bits() & !(0x7FF << 52))),
            4 => Const::Bytes(Vec::new()),
            _ => Const::Str(String::new()),
        });
    }
    all
}

fn classes() -> Vec<ClassDef> {
    let attribute =
        |name: &str, ty, initial| AttributeDef { name: name.into(), ty, initial, doc: String::new() };
    vec![
        ClassDef {
            name: "geo.Point".into(),
            attributes: vec![
                attribute("x", 1, 2),
                AttributeDef { doc: "how far\nup".into(), ..attribute("y", 2, 3) },
                attribute("next", 6, K_NULL),
                attribute("any", 0, 9),
            ],
            methods: vec![("new".into(), METHOD), ("length".into(), METHOD)],
            statics: vec![("origin".into(), PLAIN)],
            init: Some(INIT),
            doc: "A point.".into(),
        },
        ClassDef { name: "Array".into(), methods: vec![("sum".into(), METHOD)], ..ClassDef::default() },
    ]
}

fn namespaces() -> Vec<NamespaceDef> {
    let root = vec![
        ("tally".into(), Export::Global(2)),
        ("run".into(), Export::Function(PLAIN)),
        ("inner".into(), Export::Namespace(1)),
    ];
    vec![
        NamespaceDef { path: String::new(), members: root },
        NamespaceDef { path: "inner".into(), members: Vec::new() },
    ]
}

/// A function without code yet, fit for the part that its number plays.
fn signature(rng: &mut Rng, number: u32) -> Function {
    let mut function = Function {
        name: ["<module>", "geo.Point.new", "<init>", "run", "walk", "<lambda>"][(number as usize).min(5)]
            .into(),
        tagged: 4 + rng.below(8) as u16,
        raw: 2 + rng.below(4) as u16,
        ..Function::default()
    };
    match number {
        0 => {}
        METHOD => (function.method, function.params, function.required) = (true, 2, 1),
        INIT => (function.method, function.params, function.required) = (true, 1, 1),
        _ => {
            function.params = rng.below(4) as u8;
            function.required = rng.below(u32::from(function.params) + 1) as u8;
            function.rest = function.params < 3 && rng.one_in(3);
            function.generator = number == GENERATOR;
        }
    }
    let names = u32::from(function.params) + u32::from(function.rest);
    function.param_names =
        (0..names).map(|index| ["self", "n", "two words", "_x"][index as usize].into()).collect();
    if number >= CLOSURES {
        function.captures = (0..1 + rng.below(3))
            .map(|_| if rng.one_in(3) { Capture::Upvalue(0) } else { Capture::Register(rng.below(4) as u16) })
            .collect();
    }
    if rng.one_in(2) {
        function.doc = "Says what it does.\n\tTwice.".into();
    }
    function
}

fn body(rng: &mut Rng, module: &mut Module, number: u32) {
    let length = 2 + rng.below(30);
    let mut sites = Vec::new();
    let mut code = Vec::new();
    for pc in 0..length - 1 {
        let op = TABLE[rng.below(TABLE.len() as u32) as usize].op;
        code.push(instruction(rng, module, number, &mut sites, op, pc, length));
    }
    code.push(Instr::new(Op::ReturnNull, 0, 0, 0, 0));
    let function = &mut module.functions[number as usize];
    (function.code, function.sites) = (code, sites);
    for _ in 0..rng.below(3) {
        let start = rng.below(length);
        let end = start + rng.below(length - start);
        let target = end + rng.below(length - end);
        let register = rng.below(u32::from(function.tagged)) as u16;
        function.handlers.push(Handler { start, end, target, register });
        function.variables.push(Variable { start, end: target, register });
    }
    let mut pc = 0;
    while pc < length && rng.below(4) > 0 {
        function.lines.push(Line { pc, line: 1 + rng.below(9), column: 1 + rng.below(80) });
        pc += rng.below(4);
    }
}

/// A random instruction of this op, or of `nop` where the op has no place.
fn instruction(
    rng: &mut Rng,
    module: &Module,
    number: u32,
    sites: &mut Vec<Site>,
    op: Op,
    pc: u32,
    length: u32,
) -> Instr {
    let function = &module.functions[number as usize];
    if function.captures.is_empty() && op.info().field_of(Operand::Upvalue).is_some()
        || function.params == 0 && op.info().field_of(Operand::Param).is_some()
        || op == Op::GenYield && !function.generator
    {
        return Instr::default();
    }
    let tagged = u32::from(function.tagged);
    // The window's count comes first: the window depends on it.
    let count = if op == Op::IterNext { 1 + rng.below(2) } else { rng.below(3) };
    let mut instr = Instr::new(op, 0, 0, 0, 0);
    for (field, kind) in op.info().operands() {
        let value = match kind {
            Operand::None => 0,
            // Behind the iterator, which is chosen first.
            Operand::Write if op == Op::IterNext => {
                let free = u32::from(instr.a()) + 2;
                free + rng.below(tagged - free - 1)
            }
            Operand::Write | Operand::Read | Operand::ReadWrite => rng.below(tagged),
            Operand::RawWrite | Operand::RawRead | Operand::RawReadWrite => {
                tagged + rng.below(u32::from(function.raw))
            }
            Operand::Window => rng.below(tagged - count - op.info().window_extra() + 1),
            Operand::Pair if op == Op::IterNext => rng.below(tagged - 3),
            Operand::Pair => rng.below(tagged - 1),
            Operand::Count => count,
            Operand::Flag => rng.below(2),
            Operand::Imm | Operand::Jump => {
                let value = match kind {
                    Operand::Imm => i64::from(rng.bits() as i16),
                    _ if op.info().jumps_back() => -1 - i64::from(rng.below(pc + 1)),
                    _ => i64::from(rng.below(length - 1 - pc)),
                };
                instr = field.with_signed(instr, value).unwrap_or(instr);
                continue;
            }
            Operand::Const => match op {
                Op::LoadK => rng.below(module.consts.len() as u32),
                Op::LoadKRaw => K_NUMBERS[rng.below(2) as usize],
                _ => K_STRINGS[rng.below(2) as usize],
            },
            Operand::Type => rng.below(module.types.len() as u32),
            Operand::Site => site(rng, sites, op),
            Operand::Function => callee(rng, module, function, op),
            Operand::Global => rng.below(module.globals.len() as u32),
            Operand::Upvalue => rng.below(function.captures.len() as u32),
            Operand::Param => rng.below(u32::from(function.params)),
            Operand::Class => u32::from(op == Op::ExtendClass),
        };
        instr = field.with_unsigned(instr, u64::from(value)).unwrap_or(instr);
    }
    instr
}

fn site(rng: &mut Rng, sites: &mut Vec<Site>, op: Op) -> u32 {
    let name = match op {
        Op::GetLen => "length",
        _ => ["owner", "two words", "new"][rng.below(3) as usize],
    };
    sites.push(Site { name: name.into() });
    sites.len() as u32 - 1
}

/// A function that this op may name here.
fn callee(rng: &mut Rng, module: &Module, function: &Function, op: Op) -> u32 {
    let number = rng.below(module.functions.len() as u32);
    let captures = &module.functions[number as usize].captures;
    let fits = match op {
        Op::Closure => captures.iter().all(|capture| match *capture {
            Capture::Register(register) => register < function.tagged,
            Capture::Upvalue(upvalue) => usize::from(upvalue) < function.captures.len(),
        }),
        _ => captures.is_empty(),
    };
    if fits { number } else { PLAIN }
}

/// Makes one small change somewhere; the outcome may be valid or not.
pub fn damage(rng: &mut Rng, module: &mut Module) {
    let number = rng.below(module.functions.len() as u32);
    let byte = |rng: &mut Rng| rng.bits() as u8;
    let function = &mut module.functions[number as usize];
    match rng.below(25) {
        0 => function.params = byte(rng),
        1 => function.required = byte(rng),
        2 => function.rest = !function.rest,
        3 => function.generator = !function.generator,
        4 => function.method = !function.method,
        5 => function.tagged = rng.bits() as u16 >> rng.below(16),
        6 => function.raw = rng.bits() as u16 >> rng.below(16),
        7 => drop(function.code.pop()),
        8 => drop(function.captures.pop()),
        9 => function.captures.push(Capture::Register(rng.bits() as u16)),
        10 => drop(function.sites.pop()),
        11 => {
            if let Some(handler) = function.handlers.last_mut() {
                let place = match rng.below(3) {
                    0 => &mut handler.start,
                    1 => &mut handler.end,
                    _ => &mut handler.target,
                };
                *place = (rng.bits() >> rng.below(64)) as u32;
            }
        }
        12 => {
            if let Some(variable) = function.variables.last_mut() {
                (variable.end, variable.register) = ((rng.bits() >> rng.below(64)) as u32, rng.bits() as u16);
            }
        }
        13 => function.lines.push(Line { pc: rng.bits() as u32, line: 0, column: 1 }),
        14 => drop(module.consts.pop()),
        15 => drop(module.types.pop()),
        16 => drop(module.globals.pop()),
        17 => module.main = Some(rng.below(12)),
        18 => drop(module.functions.pop()),
        19 => drop(module.classes.pop()),
        20 => module.namespaces[0].members.push(("odd".into(), Export::Namespace(rng.below(3)))),
        _ => {
            let pc = rng.below(function.code.len() as u32) as usize;
            if let Some(instr) = function.code.get_mut(pc) {
                let field = [Field::N, Field::A, Field::B, Field::C, Field::D][rng.below(5) as usize];
                *instr = match rng.below(4) {
                    0 => Instr(instr.0 ^ 1 << rng.below(64)),
                    1 => Instr(rng.bits()),
                    _ => field.with_unsigned(*instr, u64::from(byte(rng))).unwrap_or(*instr),
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytecode::verify;

    #[test]
    fn generated_modules_are_valid() {
        for seed in 0..2000 {
            let module = module(&mut Rng::new(seed));
            assert_eq!(verify(&module), Ok(()), "seed {seed}");
        }
    }

    #[test]
    fn each_op_comes_up() {
        let mut seen = vec![false; TABLE.len()];
        for seed in 0..500 {
            for function in module(&mut Rng::new(seed)).functions {
                for instr in function.code {
                    seen[usize::from(instr.op_byte())] = true;
                }
            }
        }
        let missing: Vec<_> =
            TABLE.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(info, _)| info.name).collect();
        assert!(missing.is_empty(), "never generated: {missing:?}");
    }
}
