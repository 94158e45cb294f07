//! How the publisher's loop paces itself, and how much it keeps.

use std::time::Duration;

/// The most documents that a backlog sends in one delivery, unless the batch size is larger.
pub(crate) const MAX_BATCH: usize = 500;

/// The most bytes in one delivery, so that a backlog of large documents also gets through a slow
/// link within one timeout. A single document may be larger.
pub(crate) const MAX_BATCH_BYTES: usize = 4 << 20;

/// Waits are cut down to this, which is as good as for ever and can be added to any clock.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// No wait after a failure is planned shorter than this, whatever the options say.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(10);

/// How often documents are taken, how they are sent, and how much waits when they can't be.
///
/// Every value is usable: what is too small is raised to the floor that its field names.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics_redis::PublisherOptions;
///
/// let options = PublisherOptions::default()
///     .with_push_interval(Duration::from_secs(10))
///     .with_batch_size(5);
/// assert_eq!(options.max_pending, 1_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublisherOptions {
    /// The time from one document to the next; 30 s, at least 1 ms.
    pub push_interval: Duration,
    /// How many documents wait until they are sent together; 1, at least 1.
    ///
    /// Documents are sent earlier when they fill half of `max_pending_bytes` or all of
    /// `max_pending`: none is dropped for want of company.
    pub batch_size: usize,
    /// The longest wait after the first failure; it doubles with each further one. 1 s, at least
    /// 10 ms.
    pub backoff_initial: Duration,
    /// The longest wait after any failure, and the wait after a permanent one; 30 s, at least
    /// 10 ms.
    pub backoff_max: Duration,
    /// The most documents that wait, those in flight among them; past it the oldest is dropped.
    /// 1,000, at least 1.
    pub max_pending: usize,
    /// The most bytes of JSON that wait, those in flight among them; past it the oldest documents
    /// are dropped. 64 MiB, at least 1.
    ///
    /// A batch that is in flight is freed when its delivery ends, so one batch (at most 4 MiB, or
    /// one document) may stand in memory beyond this.
    pub max_pending_bytes: usize,
    /// How long one delivery may take before it is given up and tried again; 10 s, at least 1 ms.
    pub delivery_timeout: Duration,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            push_interval: Duration::from_secs(30),
            batch_size: 1,
            backoff_initial: Duration::from_secs(1),
            backoff_max: Duration::from_secs(30),
            max_pending: 1_000,
            max_pending_bytes: 64 << 20,
            delivery_timeout: Duration::from_secs(10),
        }
    }
}

impl PublisherOptions {
    /// Sets [`push_interval`](Self::push_interval).
    #[must_use]
    pub fn with_push_interval(mut self, interval: Duration) -> Self {
        self.push_interval = interval;
        self
    }

    /// Sets [`batch_size`](Self::batch_size).
    #[must_use]
    pub fn with_batch_size(mut self, documents: usize) -> Self {
        self.batch_size = documents;
        self
    }

    /// Sets [`backoff_initial`](Self::backoff_initial).
    #[must_use]
    pub fn with_backoff_initial(mut self, wait: Duration) -> Self {
        self.backoff_initial = wait;
        self
    }

    /// Sets [`backoff_max`](Self::backoff_max).
    #[must_use]
    pub fn with_backoff_max(mut self, wait: Duration) -> Self {
        self.backoff_max = wait;
        self
    }

    /// Sets [`max_pending`](Self::max_pending).
    #[must_use]
    pub fn with_max_pending(mut self, documents: usize) -> Self {
        self.max_pending = documents;
        self
    }

    /// Sets [`max_pending_bytes`](Self::max_pending_bytes).
    #[must_use]
    pub fn with_max_pending_bytes(mut self, bytes: usize) -> Self {
        self.max_pending_bytes = bytes;
        self
    }

    /// Sets [`delivery_timeout`](Self::delivery_timeout).
    #[must_use]
    pub fn with_delivery_timeout(mut self, timeout: Duration) -> Self {
        self.delivery_timeout = timeout;
        self
    }

    /// The options as the loop uses them: every value within its limits.
    pub(crate) fn within_limits(mut self) -> Self {
        let tick = Duration::from_millis(1);
        self.push_interval = self.push_interval.clamp(tick, FOR_EVER);
        self.delivery_timeout = self.delivery_timeout.clamp(tick, FOR_EVER);
        self.backoff_initial = self.backoff_initial.clamp(SHORTEST_BACKOFF, FOR_EVER);
        self.backoff_max = self.backoff_max.clamp(SHORTEST_BACKOFF, FOR_EVER);
        self.batch_size = self.batch_size.max(1);
        self.max_pending = self.max_pending.max(1);
        self.max_pending_bytes = self.max_pending_bytes.max(1);
        self
    }

    /// Whether so many documents are sent now, without anybody asking.
    pub(crate) fn is_batch(&self, documents: usize, bytes: usize) -> bool {
        documents >= self.batch_size.min(self.max_pending)
            || (documents > 0 && bytes >= MAX_BATCH_BYTES.min(self.max_pending_bytes / 2))
    }

    /// The most documents in one delivery.
    pub(crate) fn largest_batch(&self) -> usize {
        self.batch_size.max(MAX_BATCH)
    }
}

/// A wait that a caller gave, short enough to be added to any clock.
pub(crate) fn bounded(wait: Duration) -> Duration {
    wait.min(FOR_EVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_raised_to_the_floor() {
        let options = PublisherOptions {
            push_interval: Duration::ZERO,
            batch_size: 0,
            backoff_initial: Duration::ZERO,
            backoff_max: Duration::MAX,
            max_pending: 0,
            max_pending_bytes: 0,
            delivery_timeout: Duration::ZERO,
        };
        let options = options.within_limits();
        assert_eq!(options.push_interval, Duration::from_millis(1));
        assert_eq!(options.backoff_initial, SHORTEST_BACKOFF);
        assert_eq!(options.backoff_max, FOR_EVER);
        assert_eq!((options.batch_size, options.max_pending, options.max_pending_bytes), (1, 1, 1));
    }

    #[test]
    fn a_batch_that_the_bounds_do_not_hold_goes_out_earlier() {
        let by_count = PublisherOptions::default().with_batch_size(10).with_max_pending(4).within_limits();
        assert!(!by_count.is_batch(3, 30));
        assert!(by_count.is_batch(4, 40));
        let by_bytes =
            PublisherOptions::default().with_batch_size(10).with_max_pending_bytes(100).within_limits();
        assert!(!by_bytes.is_batch(1, 49));
        assert!(by_bytes.is_batch(1, 50));
        assert!(!by_bytes.is_batch(0, 0));
    }
}
