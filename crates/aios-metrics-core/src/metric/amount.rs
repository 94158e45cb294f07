//! What a counter can be increased by.

/// An amount for a counter: a `u64` or an `f64`.
///
/// Whole amounts are counted exactly, as integers; fractions in a part of their own. An `f64`
/// must be finite and at least 0.
pub trait Amount: Copy + sealed::Sealed {}

pub(crate) mod sealed {
    /// An amount, told apart.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum Parts {
        Whole(u64),
        Fraction(f64),
        Invalid(f64),
    }

    pub trait Sealed {
        fn parts(self) -> Parts;
    }
}

pub(crate) use sealed::Parts;

impl Amount for u64 {}
impl sealed::Sealed for u64 {
    #[inline]
    fn parts(self) -> Parts {
        Parts::Whole(self)
    }
}

impl Amount for f64 {}
impl sealed::Sealed for f64 {
    #[inline]
    fn parts(self) -> Parts {
        // Through i64, which the processor converts in one step. The cast saturates, and the
        // largest i64 is not an amount below 2^63, so what doesn't fit is not taken for whole.
        let whole = self as i64;
        if whole as f64 == self && (0..i64::MAX).contains(&whole) {
            Parts::Whole(whole as u64)
        } else if (0.0..f64::INFINITY).contains(&self) {
            Parts::Fraction(self)
        } else {
            Parts::Invalid(self)
        }
    }
}

/// The total of a counter: exact while no fraction was added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Total {
    Whole(u64),
    Float(f64),
}

impl Total {
    /// The sum of the whole part and, where there was one, the fractional part.
    pub(crate) fn new(whole: u128, fraction: Option<f64>) -> Self {
        match (u64::try_from(whole), fraction) {
            (Ok(whole), None | Some(0.0)) => Self::Whole(whole),
            (_, fraction) => Self::Float(whole as f64 + fraction.unwrap_or(0.0)),
        }
    }

    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::sealed::Sealed;
    use super::*;

    #[test]
    fn amounts_are_told_apart() {
        assert_eq!(7_u64.parts(), Parts::Whole(7));
        assert_eq!(7.0.parts(), Parts::Whole(7));
        assert_eq!((-0.0).parts(), Parts::Whole(0));
        assert_eq!(0.5.parts(), Parts::Fraction(0.5));
        assert_eq!(1e19.parts(), Parts::Fraction(1e19));
        assert_eq!((-1.0).parts(), Parts::Invalid(-1.0));
        assert_eq!(f64::INFINITY.parts(), Parts::Invalid(f64::INFINITY));
        assert!(matches!(f64::NAN.parts(), Parts::Invalid(_)));
    }

    #[test]
    fn totals_are_exact_integers_where_they_can_be() {
        assert_eq!(Total::new((1 << 53) + 1, None), Total::Whole((1 << 53) + 1));
        assert_eq!(Total::new(3, Some(0.5)), Total::Float(3.5));
        assert_eq!(Total::new(1 << 64, None), Total::Float((1_u128 << 64) as f64));
    }
}
