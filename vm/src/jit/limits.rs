//! How much is compiled at once: more saves calls, takes longer, and crowds the registers. Functions of more than twenty instructions, or more
//! than two deep, made programs of many short methods slower, long runs too. Invariant: whoever makes a unit asks here.

/// Functions longer than this are left to the interpreter.
pub(super) const MAX_INSTRUCTIONS: usize = 6_000;
/// So are functions with more registers.
pub(super) const MAX_REGISTERS: usize = 250;
/// Instructions of a function that is spliced in; into itself once.
pub(super) const MAX_SPLICED: usize = 20;
/// Instructions of one that is spliced into itself three times, if it needs no frame.
pub(super) const MAX_SHORT: usize = 12;
/// Nothing more is spliced in once a unit has so many instructions.
pub(super) const MAX_UNIT: usize = 160;
/// Nor above so many registers.
pub(super) const MAX_UNIT_REGISTERS: usize = 400;
/// Functions spliced into one another.
const MAX_DEPTH: usize = 2;
/// The same where the innermost is tiny, or one of those around it again.
const MAX_DEPTH_TINY: usize = 4;
/// Instructions of a function that is tiny.
const MAX_TINY: usize = 8;
/// Different targets spliced in at one call.
pub(super) const MAX_TARGETS: usize = 3;

/// How many functions may be spliced around one of so many instructions, which is, or is not, one of these again.
pub(super) fn depth(length: usize, again: bool) -> usize {
    if again || length <= MAX_TINY { MAX_DEPTH_TINY } else { MAX_DEPTH }
}
