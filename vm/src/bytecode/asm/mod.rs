//! Assembles the text form into a module; the disassembler shows what it looks like.
//!
//! Invariants: total, with errors that name line, column and what was expected; `assemble(disassemble(m))` is `m`. The module is
//! not verified: tests need to write what the verifier refuses.
//!
//! By hand one may leave out what follows from the rest: `params` (as many as there are names), `required` (all of
//! them), and the numbers of inline-cache sites (`attr.get r0, r1, .owner` takes a new one).

mod function;

#[cfg(test)]
mod tests;

use super::module::{AttributeDef, ClassDef, Const, Export, Module, NamespaceDef, TypeRef};
use super::ops::Op;
pub use super::text::AsmError;
use super::text::{Token, Tokens, number};
use function::Body;

/// The module that a text describes.
pub fn assemble(text: &str) -> Result<Module, AsmError> {
    let mut assembler = Assembler { module: Module::default(), part: Part::Top };
    for (number, line) in (1..).zip(text.lines()) {
        let mut tokens = Tokens::of(line, number)?;
        if !tokens.is_empty() {
            assembler.line(&mut tokens)?;
        }
    }
    assembler.close()?;
    Ok(assembler.module)
}

/// What has been read so far, and what the next line may belong to.
struct Assembler {
    module: Module,
    part: Part,
}

enum Part {
    Top,
    /// The last class.
    Class,
    /// The last namespace.
    Namespace,
    /// A function whose labels are still open.
    Function(Box<Body>),
}

impl Assembler {
    /// Ends the part that is open.
    fn close(&mut self) -> Result<(), AsmError> {
        if let Part::Function(body) = std::mem::replace(&mut self.part, Part::Top) {
            self.module.functions.push(body.finish()?);
        }
        Ok(())
    }

    fn line(&mut self, tokens: &mut Tokens) -> Result<(), AsmError> {
        let first = match tokens.peek() {
            Some(Token::Word(word)) => word.clone(),
            _ => return tokens.expected("a declaration or an instruction"),
        };
        let taken = match &mut self.part {
            Part::Top => false,
            Part::Class => match self.module.classes.last_mut() {
                Some(class) => class_line(class, &first, tokens)?,
                None => false,
            },
            Part::Namespace => match self.module.namespaces.last_mut() {
                Some(namespace) => namespace_line(namespace, &first, tokens)?,
                None => false,
            },
            Part::Function(body) => body.line(&first, tokens)?,
        };
        if !taken {
            self.declaration(&first, tokens)?;
        }
        tokens.end()
    }

    fn declaration(&mut self, first: &str, tokens: &mut Tokens) -> Result<(), AsmError> {
        let module = &mut self.module;
        match first {
            "module" => {
                tokens.skip();
                module.name = tokens.name("the module's name")?;
            }
            "main" => {
                tokens.skip();
                module.main = Some(tokens.index("f", "a function")?);
            }
            "yields_value" => {
                tokens.skip();
                module.yields_value = true;
            }
            "const" => {
                ordinal(tokens, "k", module.consts.len())?;
                module.consts.push(constant(tokens)?);
            }
            "type" => {
                ordinal(tokens, "t", module.types.len())?;
                module.types.push(declared_type(tokens)?);
            }
            "global" => {
                ordinal(tokens, "g", module.globals.len())?;
                module.globals.push(tokens.name("the variable's name")?);
            }
            "class" => {
                self.close()?;
                ordinal(tokens, "c", self.module.classes.len())?;
                let name = tokens.name("the class's name")?;
                self.module.classes.push(ClassDef { name, ..ClassDef::default() });
                self.part = Part::Class;
            }
            "namespace" => {
                self.close()?;
                ordinal(tokens, "n", self.module.namespaces.len())?;
                let path = tokens.name("the namespace's path")?;
                self.module.namespaces.push(NamespaceDef { path, members: Vec::new() });
                self.part = Part::Namespace;
            }
            "function" => {
                self.close()?;
                ordinal(tokens, "f", self.module.functions.len())?;
                self.part = Part::Function(Box::new(Body::header(tokens)?));
            }
            _ if first.ends_with(':') || first.starts_with('.') || Op::from_name(first).is_some() => {
                return tokens.expected("a function around this");
            }
            _ => {
                let what = match self.part {
                    Part::Top => "a declaration (const, type, global, class, namespace, function, ...)",
                    Part::Class => "an attribute, method, static, init, doc or the next declaration",
                    Part::Namespace => "a member or the next declaration",
                    Part::Function(_) => "an op, a label, a directive or the next declaration",
                };
                return tokens.expected(what);
            }
        }
        Ok(())
    }
}

/// The number of a new table entry, which must be the next one.
fn ordinal(tokens: &mut Tokens, letter: &str, next: usize) -> Result<(), AsmError> {
    tokens.skip();
    let wanted = format!("{letter}{next}");
    tokens.word(&format!("{wanted}, the next number"), |word| (word == wanted).then_some(()))
}

fn constant(tokens: &mut Tokens) -> Result<Const, AsmError> {
    let kinds = "null, bool, int, float, str, bytes, big, range, builtin or namespace";
    let place = tokens.place();
    let kind = tokens.word(kinds, |word| Some(word.to_owned()))?;
    Ok(match kind.as_str() {
        "null" => Const::Null,
        "bool" => Const::Bool(tokens.word("true or false", |word| word.parse().ok())?),
        "int" => Const::Int(tokens.word("an integer of 64 bits", number)?),
        "float" => Const::Float(tokens.word("a float", float)?),
        "str" => Const::Str(tokens.text("a string in quotes")?),
        "bytes" => {
            let place = tokens.place();
            match hex(&tokens.text("bytes in hexadecimal, in quotes")?) {
                Some(bytes) => Const::Bytes(bytes),
                None => return place.fault("expected two hexadecimal digits for each byte"),
            }
        }
        "big" => Const::Big(tokens.text("decimal digits in quotes")?),
        "range" => {
            let (start, end, inclusive) = tokens.word("a range such as 0..5 or 0..=5", range)?;
            Const::Range { start, end, inclusive }
        }
        "builtin" => Const::Builtin(tokens.name("the built-in's name")?),
        "namespace" => Const::Namespace(tokens.index("n", "a namespace")?),
        _ => return place.fault(format!("expected {kinds}, found {kind}")),
    })
}

fn float(word: &str) -> Option<f64> {
    match word.strip_prefix("0x") {
        Some(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits),
        None => word.parse().ok(),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn range(word: &str) -> Option<(i64, i64, bool)> {
    let (start, end) = word.split_once("..")?;
    let inclusive = end.starts_with('=');
    Some((number(start)?, number(end.strip_prefix('=').unwrap_or(end))?, inclusive))
}

fn declared_type(tokens: &mut Tokens) -> Result<TypeRef, AsmError> {
    let kinds = "any, int, float, bool, string, builtin, global or member";
    let place = tokens.place();
    let kind = tokens.word(kinds, |word| Some(word.to_owned()))?;
    Ok(match kind.as_str() {
        "any" => TypeRef::Any,
        "int" => TypeRef::Int,
        "float" => TypeRef::Float,
        "bool" => TypeRef::Bool,
        "string" => TypeRef::Str,
        "builtin" => TypeRef::Builtin(tokens.name("the built-in class's name")?),
        "global" => TypeRef::Global(tokens.index("g", "a variable slot")?),
        "member" => {
            let slot = tokens.index("g", "a variable slot")?;
            let mut path = Vec::new();
            while !tokens.is_empty() {
                path.push(tokens.name("an attribute's name")?);
            }
            TypeRef::Member(slot, path)
        }
        _ => return place.fault(format!("expected {kinds}, found {kind}")),
    })
}

/// A line of a class declaration; false if it is none.
fn class_line(class: &mut ClassDef, first: &str, tokens: &mut Tokens) -> Result<bool, AsmError> {
    match first {
        "doc" => {
            tokens.skip();
            class.doc = tokens.text("the comment in quotes")?;
        }
        "attribute" => {
            tokens.skip();
            let name = tokens.name("the attribute's name")?;
            let ty = tokens.word("a type such as t0", |word| number(word.strip_prefix('t')?))?;
            let initial = tokens.index("k", "a constant")?;
            let doc = if tokens.is_empty() { String::new() } else { tokens.text("the comment in quotes")? };
            class.attributes.push(AttributeDef { name, ty, initial, doc });
        }
        "method" | "static" => {
            tokens.skip();
            let entry = (tokens.name("the function's name")?, tokens.index("f", "a function")?);
            let list = if first == "method" { &mut class.methods } else { &mut class.statics };
            list.push(entry);
        }
        "init" => {
            tokens.skip();
            class.init = Some(tokens.index("f", "a function")?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A line of a namespace; false if it is none.
fn namespace_line(namespace: &mut NamespaceDef, first: &str, tokens: &mut Tokens) -> Result<bool, AsmError> {
    if first != "member" {
        return Ok(false);
    }
    tokens.skip();
    let name = tokens.name("the member's name")?;
    let export = tokens.word("a variable, function or namespace such as g0, f0, n0", |word| {
        let index = |letter| number(word.strip_prefix(letter)?);
        let slot = index('g').map(Export::Global);
        slot.or_else(|| index('f').map(Export::Function)).or_else(|| index('n').map(Export::Namespace))
    })?;
    namespace.members.push((name, export));
    Ok(true)
}
