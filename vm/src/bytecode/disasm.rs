//! Prints a module in the text form: readable, and complete, so that the assembler gives the same module back.
//!
//! Invariant: total, for modules that the verifier refuses as well (a listing is how one finds out why). A word that is
//! no proper instruction is printed as `.word`, a jump that leaves the code by its target's number.
//!
//! ```text
//! function f1 fib(n) required 1 tagged 4 raw 1
//!   .line 3:5
//!     unbox.int x4, r0, k0                ; "n"
//!     int.jump.ge.i x4, #2, L1
//!     return r0
//! L1:
//! ```

use super::instr::Instr;
use super::module::{Capture, ClassDef, Const, Export, Function, Module, TypeRef};
use super::operand::Field;
use super::ops::Operand;
use super::text::{name, quoted};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Column where comments begin, unless the line is longer.
const COMMENT: usize = 44;

/// Most characters of a string shown in a comment.
const SHOWN: usize = 40;

/// Adds a line to a listing; writing to a `String` cannot fail.
macro_rules! line {
    ($out:expr, $($format:tt)*) => {{ let _ = writeln!($out, $($format)*); }};
}

/// The text form of a module.
pub fn disassemble(module: &Module) -> String {
    let mut out = String::new();
    line!(out, "module {}", quoted(&module.name));
    if let Some(main) = module.main {
        line!(out, "main f{main}");
    }
    if module.yields_value {
        line!(out, "yields_value");
    }
    section(&mut out, &module.consts, |number, constant| format!("const k{number} {}", const_text(constant)));
    section(&mut out, &module.types, |number, ty| format!("type t{number} {}", type_text(ty)));
    section(&mut out, &module.globals, |number, global| format!("global g{number} {}", name(global)));
    for (number, class) in module.classes.iter().enumerate() {
        class_text(&mut out, number, class);
    }
    for (number, namespace) in module.namespaces.iter().enumerate() {
        line!(out, "\nnamespace n{number} {}", quoted(&namespace.path));
        for (member, export) in &namespace.members {
            let export = match export {
                Export::Global(slot) => format!("g{slot}"),
                Export::Function(function) => format!("f{function}"),
                Export::Namespace(inner) => format!("n{inner}"),
            };
            line!(out, "  member {} {export}", name(member));
        }
    }
    for number in 0..module.functions.len() {
        out.push('\n');
        out.push_str(&function(module, number as u32));
    }
    out
}

fn section<T>(out: &mut String, items: &[T], print: impl Fn(usize, &T) -> String) {
    if !items.is_empty() {
        out.push('\n');
    }
    for (number, item) in items.iter().enumerate() {
        line!(out, "{}", print(number, item));
    }
}

fn const_text(constant: &Const) -> String {
    match constant {
        Const::Null => "null".into(),
        Const::Bool(value) => format!("bool {value}"),
        Const::Int(value) => format!("int {value}"),
        Const::Float(value) if value.is_nan() => format!("float {:#018x}", value.to_bits()),
        Const::Float(value) => format!("float {value:?}"),
        Const::Str(text) => format!("str {}", quoted(text)),
        Const::Bytes(bytes) => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                let _ = write!(hex, "{byte:02x}");
            }
            format!("bytes \"{hex}\"")
        }
        Const::Big(digits) => format!("big {}", quoted(digits)),
        Const::Range { start, end, inclusive } => {
            format!("range {start}{}{end}", if *inclusive { "..=" } else { ".." })
        }
        Const::Builtin(builtin) => format!("builtin {}", name(builtin)),
        Const::Namespace(index) => format!("namespace n{index}"),
    }
}

fn type_text(ty: &TypeRef) -> String {
    match ty {
        TypeRef::Any => "any".into(),
        TypeRef::Int => "int".into(),
        TypeRef::Float => "float".into(),
        TypeRef::Bool => "bool".into(),
        TypeRef::Str => "string".into(),
        TypeRef::Builtin(builtin) => format!("builtin {}", name(builtin)),
        TypeRef::Global(slot) => format!("global g{slot}"),
        TypeRef::Member(slot, path) => {
            let mut text = format!("member g{slot}");
            for part in path {
                text.push(' ');
                text.push_str(&name(part));
            }
            text
        }
    }
}

fn class_text(out: &mut String, number: usize, class: &ClassDef) {
    line!(out, "\nclass c{number} {}", name(&class.name));
    if !class.doc.is_empty() {
        line!(out, "  doc {}", quoted(&class.doc));
    }
    for attribute in &class.attributes {
        let doc =
            if attribute.doc.is_empty() { String::new() } else { format!(" {}", quoted(&attribute.doc)) };
        line!(out, "  attribute {} t{} k{}{doc}", name(&attribute.name), attribute.ty, attribute.initial);
    }
    for (method, function) in &class.methods {
        line!(out, "  method {} f{function}", name(method));
    }
    for (member, function) in &class.statics {
        line!(out, "  static {} f{function}", name(member));
    }
    if let Some(init) = class.init {
        line!(out, "  init f{init}");
    }
}

/// The text form of one function of a module; of a number that names none, nothing.
pub fn function(module: &Module, number: u32) -> String {
    let mut out = String::new();
    let Some(function) = module.functions.get(number as usize) else { return out };
    line!(out, "{}", header(number, function));
    if !function.doc.is_empty() {
        line!(out, "  .doc {}", quoted(&function.doc));
    }
    for capture in &function.captures {
        match capture {
            Capture::Register(register) => line!(out, "  .capture r{register}"),
            Capture::Upvalue(index) => line!(out, "  .capture u{index}"),
        };
    }
    let labels = labels(function);
    for handler in &function.handlers {
        line!(
            out,
            "  .handler {} {} {} r{}",
            target(&labels, i64::from(handler.start)),
            target(&labels, i64::from(handler.end)),
            target(&labels, i64::from(handler.target)),
            handler.register
        );
    }
    for variable in &function.variables {
        let [start, end] = [variable.start, variable.end].map(|place| target(&labels, i64::from(place)));
        line!(out, "  .variable {start} {end} r{}", variable.register);
    }
    unused_sites(&mut out, function);
    code(&mut out, module, function, &labels);
    out
}

fn header(number: u32, function: &Function) -> String {
    let mut names: Vec<String> = function.param_names.iter().map(|param| name(param)).collect();
    let mut flags = String::new();
    match names.last_mut() {
        Some(last) if function.rest => last.insert_str(0, "..."),
        _ if function.rest => flags.push_str(" rest"),
        _ => {}
    }
    if function.generator {
        flags.push_str(" generator");
    }
    if function.method {
        flags.push_str(" method");
    }
    let mut params = String::new();
    if implied_params(function.param_names.len(), function.rest) != Some(function.params) {
        params = format!(" params {}", function.params);
    }
    format!(
        "function f{number} {}({}){params} required {} tagged {} raw {}{flags}",
        name(&function.name),
        names.join(", "),
        function.required,
        function.tagged,
        function.raw
    )
}

/// The number of parameters that the header's names stand for, if it does not say otherwise.
pub(super) fn implied_params(names: usize, rest: bool) -> Option<u8> {
    u8::try_from(names.saturating_sub(usize::from(rest))).ok()
}

/// Where labels stand: the targets of jumps and the ends of handlers' ranges, as far as they are inside the code.
fn labels(function: &Function) -> BTreeMap<u32, String> {
    let length = function.code.len() as i64;
    let mut places: Vec<i64> = Vec::new();
    for (pc, &instr) in function.code.iter().enumerate() {
        if let Some(field) = instr.op().and_then(|op| op.info().field_of(Operand::Jump)) {
            places.push(pc as i64 + 1 + i64::from(field.signed(instr)));
        }
    }
    for handler in &function.handlers {
        places.extend([handler.start, handler.end, handler.target].map(i64::from));
    }
    places.retain(|place| (0..=length).contains(place));
    places.sort_unstable();
    places.dedup();
    places.iter().zip(1..).map(|(&place, number)| (place as u32, format!("L{number}"))).collect()
}

/// A jump's target: its label, or its number where no label can stand.
fn target(labels: &BTreeMap<u32, String>, place: i64) -> String {
    match u32::try_from(place).ok().and_then(|place| labels.get(&place)) {
        Some(label) => label.clone(),
        None => format!("@{place}"),
    }
}

/// Sites that no instruction names would be lost otherwise.
fn unused_sites(out: &mut String, function: &Function) {
    let mut used = vec![false; function.sites.len()];
    for &instr in &function.code {
        if !is_proper(instr) {
            continue;
        }
        if let Some(field) = instr.op().and_then(|op| op.info().field_of(Operand::Site))
            && let Some(used) = used.get_mut(field.unsigned(instr) as usize)
        {
            *used = true;
        }
    }
    for (number, site) in function.sites.iter().enumerate() {
        if !used[number] {
            line!(out, "  .site s{number} {}", name(&site.name));
        }
    }
}

/// Whether the word is an instruction with nothing in its unused fields.
fn is_proper(instr: Instr) -> bool {
    instr.op().is_some_and(|op| {
        op.info().fields().all(|(field, kind)| kind != Operand::None || field.unsigned(instr) == 0)
    })
}

fn code(out: &mut String, module: &Module, function: &Function, labels: &BTreeMap<u32, String>) {
    let length = function.code.len() as u32;
    let lines = &function.lines;
    // A table that the code's order cannot express is written with its places.
    let in_order =
        lines.is_sorted_by_key(|entry| entry.pc) && lines.last().is_none_or(|entry| entry.pc <= length);
    let mut next = 0;
    for pc in 0..=length {
        while in_order && lines.get(next).is_some_and(|entry| entry.pc == pc) {
            line!(out, "  .line {}:{}", lines[next].line, lines[next].column);
            next += 1;
        }
        if let Some(label) = labels.get(&pc) {
            line!(out, "{label}:");
        }
        if let Some(&instr) = function.code.get(pc as usize) {
            line!(out, "{}", instruction(module, function, labels, pc, instr));
        }
    }
    if !in_order {
        for entry in lines {
            line!(out, "  .line {}:{} @{}", entry.line, entry.column, entry.pc);
        }
    }
}

fn instruction(
    module: &Module,
    function: &Function,
    labels: &BTreeMap<u32, String>,
    pc: u32,
    instr: Instr,
) -> String {
    let Some(op) = instr.op().filter(|_| is_proper(instr)) else {
        return format!("    .word {:#018x}", instr.0);
    };
    let mut operands = Vec::new();
    let mut notes = Vec::new();
    for (field, kind) in op.info().operands() {
        operands.push(operand(function, labels, pc, instr, field, kind));
        notes.extend(note(module, kind, field.unsigned(instr)));
    }
    let space = if operands.is_empty() { "" } else { " " };
    let text = format!("    {}{space}{}", op.info().name, operands.join(", "));
    if notes.is_empty() { text } else { format!("{text:COMMENT$} ; {}", notes.join(", ")) }
}

fn operand(
    function: &Function,
    labels: &BTreeMap<u32, String>,
    pc: u32,
    instr: Instr,
    field: Field,
    kind: Operand,
) -> String {
    let value = field.unsigned(instr);
    match kind {
        Operand::Imm => format!("#{}", field.signed(instr)),
        Operand::Jump => target(labels, i64::from(pc) + 1 + i64::from(field.signed(instr))),
        Operand::Site => match function.sites.get(value as usize) {
            Some(site) => format!("s{value}.{}", name(&site.name)),
            None => format!("s{value}"),
        },
        _ => format!("{}{value}", kind.describe().0),
    }
}

/// What an index stands for, for the comment.
fn note(module: &Module, kind: Operand, value: u32) -> Option<String> {
    let index = value as usize;
    match kind {
        Operand::Const => module.consts.get(index).map(|constant| match constant {
            Const::Str(text) => quoted(&shortened(text)),
            Const::Int(value) => value.to_string(),
            other => shortened(&const_text(other)),
        }),
        Operand::Type => module.types.get(index).map(|ty| shortened(&type_text(ty))),
        Operand::Function => module.functions.get(index).map(|callee| name(&shortened(&callee.name))),
        Operand::Global => module.globals.get(index).map(|global| name(&shortened(global))),
        Operand::Class => module.classes.get(index).map(|class| name(&shortened(&class.name))),
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
