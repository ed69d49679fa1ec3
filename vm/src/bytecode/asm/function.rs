//! Assembles one function: its header, its directives, its instructions, and at its end the labels.

use crate::bytecode::disasm::implied_params;
use crate::bytecode::instr::Instr;
use crate::bytecode::module::{Capture, Function, Handler, Line, Site, Variable};
use crate::bytecode::operand::Field;
use crate::bytecode::ops::{Op, Operand};
use crate::bytecode::text::{AsmError, Place, Token, Tokens, number};
use std::collections::HashMap;

/// Most sites that instructions can name.
const MAX_SITES: usize = 1 << 16;

/// A function being assembled.
pub(super) struct Body {
    function: Function,
    labels: HashMap<String, i64>,
    /// Jumps, by pc and field, to targets that may not be known yet.
    jumps: Vec<(usize, Field, Target)>,
    /// Handlers' start, end and target.
    handlers: Vec<([Target; 3], u16)>,
    variables: Vec<([Target; 2], u16)>,
    /// Names of sites as far as they are known.
    sites: Vec<Option<String>>,
    place: Place,
}

/// A place in the code, as written.
struct Target {
    to: To,
    place: Place,
}

enum To {
    Label(String),
    /// `@12`: the instruction's number.
    Pc(i64),
}

impl Body {
    /// Reads what follows `function fN`: name, parameter names, and the numbers behind them.
    pub(super) fn header(tokens: &mut Tokens) -> Result<Self, AsmError> {
        let place = tokens.place();
        let mut function = Function { name: tokens.name("the function's name")?, ..Function::default() };
        tokens.demand('(')?;
        while !tokens.mark(')') {
            if function.rest {
                return tokens.expected("`)` behind the rest parameter");
            }
            parameter(&mut function, tokens)?;
            if !tokens.mark(',') {
                tokens.demand(')')?;
                break;
            }
        }
        let (mut params, mut required) = (None, None);
        while !tokens.is_empty() {
            let what = "params, required, tagged, raw, rest, generator or method";
            let place = tokens.place();
            match tokens.word(what, |word| Some(word.to_owned()))?.as_str() {
                "params" => params = Some(tokens.word("a number up to 255", number)?),
                "required" => required = Some(tokens.word("a number up to 255", number)?),
                "tagged" => function.tagged = tokens.word("a number up to 65535", number)?,
                "raw" => function.raw = tokens.word("a number up to 65535", number)?,
                "rest" => function.rest = true,
                "generator" => function.generator = true,
                "method" => function.method = true,
                other => return place.fault(format!("expected {what}, found {other}")),
            }
        }
        let implied = implied_params(function.param_names.len(), function.rest);
        function.params = match params.or(implied) {
            Some(params) => params,
            None => return place.fault("expected at most 255 parameters"),
        };
        function.required = required.unwrap_or(function.params);
        Ok(Body {
            function,
            labels: HashMap::new(),
            jumps: Vec::new(),
            handlers: Vec::new(),
            variables: Vec::new(),
            sites: Vec::new(),
            place,
        })
    }

    /// Reads a line of the function; false if it belongs to none.
    pub(super) fn line(&mut self, first: &str, tokens: &mut Tokens) -> Result<bool, AsmError> {
        if let Some(label) = first.strip_suffix(':') {
            let place = tokens.place();
            tokens.skip();
            if label.is_empty() || label.starts_with('@') {
                return place.fault("expected a label's name before `:`");
            }
            if self.labels.insert(label.to_owned(), self.function.code.len() as i64).is_some() {
                return place.fault(format!("label {label} stands at another place already"));
            }
        } else if let Some(directive) = first.strip_prefix('.') {
            self.directive(directive, tokens)?;
        } else if let Some(op) = Op::from_name(first) {
            tokens.skip();
            self.instruction(op, tokens)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn directive(&mut self, directive: &str, tokens: &mut Tokens) -> Result<(), AsmError> {
        let place = tokens.place();
        tokens.skip();
        match directive {
            "doc" => self.function.doc = tokens.text("the comment in quotes")?,
            "capture" => {
                let capture =
                    tokens.word("a register or captured value such as r0, u0", |word| {
                        match word.strip_prefix('r') {
                            Some(register) => number(register).map(Capture::Register),
                            None => number(word.strip_prefix('u')?).map(Capture::Upvalue),
                        }
                    })?;
                self.function.captures.push(capture);
            }
            "handler" => {
                let places = [target(tokens)?, target(tokens)?, target(tokens)?];
                self.handlers.push((places, register(tokens)?));
            }
            "variable" => {
                let places = [target(tokens)?, target(tokens)?];
                self.variables.push((places, register(tokens)?));
            }
            "site" => {
                let site = tokens.index("s", "a site")?;
                let name = tokens.name("the site's name")?;
                self.name_site(site as usize, name, place)?;
            }
            "line" => {
                let (line, column) = tokens.word("line and column such as 12:3", |word| {
                    let (line, column) = word.split_once(':')?;
                    Some((number(line)?, number(column)?))
                })?;
                let pc = match tokens.is_empty() {
                    true => self.function.code.len() as u32,
                    false => tokens.index("@", "the number of an instruction")?,
                };
                self.function.lines.push(Line { pc, line, column });
            }
            "word" => {
                let word = tokens.word("16 hexadecimal digits such as 0x0000000000000000", |word| {
                    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
                })?;
                self.function.code.push(Instr(word));
            }
            other => {
                let known = ".doc, .capture, .handler, .variable, .site, .line or .word";
                return place.fault(format!("expected {known}, found .{other}"));
            }
        }
        Ok(())
    }

    fn instruction(&mut self, op: Op, tokens: &mut Tokens) -> Result<(), AsmError> {
        let mut instr = Instr::new(op, 0, 0, 0, 0);
        for (index, (field, kind)) in op.info().operands().enumerate() {
            if index > 0 {
                tokens.demand(',')?;
            }
            let place = tokens.place();
            let filled = match kind {
                Operand::Jump => {
                    self.jumps.push((self.function.code.len(), field, target(tokens)?));
                    continue;
                }
                Operand::Imm => {
                    let value = tokens.word("an immediate integer such as #-1", |word| {
                        number::<i64>(word.strip_prefix('#')?)
                    })?;
                    field.with_signed(instr, value)
                }
                Operand::Site => field.with_unsigned(instr, self.site(tokens)?),
                _ => {
                    let (letter, what) = kind.describe();
                    field.with_unsigned(instr, u64::from(tokens.index(letter, &format!("a {what}"))?))
                }
            };
            instr = match filled {
                Some(instr) => instr,
                None => return place.fault(format!("expected a number that fits {} bits", field.width())),
            };
        }
        self.function.code.push(instr);
        Ok(())
    }

    /// A site operand: `s3.name`, `s3`, or `.name` for a new site.
    fn site(&mut self, tokens: &mut Tokens) -> Result<u64, AsmError> {
        let place = tokens.place();
        let word = tokens.word("a site such as s0.name or .name", |word| {
            word.starts_with(['s', '.']).then(|| word.to_owned())
        })?;
        let (index, name) = match word.split_once('.') {
            None => (word.as_str(), None),
            // The name stands behind the dot, or next in quotes.
            Some((index, "")) => (index, Some(tokens.text("the site's name in quotes")?)),
            Some((index, name)) => (index, Some(name.to_owned())),
        };
        let index = match index.strip_prefix('s') {
            None => self.sites.len(),
            Some(digits) => match number(digits) {
                Some(index) => index,
                None => {
                    return place.fault(format!("expected a site such as s0.name or .name, found {word}"));
                }
            },
        };
        if let Some(name) = name {
            self.name_site(index, name, place)?;
        }
        Ok(index as u64)
    }

    fn name_site(&mut self, index: usize, name: String, place: Place) -> Result<(), AsmError> {
        if index >= MAX_SITES {
            return place.fault(format!("expected a site below {MAX_SITES}"));
        }
        if index >= self.sites.len() {
            self.sites.resize(index + 1, None);
        }
        match &self.sites[index] {
            Some(other) if *other != name => {
                place.fault(format!("expected {other:?}, as site {index} is named before"))
            }
            _ => {
                self.sites[index] = Some(name);
                Ok(())
            }
        }
    }

    /// Fills in what had to wait for the function's end.
    pub(super) fn finish(mut self) -> Result<Function, AsmError> {
        for (index, site) in std::mem::take(&mut self.sites).into_iter().enumerate() {
            match site {
                Some(name) => self.function.sites.push(Site { name }),
                None => {
                    return self.place.fault(format!("expected a name for site s{index} of this function"));
                }
            }
        }
        for (pc, field, target) in &self.jumps {
            let distance = self.resolve(target)?.wrapping_sub(*pc as i64 + 1);
            self.function.code[*pc] = match field.with_signed(self.function.code[*pc], distance) {
                Some(instr) => instr,
                None => {
                    let limit = (1u64 << (field.width() - 1)) - 1;
                    return target
                        .place
                        .fault(format!("expected a target at most {limit} instructions away"));
                }
            };
        }
        for (places, register) in &self.handlers {
            let [start, end, target] = self.resolve_all(places)?;
            self.function.handlers.push(Handler { start, end, target, register: *register });
        }
        for (places, register) in &self.variables {
            let [start, end] = self.resolve_all(places)?;
            self.function.variables.push(Variable { start, end, register: *register });
        }
        Ok(self.function)
    }

    fn resolve_all<const N: usize>(&self, targets: &[Target; N]) -> Result<[u32; N], AsmError> {
        let mut resolved = [0; N];
        for (number, target) in resolved.iter_mut().zip(targets) {
            *number = match u32::try_from(self.resolve(target)?) {
                Ok(number) => number,
                Err(_) => return target.place.fault("expected a place from 0 on"),
            };
        }
        Ok(resolved)
    }

    fn resolve(&self, target: &Target) -> Result<i64, AsmError> {
        match &target.to {
            To::Pc(pc) => Ok(*pc),
            To::Label(label) => match self.labels.get(label) {
                Some(pc) => Ok(*pc),
                None => target.place.fault(format!("expected a label of this function, found {label}")),
            },
        }
    }
}

fn register(tokens: &mut Tokens) -> Result<u16, AsmError> {
    tokens.word("a register such as r0", |word| number(word.strip_prefix('r')?))
}

/// A parameter's name; `...` before it makes it the rest parameter.
fn parameter(function: &mut Function, tokens: &mut Tokens) -> Result<(), AsmError> {
    let bare = match tokens.peek() {
        Some(Token::Word(word)) => word.strip_prefix("...").map(str::to_owned),
        _ => None,
    };
    let name = match bare {
        None => tokens.name("a parameter's name")?,
        Some(bare) => {
            tokens.skip();
            function.rest = true;
            if bare.is_empty() { tokens.text("the rest parameter's name in quotes")? } else { bare }
        }
    };
    function.param_names.push(name);
    Ok(())
}

fn target(tokens: &mut Tokens) -> Result<Target, AsmError> {
    let place = tokens.place();
    let to = tokens.word("a label, or an instruction such as @12,", |word| match word.strip_prefix('@') {
        Some(pc) => number(pc).map(To::Pc),
        None => Some(To::Label(word.to_owned())),
    })?;
    Ok(Target { to, place })
}
