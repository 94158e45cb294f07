//! How long to wait after a failure: exponential, with jitter, so that a fleet that lost its Redis
//! in one moment does not come back in one moment.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits of `uniform(0.5, 1.0) x min(max, initial x 2^n)`, `n` being the failures in a row.
#[derive(Debug)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    failures: u32,
    random: u64,
}

impl Backoff {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        // The standard library seeds its hasher from the operating system.
        Self::with_seed(initial, max, RandomState::new().hash_one(0))
    }

    fn with_seed(initial: Duration, max: Duration, seed: u64) -> Self {
        Self { initial, max, failures: 0, random: seed }
    }

    /// The wait after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let ceiling = self.initial.saturating_mul(factor).min(self.max);
        ceiling.mul_f64(0.5 + 0.5 * self.uniform())
    }

    /// The wait after a failure that will not pass by itself.
    pub(crate) fn longest(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.max
    }

    /// Begins again with the initial wait.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// A number from 0 up to 1, by SplitMix64.
    fn uniform(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_are_spread() {
        let (initial, max) = (Duration::from_secs(1), Duration::from_secs(30));
        let mut spread = Vec::new();
        for seed in 0..200 {
            let mut backoff = Backoff::with_seed(initial, max, seed);
            for n in 0..200 {
                let ceiling = if n < 5 { 1_u64 << n } else { 30 };
                let wait = backoff.next().as_secs_f64() / ceiling as f64;
                assert!((0.5..=1.0).contains(&wait), "wait {wait} after {n} failures, seed {seed}");
                spread.push(wait);
            }
            assert_eq!(backoff.longest(), max);
            backoff.reset();
            assert!(backoff.next() <= initial);
        }
        let mean = spread.iter().sum::<f64>() / spread.len() as f64;
        assert!((0.74..0.76).contains(&mean), "the mean of a uniform spread is 0.75, not {mean}");
    }

    #[test]
    fn a_limit_below_the_initial_wait_holds() {
        let mut backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(2));
        assert!(backoff.next() <= Duration::from_secs(2));
    }
}
