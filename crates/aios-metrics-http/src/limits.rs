//! What clients may take: connections, pages, bytes and time.

use std::time::Duration;

/// The least size of hyper's read buffer, and so of [`Limits::max_header_bytes`].
const MIN_HEADER_BYTES: usize = 8 * 1024;

/// As long as tokio sleeps at most. A limit beyond it is none: the sum of now and such a time may be more
/// than the clock can hold.
pub(crate) const FOREVER: Duration = Duration::from_secs(86_400 * 365 * 30);

/// Bounds on the clients of an exporter. [`max_scrapes`](Self::max_scrapes) and
/// [`scrape_timeout`](Self::scrape_timeout) hold everywhere, the others for
/// [`Exporter::serve`](crate::Exporter::serve), which has the connections.
///
/// Every wait for a client ends: for its request, for its next request, and for it to take an
/// answer. When all places are taken, a newcomer gets that of the client that has kept the server waiting for
/// a request the longest, and at least 100 ms; else that of the one that has been idle the longest; else that
/// of one that is being answered, if it has taken nothing for 1 s, or has waited for answers and taken them
/// for 5 s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use aios_metrics_http::Limits;
///
/// let limits = Limits::default().with_max_connections(8).with_shutdown_grace(Duration::ZERO);
/// assert_eq!(limits.max_connections, 8);
/// assert_eq!(limits.idle_timeout, Duration::from_secs(75));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections that are served at the same time, at least 1. The default is 64.
    ///
    /// Each holds at most one page and [`max_header_bytes`](Self::max_header_bytes).
    pub max_connections: usize,

    /// How long a client may take from its first byte, or from connecting, to the end of its
    /// request's head. The default is 10 s. A TLS handshake, where there is one, has the same time
    /// for itself.
    pub header_timeout: Duration,

    /// How long a connection may stay open between two requests. The default is 75 s, which is
    /// more than the usual scrape intervals.
    pub idle_timeout: Duration,

    /// How long a client may take to accept one whole answer, while nobody else needs its place. The default
    /// is 60 s; a scraper's own timeout is rarely above 10 s.
    pub write_timeout: Duration,

    /// The most bytes that the head of a request may have, at least 8 KiB; a longer one is
    /// answered with 431. The default is 16 KiB.
    pub max_header_bytes: usize,

    /// Different pages that may be waited for or being made at the same time before one that is
    /// [filtered](crate::Exporter#what-a-page-shows) is refused, with 503; at least 1. The default is
    /// 16.
    ///
    /// Pages differ by format, filter and encoding. Scrapes that ask for the same page share it, so
    /// however many they are, they count as one or two: one page that is being made, and one for those
    /// who came meanwhile. A page without a filter is never refused: there are few kinds of it.
    pub max_scrapes: usize,

    /// How long a scrape may wait for its page; then it is answered with 503. The default is 30 s. A
    /// scraper that says in `X-Prometheus-Scrape-Timeout-Seconds` that it waits less long is answered
    /// a tenth of that before.
    pub scrape_timeout: Duration,

    /// How long answers that are under way may take to finish after the shutdown has begun. The
    /// default is 1 s.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 64,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(60),
            max_header_bytes: 16 * 1024,
            max_scrapes: 16,
            scrape_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// What can be worked with; the fields may have been set to anything.
    pub(crate) fn bounded(mut self) -> Self {
        self.max_connections = self.max_connections.max(1);
        self.max_header_bytes = self.max_header_bytes.max(MIN_HEADER_BYTES);
        self.max_scrapes = self.max_scrapes.max(1);
        self
    }

    /// Sets [`max_connections`](Self::max_connections); 0 counts as 1.
    #[must_use]
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets [`header_timeout`](Self::header_timeout).
    #[must_use]
    pub fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Sets [`idle_timeout`](Self::idle_timeout).
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets [`write_timeout`](Self::write_timeout).
    #[must_use]
    pub fn with_write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets [`max_header_bytes`](Self::max_header_bytes); less than 8 KiB counts as 8 KiB.
    #[must_use]
    pub fn with_max_header_bytes(mut self, bytes: usize) -> Self {
        self.max_header_bytes = bytes.max(MIN_HEADER_BYTES);
        self
    }

    /// Sets [`max_scrapes`](Self::max_scrapes); 0 counts as 1.
    #[must_use]
    pub fn with_max_scrapes(mut self, scrapes: usize) -> Self {
        self.max_scrapes = scrapes.max(1);
        self
    }

    /// Sets [`scrape_timeout`](Self::scrape_timeout).
    #[must_use]
    pub fn with_scrape_timeout(mut self, timeout: Duration) -> Self {
        self.scrape_timeout = timeout;
        self
    }

    /// Sets [`shutdown_grace`](Self::shutdown_grace).
    #[must_use]
    pub fn with_shutdown_grace(mut self, grace: Duration) -> Self {
        self.shutdown_grace = grace;
        self
    }
}
