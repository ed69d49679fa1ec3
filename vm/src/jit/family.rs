//! Sets of classes whose numbers lie close together, as those of a class and its subclasses mostly do: a comparison or two tell whether a
//! class is in one, whatever its size.

use smallvec::SmallVec;

/// A few classes.
pub(super) type Classes = SmallVec<[u32; 4]>;

/// Classes that are told apart at one place.
const MAX_CLASSES: usize = 6;

/// The same where they are a family.
const MAX_FAMILY: usize = 16;

/// Leaves as many classes as are told apart at one place; whether all could stay.
pub(super) fn cut(classes: &mut Classes) -> bool {
    let most = if Family::of(classes).is_known() { MAX_FAMILY } else { MAX_CLASSES };
    let all = classes.len() <= most;
    classes.truncate(most);
    all
}

/// A set of classes, or none that is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Family {
    /// The lowest number.
    first: u32,
    /// Bit `k` says whether class `first + k` is in it; 0 where no set is known.
    members: u32,
}

impl Family {
    /// Any class.
    pub(super) const UNKNOWN: Self = Self { first: 0, members: 0 };

    /// One class.
    pub(super) const fn one(class: u32) -> Self {
        Self { first: class, members: 1 }
    }

    /// These classes; unknown if they are none or lie too far apart.
    pub(super) fn of(classes: &[u32]) -> Self {
        let Some(&first) = classes.iter().min() else { return Self::UNKNOWN };
        let member = |class: &u32| 1u32.checked_shl(class - first);
        let members = classes.iter().map(member).try_fold(0, |all, one| Some(all | one?));
        members.map_or(Self::UNKNOWN, |members| Self { first, members })
    }

    pub(super) fn is_known(self) -> bool {
        self.members != 0
    }

    /// Its class, if it has one only.
    pub(super) fn single(self) -> Option<u32> {
        (self.members == 1).then_some(self.first)
    }

    /// All of its classes.
    pub(super) fn classes(self) -> impl Iterator<Item = u32> {
        (0..u32::BITS).filter(move |k| self.members >> k & 1 != 0).map(move |k| self.first + k)
    }

    /// Whether it is known, and all of it among these classes.
    pub(super) fn is_within(self, classes: &[u32]) -> bool {
        self.is_known() && self.classes().all(|class| classes.contains(&class))
    }

    /// Whether a class may be in it.
    pub(super) fn may_be(self, class: u32) -> bool {
        !self.is_known()
            || class.checked_sub(self.first).is_some_and(|k| k < u32::BITS && self.members >> k & 1 != 0)
    }

    /// What is known of a class that is in one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        if !self.is_known() || !other.is_known() {
            return Self::UNKNOWN;
        }
        let first = self.first.min(other.first);
        let moved = |family: Self| u64::from(family.members).checked_shl(family.first - first);
        let members = moved(self).zip(moved(other)).map(|(a, b)| a | b);
        match members.and_then(|members| u32::try_from(members).ok()) {
            Some(members) => Self { first, members },
            None => Self::UNKNOWN,
        }
    }

    /// What is known of a class of which both are.
    pub(super) fn and(self, other: Self) -> Self {
        match (self.is_known(), other.is_known()) {
            (true, true) if other.members.count_ones() < self.members.count_ones() => other,
            (true, _) => self,
            _ => other,
        }
    }

    /// The lowest number and, as bits from there on, which classes are in it.
    pub(super) fn parts(self) -> (u32, u32) {
        (self.first, self.members)
    }

    /// The set of these parts.
    pub(super) fn from_parts(first: u32, members: u32) -> Self {
        Self { first, members }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_what_they_are_made_of() {
        let family = Family::of(&[7, 5, 6, 9]);
        assert_eq!(family.classes().collect::<Vec<_>>(), [5, 6, 7, 9]);
        assert!(family.is_within(&[9, 7, 6, 5, 1]) && !family.is_within(&[5, 6, 7]));
        assert!(family.may_be(9) && !family.may_be(8) && !family.may_be(4) && !family.may_be(5 + 32));
        assert_eq!(Family::of(&[]), Family::UNKNOWN);
        assert_eq!(Family::of(&[1, 33]), Family::UNKNOWN);
        assert_eq!(Family::of(&[2, 33]).classes().collect::<Vec<_>>(), [2, 33]);
        assert_eq!(Family::one(3).single(), Some(3));
        assert_eq!(family.single(), None);
    }

    #[test]
    fn a_family_may_be_larger_than_other_classes() {
        let kept = |classes: &[u32]| {
            let mut classes = Classes::from_slice(classes);
            (cut(&mut classes), classes.len())
        };
        assert_eq!(kept(&[1, 100, 200, 300, 400, 500]), (true, 6));
        assert_eq!(kept(&[1, 100, 200, 300, 400, 500, 600]), (false, 6));
        assert_eq!(kept(&(1..17).collect::<Vec<_>>()), (true, 16));
        assert_eq!(kept(&(1..18).collect::<Vec<_>>()), (false, 16));
    }

    #[test]
    fn unions_hold_both_or_are_unknown() {
        let (a, b) = (Family::of(&[40, 41]), Family::one(38));
        assert_eq!(a.or(b), Family::of(&[38, 40, 41]));
        assert_eq!(b.or(a), a.or(b));
        assert_eq!(a.or(Family::UNKNOWN), Family::UNKNOWN);
        assert_eq!(a.or(Family::one(2)), Family::UNKNOWN);
        assert_eq!(a.or(Family::one(1000)), Family::UNKNOWN);
        assert_eq!(Family::of(&[1, 2, 3]).and(Family::one(2)), Family::one(2));
        assert_eq!(Family::UNKNOWN.and(a), a);
    }
}
