//! Division by constants without dividing: shifts for powers of two, a multiplication for all others.
//!
//! A processor takes twenty to forty cycles for a division of 64 bits, four for a multiplication. Source of the method: Granlund and Montgomery,
//! "Division by Invariant Integers using Multiplication" (1994). Cranelift does the same, but in its optimiser, which is left out.
//!
//! Invariant: results are those of `sdiv` and `srem`, which round towards zero, for every dividend.

use super::Translator;
use cranelift_codegen::ir::{InstBuilder, Value as Ir};

/// `x / divisor` is the high word of `x * factor` (`factor` as a number without sign), shifted, and one more if `x` is negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reciprocal {
    factor: u64,
    shift: u32,
}

/// The reciprocal of a divisor that is at least 3 and no power of two.
fn reciprocal(divisor: u64) -> Reciprocal {
    let divisor = u128::from(divisor);
    // The dividend that rounding hits hardest is the largest one that is one less than a multiple.
    let hardest = (1u128 << 63) - 1 - (1u128 << 63) % divisor;
    let mut shift = 0;
    loop {
        let power = 1u128 << (64 + shift);
        let missing = divisor - power % divisor;
        if power > hardest * missing {
            let factor = ((power + missing) / divisor) as u64;
            return Reciprocal { factor, shift };
        }
        shift += 1;
    }
}

impl Translator<'_, '_> {
    /// Whether [`divided`](Self::divided) takes this divisor.
    pub(super) fn is_easy_divisor(divisor: i64) -> bool {
        !matches!(divisor, 0 | -1 | i64::MIN)
    }

    /// `x / divisor`, or what remains (`quotient` is false), for the instruction that is being translated.
    pub(super) fn divided(&mut self, quotient: bool, x: Ir, divisor: i64) -> Ir {
        debug_assert!(Self::is_easy_divisor(divisor));
        let unsigned = self.facts.ranges.is_unsigned(self.pc);
        if quotient { self.quotient(x, divisor, unsigned) } else { self.remainder(x, divisor, unsigned) }
    }

    fn quotient(&mut self, x: Ir, divisor: i64, unsigned: bool) -> Ir {
        let size = divisor.unsigned_abs();
        let quotient = if size == 1 {
            x
        } else if size.is_power_of_two() {
            let bits = size.trailing_zeros();
            let rounded = if unsigned { x } else { self.towards_zero(x, bits).1 };
            self.b.ins().sshr_imm_s(rounded, i64::from(bits))
        } else {
            let Reciprocal { factor, shift } = reciprocal(size);
            let by = self.word(factor as i64);
            let mut high = self.b.ins().smulhi(x, by);
            if factor >> 63 != 0 {
                // The multiplication took the factor for negative.
                high = self.b.ins().iadd(high, x);
            }
            let shifted = self.b.ins().sshr_imm_s(high, i64::from(shift));
            if unsigned {
                shifted
            } else {
                let negative = self.b.ins().ushr_imm_s(x, 63);
                self.b.ins().iadd(shifted, negative)
            }
        };
        if divisor < 0 { self.b.ins().ineg(quotient) } else { quotient }
    }

    fn remainder(&mut self, x: Ir, divisor: i64, unsigned: bool) -> Ir {
        let size = divisor.unsigned_abs();
        if size.is_power_of_two() {
            if unsigned {
                return self.b.ins().band_imm_s(x, size as i64 - 1);
            }
            let (added, rounded) = self.towards_zero(x, size.trailing_zeros());
            let low = self.b.ins().band_imm_s(rounded, size as i64 - 1);
            let remainder = self.b.ins().isub(low, added);
            self.remainders.push((remainder, x, size as i64 - 1));
            return remainder;
        }
        let quotient = self.quotient(x, divisor, unsigned);
        let whole = self.b.ins().imul_imm_s(quotient, divisor);
        self.b.ins().isub(x, whole)
    }

    /// For what remained of a division by a power of two: another number that is zero for the same dividends, and is computed at once.
    pub(super) fn zero_like(&mut self, remainder: Ir) -> Ir {
        match self.remainders.iter().rev().find(|(known, ..)| *known == remainder) {
            Some(&(_, x, bits)) => self.b.ins().band_imm_s(x, bits),
            None => remainder,
        }
    }

    /// What has to be added to a dividend so that cutting off its last bits rounds towards zero, and the sum.
    fn towards_zero(&mut self, x: Ir, bits: u32) -> (Ir, Ir) {
        let sign = self.b.ins().sshr_imm_s(x, 63);
        let added = match bits {
            0 => self.word(0),
            _ => self.b.ins().ushr_imm_s(sign, i64::from(64 - bits)),
        };
        (added, self.b.ins().iadd(x, added))
    }
}

#[cfg(test)]
mod tests {
    use super::reciprocal;
    use crate::bytecode::generate::Rng;

    #[test]
    fn reciprocals_divide_like_division() {
        let mut rng = Rng::new(1);
        let divisors = (3..2000)
            .chain((2..63).flat_map(|bits| [(1u64 << bits) - 1, (1 << bits) + 1]))
            .chain((0..2000).map(|k| rng.bits() >> (1 + k % 60)))
            .filter(|d| *d >= 3 && !d.is_power_of_two())
            .collect::<Vec<_>>();
        for divisor in divisors {
            let found = reciprocal(divisor);
            let d = divisor as i64;
            let edges = [
                0,
                1,
                -1,
                d,
                d - 1,
                d + 1,
                -d,
                1 - d,
                i64::MAX,
                i64::MIN,
                i64::MAX / d * d,
                i64::MAX / d * d - 1,
            ];
            for x in edges.into_iter().chain((0..50).map(|k| rng.bits() as i64 >> k)) {
                let high = ((i128::from(x) * i128::from(found.factor)) >> 64) as i64;
                let quotient = (high >> found.shift) + i64::from(x < 0);
                assert_eq!(quotient, x / d, "{x} / {d} by {found:?}");
            }
        }
    }
}
