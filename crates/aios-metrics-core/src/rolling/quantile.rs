//! Which quantiles a rolling metric shows, and the keys under which it does.

use std::fmt;

use crate::error::QuantileError;

/// The most quantiles that summaries show of one metric.
pub(crate) const MAX_QUANTILES: usize = 8;

/// Units of a quantile of 1.
const ONE: u64 = 100_000_000_000;
/// Units of a percent, and how many digits that are.
const PERCENT: u64 = ONE / 100;
const DIGITS: usize = 9;

/// A quantile, from 0 to 1, in steps of 1e-11, so that it is one number and one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantile(u64);

impl Quantile {
    /// `None` unless it is a number from 0 to 1.
    pub(crate) fn new(quantile: f64) -> Option<Self> {
        (0.0..=1.0).contains(&quantile).then(|| Self((quantile * ONE as f64).round() as u64))
    }

    pub(crate) fn as_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// The rank of this quantile among `count` observations, the least of them having rank 1: the
    /// first one below or at which lie at least this share of all. What rounding to a step may have
    /// added is not counted, so that `k / count` has the rank `k`.
    pub(crate) fn rank(self, count: u64) -> u64 {
        let (share, count) = (u128::from(self.0), u128::from(count));
        let rank = (share * count).saturating_sub(count / 2).div_ceil(u128::from(ONE));
        (rank as u64).max(1)
    }

    /// The quantile of a key without its window: `p99_9` is 0.999.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        let percent = key.strip_prefix('p')?;
        let (whole, fraction) = percent.split_once('_').unwrap_or((percent, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > DIGITS {
            return None;
        }
        let scale = 10_u64.pow((DIGITS - fraction.len()) as u32);
        let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let units = whole.parse::<u64>().ok()?.checked_mul(PERCENT)?.checked_add(fraction * scale)?;
        // One quantile has one key: what would be written in another way is none of ours.
        let quantile = Self(units);
        (units <= ONE && quantile.to_string() == key).then_some(quantile)
    }
}

/// The key without its window: percent, with `_` for the point.
impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0 / PERCENT)?;
        let (mut fraction, mut width) = (self.0 % PERCENT, DIGITS);
        if fraction == 0 {
            return Ok(());
        }
        while fraction.is_multiple_of(10) {
            (fraction, width) = (fraction / 10, width - 1);
        }
        write!(f, "_{fraction:0width$}")
    }
}

/// Sorted, each once.
pub(crate) fn check(quantiles: &[f64]) -> Result<Box<[Quantile]>, QuantileError> {
    let one = |&quantile| Quantile::new(quantile).ok_or(QuantileError::OutOfRange { quantile });
    let mut checked = quantiles.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    checked.sort_unstable();
    checked.dedup();
    if checked.len() > MAX_QUANTILES {
        return Err(QuantileError::TooMany { given: checked.len(), limit: MAX_QUANTILES });
    }
    Ok(checked.into())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_percent() {
        let keys = [
            (0.0, "p0"),
            (0.5, "p50"),
            (0.05, "p5"),
            (0.07, "p7"),
            (0.57, "p57"),
            (0.999, "p99_9"),
            (0.9905, "p99_05"),
            (1e-11, "p0_000000001"),
            (1.0, "p100"),
        ];
        for (quantile, key) in keys {
            assert_eq!(Quantile::new(quantile).unwrap().to_string(), key);
            assert_eq!(Quantile::parse(key).unwrap().as_f64(), quantile);
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        let none =
            ["", "p", "p_", "50", "p050", "p50_", "p50_0", "p99_90", "p100_1", "p101", "p5e1", "p+5", "p-5"];
        for key in none.into_iter().chain(["p0_0000000001", "p99999999999999999999", "p1_+1", "min"]) {
            assert_eq!(Quantile::parse(key), None, "{key}");
        }
    }

    #[test]
    fn ranks_are_whole_and_exact() {
        for (quantile, count, rank) in
            [(0.5, 1, 1), (0.5, 2, 1), (0.5, 3, 2), (0.07, 100, 7), (0.99, 100, 99), (0.0, 9, 1), (1.0, 9, 9)]
        {
            assert_eq!(Quantile::new(quantile).unwrap().rank(count), rank, "{quantile} of {count}");
        }
        for rank in 1..=997 {
            assert_eq!(Quantile::new(rank as f64 / 997.0).unwrap().rank(997), rank);
        }
    }

    proptest! {
        #[test]
        fn a_key_parses_back(units in 0..=ONE) {
            prop_assert_eq!(Quantile::parse(&Quantile(units).to_string()), Some(Quantile(units)));
            prop_assert_eq!(Quantile::new(Quantile(units).as_f64()), Some(Quantile(units)));
        }

        #[test]
        fn any_text_parses_or_is_none(text in "p?[0-9_+.e]{0,14}") {
            if let Some(quantile) = Quantile::parse(&text) {
                prop_assert_eq!(quantile.to_string(), text);
            }
        }
    }
}
