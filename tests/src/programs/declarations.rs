//! Classes, functions, generators, and what drives them.

use super::{Function, Kind, Maker, NEXT_INPUT, Parameter, Place};

/// What every program begins with: a checksum of all that is noted, of which the first is printed; errors with their traces.
const HEAD: &str = "\
class Trouble : Error {
    int level = 0;
    function Trouble(level, cause = null) {
        super(`trouble ${level}`, cause);
        self.level = 1;
    }
}
var sum = 0;
var notes = 0;
var errors = 0;
var objects = [];
var closures = [];
var futures = [];
var spawned = [];
function same(x) {
    return x;
}
function note(x) {
    notes++;
    if (notes < 60) print(x);
    var code = 0;
    if (x is int) code = x;
    else if (x is float) code = x.to_bits();
    else if (x is string) code = x.length;
    else if (x is bool) code = x ? 1 : 2;
    else if (x is Array) code = x.length;
    sum = int.wrapping_add(int.wrapping_mul(sum, 31), code);
}
function fail(e) {
    errors++;
    if (errors < 8) print(e is Error ? `${e}\\n${e.trace()}` : `thrown: ${e}`);
    note(errors);
}
";

impl Maker {
    pub(super) fn program(mut self) -> String {
        self.text.push_str(HEAD);
        let session = self.draw.one_in(4);
        let classes = self.draw.from_to(1, 6);
        for _ in 0..classes {
            self.class();
        }
        if self.classes > 0 {
            for class in 0..self.draw.from_to(1, 6) {
                let class = class % self.classes;
                line!(self, "objects.push(new C{class}());");
            }
        }
        for _ in 0..self.draw.from_to(1, 4) {
            self.global();
        }
        for _ in 0..self.draw.from_to(2, 5) {
            match self.draw.below(5) {
                0 => self.generator(),
                1 => self.recursion(),
                _ => self.function(),
            }
        }
        self.driver();
        if session {
            let tasks = self.draw.below(3);
            for _ in 0..tasks {
                self.line("futures.push(spawn drive(3));");
            }
            if tasks > 0 {
                self.line("yield;");
            }
        }
        self.top_level();
        if session {
            self.line(NEXT_INPUT);
            self.redefinition();
            self.top_level();
        }
        self.text
    }

    /// A class with the attributes and methods that all have, in an order and with types of its own.
    fn class(&mut self) {
        let class = self.classes;
        let parent = (class > 0 && self.draw.one_in(2)).then(|| self.draw.below(class));
        match parent {
            Some(parent) => open!(self, "class C{class} : C{parent}"),
            None => open!(self, "class C{class}"),
        }
        let typed = self.draw.below(4);
        let mut attributes = vec![
            if typed & 1 != 0 { "int a = 3;" } else { "var a = 4;" },
            if typed & 2 != 0 { "float b = 0.5;" } else { "var b = 2.5;" },
            "var c = null;",
        ];
        if parent.is_none() {
            if self.draw.one_in(2) {
                attributes.swap(0, 2);
            }
            if self.draw.one_in(2) {
                attributes.insert(self.draw.below(3) as usize, "string s = \"s\";");
            }
            for attribute in attributes {
                self.line(attribute);
            }
            open!(self, "function C{class}(a = {}, b = 1.5)", self.draw.below(50));
            self.line("self.a = a;");
            self.line("self.b = b;");
            self.close("");
        } else if self.draw.one_in(2) {
            line!(self, "var more{class} = {};", self.draw.below(9));
        }
        line!(self, "static const LIMIT = {class};");
        // Methods call no functions, and of the others only those before them: what calls them in loops does so without end else.
        self.calls = false;
        self.classes = 0;
        for method in 0..4 {
            if parent.is_none() || self.draw.one_in(2) {
                self.method(method, parent.is_some());
            }
        }
        if self.draw.one_in(3) {
            self.line("function to_string() { return `<${self.a} ${self.b}>`; }");
        }
        if parent.is_none() || self.draw.one_in(4) {
            let hooks = [
                "function get_index(k) { return (k + int(self.a is int)) % 10; }",
                "function call(x) { return x is int ? x % 7 : 3; }",
                "function equals(other) { return type(other) == type(self) && other.a == self.a; }",
                "function compare(other) { return int(self.a is int) - int(other.c is int); }",
            ];
            for hook in hooks {
                if !self.draw.one_in(4) {
                    self.line(hook);
                }
            }
        }
        if parent.is_none() || self.draw.one_in(3) {
            line!(self, "function add(other) {{ self.a = (self.a + {class}) % 1000; return self; }}");
        }
        self.calls = true;
        self.classes = class + 1;
        self.close("");
    }

    /// Method `m0` to `m3`.
    fn method(&mut self, method: u32, overrides: bool) {
        let (parameter, result) = [
            (Kind::Int, Kind::Int),
            (Kind::Float, Kind::Float),
            (Kind::Any, Kind::Any),
            (Kind::Any, Kind::Object),
        ][method as usize];
        let typed = self.draw.one_in(3);
        let x = match (method, typed) {
            (0, true) => "int p",
            (1, true) => "float p",
            (3, _) => "p = 0",
            _ => "p",
        };
        let arrow = match (method, self.draw.one_in(4)) {
            (0, true) => " -> int",
            (1, true) => " -> float",
            _ => "",
        };
        open!(self, "function m{method}({x}){arrow}");
        self.scoped(|maker| {
            maker.declare("p", parameter, typed && method < 2);
            maker.declare("self.a", Kind::Int, true);
            maker.declare("self.b", Kind::Float, true);
            maker.declare("self.c", Kind::Any, false);
            (maker.turns, maker.statements, maker.place) = (6, 4, Place::Function(result));
            if maker.draw.one_in(2) {
                maker.body(3);
            }
            let value = match (method, maker.draw.below(5)) {
                (3, _) => "self".to_owned(),
                (m, 0) if overrides => format!("super.m{m}(p)"),
                (1, 1) => format!("self.m0({}) + 0.5", maker.expr(Kind::Int, 1)),
                (2, 1) => format!("self.m1({})", maker.expr(Kind::Float, 1)),
                _ => maker.expr(result, 3),
            };
            line!(maker, "return {value};");
        });
        self.place = Place::Top;
        self.close("");
    }

    fn global(&mut self) {
        let kind = self.kind();
        let typed = self.draw.one_in(3) && kind.declared() != "var";
        let value = self.expr(kind, 1);
        let name = self.name("g");
        line!(self, "{} {name} = {value};", if typed { kind.declared() } else { "var" });
        self.declare(&name, kind, typed);
    }

    /// Parameters, declared for the body, and as text.
    fn parameters(&mut self, count: u32) -> (Vec<Parameter>, String) {
        let (mut parameters, mut text) = (Vec::new(), Vec::new());
        let first_default = self.draw.from_to(1, 5);
        for n in 0..count {
            let kind = self.kind();
            let typed = self.draw.one_in(2) && kind.declared() != "var";
            let default = n >= first_default;
            let name = self.name("p");
            let value = if default { format!(" = {}", self.expr(kind, 1)) } else { String::new() };
            let ty = if typed { format!("{} ", kind.declared()) } else { String::new() };
            text.push(format!("{ty}{name}{value}"));
            self.declare(&name, kind, typed);
            parameters.push(Parameter { kind, default });
        }
        (parameters, text.join(", "))
    }

    fn function(&mut self) {
        let count = self.variables.len();
        let name = self.name("fun");
        let number = self.draw.below(5);
        let (parameters, mut text) = self.parameters(number);
        let rest = self.draw.one_in(8);
        if rest {
            let name = self.name("p");
            text = if text.is_empty() { format!("...{name}") } else { format!("{text}, ...{name}") };
            self.declare(&name, Kind::Array, false);
        }
        let result = self.kind();
        let arrow = if self.draw.one_in(3) && result.declared() != "var" {
            format!(" -> {}", result.declared())
        } else {
            String::new()
        };
        open!(self, "function {name}({text}){arrow}");
        (self.turns, self.statements, self.place) =
            (self.draw.of(&[5, 12, 40]), self.draw.from_to(2, 16), Place::Function(result));
        self.body(8);
        let value = self.expr(result, 2);
        line!(self, "return {};", if value == "null" { "same(null)" } else { &value });
        self.close("");
        self.variables.truncate(count);
        self.place = Place::Top;
        self.functions.push(Function { name, parameters, rest, result, generator: false });
    }

    /// A function that calls itself, nearly always a bounded number of times.
    fn recursion(&mut self) {
        let count = self.variables.len();
        let name = self.name("rec");
        let (parameters, text) = self.parameters(1);
        let result = self.draw.of(&[Kind::Int, Kind::Float]);
        open!(self, "function {name}(int n{}{text})", ", ");
        (self.turns, self.statements, self.place) = (3, 3, Place::Function(result));
        self.declare_fixed("n", Kind::Int);
        if !self.draw.one_in(40) {
            let value = self.expr(result, 1);
            line!(self, "if (n <= 0 || n > {}) return {value};", self.draw.of(&[12, 12, 200]));
        }
        if self.draw.one_in(2) {
            self.body(3);
        }
        let again = |maker: &mut Self| {
            let rest = parameters.iter().map(|p| format!(", {}", maker.expr(p.kind, 1))).collect::<String>();
            format!("{name}(n - {}{rest})", maker.draw.from_to(1, 2))
        };
        let first = again(self);
        let value = self.expr(result, 1);
        let line = match self.draw.below(4) {
            0 => format!("return ({first} + {}) % 1000;", again(self)),
            1 => format!("return {first};"),
            _ => format!("return {first} + {value};"),
        };
        self.line(&line);
        self.close("");
        self.variables.truncate(count);
        self.place = Place::Top;
        let mut all = vec![Parameter { kind: Kind::Int, default: false }];
        all.extend(parameters);
        self.functions.push(Function { name, parameters: all, rest: false, result, generator: false });
    }

    fn generator(&mut self) {
        let count = self.variables.len();
        let name = self.name("gen");
        let number = self.draw.below(3);
        let (parameters, text) = self.parameters(number);
        open!(self, "function* {name}({text})");
        (self.turns, self.statements, self.place) = (12, 10, Place::Generator);
        self.body(3);
        let kind = self.kind();
        let value = self.expr(kind, 1);
        let turns = self.draw.below(12);
        let i = self.name("i");
        open!(self, "for ({i} in 0..{turns})");
        self.loops += 1;
        self.scoped(|maker| {
            maker.declare_fixed(&i, Kind::Int);
            line!(maker, "yield {value};");
            maker.body(3);
        });
        self.loops -= 1;
        self.close("");
        self.close("");
        self.variables.truncate(count);
        self.place = Place::Top;
        self.functions.push(Function { name, parameters, rest: false, result: Kind::Any, generator: true });
    }

    /// The hot function.
    fn driver(&mut self) {
        self.open("function drive(n)");
        self.scoped(|maker| {
            maker.declare_fixed("n", Kind::Int);
            (maker.turns, maker.statements, maker.place) = (300, 26, Place::Function(Kind::Int));
            for _ in 0..3 {
                maker.declaration();
            }
            maker.open("try");
            maker.body(8);
            maker.reopen("catch (e)");
            maker.line("fail(e);");
            maker.close("");
            maker.body(4);
            let value = maker.expr(Kind::Int, 2);
            line!(maker, "return {value};");
        });
        self.place = Place::Top;
        self.close("");
    }

    /// Loops of the module itself, over calls of everything.
    fn top_level(&mut self) {
        let i = self.name("i");
        let turns = self.draw.from_to(2, 40);
        open!(self, "for ({i} in 0..{turns})");
        self.scoped(|maker| {
            maker.declare_fixed(&i, Kind::Int);
            maker.counters.push(i.clone());
            for f in 0..maker.functions.len() {
                maker.open("try");
                let call = maker.call_of(f, 1);
                let generator = maker.functions[f].generator;
                maker.line(&if generator { format!("note([...{call}]);") } else { format!("note({call});") });
                maker.reopen("catch (e)");
                maker.line("fail(e);");
                maker.close("");
            }
            maker.loops = 1;
            (maker.turns, maker.statements, maker.place) = (20, 8, Place::Block);
            maker.open("try");
            maker.body(5);
            maker.reopen("catch (e)");
            maker.line("fail(e);");
            maker.close("");
            maker.loops = 0;
            maker.counters.pop();
        });
        self.close("");
        (self.turns, self.statements, self.place) = (200, 16, Place::Block);
        self.open("try");
        self.line("note(drive(1));");
        self.body(6);
        self.line("note(drive(2.5));");
        self.reopen("catch (e)");
        self.line("fail(e);");
        self.close("");
        self.open("for (f in closures)");
        self.line("try { note(f(3)); } catch (e) { fail(e); }");
        self.close("");
        self.open("for (f in futures)");
        self.line("try { note(await f); } catch (e) { fail(e); }");
        self.close("");
        let globals: Vec<String> =
            self.variables.iter().filter(|v| v.name.starts_with('g')).map(|v| v.name.clone()).collect();
        line!(self, "print(sum, notes, errors, [{}]);", globals.join(", "));
        if self.draw.one_in(3) {
            self.line("note(drive(3));");
        }
        self.place = Place::Top;
    }

    /// What changes classes and functions while tasks are in the middle of their loops.
    fn redefinition(&mut self) {
        if self.classes > 0 {
            let class = self.draw.below(self.classes);
            open!(self, "extend C{class}");
            self.calls = false;
            let classes = std::mem::take(&mut self.classes);
            for method in 0..3 {
                if self.draw.one_in(2) {
                    self.method(method, false);
                }
            }
            self.calls = true;
            self.classes = classes;
            self.close("");
        }
        if self.draw.one_in(2) {
            self.open("function same(x)");
            self.line("notes++;");
            self.line("return x;");
            self.close("");
        }
    }
}
