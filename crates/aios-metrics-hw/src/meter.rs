//! CPU use from two readings of a total.

use std::time::Duration;

/// Intervals shorter than this tell nothing: totals move in steps of 10 ms.
const SHORTEST: Duration = Duration::from_millis(200);

/// Turns growing totals into percent over the last interval.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    base: Option<Base>,
    percent: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Base {
    at: Duration,
    whole: f64,
    used: f64,
}

impl Meter {
    /// How much of `whole` was used since the last call, in percent.
    ///
    /// None at the first call, and when a total went backwards. A call that follows the last
    /// interval's end by less than 0.2 s repeats its answer, and the interval goes on.
    pub(crate) fn percent(&mut self, at: Duration, whole: f64, used: f64) -> Option<f64> {
        if let Some(base) = self.base {
            if at.saturating_sub(base.at) < SHORTEST {
                return self.percent;
            }
            let percent = (used - base.used) / (whole - base.whole) * 100.0;
            let forwards = whole > base.whole && used >= base.used;
            self.percent = (forwards && percent.is_finite()).then_some(percent);
        }
        self.base = Some(Base { at, whole, used });
        self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(meter: &mut Meter, millis: u64, used: f64) -> Option<f64> {
        let now = Duration::from_millis(millis);
        meter.percent(now, now.as_secs_f64(), used)
    }

    #[test]
    fn the_first_call_has_no_interval() {
        assert_eq!(at(&mut Meter::default(), 5_000, 3.0), None);
    }

    #[test]
    fn use_is_over_the_interval() {
        let mut meter = Meter::default();
        at(&mut meter, 5_000, 3.0);
        assert_eq!(at(&mut meter, 7_000, 4.0), Some(50.0));
        assert_eq!(at(&mut meter, 8_000, 6.0), Some(200.0));
        assert_eq!(at(&mut meter, 9_000, 6.0), Some(0.0));
    }

    #[test]
    fn calls_in_quick_succession_share_an_interval() {
        let mut meter = Meter::default();
        assert_eq!(at(&mut meter, 1_000, 1.0), None);
        assert_eq!(at(&mut meter, 1_100, 1.1), None);
        assert_eq!(at(&mut meter, 1_250, 1.25), Some(100.0));
        assert_eq!(at(&mut meter, 1_251, 9.0), Some(100.0));
        assert_eq!(at(&mut meter, 1_500, 1.375), Some(50.0));
    }

    #[test]
    fn a_total_that_goes_backwards_has_no_percent() {
        let mut meter = Meter::default();
        at(&mut meter, 1_000, 5.0);
        assert_eq!(at(&mut meter, 2_000, 1.0), None);
        assert_eq!(at(&mut meter, 3_000, 1.5), Some(50.0));
        let later = Duration::from_secs(9);
        assert_eq!(meter.percent(later, 3.0, 2.0), None, "the whole stood still");
        assert_eq!(meter.percent(later * 2, f64::MAX, f64::MAX), Some(100.0));
    }
}
