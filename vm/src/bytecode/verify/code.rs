//! Checks of one function: its limits and tables, then each instruction against what the op table declares.

use super::{Check, MAX_CODE, VerifyError};
use crate::bytecode::instr::Instr;
use crate::bytecode::module::{Capture, Const, Function, Module};
use crate::bytecode::operand::Field;
use crate::bytecode::ops::{ENDS, Op, OpInfo, Operand};
use std::collections::HashSet;

/// Most registers of one function: an instruction names them in 16 bits, and one past the last must be nameable.
const MAX_REGISTERS: u32 = 65535;

/// Checks one function.
pub(super) fn function(module: &Module, number: u32, function: &Function) -> Check {
    let tagged = u32::from(function.tagged);
    let mut checker = Checker {
        module,
        number,
        function,
        tagged,
        registers: tagged + u32::from(function.raw),
        site_ops: vec![None; function.sites.len()],
        closed: HashSet::new(),
    };
    checker.limits()?;
    checker.handlers()?;
    checker.variables()?;
    checker.lines()?;
    for (pc, &instr) in function.code.iter().enumerate() {
        checker.instruction(pc as u32, instr).map_err(|message| checker.at(pc as u32, message))?;
    }
    checker.last()
}

/// What the instruction checks of one function share.
struct Checker<'m> {
    module: &'m Module,
    number: u32,
    function: &'m Function,
    tagged: u32,
    registers: u32,
    /// The op that uses each site: what a cache holds is that op's alone.
    site_ops: Vec<Option<Op>>,
    /// Functions whose captures have been checked against this function, so that many `closure` ops cost no more than one.
    closed: HashSet<u32>,
}

impl Checker<'_> {
    fn fault(&self, message: String) -> VerifyError {
        VerifyError { function: Some(self.number), pc: None, message }
    }

    fn at(&self, pc: u32, message: String) -> VerifyError {
        VerifyError { function: Some(self.number), pc: Some(pc), message }
    }

    fn limits(&self) -> Check {
        let function = self.function;
        let (params, required) = (u32::from(function.params), u32::from(function.required));
        let length = function.code.len();
        if length == 0 {
            return Err(self.fault("the function has no code".into()));
        }
        if length > MAX_CODE {
            return Err(self.fault(format!("{length} instructions are more than {MAX_CODE}")));
        }
        if self.registers == 0 {
            return Err(self.fault("a function needs at least one register".into()));
        }
        if self.registers > MAX_REGISTERS {
            return Err(self.fault(format!("{} registers are more than {MAX_REGISTERS}", self.registers)));
        }
        if required > params {
            return Err(self.fault(format!("requires {required} of only {params} parameters")));
        }
        if params + u32::from(function.rest) > self.tagged {
            return Err(
                self.fault(format!("{} tagged registers do not hold the {params} parameters", self.tagged))
            );
        }
        if function.method && required == 0 {
            return Err(self.fault("a method requires at least one parameter, self".into()));
        }
        if function.captures.len() > usize::from(u16::MAX) + 1 {
            return Err(self.fault(format!("{} captured values are too many", function.captures.len())));
        }
        if function.sites.len() > usize::from(u16::MAX) + 1 {
            return Err(self.fault(format!("{} inline-cache sites are too many", function.sites.len())));
        }
        Ok(())
    }

    fn handlers(&self) -> Check {
        let length = self.function.code.len() as u32;
        for (index, handler) in self.function.handlers.iter().enumerate() {
            if handler.start > handler.end || handler.end > length {
                return Err(self.fault(format!(
                    "handler {index} covers {}..{} of {length} instructions",
                    handler.start, handler.end
                )));
            }
            if handler.target >= length {
                return Err(self.fault(format!(
                    "handler {index} continues at {}, past the last of {length} instructions",
                    handler.target
                )));
            }
            // Otherwise throwing could go in circles without ever meeting a safepoint.
            if handler.target < handler.end {
                return Err(self.fault(format!(
                    "handler {index} continues at {}, before the end of what it covers at {}",
                    handler.target, handler.end
                )));
            }
            if u32::from(handler.register) >= self.tagged {
                return Err(self.fault(format!(
                    "handler {index} puts the error into register {}, but only {} are tagged",
                    handler.register, self.tagged
                )));
            }
        }
        Ok(())
    }

    fn variables(&self) -> Check {
        let length = self.function.code.len() as u32;
        for (index, variable) in self.function.variables.iter().enumerate() {
            if variable.start > variable.end || variable.end > length {
                return Err(self.fault(format!(
                    "variable {index} is in scope in {}..{} of {length} instructions",
                    variable.start, variable.end
                )));
            }
            if u32::from(variable.register) >= self.tagged {
                return Err(self.fault(format!(
                    "variable {index} is in register {}, but only {} are tagged",
                    variable.register, self.tagged
                )));
            }
        }
        Ok(())
    }

    fn lines(&self) -> Check {
        let mut before = 0;
        for (index, line) in self.function.lines.iter().enumerate() {
            if line.pc < before {
                return Err(self.fault(format!(
                    "line entry {index} for instruction {} stands behind one for {before}",
                    line.pc
                )));
            }
            if line.pc as usize > self.function.code.len() {
                return Err(self.fault(format!("line entry {index} is for instruction {}", line.pc)));
            }
            if line.line == 0 || line.column == 0 {
                return Err(self.fault(format!(
                    "line entry {index} says {}:{}, but both count from 1",
                    line.line, line.column
                )));
            }
            before = line.pc;
        }
        Ok(())
    }

    /// Control must not run off the end.
    fn last(&self) -> Check {
        let Some(instr) = self.function.code.last() else { return Ok(()) };
        let stays = instr.op().is_some_and(|op| op.info().flags & ENDS != 0 || op.info().jumps_always());
        if stays {
            return Ok(());
        }
        let pc = self.function.code.len() as u32 - 1;
        Err(self.at(pc, "control could run past this last instruction".into()))
    }

    fn instruction(&mut self, pc: u32, instr: Instr) -> Result<(), String> {
        let Some(op) = instr.op() else {
            return Err(format!("byte {:#04x} is no op", instr.op_byte()));
        };
        let info = op.info();
        for (field, kind) in info.fields() {
            self.operand(pc, instr, info, field, kind)
                .map_err(|message| format!("{}: operand {}: {message}", info.name, field.name()))?;
        }
        self.special(instr, op).map_err(|message| format!("{}: {message}", info.name))
    }

    fn operand(
        &mut self,
        pc: u32,
        instr: Instr,
        info: &OpInfo,
        field: Field,
        kind: Operand,
    ) -> Result<(), String> {
        let value = field.unsigned(instr);
        match kind {
            Operand::None if value != 0 => Err(format!("unused, but {value} instead of 0")),
            Operand::None | Operand::Count | Operand::Imm => Ok(()),
            Operand::Write | Operand::Read | Operand::ReadWrite => self.tagged(value, 1),
            Operand::RawWrite | Operand::RawRead | Operand::RawReadWrite => self.raw(value),
            Operand::Pair => self.tagged(value, 2),
            Operand::Window => {
                let count = info.field_of(Operand::Count).map_or(0, |count| count.unsigned(instr));
                self.tagged(value, count + info.window_extra())
            }
            Operand::Flag if value > 1 => Err(format!("a flag is 0 or 1, not {value}")),
            Operand::Flag => Ok(()),
            Operand::Jump => self.jump(pc, info, field.signed(instr)),
            Operand::Const => in_range(value, self.module.consts.len(), "constants"),
            Operand::Type => in_range(value, self.module.types.len(), "types"),
            Operand::Site => {
                in_range(value, self.function.sites.len(), "inline-cache sites")?;
                self.site(value, info.op)
            }
            Operand::Function => in_range(value, self.module.functions.len(), "functions"),
            Operand::Global => in_range(value, self.module.globals.len(), "variable slots"),
            Operand::Upvalue => in_range(value, self.function.captures.len(), "captured values"),
            Operand::Param => in_range(value, usize::from(self.function.params), "parameters"),
            Operand::Class => in_range(value, self.module.classes.len(), "class declarations"),
        }
    }

    /// `count` consecutive tagged registers.
    fn tagged(&self, first: u32, count: u32) -> Result<(), String> {
        if first + count <= self.tagged {
            return Ok(());
        }
        if count == 1 {
            return Err(format!("register {first} is not one of {} tagged registers", self.tagged));
        }
        Err(format!("registers {first}..{} are not inside {} tagged registers", first + count, self.tagged))
    }

    fn raw(&self, register: u32) -> Result<(), String> {
        if (self.tagged..self.registers).contains(&register) {
            return Ok(());
        }
        Err(format!(
            "register {register} is not one of the raw registers {}..{}",
            self.tagged, self.registers
        ))
    }

    fn jump(&self, pc: u32, info: &OpInfo, distance: i32) -> Result<(), String> {
        if info.jumps_back() != (distance < 0) {
            let wanted = if info.jumps_back() { "back" } else { "forward" };
            return Err(format!("distance {distance}, but this op only jumps {wanted}"));
        }
        let target = i64::from(pc) + 1 + i64::from(distance);
        if target < 0 || target >= self.function.code.len() as i64 {
            let length = self.function.code.len();
            return Err(format!("jumps to {target}, outside of {length} instructions"));
        }
        Ok(())
    }

    fn site(&mut self, site: u32, op: Op) -> Result<(), String> {
        let Some(user) = self.site_ops.get_mut(site as usize) else { return Ok(()) };
        match *user {
            Some(other) if other != op => {
                Err(format!("inline-cache site {site} is used by {} as well", other.info().name))
            }
            _ => {
                *user = Some(op);
                Ok(())
            }
        }
    }

    /// What single ops need beyond their operands' kinds. Indices are in range here.
    fn special(&mut self, instr: Instr, op: Op) -> Result<(), String> {
        let info = op.info();
        match op {
            Op::LoadKRaw => match self.constant(instr.d()) {
                Some(Const::Int(_) | Const::Float(_)) => Ok(()),
                _ => Err(format!("constant {} must be an integer or a float", instr.d())),
            },
            Op::Import | Op::CheckType | Op::UnboxI | Op::UnboxF | Op::SetStatic | Op::Fail => {
                let index = info.field_of(Operand::Const).map_or(0, |field| field.unsigned(instr));
                match self.constant(index) {
                    Some(Const::Str(_)) => Ok(()),
                    _ => Err(format!("constant {index} must be a string")),
                }
            }
            Op::GetLen => match self.function.sites.get(usize::from(instr.c())) {
                Some(site) if site.name == "length" => Ok(()),
                _ => Err(format!("site {} must be named length", instr.c())),
            },
            Op::CallStatic => match self.module.functions.get(usize::from(instr.b())) {
                Some(callee) if callee.captures.is_empty() => Ok(()),
                _ => Err(format!("function {} captures values: call it through a closure", instr.b())),
            },
            Op::Closure => self.closure(instr.d()),
            Op::IterNext => self.element(instr),
            Op::GenYield if !self.function.generator => {
                Err("stands in a function that is no generator".into())
            }
            Op::ExtendClass => match self.module.classes.get(usize::from(instr.b())) {
                Some(class) if class.attributes.is_empty() && class.init.is_none() => Ok(()),
                _ => Err(format!("declaration {} adds attributes, which `extend` cannot", instr.b())),
            },
            _ => Ok(()),
        }
    }

    /// Where an iteration's elements go: not over its own state.
    fn element(&self, instr: Instr) -> Result<(), String> {
        let (state, to, count) = (u32::from(instr.a()), u32::from(instr.b()), u32::from(instr.n()));
        if !(1..=2).contains(&count) {
            return Err(format!("yields 1 or 2 values, not {count}"));
        }
        self.tagged(to, count)?;
        match to < state + 2 && state < to + count {
            true => Err(format!("register {to} is written over the iterator in {state} and {}", state + 1)),
            false => Ok(()),
        }
    }

    fn constant(&self, index: u32) -> Option<&Const> {
        self.module.consts.get(index as usize)
    }

    /// All that the closure captures must exist here, where it is made.
    fn closure(&mut self, number: u32) -> Result<(), String> {
        let Some(callee) = self.module.functions.get(number as usize) else { return Ok(()) };
        if !self.closed.insert(number) {
            return Ok(());
        }
        for (index, capture) in callee.captures.iter().enumerate() {
            let what = format!("capture {index} of function {number}");
            match *capture {
                Capture::Register(register) => {
                    self.tagged(u32::from(register), 1).map_err(|message| format!("{what}: {message}"))?;
                }
                Capture::Upvalue(upvalue) if usize::from(upvalue) >= self.function.captures.len() => {
                    let count = self.function.captures.len();
                    return Err(format!("{what}: captured value {upvalue} is not one of {count}"));
                }
                Capture::Upvalue(_) => {}
            }
        }
        Ok(())
    }
}

fn in_range(index: u32, length: usize, what: &str) -> Result<(), String> {
    if (index as usize) < length {
        return Ok(());
    }
    Err(format!("{index} is not one of {length} {what}"))
}
