//! What is done to texts on the straight path: their length, one character of a text of ASCII, what is a text already.

use super::super::masks::{INT, OTHER};
use super::super::runtime;
use super::Translator;
use super::objects::TAG;
use crate::bytecode::Instr;
use crate::native::NativeFn;
use crate::object::Kind;
use crate::object::string::Str;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value as Ir};
use std::mem::offset_of;

impl Translator<'_, '_> {
    fn load_word32(&mut self, object: Ir, offset: usize) -> Ir {
        self.b.ins().uload32(MemFlagsData::trusted(), object, offset as i32 - TAG)
    }

    /// Goes to `done` with the length of an object that is no array, if it is a text; else to `slow`. Its kind has been loaded.
    pub(super) fn text_length(&mut self, object: Ir, kind: Ir, slow: Block, done: Block) {
        let text = self.block();
        let is_text = self.b.ins().icmp_imm_s(IntCC::Equal, kind, Kind::Str as i64);
        self.go_if(is_text, text, slow);
        self.b.switch_to_block(text);
        let chars = self.load_word32(object, offset_of!(Str, chars));
        let word = self.b.ins().ishl_imm_s(chars, 1);
        self.b.ins().jump(done, &[word.into()]);
    }

    /// `text.code_at(index)` of the text in register `text`: a byte where all are ASCII; else what the native gives.
    pub(super) fn code_at(&mut self, native: NativeFn, text: u16, dst: u16) {
        let (slow, done) = (self.cold(), self.result_block());
        let object = self.tagged(text);
        let (index, key) = self.index(text + 1, slow);
        let (len, chars) = (
            self.load_word32(object, offset_of!(Str, len)),
            self.load_word32(object, offset_of!(Str, chars)),
        );
        let (ascii, inside, outside, found) = (self.block(), self.block(), self.block(), self.block());
        let is_ascii = self.b.ins().icmp(IntCC::Equal, len, chars);
        self.go_if(is_ascii, ascii, slow);
        self.b.switch_to_block(ascii);
        // A negative index counts from the end: as a number without sign it is too large.
        let is_inside = self.b.ins().icmp(IntCC::UnsignedLessThan, index, len);
        self.go_if(is_inside, inside, slow);
        self.b.switch_to_block(inside);
        let external = self.load_word32(object, offset_of!(Str, external));
        let content = size_of::<Str>() as i32 - TAG;
        let here = self.b.ins().iadd_imm_s(object, i64::from(content));
        self.b.append_block_param(found, I64);
        self.b.ins().brif(external, outside, &[], found, &[here.into()]);
        self.b.switch_to_block(outside);
        let there = self.load(here, 0);
        self.b.ins().jump(found, &[there.into()]);
        self.b.switch_to_block(found);
        let start = self.b.block_params(found)[0];
        let at = self.b.ins().iadd(start, index);
        let byte = self.b.ins().uload8(I64, MemFlagsData::trusted(), at, 0);
        let word = self.b.ins().ishl_imm_s(byte, 1);
        self.b.ins().jump(done, &[word.into()]);
        self.b.switch_to_block(slow);
        let native = self.word(native as *const () as i64);
        let call = runtime::call_with_two as *const () as usize;
        let code = self.helper(call, b"iiii>i", &[self.thread, native, object, key]);
        self.b.ins().jump(done, &[code.into()]);
        self.take_result(dst, done, INT);
    }

    /// What a value looks like as a text: the value itself if it is one.
    pub(super) fn text_of(&mut self, i: Instr) {
        let value = self.tagged(i.b());
        let (other, done) = (self.block(), self.result_block());
        self.expect_kind(value, Kind::Str, other);
        self.b.ins().jump(done, &[value.into()]);
        let state = self.state.clone();
        self.b.switch_to_block(other);
        self.write_back_reads();
        let made = self.helper(runtime::make as *const () as usize, b"i>i", &[self.thread]);
        self.b.ins().jump(done, &[made.into()]);
        self.join(&state);
        self.take_result(i.a(), done, OTHER);
    }
}
