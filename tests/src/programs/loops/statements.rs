//! Statements: assignments, small branches, accesses to arrays on both sides of a call, and loops around them.

use super::expressions::is_named;
use super::{Helper, Kind, Loops};

impl Loops {
    /// A new variable.
    pub(super) fn declaration(&mut self, kind: Kind) {
        let typed = !self.draw().one_in(4);
        // Ints that may become extreme have names of their own, so that most expressions do without them.
        let letter = if kind == Kind::Int && self.draw().one_in(4) { "w" } else { "v" };
        let value = match kind {
            Kind::Int if letter == "w" && self.draw().one_in(2) => self.extreme(),
            Kind::Int => self.tame(1),
            Kind::Float => self.float(1),
            _ => self.new_array(kind),
        };
        let name = self.maker.name(letter);
        line!(self.maker, "{} {name} = {value};", if typed { kind.declared() } else { "var" });
        self.maker.declare(&name, kind, typed);
        self.cost += self.weight;
    }

    /// Any statement.
    pub(super) fn statement(&mut self) {
        let nested = self.maker.loops;
        match self.draw().below(20) {
            0..=4 if nested < 3 => self.looping(),
            5 => self.attempt(),
            6 if nested > 0 => self.leaving(),
            _ => self.plain_statement(),
        }
    }

    /// A statement without a loop.
    pub(super) fn plain_statement(&mut self) {
        self.maker.statements = self.maker.statements.saturating_sub(1);
        self.cost += self.weight;
        match self.draw().below(20) {
            0..=4 => self.assignment(),
            5..=9 => self.branch(),
            10..=12 => self.writing(),
            13..=15 => self.both_sides(),
            16 => self.resize(),
            17 => match self.call(None) {
                Some(call) => line!(self.maker, "{call};"),
                None => self.assignment(),
            },
            18 => {
                let kind = self.draw().of(&[Kind::Int, Kind::Int, Kind::Float]);
                self.declaration(kind);
            }
            _ => self.renewal(),
        }
    }

    /// A statement as a line. One that may well fail is tried, most of the time.
    fn say(&mut self, line: &str) {
        let risky = std::mem::take(&mut self.risky);
        match risky && !self.draw().one_in(4) {
            true => line!(self.maker, "try {{ {line} }} catch (RangeError e) {{ }}"),
            false => self.maker.line(line),
        }
    }

    /// A variable that may be assigned.
    fn assignable(&mut self, kind: Kind) -> Option<String> {
        let v = self.maker.variable(|v| v.kind == kind && v.assignable)?;
        Some(self.maker.variables[v].name.clone())
    }

    fn assignment(&mut self) {
        if self.draw().one_in(5)
            && let Some(name) = self.assignable(Kind::Float)
        {
            let value = self.float(2);
            return self.say(&format!("{name} = {value};"));
        }
        let Some(name) = self.assignable(Kind::Int) else { return self.declaration(Kind::Int) };
        let op = self.draw().of(&["+", "-", "^"]);
        let line = match self.draw().below(6) {
            _ if name.starts_with('w') => format!("{name} = {};", self.int(2)),
            0 => format!("{name} {op}= {};", self.draw().below(9)),
            1 => format!("{name}{};", self.draw().of(&["++", "--"])),
            2 => format!("{name} = ({name} {op} {}) % 100_003;", self.int(1)),
            _ => format!("{name} = {};", self.tame(2)),
        };
        self.say(&line);
    }

    /// What a small branch computes: the kind of thing of which both ways can be computed.
    fn small(&mut self, name: &str) -> String {
        let Some(other) = self.int_named(6) else { return format!("{name} = 1;") };
        let number = self.draw().below(20);
        let op = self.draw().of(&["+", "-", "&", "|", "^", "+"]);
        match self.draw().below(12) {
            0 => format!("{name} = {number};"),
            1 => format!("{name} = {other};"),
            2 | 3 => format!("{name} = {other} {op} {number};"),
            4 => format!("{name} = {name} {op} {other};"),
            5 => format!("{name} = {other} / {};", self.draw().of(&[2, 4, 8, 64, 3])),
            6 => format!("{name} = {other} % {};", self.draw().of(&[2, 4, 8, 64, 3])),
            7 => format!("{name} = {}{other};", self.draw().of(&["-", "~"])),
            8 => format!("{name} = {other} * {number};"),
            9 => format!("{name}{};", self.draw().of(&["++", "--"])),
            10 => format!("{name} = 3 * {name} + 1;"),
            _ => format!("{name} = {name} {op} {number};"),
        }
    }

    fn branch(&mut self) {
        let Some(name) = self.assignable(Kind::Int) else { return self.declaration(Kind::Int) };
        let mut condition = match self.draw().below(4) {
            // What grows does so up to a limit.
            0 => format!("{name} < {}", self.draw().of(&["1000", "100", "int.MAX / 4", "1_000_000_000"])),
            _ => {
                let depth = self.draw().below(2);
                self.condition(depth)
            }
        };
        if self.draw().one_in(6) {
            condition = format!("!({condition})");
        }
        let first = self.small(&name);
        match self.draw().below(6) {
            0 | 1 => self.say(&format!("if ({condition}) {first}")),
            2 | 3 => {
                let same = self.draw().one_in(2);
                let other = if same { Some(name) } else { self.assignable(Kind::Int) };
                let second = self.small(&other.expect("there is one"));
                self.say(&format!("if ({condition}) {first} else {second}"));
            }
            way => {
                open!(self.maker, "if ({condition})");
                self.scoped(|maker| {
                    maker.maker.line(&first);
                    match way {
                        4 => maker.writing(),
                        _ => {
                            let other = maker.assignable(Kind::Int).expect("there is one");
                            let line = maker.small(&other);
                            maker.maker.line(&line);
                        }
                    }
                });
                if self.draw().one_in(2) {
                    self.maker.reopen("else");
                    self.scoped(Self::plain_statement);
                }
                self.maker.close("");
            }
        }
    }

    /// Something with variables of its own.
    pub(super) fn scoped(&mut self, make: impl FnOnce(&mut Self)) {
        let count = self.maker.variables.len();
        make(self);
        self.maker.variables.truncate(count);
    }

    /// What an array of a kind may hold.
    fn value_for(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Floats => self.float(1),
            Kind::Array if self.draw().one_in(20) => self.draw().of(&["null", "0.5", "true"]).into(),
            _ => self.int(1),
        }
    }

    /// An assignment to an element.
    fn writing(&mut self) {
        let (kind, array) = self.some_array();
        if !is_named(&array) {
            return self.assignment();
        }
        let (index, value) = (self.index(&array), self.value_for(kind));
        match self.draw().below(4) {
            0 if kind != Kind::Array => self.say(&format!("{array}[{index}] += {value};")),
            _ => self.say(&format!("{array}[{index}] = {value};")),
        }
    }

    /// Accesses to an array before and after something that may change its length, or that of another.
    fn both_sides(&mut self) {
        let (kind, array) = self.some_array();
        let Some(name) = self.assignable(Kind::Int).filter(|_| is_named(&array)) else {
            return self.writing();
        };
        let index = self.index(&array);
        for side in 0..2 {
            if side == 1 {
                self.between(&array, kind);
            }
            let index = if self.draw().one_in(4) { self.index(&array) } else { index.clone() };
            let write = self.draw().one_in(2);
            if write {
                let value = self.value_for(kind);
                self.say(&format!("{array}[{index}] = {value};"));
            }
            match kind {
                Kind::Floats => self.say(&format!("if ({array}[{index}] > 0.5) {name}++;")),
                _ => self.say(&format!("{name} = ({name} ^ {array}[{index}]) % 100_003;")),
            }
        }
    }

    /// What stands between two accesses to an array: a call that is given it, if there is one.
    fn between(&mut self, array: &str, kind: Kind) {
        let takes = |helper: &Helper| helper.parameters.contains(&kind);
        let mut fit = self.callable(|helper| takes(helper) && helper.resizes);
        if fit.is_empty() || self.draw().one_in(4) {
            fit = self.callable(takes);
        }
        if fit.is_empty() {
            return self.resize();
        }
        let helper = self.draw().of(&fit);
        let call = self.call_of(helper, Some((kind, array)));
        let condition =
            if self.draw().one_in(3) { format!("if ({}) ", self.condition(0)) } else { String::new() };
        self.say(&format!("{condition}{call};"));
    }

    /// Changes an array's length here.
    fn resize(&mut self) {
        let (kind, array) = self.some_array();
        if !is_named(&array) {
            return self.assignment();
        }
        let value = self.value_for(kind);
        let most = self.draw().of(&[9, 33, 70]);
        match self.draw().below(6) {
            0 | 1 => line!(self.maker, "if ({array}.length < {most}) {array}.push({value});"),
            2 if self.weight < 50 => line!(self.maker, "{array}.push({value});"),
            2 | 3 => line!(self.maker, "if ({array}.length > {}) {array}.pop();", most / 2),
            4 => line!(self.maker, "if ({array}.length > {most}) {array}.truncate({});", most / 3),
            _ => line!(self.maker, "if ({array}.length > 8 && {}) {array}.pop();", self.condition(0)),
        }
    }

    /// Another array in a variable of the function: a new one, or one that another variable holds.
    fn renewal(&mut self) {
        let kind = self.draw().of(&[Kind::Array, Kind::Ints, Kind::Floats]);
        let Some(name) = self.assignable(kind).filter(|name| !name.starts_with('g')) else {
            return self.declaration(kind);
        };
        let value = if self.draw().one_in(3) { self.new_array(kind) } else { self.array_of(kind) };
        let condition = self.condition(0);
        line!(self.maker, "if ({condition}) {name} = {value};");
    }

    /// Leaves a loop or a turn of it.
    fn leaving(&mut self) {
        self.maker.statements = self.maker.statements.saturating_sub(1);
        let labels = self.maker.labels.len() as u32;
        let mut word = String::from(self.draw().of(&["break", "break", "continue"]));
        if labels > 0 && self.draw().one_in(2) {
            let label = self.draw().below(labels) as usize;
            word = format!("{word} {}", self.maker.labels[label]);
        }
        let condition = match (self.maker.counters.last().cloned(), self.draw().below(3)) {
            (Some(counter), 0) => {
                format!("{counter} == {}", self.draw().of(&[0, 3, 30, 62, 63, 64, 65, 100]))
            }
            (Some(counter), 1) => {
                let bound = self.named(Kind::Int).unwrap_or_else(|| "40".into());
                format!("{counter} > {bound}")
            }
            _ => self.condition(1),
        };
        line!(self.maker, "if ({condition}) {word};");
    }

    /// Statements whose errors are caught, and what is done then.
    pub(super) fn attempt(&mut self) {
        self.maker.open("try");
        self.scoped(|maker| maker.body(3));
        let error =
            self.draw().of(&["e", "e", "RangeError e", "OverflowError e", "DivisionByZero e", "TypeError e"]);
        if self.draw().one_in(6) {
            self.maker.reopen("finally");
        } else {
            self.maker.reopen(&format!("catch ({error})"));
            if self.weight < 200 && self.draw().one_in(2) {
                self.maker.line("fail(e);");
            }
        }
        self.scoped(|maker| {
            maker.assignment();
            if maker.draw().one_in(4) {
                maker.plain_statement();
            }
        });
        self.maker.close("");
    }

    /// A few statements.
    pub(super) fn body(&mut self, most: u32) {
        for _ in 0..self.draw().from_to(1, most) {
            self.statement();
        }
    }
}
