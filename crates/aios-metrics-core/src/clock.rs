//! Time, as windows and documents see it: a clock that tests can turn by hand.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where time comes from.
///
/// Readings of one clock may be compared with each other, not with those of another clock.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Clock, SystemClock};
///
/// let (a, b) = (SystemClock.monotonic(), SystemClock.monotonic());
/// assert!(a <= b);
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The time since some fixed moment. Never goes backwards; may be coarse by some milliseconds.
    fn monotonic(&self) -> Duration;

    /// The time since the Unix epoch.
    fn wall(&self) -> Duration;
}

/// The machine's clocks.
///
/// The monotonic one is `CLOCK_MONOTONIC_COARSE` on Linux: it moves with the timer tick (1 to
/// 10 ms) and costs a few nanoseconds, a fifth of `Instant::now`. Elsewhere it is `Instant::now`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[inline]
    fn monotonic(&self) -> Duration {
        coarse_monotonic()
    }

    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

#[cfg(target_os = "linux")]
#[inline]
fn coarse_monotonic() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::MonotonicCoarse);
    // Both fields of a monotonic reading are never negative and the second is below 10^9; the least of the two
    // changes nothing, and saves a look whether there are seconds to carry.
    Duration::new(now.tv_sec as u64, (now.tv_nsec as u32).min(999_999_999))
}

#[cfg(not(target_os = "linux"))]
fn coarse_monotonic() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    ORIGIN.elapsed()
}

/// Somebody's clock: the machine's without a call through a table.
#[derive(Clone)]
pub(crate) enum Time {
    System,
    Other(Arc<dyn Clock>),
}

impl Time {
    #[inline]
    pub(crate) fn monotonic(&self) -> Duration {
        match self {
            Self::System => SystemClock.monotonic(),
            Self::Other(clock) => clock.monotonic(),
        }
    }

    pub(crate) fn wall(&self) -> Duration {
        match self {
            Self::System => SystemClock.wall(),
            Self::Other(clock) => clock.wall(),
        }
    }
}

#[cfg(any(test, feature = "test-util"))]
pub use manual::ManualClock;

#[cfg(any(test, feature = "test-util"))]
mod manual {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::Clock;

    /// A clock that moves when it is told to; for tests.
    ///
    /// It begins at one hour, with the wall at the same reading, so that tests can look back.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use aios_metrics_core::{Clock, ManualClock};
    ///
    /// let clock = ManualClock::new();
    /// let before = clock.monotonic();
    /// clock.advance(Duration::from_secs(61));
    /// assert_eq!(clock.monotonic() - before, Duration::from_secs(61));
    /// ```
    #[derive(Debug)]
    pub struct ManualClock(AtomicU64);

    impl ManualClock {
        /// A clock that stands still.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU64::new(Duration::from_secs(3_600).as_nanos() as u64))
        }

        /// Moves the clock on by `step`.
        pub fn advance(&self, step: Duration) {
            self.0.fetch_add(step.as_nanos() as u64, Ordering::SeqCst);
        }
    }

    impl Default for ManualClock {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Clock for ManualClock {
        fn monotonic(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::SeqCst))
        }

        fn wall(&self) -> Duration {
            self.monotonic()
        }
    }
}
