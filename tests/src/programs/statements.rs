//! Statements, each on a line of its own or as a block.

use super::{Kind, Maker, Place};

impl Maker {
    /// Some statements.
    pub(super) fn body(&mut self, most: u32) {
        let count = self.draw.from_to(1, most);
        self.scoped(|maker| {
            for _ in 0..count {
                if maker.statements == 0 {
                    break;
                }
                maker.statements -= 1;
                maker.statement();
            }
        });
    }

    fn statement(&mut self) {
        // Blocks within blocks within blocks are mostly declarations of depth.
        let flat = self.indent > 6;
        match self.draw.below(if flat { 26 } else { 48 }) {
            0..=3 => self.declaration(),
            4..=10 => self.assignment(),
            11 => self.note(),
            12 | 13 => self.change_of_kind(),
            14 | 15 => self.change_of_elements(),
            16 | 17 => self.change_of_object(),
            18 => self.throw(),
            19 => self.jump(),
            20 => self.closure_with_memory(),
            21 => self.destructuring(),
            22 => self.task(),
            23 => {
                let call = self.expr(Kind::Any, 2);
                line!(self, "same({call});");
            }
            24 => self.early_return(),
            25 => self.lambda_over_elements(),
            26..=29 => self.branch(),
            30..=38 => self.looping(),
            39 | 40 => self.attempt(),
            41 => self.switch(),
            42 => self.matching(),
            43 => self.atomic(),
            44 | 45 => self.unstable(),
            _ => self.loop_over_generator(),
        }
    }

    /// A new variable.
    pub(super) fn declaration(&mut self) {
        let kind = self.kind();
        let typed = self.draw.one_in(2) && kind.declared() != "var";
        let depth = self.draw.below(3);
        let value = if typed { self.typed_value(kind, depth) } else { self.expr(kind, depth) };
        let name = self.name("v");
        line!(self, "{} {name} = {value};", if typed { kind.declared() } else { "var" });
        self.declare(&name, kind, typed);
    }

    /// For a variable that is checked: nothing that the compiler knows to be wrong.
    fn typed_value(&mut self, kind: Kind, depth: u32) -> String {
        let value = self.expr(kind, depth);
        if value == "null" { "same(null)".into() } else { value }
    }

    fn assignment(&mut self) {
        let Some(v) = self.variable(|v| v.assignable) else { return self.declaration() };
        let (name, kind, typed) =
            (self.variables[v].name.clone(), self.variables[v].kind, self.variables[v].typed);
        let depth = self.draw.from_to(1, 3);
        let line = match (kind, self.draw.below(3)) {
            (Kind::Int, 0) => {
                let op = self.draw.of(&["+", "-", "+", "^", "|", "&", "*"]);
                format!("{name} {op}= {};", self.expr(Kind::Int, depth))
            }
            (Kind::Int, 1) => format!("{name}{};", self.draw.of(&["++", "--"])),
            (Kind::Float, 0 | 1) => {
                let op = self.draw.of(&["+", "-", "*", "/", "+"]);
                let other = self.draw.of(&[Kind::Float, Kind::Float, Kind::Int]);
                format!("{name} {op}= {};", self.expr(other, depth))
            }
            (Kind::Text, 0) => format!("{name} = ({name} + {})[..20];", self.expr(Kind::Text, depth)),
            _ if typed => format!("{name} = {};", self.typed_value(kind, depth)),
            _ => format!("{name} = {};", self.expr(kind, depth)),
        };
        self.line(&line);
    }

    /// What was taken for granted of a variable stops holding in the middle of a loop.
    fn change_of_kind(&mut self) {
        let Some(v) = self.variable(|v| v.assignable && !v.typed) else { return self.assignment() };
        let name = self.variables[v].name.clone();
        let value = match (self.variables[v].kind, self.draw.below(6)) {
            (Kind::Int, 0 | 1) => self.expr(Kind::Float, 1),
            (Kind::Int, 2 | 3) => "4611686018427387900".into(),
            (Kind::Float, 0..=2) => self.expr(Kind::Int, 1),
            _ => {
                let kind = self.kind();
                self.expr(kind, 1)
            }
        };
        let when = self.moment();
        line!(self, "if ({when}) {name} = {value};");
    }

    /// A condition that holds seldom, in the middle of a loop if there is one.
    fn moment(&mut self) -> String {
        match self.counters.last().cloned() {
            Some(counter) => match self.draw.below(4) {
                0 => format!("{counter} > {}", self.draw.from_to(2, 60)),
                1 => format!("{counter} % {} == 1", self.draw.from_to(3, 50)),
                _ => {
                    let first = self.draw.one_in(3);
                    format!("{counter} == {}", if first { self.draw.below(8) } else { self.draw.below(200) })
                }
            },
            None => self.condition(1),
        }
    }

    fn note(&mut self) {
        let kind = self.kind();
        let value = self.expr(kind, 2);
        line!(self, "note({value});");
    }

    fn change_of_elements(&mut self) {
        let fits = |kind| matches!(kind, Kind::Array | Kind::Ints | Kind::Floats | Kind::Map);
        let Some(v) = self.variable(|v| fits(v.kind)) else { return self.declaration() };
        let (name, kind) = (self.variables[v].name.clone(), self.variables[v].kind);
        let of = match kind {
            Kind::Ints => Kind::Int,
            Kind::Floats => Kind::Float,
            _ => self.draw.of(&[Kind::Int, Kind::Float, Kind::Object, Kind::Text]),
        };
        let line = if kind == Kind::Map {
            let key = match self.draw.below(4) {
                0 => format!("`k${{{}}}`", self.expr(Kind::Int, 0)),
                1 => format!("({} & 7)", self.expr(Kind::Int, 1)),
                _ => self.draw.of(&["\"a\"", "\"b\"", "\"key\"", "1.5"]).into(),
            };
            match self.draw.below(5) {
                0 => format!("{name}.remove({key});"),
                1 => format!("if ({name}.length > 30) {name}.clear();"),
                _ => format!("{name}[{key}] = {};", self.element(1)),
            }
        } else {
            match self.draw.below(9) {
                0 | 1 => format!("if ({name}.length < 40) {name}.push({});", self.expr(of, 1)),
                2 if kind == Kind::Array => format!("if ({name}.length > 0) {name}.pop();"),
                3 if kind == Kind::Array => format!("{name}.truncate({});", self.draw.below(6)),
                4 if kind == Kind::Array => format!("{name}.insert(0, {});", self.expr(of, 1)),
                5 => {
                    let op = self.draw.of(&["+", "-", "*"]);
                    format!("{name}[{}] {op}= {};", self.index(1), self.expr(of, 1))
                }
                6 => format!("{name}.reverse();"),
                _ => format!("{name}[{}] = {};", self.index(1), self.expr(of, 2)),
            }
        };
        self.line(&line);
    }

    fn change_of_object(&mut self) {
        if self.classes == 0 {
            return self.assignment();
        }
        let object = match self.variable(|v| v.kind == Kind::Object) {
            Some(v) if !self.draw.one_in(3) => self.variables[v].name.clone(),
            _ => format!("objects[{} % objects.length]", self.expr(Kind::Int, 1)),
        };
        let line = match self.draw.below(7) {
            0 => format!("{object}.a = {};", self.expr(Kind::Int, 2)),
            1 => format!("{object}.a += {};", self.expr(Kind::Int, 1)),
            2 => format!("{object}.b = {};", self.expr(Kind::Float, 2)),
            3 => format!("{object}.b {}= {};", self.draw.of(&["+", "*"]), self.expr(Kind::Float, 1)),
            4 => format!("{object}.c = {};", self.expr(Kind::Any, 1)),
            5 => format!("note({object}.m0({}));", self.expr(Kind::Int, 1)),
            _ => format!("note({object}.m1({}));", self.expr(Kind::Float, 1)),
        };
        self.line(&line);
    }

    fn throw(&mut self) {
        let when = self.moment();
        let what = match self.draw.below(5) {
            0 => "\"thrown\"".into(),
            1 => self.expr(Kind::Any, 1),
            2 => format!("new Trouble({})", self.expr(Kind::Int, 1)),
            3 => "new RangeError(\"r\", new Error(\"cause\"))".into(),
            _ => format!("new ValueError(`${{{}}}`)", self.expr(Kind::Any, 0)),
        };
        line!(self, "if ({when}) throw {what};");
    }

    fn jump(&mut self) {
        if self.loops == 0 {
            return self.note();
        }
        let when = self.moment();
        let word = self.draw.of(&["break", "continue", "continue"]);
        let label = match self.labels.last() {
            Some(label) if self.draw.one_in(2) => format!(" {label}"),
            _ => String::new(),
        };
        line!(self, "if ({when}) {word}{label};");
    }

    fn early_return(&mut self) {
        let when = self.moment();
        match self.place {
            Place::Function(kind) => {
                let value = self.expr(kind, 1);
                line!(self, "if ({when}) return {value};");
            }
            Place::Generator => {
                let value = self.expr(Kind::Any, 1);
                line!(self, "yield {value};");
            }
            Place::Top | Place::Block => self.note(),
        }
    }

    /// A closure that captures variables and changes one.
    fn closure_with_memory(&mut self) {
        let Some(v) = self.variable(|v| v.assignable && v.kind == Kind::Int && !v.name.contains('.')) else {
            return self.declaration();
        };
        let captured = self.variables[v].name.clone();
        let name = self.name("f");
        let x = self.name("x");
        open!(self, "var {name} = {x} =>");
        let (loops, place) = (self.loops, self.place);
        (self.loops, self.place) = (0, Place::Function(Kind::Int));
        let (labels, counters) = (std::mem::take(&mut self.labels), std::mem::take(&mut self.counters));
        self.scoped(|maker| {
            maker.declare(&x, Kind::Int, false);
            if maker.draw.one_in(3) {
                maker.body(2);
            }
            let change = maker.expr(Kind::Int, 1);
            line!(maker, "{captured} = ({captured} + {change}) % 100003;");
            let value = maker.expr(Kind::Int, 1);
            line!(maker, "return {value};");
        });
        (self.loops, self.place, self.labels, self.counters) = (loops, place, labels, counters);
        self.close(";");
        self.declare(&name, Kind::Closure, false);
        if self.draw.one_in(2) {
            line!(self, "if (closures.length < 8) closures.push({name});");
        }
    }

    fn destructuring(&mut self) {
        let (a, b) = (self.name("v"), self.name("v"));
        let line = match self.draw.below(4) {
            0 => format!("var [{a}, {b}] = [{}, {}];", self.expr(Kind::Int, 1), self.expr(Kind::Int, 1)),
            1 => format!("var [{a}, {b} = 7] = {};", self.expr(Kind::Array, 1)),
            2 => format!("var {{a: {a}, b: {b} = 5}} = {};", self.expr(Kind::Map, 1)),
            _ if self.classes == 0 => format!("var {{a: {a}, c: {b}}} = {{a: 1, c: 2.5}};"),
            _ => format!("var {{a: {a}, c: {b}}} = {};", self.expr(Kind::Object, 1)),
        };
        self.line(&line);
        let kind = if line.ends_with(']') || line.ends_with("];") { Kind::Int } else { Kind::Any };
        self.declare(&a, kind, false);
        self.declare(&b, kind, false);
    }

    /// A number taken from something of unknown kind.
    fn narrowed(&mut self, name: &str) {
        if self.draw.one_in(3) {
            return;
        }
        let v = self.name("v");
        let (class, kind) = self.draw.of(&[("int", Kind::Int), ("int", Kind::Int), ("float", Kind::Float)]);
        let typed = self.draw.one_in(3);
        let word = if typed { class } else { "var" };
        line!(self, "{word} {v} = {name} is {class} ? {name} : 1;");
        self.declare(&v, kind, typed);
    }

    fn task(&mut self) {
        let plain: Vec<usize> = (0..self.functions.len()).filter(|&f| !self.functions[f].generator).collect();
        if !self.calls || plain.is_empty() || self.loops > 1 {
            return self.line("yield;");
        }
        let f = self.draw.of(&plain);
        let call = self.call_of(f, 1);
        match self.draw.below(6) {
            0 => self.line("yield;"),
            1 | 2 => line!(self, "note(await spawn {call});"),
            3 => line!(self, "if (futures.length < 6) futures.push(spawn {call});"),
            4 => self.line("if (futures.length > 0) note(await futures.pop());"),
            _ => {
                let t = self.name("t");
                // When the collector finds a future that nobody holds is no part of what a program means: this one is held.
                line!(self, "var {t} = spawn {call}; spawned.push({t});");
                self.line("yield;");
                line!(self, "{t}.task.kill();");
                line!(self, "try {{ note(await {t}); }} catch (TaskExit e) {{ note(\"killed\"); }}");
            }
        }
    }

    fn lambda_over_elements(&mut self) {
        let array = format!("({})", self.expr(Kind::Array, 1));
        let (x, sum) = (self.name("x"), self.name("v"));
        line!(self, "var {sum} = 0;");
        self.declare(&sum, Kind::Int, false);
        let mut value = String::new();
        self.scoped(|maker| {
            maker.declare(&x, Kind::Any, false);
            value = maker.expr(Kind::Int, 2);
        });
        let way = match self.draw.below(5) {
            0 => format!("{array}.each({x} => {{ {sum} += {value}; }});"),
            1 => format!("note({array}.map({x} => {value}));"),
            2 => format!("note({array}.filter({x} => {value} > 3).length);"),
            3 => format!("note({array}.sorted((p, q) => int(p is int) - int(q is int)));"),
            _ => format!("{sum} = {array}.reduce((acc, {x}) => (acc + {value}) % 1000, {sum});"),
        };
        self.line(&way);
    }

    fn branch(&mut self) {
        let condition = if self.draw.one_in(2) { self.moment() } else { self.expr(Kind::Bool, 2) };
        open!(self, "if ({condition})");
        self.body(4);
        if self.draw.one_in(2) {
            self.reopen("else");
            self.body(4);
        }
        self.close("");
    }

    /// Turns of a loop in this place.
    fn turns(&mut self) -> u32 {
        let most = match self.loops {
            0 => self.turns,
            1 => 9,
            _ => 4,
        };
        if most > 60 { self.draw.from_to(most / 4, most) } else { self.draw.below(most + 1) }
    }

    /// A loop around what `make` makes.
    fn looped(&mut self, head: &str, tail: &str, counter: Option<&str>, make: impl FnOnce(&mut Self)) {
        let labelled = self.draw.one_in(4);
        let label = self.name("l");
        self.open(&if labelled { format!("{label}: {head}") } else { head.to_owned() });
        self.loops += 1;
        if labelled {
            self.labels.push(label);
        }
        let counters = self.counters.len();
        self.counters.extend(counter.map(str::to_owned));
        self.scoped(make);
        self.counters.truncate(counters);
        if labelled {
            self.labels.pop();
        }
        self.loops -= 1;
        self.close(tail);
    }

    fn looping(&mut self) {
        if self.loops > 2 {
            return self.assignment();
        }
        let i = self.name("i");
        let turns = self.turns();
        let most = if self.loops == 0 { 7 } else { 4 };
        let counted = |maker: &mut Self| {
            maker.declare_fixed(&i, Kind::Int);
            maker.body(most);
        };
        match self.draw.below(12) {
            0..=3 => {
                let from = self.draw.of(&["0", "0", "1", "-3"]);
                let dots = self.draw.of(&["..", "..", "..="]);
                self.looped(&format!("for ({i} in {from}{dots}{turns})"), "", Some(&i), counted);
            }
            4 => {
                let head = format!("for (var {i} = 0; {i} < {turns}; {i} += {})", self.draw.from_to(1, 3));
                self.looped(&head, "", Some(&i), counted);
            }
            5 => {
                let head = match self.draw.below(6) {
                    0 => format!("for ({i} in (0..{turns}).step({}))", self.draw.from_to(1, 4)),
                    1 => format!("for ({i} in same(0..{turns}))"),
                    2 => format!("for ({i} in 9223372036854775800..=9223372036854775807)"),
                    3 => format!(
                        "for ({i} in 4611686018427387901..4611686018427387{})",
                        self.draw.from_to(900, 920)
                    ),
                    4 => format!("for (var {i} = 0; {i} < {turns} && {}; {i}++)", self.expr(Kind::Bool, 1)),
                    _ => format!("for ({i} in ({} & 31)..{turns})", self.expr(Kind::Int, 1)),
                };
                self.looped(&head, "", Some(&i), counted);
            }
            6 | 7 => {
                let word = if self.draw.one_in(2) { "int" } else { "var" };
                line!(self, "{word} {i} = 0;");
                self.declare_fixed(&i, Kind::Int);
                let (head, tail) = match self.draw.below(3) {
                    0 => ("do".to_owned(), format!(" while ({i} < {turns});")),
                    1 => ("while (true)".to_owned(), String::new()),
                    _ => (format!("while ({i} < {turns})"), String::new()),
                };
                self.looped(&head, &tail, Some(&i), |maker| {
                    line!(maker, "{i}++;");
                    if head.ends_with("(true)") {
                        line!(maker, "if ({i} > {turns}) break;");
                    }
                    maker.body(most);
                });
            }
            8 | 9 => {
                let kind = self.draw.of(&[Kind::Array, Kind::Array, Kind::Ints, Kind::Floats]);
                self.loop_over_elements(kind, most);
            }
            10 => {
                let (k, x) = (self.name("k"), self.name("x"));
                let map = self.expr(Kind::Map, 1);
                self.looped(&format!("for ({k}, {x} in {map})"), "", None, |maker| {
                    maker.declare(&k, Kind::Any, false);
                    maker.declare(&x, Kind::Any, false);
                    maker.body(3);
                });
            }
            _ => {
                let text = self.expr(Kind::Text, 1);
                let c = self.name("c");
                self.looped(&format!("for ({c} in {text})"), "", None, |maker| {
                    maker.declare(&c, Kind::Text, false);
                    maker.body(3);
                });
            }
        }
    }

    /// A loop over an array that may grow or shrink meanwhile.
    fn loop_over_elements(&mut self, kind: Kind, most: u32) {
        let name = match self.variable(|v| v.kind == kind && !v.name.contains('.')) {
            Some(v) => self.variables[v].name.clone(),
            None => self.expr(kind, 1),
        };
        let of = match kind {
            Kind::Ints => Kind::Int,
            Kind::Floats => Kind::Float,
            _ => self.draw.of(&[Kind::Any, Kind::Any, Kind::Any, Kind::Int]),
        };
        let (i, x) = (self.name("i"), self.name("x"));
        let pair = self.draw.one_in(3);
        let head = if pair { format!("for ({i}, {x} in {name})") } else { format!("for ({x} in {name})") };
        let changes = kind == Kind::Array && name.starts_with(['v', 'g', 'p']) && self.draw.one_in(2);
        self.looped(&head, "", pair.then_some(i.as_str()), |maker| {
            if pair {
                maker.declare_fixed(&i, Kind::Int);
            }
            maker.declare(&x, of, false);
            if of == Kind::Any {
                maker.narrowed(&x);
            }
            maker.body(most);
            if changes {
                let change = match maker.draw.below(4) {
                    0 => format!("if ({name}.length > 2) {name}.pop();"),
                    1 => format!("if ({name}.length < 60) {name}.push(1.5);"),
                    2 => format!(
                        "if ({name}.length > 50) {name}.truncate(3); else {name}.push({name}.length);"
                    ),
                    _ => format!("{name}[0] = {};", maker.element(1)),
                };
                maker.line(&change);
            }
        });
    }

    /// A loop in which something is of one kind for a while and of another later: what compiled code took for granted fails so often
    /// that the function is compiled again.
    fn unstable(&mut self) {
        if self.loops > 0 || self.turns < 100 {
            return self.looping();
        }
        let (i, x, v) = (self.name("i"), self.name("x"), self.name("v"));
        let (before, after, used) = self.draw.of(&[
            ("I", "4611686018427387900 + I % 9", "X - 1"),
            ("I - 4611686018427387904", "-I - 4611686018427387904", "X + 1"),
            ("I + 0.5", "I", "X * 2"),
            ("I", "I + 0.25", "X + 1"),
            ("I", "null", "X == null ? 0 : X + 1"),
            ("[I, 2, 3]", "IntArray([I, 2, 3])", "X[1] + X.length"),
            ("objects[0]", "objects[I % objects.length]", "X.a"),
            ("objects[0]", "objects[I % objects.length]", "X.m0(I)"),
            ("objects[0]", "objects[I % objects.length]", "X.m1(0.5)"),
            ("\"s\"", "I", "string(X).length"),
            ("(y => y + 1)", "(y => y - 1)", "X(I)"),
        ]);
        let when = match self.draw.below(4) {
            0 => format!("I % {} == 0", self.draw.from_to(2, 4)),
            1 => format!("I > 20 && I < {}", self.draw.from_to(40, 120)),
            _ => format!("I > {}", self.draw.from_to(5, 80)),
        };
        let written =
            |text: &str| text.replace('I', &i).replace('X', &x).replace(&format!("{i}ntArray"), "IntArray");
        let turns = self.draw.from_to(60, self.turns);
        line!(self, "var {v} = 0;");
        self.declare(&v, Kind::Any, false);
        open!(self, "for ({i} in 0..{turns})");
        self.loops += 1;
        self.counters.push(i.clone());
        line!(self, "var {x} = {} ? {} : {};", written(&when), written(after), written(before));
        line!(self, "{v} = {};", written(used));
        self.scoped(|maker| {
            maker.declare_fixed(&i, Kind::Int);
            maker.declare(&x, Kind::Any, false);
            maker.body(2);
        });
        self.counters.pop();
        self.loops -= 1;
        self.close("");
        line!(self, "note({v});");
    }

    fn loop_over_generator(&mut self) {
        let generators: Vec<usize> =
            (0..self.functions.len()).filter(|&f| self.functions[f].generator).collect();
        if generators.is_empty() || self.loops > 1 || !self.calls {
            return self.branch();
        }
        let f = self.draw.of(&generators);
        let call = self.call_of(f, 1);
        let x = self.name("x");
        if self.draw.one_in(4) {
            let g = self.name("g");
            line!(self, "var {g} = {call};");
            line!(self, "note({g}.next());");
            return line!(self, "note([{g}.next(), {g}.done]);");
        }
        self.looped(&format!("for ({x} in {call})"), "", None, |maker| {
            maker.declare(&x, Kind::Any, false);
            maker.narrowed(&x);
            maker.body(4);
        });
    }

    fn attempt(&mut self) {
        self.open("try");
        self.body(4);
        let place = self.place;
        match self.draw.below(5) {
            0 => {
                self.reopen("catch (Trouble e)");
                self.line("fail(e);");
                self.body(2);
            }
            1 | 2 => {
                self.reopen("catch (e)");
                self.line("fail(e);");
                if self.draw.one_in(3) {
                    self.line("if (e is RangeError) throw e;");
                }
                if self.draw.one_in(3) {
                    self.line("if (e is TypeError) throw new Trouble(1, e);");
                }
                self.body(3);
            }
            3 => {
                self.reopen("catch (ValueError e)");
                self.line("fail(e);");
                self.reopen("finally");
                self.body(3);
            }
            _ => {
                self.reopen("finally");
                if !self.draw.one_in(3) {
                    self.place = Place::Block;
                }
                self.body(3);
            }
        }
        self.place = place;
        self.close("");
    }

    fn switch(&mut self) {
        let value = self.expr(Kind::Int, 2);
        open!(self, "switch (({value}) % 5)");
        for case in ["case 0:", "case 1, 2:", "default:"] {
            self.line(case);
            // A `break` of a loop would be one of the switch.
            let loops = std::mem::take(&mut self.loops);
            self.loops = 0;
            let turns = std::mem::replace(&mut self.turns, 4);
            self.body(2);
            (self.loops, self.turns) = (loops, turns);
            if !self.draw.one_in(3) {
                self.line("break;");
            }
        }
        self.close("");
    }

    fn matching(&mut self) {
        let value = self.expr(Kind::Any, 2);
        let (a, b, v) = (self.name("x"), self.name("x"), self.name("v"));
        let mut arms = Vec::new();
        self.scoped(|maker| {
            maker.declare(&a, Kind::Int, false);
            arms.push(format!("int {a} if {a} > 3 => {}", maker.expr(Kind::Int, 1)));
            arms.push(format!("[{a}, ...{b}] => {b}.length"));
            arms.push(format!("{{a: {a}}} => {a}"));
            arms.push("0..10 => 10".into());
            arms.push(format!("string {b} => {b}.length"));
            arms.push("1.5 | null => -1".into());
        });
        let mut text = String::new();
        for arm in arms {
            if !self.draw.one_in(3) {
                text.push_str(&arm);
                text.push_str(", ");
            }
        }
        if !self.draw.one_in(30) {
            text.push_str("_ => 0");
        }
        line!(self, "var {v} = match ({value}) {{ {text} }};");
        self.declare(&v, Kind::Int, false);
    }

    fn atomic(&mut self) {
        self.open("atomic");
        self.body(3);
        self.close("");
    }
}
