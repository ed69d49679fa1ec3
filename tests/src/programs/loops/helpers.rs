//! What loops call: small functions, which the JIT splices in, and longer ones, which it calls; some change the lengths of arrays.

use super::{Helper, Kind, Loops};

impl Loops {
    /// Declares one.
    pub(super) fn helper(&mut self) {
        let name = self.maker.name("help");
        let helper = match self.draw().below(8) {
            0 => self.formula(&name, Kind::Int),
            1 => self.formula(&name, Kind::Float),
            2..=4 => self.resizing(&name),
            5 => self.recursion(&name),
            _ => self.computation(&name),
        };
        self.helpers.push(helper);
    }

    /// Makes the function too long to be spliced in, by what is never executed.
    fn padding(&mut self, parameter: &str) {
        open!(self.maker, "if ({parameter} == 77_777_777)");
        for n in 0..12 {
            line!(self.maker, "note({n});");
        }
        self.maker.close("");
    }

    /// One expression.
    fn formula(&mut self, name: &str, kind: Kind) -> Helper {
        let mut parameters = vec![kind];
        if self.draw().one_in(2) {
            parameters.push(self.draw().of(&[Kind::Int, Kind::Float, Kind::Ints, Kind::Array]));
        }
        let count = self.maker.variables.len();
        let text = self.parameters(&parameters);
        let arrow = if self.draw().one_in(2) { format!(" -> {}", kind.declared()) } else { String::new() };
        let cost = self.function(&format!("function {name}({text}){arrow}"), |maker| {
            let value = if kind == Kind::Int { maker.tame(2) } else { maker.float(2) };
            line!(maker.maker, "return {value};");
        });
        self.maker.variables.truncate(count);
        Helper { name: name.into(), parameters, result: Some(kind), cost, ..Helper::default() }
    }

    /// One that changes the length of the array that it is given.
    fn resizing(&mut self, name: &str) -> Helper {
        let kind = self.draw().of(&[Kind::Array, Kind::Array, Kind::Ints, Kind::Floats]);
        let parameters = vec![kind, Kind::Int];
        let count = self.maker.variables.len();
        let text = self.parameters(&parameters);
        let [a, n] = [0, 1].map(|k| self.maker.variables[count + k].name.clone());
        let long = !self.draw().one_in(3);
        let cost = self.function(&format!("function {name}({text})"), |maker| {
            let (most, mask) = (maker.draw().of(&[10, 40, 200]), maker.draw().of(&[1_u32, 3, 15, 31]));
            line!(maker.maker, "if ({a}.length > {most}) {a}.truncate({});", most / 2);
            maker.cost += u64::from(mask);
            let value = if kind == Kind::Floats {
                "0.25 * k"
            } else {
                maker.draw().of(&["k", "1", "-k", "k * 4611686018427387"])
            };
            match maker.draw().below(7) {
                0 | 1 => {
                    open!(maker.maker, "for (k in 0..({n} & {mask}))");
                    line!(maker.maker, "{a}.push({value});");
                    maker.maker.close("");
                }
                2 => {
                    open!(maker.maker, "for (k in 0..({n} & {mask}))");
                    line!(maker.maker, "if ({a}.length > {}) {a}.pop();", maker.draw().of(&[1, 8, 8, 20]));
                    maker.maker.close("");
                }
                3 => {
                    open!(maker.maker, "if (({n} & 31) == 1)");
                    line!(maker.maker, "{a}.clear();");
                    maker.maker.reopen("else");
                    line!(maker.maker, "for (k in 0..({n} & {mask})) {a}.push({value});");
                    maker.maker.close("");
                }
                4 => line!(maker.maker, "if (({n} & 3) == 1) {a}.pop();"),
                5 => line!(maker.maker, "{a}.insert(0, {});", value.replace('k', &n)),
                _ => {
                    line!(maker.maker, "{a}.push({});", value.replace('k', "1"));
                    line!(maker.maker, "if (({n} & 7) == 3) {a}.truncate({});", maker.draw().of(&[2, 8, 20]));
                }
            }
            if long {
                maker.padding(&n);
            }
            line!(maker.maker, "return {a}.length;");
        });
        self.maker.variables.truncate(count);
        let result = Some(Kind::Int);
        Helper { name: name.into(), parameters, result, resizes: true, cost, ..Helper::default() }
    }

    /// One that calls itself, at most thirty-two calls deep.
    fn recursion(&mut self, name: &str) -> Helper {
        let array = self.draw().of(&[Kind::Array, Kind::Ints]);
        let parameters = vec![Kind::Int, array];
        let count = self.maker.variables.len();
        let text = self.parameters(&parameters);
        let [n, a] = [0, 1].map(|k| self.maker.variables[count + k].name.clone());
        // Whatever it is given first, its counter falls from there on.
        self.maker.variables[count].assignable = false;
        let mut deep = 1;
        self.function(&format!("function {name}({text})"), |maker| {
            let twice = maker.draw().one_in(3);
            let most = if twice { 6 } else { 31 };
            deep = if twice { 60 } else { 32 };
            line!(maker.maker, "if ({n} <= 0 || {n} > {most}) return {};", maker.draw().of(&["1", "0", "7"]));
            maker.maker.statements = maker.draw().below(3);
            while maker.maker.statements > 0 {
                maker.plain_statement();
            }
            if maker.draw().one_in(3) {
                line!(maker.maker, "if ({a}.length < 40) {a}.push({n});");
            }
            let step = if twice { 1 } else { maker.draw().from_to(1, 2) };
            let again = format!("{name}({n} - {step}, {a})");
            let more = if twice { again.clone() } else { maker.tame(1) };
            line!(maker.maker, "return ({again} + {more}) % 1000;");
        });
        self.maker.variables.truncate(count);
        let (result, cost) = (Some(Kind::Int), 6 * deep);
        Helper { name: name.into(), parameters, result, cost, ..Helper::default() }
    }

    /// Several statements, maybe with a loop of few turns.
    fn computation(&mut self, name: &str) -> Helper {
        let mut parameters = vec![Kind::Int];
        for _ in 0..self.draw().below(3) {
            parameters.push(self.draw().of(&[Kind::Int, Kind::Array, Kind::Ints, Kind::Floats]));
        }
        let count = self.maker.variables.len();
        let text = self.parameters(&parameters);
        let n = self.maker.variables[count].name.clone();
        let arrow = if self.draw().one_in(2) { " -> int" } else { "" };
        let cost = self.function(&format!("function {name}({text}){arrow}"), |maker| {
            maker.declaration(Kind::Int);
            maker.maker.statements = maker.draw().from_to(1, 6);
            // As if a loop were around: what is made here must not cost more.
            maker.weight = super::MOST_TURNS / 40;
            let begun = maker.cost;
            while maker.maker.statements > 0 {
                match maker.draw().one_in(4) {
                    true => maker.looping(),
                    false => maker.plain_statement(),
                }
            }
            maker.cost = begun + (maker.cost - begun) / maker.weight;
            if maker.draw().one_in(2) {
                maker.padding(&n);
            }
            let value = maker.tame(1);
            line!(maker.maker, "return {value};");
        });
        self.maker.variables.truncate(count);
        let result = Some(Kind::Int);
        Helper { name: name.into(), parameters, result, cost, ..Helper::default() }
    }
}
