//! At most so many requests in a time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::WebConfigError;

/// How many requests all clients together may make: `burst` at once, and one more each
/// `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Time after which one more request is allowed.
    pub interval: Duration,
    /// Requests that are allowed at once, at least 1.
    pub burst: u32,
}

impl RateLimit {
    /// `burst` requests at once, and one more each `interval`.
    #[must_use]
    pub const fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst }
    }

    pub(super) fn check(self) -> Result<(), WebConfigError> {
        if self.interval.is_zero() {
            return Err(WebConfigError::value("rate_limit.interval", "0s", "more than no time"));
        }
        if self.burst == 0 {
            let expected = "at least 1, without which no request would be answered";
            return Err(WebConfigError::value("rate_limit.burst", "0", expected));
        }
        Ok(())
    }
}

/// The requests that are allowed now.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// From here on the bucket has been filled with one request each interval.
    since: Instant,
    left: u32,
}

impl Bucket {
    /// Full.
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, state: Mutex::new(State { since: Instant::now(), left: limit.burst }) }
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Takes one request out, or says how long until there is one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.since);
        let interval = self.limit.interval;
        // Neither is 0: it was checked.
        let gained = passed.as_nanos() / interval.as_nanos().max(1);
        let missing = self.limit.burst - state.left;
        match u32::try_from(gained) {
            Ok(gained) if gained < missing => {
                state.left += gained;
                state.since += interval * gained;
            }
            _ => {
                state.left = self.limit.burst;
                state.since = now;
            }
        }
        if state.left == 0 {
            return Err(interval.saturating_sub(now.saturating_duration_since(state.since)));
        }
        state.left -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_one_each_interval() {
        let bucket = Bucket::new(RateLimit::new(SECOND, 2));
        let taken = |n: usize| (0..n).map(|_| bucket.take()).collect::<Vec<_>>();
        assert_eq!(taken(3), [Ok(()), Ok(()), Err(SECOND)]);
        tokio::time::advance(SECOND / 4).await;
        assert_eq!(taken(1), [Err(SECOND * 3 / 4)]);
        tokio::time::advance(SECOND).await;
        assert_eq!(taken(2), [Ok(()), Err(SECOND * 3 / 4)]);
        tokio::time::advance(SECOND * 1000).await;
        assert_eq!(taken(3), [Ok(()), Ok(()), Err(SECOND)]);
    }
}
