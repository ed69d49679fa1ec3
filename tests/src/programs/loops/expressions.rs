//! Expressions of numbers: most give small ones, some come near the ends of what an int holds.

use super::{Helper, Kind, Loops, MOST_WORK};

const EXTREMES: [&str; 18] = [
    "int.MAX",
    "int.MIN",
    "(int.MAX - 3)",
    "(int.MIN + 3)",
    "(int.MAX / 2)",
    "(int.MIN / 2)",
    "4611686018427387904",
    "4611686018427387903",
    "(-4611686018427387905)",
    "1152921504606846976",
    "1073741824",
    "1073741823",
    "1073741825",
    "(-1073741825)",
    "2147483647",
    "(-2147483649)",
    "4294967296",
    "3037000500",
];

impl Loops {
    /// A number at which something ends.
    pub(super) fn extreme(&mut self) -> String {
        self.draw().of(&EXTREMES).into()
    }

    /// A variable of a kind.
    pub(super) fn named(&mut self, kind: Kind) -> Option<String> {
        let v = self.maker.variable(|v| v.kind == kind)?;
        Some(self.maker.variables[v].name.clone())
    }

    /// A variable that holds an int, once in `odds` times maybe one that is extreme.
    pub(super) fn int_named(&mut self, odds: u32) -> Option<String> {
        let wild = self.draw().one_in(odds);
        let v = self.maker.variable(|v| v.kind == Kind::Int && (wild || !v.name.starts_with('w')))?;
        Some(self.maker.variables[v].name.clone())
    }

    /// An array of a kind, most often one that there is.
    pub(super) fn array_of(&mut self, kind: Kind) -> String {
        self.named(kind).unwrap_or_else(|| self.new_array(kind))
    }

    /// A new array.
    pub(super) fn new_array(&mut self, kind: Kind) -> String {
        let length = self.draw().of(&[8, 17, 64, 65, 100]);
        match kind {
            Kind::Ints => self.draw().of(&[
                "IntArray([3, 1, 2, 9, 5, 0, -4, 6])",
                "IntArray(LENGTH)",
                "IntArray([int.MAX, int.MIN, -1, 0, 1, 2, 3, 4])",
            ]),
            Kind::Floats => {
                self.draw().of(&["FloatArray([0.5, 1.5, -0.0, 8, 1, 2, 3, 1e300])", "FloatArray(LENGTH)"])
            }
            _ => self.draw().of(&[
                "[1, 2, 3, 4, 5, 6, 7, 8]",
                "[5, 6, 7, 8, 9, 10, 11, 12]",
                "Array(LENGTH, 1)",
                "Array(LENGTH, -7)",
                "Array(LENGTH, 3)",
                "[1, int.MAX, int.MIN, 4611686018427387904, 0, -1, 2, 3]",
            ]),
        }
        .replace("LENGTH", &length.to_string())
    }

    fn literal(&mut self) -> String {
        match self.draw().below(60) {
            0 => self.extreme(),
            1..=7 => self.draw().of(&["(-1)", "(-2)", "(-7)", "64", "63", "255", "1000", "32768"]).into(),
            _ => self.draw().below(12).to_string(),
        }
    }

    fn int_atom(&mut self) -> String {
        match self.draw().below(8) {
            0 | 1 => self.literal(),
            2 | 3 => match self.maker.counters.last() {
                Some(counter) if !counter.starts_with('w') => counter.clone(),
                _ => self.literal(),
            },
            // What may be extreme is left alone most of the time.
            _ => match self.int_named(6) {
                Some(name) => name,
                None => self.literal(),
            },
        }
    }

    /// An int.
    pub(super) fn int(&mut self, depth: u32) -> String {
        if depth == 0 || self.draw().one_in(5) {
            return self.int_atom();
        }
        let d = depth - 1;
        match self.draw().below(27) {
            0..=5 => {
                let op = self.draw().of(&["+", "-", "+"]);
                format!("({} {op} {})", self.int(d), self.int(d))
            }
            6 | 7 => format!("({} * {})", self.int(d), self.literal()),
            8 => format!("({} * {})", self.int_atom(), self.int_atom()),
            9 => format!(
                "({} % {})",
                self.int(d),
                self.draw().of(&[2, 3, 7, 8, 10, 64, 1000, 1024, -3, 1, -1])
            ),
            10 => format!("({} / {})", self.int(d), self.draw().of(&[2, 3, 4, 7, 8, 10, 16, -1, -2, -7, 1])),
            11 => {
                let op = self.draw().of(&["/", "%"]);
                let odd = if self.draw().one_in(6) { "" } else { " | 1" };
                format!("({} {op} ({}{odd}))", self.int(d), self.int(d))
            }
            12 => {
                let op = self.draw().of(&["&", "|", "^"]);
                format!("({} {op} {})", self.int(d), self.int(d))
            }
            13 => format!("({} & {})", self.int(d), self.draw().of(&[1, 3, 7, 15, 63, 1023])),
            14 => {
                let op = self.draw().of(&[">>", ">>>"]);
                format!("({} {op} {})", self.int(d), self.draw().of(&[0, 1, 3, 7, 31, 62, 63]))
            }
            15 => match self.draw().below(8) {
                0 => format!("({} << {})", self.int(d), self.int_atom()),
                1 | 2 => format!("({} << {})", self.int(d), self.draw().of(&[1, 2, 8])),
                3 => format!("({} >> ({} & 63))", self.int(d), self.int(d)),
                _ => format!("(({} & 255) << {})", self.int(d), self.draw().of(&[0, 1, 7, 31, 54, 55])),
            },
            16 => format!("{}({})", self.draw().of(&["-", "~"]), self.int(d)),
            17..=20 => self.element(Kind::Ints),
            21 => format!("{}.length", self.some_array().1),
            22 | 23 => self.call(Some(Kind::Int)).unwrap_or_else(|| self.int_atom()),
            24 => format!(
                "int.wrapping_{}({}, {})",
                self.draw().of(&["add", "sub", "mul"]),
                self.int(d),
                self.int(d)
            ),
            _ => format!("({} ? {} : {})", self.condition(d), self.int(d), self.int(d)),
        }
    }

    /// An int that is small whatever it is made of, as long as making it does not fail.
    pub(super) fn tame(&mut self, depth: u32) -> String {
        let value = self.int(depth);
        match self.draw().below(5) {
            0 => format!("{value} & 1023"),
            1 => format!("{value} % 1000"),
            2 => format!("{value} % 256"),
            3 => format!("({value}) & 65535"),
            _ => format!("{value} % 1_000_003"),
        }
    }

    /// An array of ints or anything, and its name.
    pub(super) fn some_array(&mut self) -> (Kind, String) {
        let over = self.over.last().cloned().flatten();
        if let Some(over) = over
            && self.draw().one_in(2)
            && let Some(known) = self.maker.variables.iter().find(|v| v.name == over)
        {
            return (known.kind, over);
        }
        let kind = self.draw().of(&[Kind::Array, Kind::Array, Kind::Ints, Kind::Ints, Kind::Floats]);
        (kind, self.array_of(kind))
    }

    /// An element of an array: of one of this kind, or of an array that holds mostly ints.
    pub(super) fn element(&mut self, kind: Kind) -> String {
        let kind = if kind == Kind::Ints { self.draw().of(&[Kind::Ints, Kind::Array]) } else { kind };
        let array = match self.some_array() {
            (same, array) if same == kind => array,
            _ => self.array_of(kind),
        };
        format!("{array}[{}]", self.index(&array))
    }

    /// Where an array is accessed: mostly by a counter, often within it.
    pub(super) fn index(&mut self, array: &str) -> String {
        let counter = self.maker.counters.last().cloned();
        let any = self.maker.counters.len() as u32;
        // One that a loop over this very array counts is right as long as the array is long enough.
        let over = self.over.iter().rposition(|over| over.as_deref() == Some(array));
        if let Some(over) = over
            && !self.draw().one_in(4)
        {
            return self.maker.counters[over].clone();
        }
        match (counter, self.draw().below(24)) {
            (Some(counter), 0 | 1) => {
                self.risky = true;
                counter
            }
            (Some(counter), 2) => {
                self.risky = true;
                format!("{counter} {} {}", self.draw().of(&["+", "-"]), self.draw().of(&[1, 1, 2, 5]))
            }
            (Some(counter), 3..=9) => format!("{counter} & {}", self.draw().of(&[1, 3, 7])),
            (Some(counter), 10..=16) if is_named(array) => format!("{counter} % {array}.length"),
            (Some(_), 17) => {
                self.risky = true;
                let which = self.draw().below(any) as usize;
                self.maker.counters[which].clone()
            }
            (_, 18) => {
                self.risky = true;
                self.int(1)
            }
            (_, 19) => self.draw().of(&["-1", "0", "1", "3", "-2", "7"]).into(),
            _ => format!("{} & {}", self.int_atom(), self.draw().of(&[1, 3])),
        }
    }

    /// A float.
    pub(super) fn float(&mut self, depth: u32) -> String {
        if depth == 0 || self.draw().one_in(4) {
            return match self.named(Kind::Float) {
                Some(name) if !self.draw().one_in(3) => name,
                _ if self.draw().one_in(10) => self
                    .draw()
                    .of(&["1e308", "float.NAN", "float.INFINITY", "(-0.0)", "5e-324", "1e18"])
                    .into(),
                _ => format!("{}.{}", self.draw().below(9), self.draw().below(4) * 25),
            };
        }
        let d = depth - 1;
        match self.draw().below(12) {
            0..=4 => {
                let op = self.draw().of(&["+", "-", "*", "/"]);
                format!("({} {op} {})", self.float(d), self.float(d))
            }
            5 | 6 => {
                let op = self.draw().of(&["+", "-", "*"]);
                format!("({} {op} {})", self.float(d), self.int_atom())
            }
            7 | 8 => self.element(Kind::Floats),
            9 => self.call(Some(Kind::Float)).unwrap_or_else(|| "0.5".into()),
            10 => format!("float({})", self.int(d)),
            _ => format!("({}).{}()", self.float(d), self.draw().of(&["abs", "sqrt"])),
        }
    }

    /// What a branch or a loop asks.
    pub(super) fn condition(&mut self, depth: u32) -> String {
        let order = self.draw().of(&["<", "<=", ">", ">=", "==", "!="]);
        match self.draw().below(12) {
            0..=3 => format!("{} {order} {}", self.int(depth), self.int(depth)),
            4 | 5 => format!("{} {order} {}", self.int_atom(), self.literal()),
            6 | 7 => format!(
                "{} % {} == {}",
                self.int_atom(),
                self.draw().of(&[2, 2, 3, 4, 8]),
                self.draw().below(2)
            ),
            8 => format!("{} {order} {}", self.float(depth), self.float(depth)),
            9 if depth > 0 => {
                let op = self.draw().of(&["&&", "||"]);
                format!("({} {op} {})", self.condition(depth - 1), self.condition(depth - 1))
            }
            10 => format!("({} & 1) != 0", self.int_atom()),
            _ => format!("{} {order} {}", self.int_atom(), self.int_atom()),
        }
    }

    /// A call of a helper with such a result, if there is one that may be called here.
    pub(super) fn call(&mut self, result: Option<Kind>) -> Option<String> {
        let fit = self.callable(|helper| result.is_none() || helper.result == result);
        let helper = *fit.get(self.draw().below(fit.len().max(1) as u32) as usize)?;
        Some(self.call_of(helper, None))
    }

    /// The helpers for which `fits` holds and for whose work there is room here.
    pub(super) fn callable(&self, fits: impl Fn(&Helper) -> bool) -> Vec<usize> {
        let room = MOST_WORK / self.weight;
        (0..self.helpers.len()).filter(|&h| self.helpers[h].cost < room && fits(&self.helpers[h])).collect()
    }

    /// A call of a helper, which is given this array if it takes one of its kind.
    pub(super) fn call_of(&mut self, helper: usize, array: Option<(Kind, &str)>) -> String {
        let Helper { name, parameters, cost, .. } = self.helpers[helper].clone();
        self.cost += cost * self.weight;
        let mut arguments = Vec::new();
        for parameter in parameters {
            arguments.push(match parameter {
                Kind::Int => self.int(1),
                Kind::Float => self.float(1),
                kind => match array {
                    Some((same, array)) if same == kind => array.to_owned(),
                    _ => self.array_of(kind),
                },
            });
        }
        format!("{name}({})", arguments.join(", "))
    }
}

/// Whether an array is one that a variable holds.
pub(super) fn is_named(array: &str) -> bool {
    array.starts_with(|first: char| first.is_ascii_lowercase())
}
