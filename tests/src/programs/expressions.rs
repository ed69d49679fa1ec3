//! Expressions of a kind, most of which give a value of it.

use super::{Function, Kind, Maker};

const INTS: [&str; 22] = [
    "4611686018427387903",
    "4611686018427387904",
    "(-4611686018427387904)",
    "(-4611686018427387905)",
    "9223372036854775807",
    "int.MIN",
    "2305843009213693952",
    "2147483648",
    "(-2147483649)",
    "4294967296",
    "9007199254740993",
    "(-1)",
    "(-2)",
    "(-7)",
    "0",
    "0",
    "63",
    "64",
    "127",
    "255",
    "32768",
    "65536",
];

const FLOATS: [&str; 22] = [
    "0.0",
    "(-0.0)",
    "1e308",
    "1e-308",
    "5e-324",
    "float.NAN",
    "float.INFINITY",
    "(-float.INFINITY)",
    "1e-300",
    "(-1e300)",
    "0.1",
    "2.0",
    "(-1.0)",
    "4611686018427387904.0",
    "9223372036854775808.0",
    "9007199254740992.0",
    "1e77",
    "1e-77",
    "1e78",
    "1e-78",
    "2147483648.0",
    "1.5",
];

const TEXTS: [&str; 8] = [
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"abc\"",
    "\"h\u{e9}llo\"",
    "\"key\"",
    "\"12\"",
    "\"a rather long text that is no short one\"",
];

const KEYS: [&str; 8] = ["\"a\"", "\"b\"", "1", "2", "0.5", "true", "null", "\"key\""];

impl Maker {
    /// An expression of a kind, as deep as `depth`.
    pub(super) fn expr(&mut self, kind: Kind, depth: u32) -> String {
        if self.draw.one_in(400) {
            let other = self.kind();
            let value =
                if self.draw.one_in(6) { "7n".into() } else { self.plain(other, depth.saturating_sub(1)) };
            return format!("same({value})");
        }
        self.plain(kind, depth)
    }

    fn plain(&mut self, kind: Kind, depth: u32) -> String {
        if depth == 0 || self.draw.one_in(4) {
            return self.atom(kind);
        }
        if kind != Kind::Any && self.draw.one_in(7) {
            if let Some(general) = self.general(kind, depth - 1) {
                return general;
            }
        }
        match kind {
            Kind::Int => self.int(depth - 1),
            Kind::Float => self.float(depth - 1),
            Kind::Bool => self.condition(depth - 1),
            Kind::Text => self.text_of(depth - 1),
            Kind::Array => self.array(depth - 1),
            Kind::Ints | Kind::Floats => self.typed_array(kind, depth - 1),
            Kind::Map => self.map(depth - 1),
            Kind::Object => self.object(depth - 1),
            Kind::Closure => self.closure(depth - 1),
            Kind::Any => self.any(depth - 1),
        }
    }

    /// A variable or a literal.
    fn atom(&mut self, kind: Kind) -> String {
        if !self.draw.one_in(4)
            && let Some(v) = self.variable(|v| v.kind == kind || kind == Kind::Any)
        {
            return self.variables[v].name.clone();
        }
        match kind {
            Kind::Int if self.draw.one_in(16) => self.draw.of(&INTS).into(),
            Kind::Int => self.draw.below(12).to_string(),
            Kind::Float if self.draw.one_in(4) => self.draw.of(&FLOATS).into(),
            Kind::Float => format!("{}.{}", self.draw.below(9), self.draw.below(4) * 25),
            Kind::Bool => self.draw.of(&["true", "false"]).into(),
            Kind::Text => self.draw.of(&TEXTS).into(),
            Kind::Array => self
                .draw
                .of(&[
                    "[1, 2, 3, 4]",
                    "[5, 6, 7, 8, 9]",
                    "[1, 2.5, \"x\", null]",
                    "[0.5, 1.5, 2, -0.0]",
                    "[]",
                ])
                .into(),
            Kind::Ints => self.draw.of(&["IntArray([3, 1, 2, 9, 5])", "IntArray(4)"]).into(),
            Kind::Floats => self.draw.of(&["FloatArray([0.5, 1.5, -0.0, 8])", "FloatArray(5)"]).into(),
            Kind::Map => self.draw.of(&["{a: 1, b: 2}", "{}", "{a: 1.5, key: \"v\"}"]).into(),
            Kind::Object if self.classes > 0 => self.new_object(0),
            Kind::Object => "null".into(),
            Kind::Closure => format!("(x => x + {})", self.draw.below(5)),
            Kind::Any => {
                let kind = self.kind();
                if self.draw.one_in(12) { "null".into() } else { self.atom(kind) }
            }
        }
    }

    fn new_object(&mut self, depth: u32) -> String {
        let class = self.draw.below(self.classes);
        match self.draw.below(3) {
            0 => format!("new C{class}()"),
            1 => format!("new C{class}({})", self.expr(Kind::Int, depth)),
            _ => format!("new C{class}({}, {})", self.expr(Kind::Int, depth), self.expr(Kind::Float, depth)),
        }
    }

    /// What can give any kind.
    fn general(&mut self, kind: Kind, depth: u32) -> Option<String> {
        match self.draw.below(6) {
            0 => Some(format!(
                "({} ? {} : {})",
                self.expr(Kind::Bool, depth),
                self.expr(kind, depth),
                self.expr(kind, depth)
            )),
            1 => Some(format!("same({})", self.expr(kind, depth))),
            2 => self.call(kind, depth),
            3 => Some(format!("(null ?? {})", self.expr(kind, depth))),
            4 => Some(format!(
                "match ({}) {{ 0 | 1 => ({}), int n if n > 5 => ({}), _ => ({}) }}",
                self.expr(Kind::Int, depth),
                self.expr(kind, depth),
                self.expr(kind, depth),
                self.expr(kind, depth)
            )),
            _ => {
                let v = self.variable(|v| v.kind == kind && !v.typed && v.assignable)?;
                let name = self.variables[v].name.clone();
                Some(format!("({name} = {})", self.expr(kind, depth)))
            }
        }
    }

    /// A call of a function that gives a kind.
    fn call(&mut self, kind: Kind, depth: u32) -> Option<String> {
        if !self.calls {
            return None;
        }
        let fit: Vec<usize> = (0..self.functions.len())
            .filter(|&f| !self.functions[f].generator && self.functions[f].result == kind)
            .collect();
        let f = *fit.get(self.draw.below(fit.len().max(1) as u32) as usize)?;
        Some(self.call_of(f, depth))
    }

    /// A call of function number `f`.
    pub(super) fn call_of(&mut self, f: usize, depth: u32) -> String {
        let Function { name, parameters, rest, .. } = self.functions[f].clone();
        let mut given = Vec::new();
        for parameter in &parameters {
            if parameter.default && self.draw.one_in(2) {
                break;
            }
            // An int may stand for a float.
            let int = parameter.kind == Kind::Float && self.draw.one_in(5);
            let value = self.plain(if int { Kind::Int } else { parameter.kind }, depth);
            given.push(match self.draw.below(150) {
                // Not known before the program runs.
                0 => {
                    let kind = self.kind();
                    format!("same({})", self.plain(kind, depth))
                }
                _ => value,
            });
        }
        if rest && given.len() == parameters.len() {
            for _ in 0..self.draw.below(3) {
                given.push(self.expr(Kind::Int, 0));
            }
            if self.draw.one_in(3) {
                given.push("...[1, 2]".into());
            }
        }
        format!("{name}({})", given.join(", "))
    }

    fn int(&mut self, depth: u32) -> String {
        match self.draw.below(30) {
            0..=4 => {
                let op = self.draw.of(&["+", "-", "+"]);
                format!("({} {op} {})", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth))
            }
            5 => format!("({} * {})", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth)),
            6 | 7 => format!("({} % {})", self.expr(Kind::Int, depth), self.draw.of(&[7, 10, 64, 1000, 1])),
            8 => {
                let op = self.draw.of(&["/", "%"]);
                let odd = if self.draw.one_in(8) { "" } else { " | 1" };
                format!("({} {op} ({}{odd}))", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth))
            }
            9 | 10 => {
                let op = self.draw.of(&["&", "|", "^"]);
                format!("({} {op} {})", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth))
            }
            11 => format!("({} & {})", self.expr(Kind::Int, depth), self.draw.of(&[1, 7, 15, 1023])),
            12 => {
                let op = self.draw.of(&[">>", ">>>"]);
                format!("({} {op} {})", self.expr(Kind::Int, depth), self.draw.of(&[0, 1, 3, 7, 31, 62, 63]))
            }
            13 if self.draw.one_in(3) => {
                let op = self.draw.of(&["<<", ">>", ">>>"]);
                format!("({} {op} ({} & 63))", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth))
            }
            13 => format!(
                "(({} & 255) << {})",
                self.expr(Kind::Int, depth),
                self.draw.of(&[0, 1, 7, 31, 54, 55])
            ),
            14 => format!("{}{}", self.draw.of(&["-", "~"]), self.operand(Kind::Int, depth)),
            15 => {
                let op = self.draw.of(&["add", "sub", "mul"]);
                format!("int.wrapping_{op}({}, {})", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth))
            }
            16 | 17 => {
                let kind = self.draw.of(&[Kind::Array, Kind::Text, Kind::Ints, Kind::Map, Kind::Floats]);
                format!("{}.length", self.operand(kind, 0))
            }
            18 | 19 => format!("{}[{}]", self.operand(Kind::Ints, 0), self.index(depth)),
            20 => format!("{}.sum()", self.operand(Kind::Ints, depth)),
            21 | 22 if self.classes > 0 => format!("{}.a", self.operand(Kind::Object, depth)),
            23 | 24 if self.classes > 0 => {
                format!("{}.m0({})", self.operand(Kind::Object, depth), self.expr(Kind::Int, depth))
            }
            25 => format!("{}({})", self.operand(Kind::Closure, depth), self.expr(Kind::Int, depth)),
            26 if self.classes > 0 && self.draw.one_in(2) => {
                let object = self.operand(Kind::Object, 0);
                match self.draw.below(3) {
                    0 => format!("{object}[{}]", self.expr(Kind::Int, depth)),
                    1 => format!("{object}({})", self.expr(Kind::Int, depth)),
                    _ => format!("C{}.LIMIT", self.draw.below(self.classes)),
                }
            }
            26 => format!("int({})", self.expr(Kind::Bool, depth)),
            27 => format!(
                "{}.reduce((acc, x) => acc + x, {})",
                self.operand(Kind::Ints, 0),
                self.expr(Kind::Int, depth)
            ),
            28 => {
                let fit = self.variable(|v| v.kind == Kind::Int && v.assignable);
                match fit.map(|v| self.variables[v].name.clone()) {
                    Some(name) => self.draw.of(&["(NAME++)", "(++NAME)", "(NAME--)"]).replace("NAME", &name),
                    None => self.atom(Kind::Int),
                }
            }
            _ => format!("{}.get({}, 0)", self.operand(Kind::Map, 0), self.draw.of(&KEYS)),
        }
    }

    fn float(&mut self, depth: u32) -> String {
        match self.draw.below(20) {
            0..=5 => {
                let op = self.draw.of(&["+", "-", "*", "/"]);
                format!("({} {op} {})", self.expr(Kind::Float, depth), self.expr(Kind::Float, depth))
            }
            6 | 7 => {
                let op = self.draw.of(&["+", "-", "*", "/", "%"]);
                format!("({} {op} {})", self.expr(Kind::Int, depth), self.expr(Kind::Float, depth))
            }
            8 => format!("({} % {})", self.expr(Kind::Float, depth), self.draw.of(&["3.5", "1e9", "0.0"])),
            9 => format!("({} ** {})", self.expr(Kind::Float, depth), self.draw.of(&["2", "0.5", "-1", "3"])),
            10 => format!("-{}", self.operand(Kind::Float, depth)),
            11 | 12 => format!("{}[{}]", self.operand(Kind::Floats, 0), self.index(depth)),
            13 | 14 if self.classes > 0 => format!("{}.b", self.operand(Kind::Object, depth)),
            15 | 16 if self.classes > 0 => {
                format!("{}.m1({})", self.operand(Kind::Object, depth), self.expr(Kind::Float, depth))
            }
            17 => format!("float({})", self.expr(Kind::Int, depth)),
            18 => format!("{}.abs()", self.operand(Kind::Float, depth)),
            _ => format!("{}.sum()", self.operand(Kind::Floats, 0)),
        }
    }

    pub(super) fn condition(&mut self, depth: u32) -> String {
        let order = self.draw.of(&["<", "<=", ">", ">=", "==", "!="]);
        match self.draw.below(16) {
            0..=3 => format!("({} {order} {})", self.expr(Kind::Int, depth), self.expr(Kind::Int, depth)),
            4 | 5 => format!("({} {order} {})", self.expr(Kind::Float, depth), self.expr(Kind::Float, depth)),
            6 => format!("({} {order} {})", self.expr(Kind::Int, depth), self.expr(Kind::Float, depth)),
            7 => format!("({} {order} {})", self.expr(Kind::Text, depth), self.expr(Kind::Text, depth)),
            8 => format!("({} == {})", self.expr(Kind::Any, depth), self.expr(Kind::Any, depth)),
            9 => {
                let op = self.draw.of(&["&&", "||"]);
                format!("({} {op} {})", self.expr(Kind::Bool, depth), self.expr(Kind::Bool, depth))
            }
            10 => format!("!{}", self.operand(Kind::Bool, depth)),
            11 => {
                let class = self.draw.of(&["int", "float", "string", "Array", "Map", "bool", "Trouble"]);
                let is = self.draw.of(&["is", "is not"]);
                format!("({} {is} {class})", self.expr(Kind::Any, depth))
            }
            12 => format!("({} in {})", self.expr(Kind::Int, depth), self.expr(Kind::Array, 0)),
            13 => format!("({} in {})", self.draw.of(&KEYS), self.expr(Kind::Map, 0)),
            14 if self.classes > 0 && self.draw.one_in(2) => {
                format!("({} {order} {})", self.expr(Kind::Object, depth), self.expr(Kind::Object, depth))
            }
            14 => format!("bool({})", self.expr(Kind::Any, depth)),
            _ => format!("({} == null)", self.expr(Kind::Any, depth)),
        }
    }

    fn text_of(&mut self, depth: u32) -> String {
        match self.draw.below(8) {
            0 | 1 => format!("`${{{}}}_${{{}}}`[..24]", self.expr(Kind::Any, 0), self.expr(Kind::Int, depth)),
            2 | 3 => format!("({} + {})[..16]", self.expr(Kind::Text, depth), self.expr(Kind::Text, depth)),
            4 => format!("{}[..2]", self.operand(Kind::Text, 0)),
            5 => format!("string({})", self.expr(Kind::Float, depth)),
            6 => format!("{}[{}..]", self.operand(Kind::Text, depth), self.draw.below(4)),
            _ => format!("{}.upper()", self.operand(Kind::Text, depth)),
        }
    }

    fn array(&mut self, depth: u32) -> String {
        match self.draw.below(8) {
            0 | 1 => {
                let elements: Vec<String> = (0..self.draw.from_to(3, 5)).map(|_| self.element(0)).collect();
                format!("[{}]", elements.join(", "))
            }
            2 => format!("[{}, {}, 5, 6]", self.expr(Kind::Int, depth), self.expr(Kind::Float, depth)),
            3 => {
                let body = self.lambda_body(Kind::Int, depth);
                format!("{}.to_array().map({body})", self.operand(Kind::Ints, 0))
            }
            4 => {
                let body = self.lambda_body(Kind::Bool, depth);
                format!("{}.filter({body})", self.operand(Kind::Array, 0))
            }
            5 => format!("{}[..8]", self.operand(Kind::Array, depth)),
            6 => format!("{}.copy()", self.operand(Kind::Array, depth)),
            _ => {
                let generators: Vec<usize> =
                    (0..self.functions.len()).filter(|&f| self.functions[f].generator).collect();
                if generators.is_empty() || !self.calls {
                    return self.atom(Kind::Array);
                }
                let f = self.draw.of(&generators);
                format!("[...{}]", self.call_of(f, 0))
            }
        }
    }

    /// A lambda of one int.
    fn lambda_body(&mut self, result: Kind, depth: u32) -> String {
        let x = self.name("x");
        let typed = self.draw.one_in(5);
        let mut body = String::new();
        self.scoped(|maker| {
            maker.declare(&x, Kind::Int, typed);
            body = maker.expr(result, depth);
        });
        if typed { format!("(int {x}) => {body}") } else { format!("{x} => {body}") }
    }

    fn typed_array(&mut self, kind: Kind, depth: u32) -> String {
        let (class, of) =
            if kind == Kind::Ints { ("IntArray", Kind::Int) } else { ("FloatArray", Kind::Float) };
        match self.draw.below(3) {
            0 => format!("{class}({})", self.draw.from_to(3, 12)),
            _ => format!("{class}([{}, {}, 3, 4])", self.expr(of, depth), self.expr(of, depth)),
        }
    }

    fn map(&mut self, depth: u32) -> String {
        format!("{{a: {}, [{}]: {}}}", self.expr(Kind::Int, depth), self.draw.of(&KEYS), self.element(depth))
    }

    fn object(&mut self, depth: u32) -> String {
        if self.classes == 0 {
            return "null".into();
        }
        match self.draw.below(6) {
            0 | 1 => self.new_object(depth),
            2 => format!("{}.m3()", self.operand(Kind::Object, 0)),
            3 => format!("({} + {})", self.expr(Kind::Object, 0), self.expr(Kind::Int, depth)),
            _ => format!("objects[{} % objects.length]", self.expr(Kind::Int, depth)),
        }
    }

    fn closure(&mut self, depth: u32) -> String {
        match self.draw.below(4) {
            0 if self.classes > 0 => format!("{}.m0", self.operand(Kind::Object, 0)),
            _ => format!("({})", self.lambda_body(Kind::Int, depth)),
        }
    }

    fn any(&mut self, depth: u32) -> String {
        match self.draw.below(12) {
            0 if self.classes > 0 => format!("{}.c", self.operand(Kind::Object, depth)),
            1 if self.classes > 0 => {
                format!("{}.m2({})", self.operand(Kind::Object, depth), self.expr(Kind::Any, depth))
            }
            2 | 3 => format!("{}[{}]", self.operand(Kind::Array, 0), self.index(depth)),
            4 if self.draw.one_in(3) => format!("{}[{}]", self.operand(Kind::Map, 0), self.draw.of(&KEYS)),
            4 => format!("{}.get({})", self.operand(Kind::Map, 0), self.draw.of(&KEYS)),
            5 => format!("{}?.length", self.operand(Kind::Text, 0)),
            6 => "null".into(),
            _ => {
                let kind = self.kind();
                self.expr(kind, depth)
            }
        }
    }

    /// What is put into a container: no container, or a few turns of a loop would make one that takes for ever to print.
    pub(super) fn element(&mut self, depth: u32) -> String {
        let kind = self.draw.of(&[Kind::Int, Kind::Int, Kind::Float, Kind::Text, Kind::Bool, Kind::Object]);
        if self.draw.one_in(12) { "null".into() } else { self.expr(kind, depth) }
    }

    /// An index, mostly of an element that is there.
    pub(super) fn index(&mut self, depth: u32) -> String {
        match self.draw.below(8) {
            0 if self.draw.one_in(6) => self.expr(Kind::Int, depth),
            0..=3 => format!("({} & 3)", self.expr(Kind::Int, depth)),
            4 => format!("({} % 3)", self.expr(Kind::Int, depth)),
            5 => "-1".into(),
            _ => self.draw.below(3).to_string(),
        }
    }

    /// An expression that may stand before a dot or bracket.
    fn operand(&mut self, kind: Kind, depth: u32) -> String {
        let text = self.expr(kind, depth);
        let simple = text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
            && !text.starts_with(|c: char| c.is_ascii_digit());
        if simple || text.starts_with('(') && text.ends_with(')') && !text[1..].contains('(') {
            return text;
        }
        format!("({text})")
    }
}
