//! `is`: whether a value is one of a type.

use super::super::family::Classes;
use super::super::masks::{BOOL, FLOAT, INT, Mask};
use super::super::runtime;
use super::Translator;
use super::objects::TAG;
use crate::code::LinkedType;
use crate::object::Kind;
use crate::value::Value;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I32};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};

impl Translator<'_, '_> {
    /// `is`, as a flag.
    pub(super) fn is_type(&mut self, value: u16, ty: u16) -> Ir {
        let known = self.mask(value);
        let word = self.tagged(value);
        // SAFETY: linked code lives as long as the VM; the verifier checked the type's index.
        let linked = unsafe { &(&(*self.code().module).types)[ty as usize] };
        let (slow, done) = (self.block(), self.block());
        self.b.append_block_param(done, I8);
        match linked {
            LinkedType::Any => {
                let null = self.is_null(word);
                let flag = self.b.ins().icmp_imm_s(IntCC::Equal, null, 0);
                self.b.ins().jump(done, &[flag.into()]);
            }
            LinkedType::Str => {
                let other = self.block();
                self.expect_kind(word, Kind::Str, other);
                self.done_with(true, done);
                self.b.switch_to_block(other);
                self.done_with(false, done);
            }
            LinkedType::Bool => {
                let yes = self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::TRUE.bits() as i64);
                let no = self.b.ins().icmp_imm_s(IntCC::Equal, word, Value::FALSE.bits() as i64);
                let flag = self.b.ins().bor(yes, no);
                self.b.ins().jump(done, &[flag.into()]);
            }
            LinkedType::Int if known & !(INT | FLOAT | BOOL) == 0 => {
                let odd = self.b.ins().band_imm_s(word, 1);
                let flag = self.b.ins().icmp_imm_s(IntCC::Equal, odd, 0);
                self.b.ins().jump(done, &[flag.into()]);
            }
            // Large integers and rare floats have boxes.
            LinkedType::Int => self.yes_or(word, 1, 0, slow, done),
            LinkedType::Float => self.yes_or(word, 3, 3, slow, done),
            LinkedType::Class(_) | LinkedType::Global(_)
                if !self.wide() && !self.feedback().fitting(ty).is_empty() =>
            {
                self.is_of_class(word, known, ty, slow, done);
            }
            LinkedType::Class(class) => {
                self.expect_class(word, known, &[class.id], slow);
                self.done_with(true, done);
            }
            LinkedType::Global(_) | LinkedType::Member(..) => {
                self.b.ins().jump(slow, &[]);
            }
        }
        if self.reached(slow) {
            let ty = self.word(ty.into());
            let helper = runtime::is_type as *const () as usize;
            let found = self.helper_for_free(helper, b"iii>i", &[self.thread, word, ty]);
            let flag = self.b.ins().icmp_imm_s(IntCC::Equal, found, Value::TRUE.bits() as i64);
            self.b.ins().jump(done, &[flag.into()]);
        }
        self.b.switch_to_block(done);
        self.b.block_params(done)[0]
    }

    /// Goes to `done` with whether the value is an object of a class that is this type or derived from it; to `slow` if it is a proxy, or if
    /// there are other classes than when the unit was made.
    fn is_of_class(&mut self, word: Ir, forms: Mask, ty: u16, slow: Block, done: Block) {
        let classes = Classes::from_slice(self.feedback().fitting(ty));
        let (epoch, before) = (self.unit.epoch, self.state.epoch);
        self.expect_epoch(epoch, Some(slow));
        let (no, yes) = (self.flag(false), self.flag(true));
        let (other, neither) = (self.block(), self.block());
        self.expect_object_among(word, forms, neither);
        let found = self.b.ins().load(I32, MemFlagsData::trusted(), word, 4 - TAG);
        let is_among = self.is_among(found, &classes);
        self.b.ins().brif(is_among, done, &[yes.into()], other, &[]);
        self.b.switch_to_block(other);
        let kind = self.b.ins().load(I8, MemFlagsData::trusted(), word, -TAG);
        let is_proxy = self.b.ins().icmp_imm_s(IntCC::Equal, kind, Kind::Proxy as i64);
        self.b.ins().brif(is_proxy, slow, &[], neither, &[]);
        self.b.switch_to_block(neither);
        self.b.ins().jump(done, &[no.into()]);
        // The slow way has not looked at the epoch.
        self.state.epoch = before;
    }

    fn flag(&mut self, flag: bool) -> Ir {
        self.b.ins().iconst(I8, i64::from(flag))
    }

    /// Goes to `done` with true if these bits of the word are so; else to `slow`.
    fn yes_or(&mut self, word: Ir, bits: i64, so: i64, slow: Block, done: Block) {
        let found = self.b.ins().band_imm_s(word, bits);
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, found, so);
        let yes = self.flag(true);
        self.b.ins().brif(same, done, &[yes.into()], slow, &[]);
    }

    /// Goes to `done` with a flag.
    fn done_with(&mut self, flag: bool, done: Block) {
        let flag = self.flag(flag);
        self.b.ins().jump(done, &[flag.into()]);
    }
}
