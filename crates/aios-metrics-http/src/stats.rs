//! What the exporter tells about itself.

use std::time::Duration;

use aios_metrics_core::{Counter, Family, Gauge, Histogram, InFlight, RegisterError, Registry};
use axum::http::Method;

use crate::maker::Page;
use crate::negotiate;
use crate::pages::Refusal;

/// From a page of a few series to one of millions.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0];

/// The families on scrapes, updated a few times for each.
///
/// Label values are as many as the labels wherever they are given here, so that no update can fail.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeStats {
    scrapes: Family<Counter>,
    duration: Family<Histogram>,
    bytes: Family<Counter>,
    in_flight: Family<Gauge>,
    rejected: Family<Counter>,
}

impl ScrapeStats {
    /// Registers the families; series that can be known beforehand stand at 0 from now on.
    pub(crate) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let scrapes = registry.register_counter(
            "aios_metrics_scrapes_total",
            "Answers to requests for the metrics page, by status code and format; 499 for clients that left before.",
            &["code", "format"],
        )?;
        let duration = registry.register_histogram(
            "aios_metrics_scrape_duration_seconds",
            "Time to make a metrics page: snapshot, encoding and compression, without the time to send it.",
            &[],
            Some(&BUCKETS),
        )?;
        let bytes = registry.register_counter(
            "aios_metrics_scrape_bytes_total",
            "Bytes of the metrics pages that were answered with, as sent, by content coding.",
            &["encoding"],
        )?;
        let in_flight = registry.register_gauge(
            "aios_metrics_scrapes_in_flight",
            "Scrapes whose page is waited for or being made.",
            &[],
        )?;
        let rejected = registry.register_counter(
            "aios_metrics_rejected_scrapes_total",
            "Scrapes answered with 503, by reason: busy, past the deadline, or at the shutdown.",
            &["reason"],
        )?;
        for format in negotiate::formats() {
            let _ = scrapes.with(&["200", format.name()]);
        }
        for encoding in ENCODINGS {
            let _ = bytes.with(&[encoding]);
        }
        for reason in [BUSY, DEADLINE, SHUTDOWN] {
            let _ = rejected.with(&[reason]);
        }
        Ok(Self { scrapes, duration, bytes, in_flight, rejected })
    }

    /// Times the making of a page, for however many scrapes it was.
    pub(crate) fn made(&self, took: Duration) {
        let _ = self.duration.observe(&[], took.as_secs_f64());
    }

    /// Counts a scrape in the format called `format` as being in flight until what is returned is
    /// dropped.
    pub(crate) fn begin(&self, format: &'static str) -> Scrape<'_> {
        let in_flight = self.in_flight.with(&[]).ok().map(|gauge| gauge.track_in_flight());
        Scrape { stats: self, format, code: ABANDONED, _in_flight: in_flight }
    }
}

/// One scrape. Dropped without a word, its client has left.
#[derive(Debug)]
pub(crate) struct Scrape<'a> {
    stats: &'a ScrapeStats,
    format: &'static str,
    code: &'static str,
    _in_flight: Option<InFlight>,
}

impl Scrape<'_> {
    /// It has its answer.
    pub(crate) fn answered(mut self, answer: &Result<Page, Refusal>, method: &Method) {
        self.code = match answer {
            Ok(page) => {
                if method != Method::HEAD {
                    let encoding = ENCODINGS[usize::from(page.gzipped)];
                    let _ = self.stats.bytes.inc_by(&[encoding], page.bytes.len() as u64);
                }
                "200"
            }
            Err(refusal) => {
                if let Some(reason) = reason(*refusal) {
                    let _ = self.stats.rejected.inc(&[reason]);
                }
                refusal.code()
            }
        };
    }
}

impl Drop for Scrape<'_> {
    fn drop(&mut self) {
        let _ = self.stats.scrapes.inc(&[self.code, self.format]);
    }
}

/// What nginx writes for a client that closed its connection before the answer.
const ABANDONED: &str = "499";

const ENCODINGS: [&str; 2] = ["identity", "gzip"];
const BUSY: &str = "busy";
const DEADLINE: &str = "deadline";
const SHUTDOWN: &str = "shutdown";

fn reason(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Busy => Some(BUSY),
        Refusal::TooLate(_) => Some(DEADLINE),
        Refusal::Ending => Some(SHUTDOWN),
        Refusal::Failed | Refusal::NotAcceptable => None,
    }
}

/// Why a connection was ended that might have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// Its place was given to a newcomer.
    Replaced,
    /// It did not send the whole head of a request in time.
    RequestTimeout,
    /// It did not take the whole of an answer in time.
    ResponseTimeout,
    /// It sent what is no HTTP, or a head that is too long.
    Malformed,
}

impl Rejection {
    const ALL: [Self; 4] = [Self::Replaced, Self::RequestTimeout, Self::ResponseTimeout, Self::Malformed];

    fn reason(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::RequestTimeout => "request_timeout",
            Self::ResponseTimeout => "response_timeout",
            Self::Malformed => "malformed",
        }
    }
}

/// The families on connections.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionStats {
    open: Family<Gauge>,
    rejected: Family<Counter>,
}

impl ConnectionStats {
    /// Registers the families; all their series stand at 0 from now on.
    pub(crate) fn register(registry: &Registry) -> Result<Self, RegisterError> {
        let open = registry.register_gauge(
            "aios_metrics_connections",
            "Connections to the exporter that are open.",
            &[],
        )?;
        let rejected = registry.register_counter(
            "aios_metrics_rejected_connections_total",
            "Connections that the exporter ended, by reason.",
            &["reason"],
        )?;
        for rejection in Rejection::ALL {
            let _ = rejected.with(&[rejection.reason()]);
        }
        Ok(Self { open, rejected })
    }

    /// Counts a connection as open until what is returned is dropped.
    pub(crate) fn opened(&self) -> Option<InFlight> {
        self.open.with(&[]).ok().map(|gauge| gauge.track_in_flight())
    }

    pub(crate) fn rejected(&self, rejection: Rejection) {
        let _ = self.rejected.inc(&[rejection.reason()]);
    }
}
