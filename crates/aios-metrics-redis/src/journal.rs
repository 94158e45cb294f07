//! What the log says of deliveries: the first failure, the recovery, and little in between.

use std::time::Duration;

use aios_metrics_core::SinkError;
use tokio::time::Instant;
use tracing::{error, info, warn};

/// While deliveries go on failing, or documents go on being dropped, one line in this time.
const REMINDER: Duration = Duration::from_secs(60);

/// Decides what is worth a line. It counts nothing: the figures are in the statistics.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    trouble: Option<Trouble>,
    dropped_logged: u64,
    drop_line: Option<Instant>,
    document_line: Option<Instant>,
}

#[derive(Debug)]
struct Trouble {
    since: Instant,
    failures: u64,
    logged: Instant,
    /// The permanent failure that was logged last; another kind is news.
    permanent: Option<&'static str>,
}

impl Journal {
    pub(crate) fn failed(&mut self, error: &SinkError, now: Instant, next: Duration, pending: usize) {
        let permanent = (!error.is_transient()).then_some(error.kind());
        let Some(trouble) = &mut self.trouble else {
            log_failure(error, next, pending, "");
            self.trouble = Some(Trouble { since: now, failures: 1, logged: now, permanent });
            return;
        };
        trouble.failures += 1;
        let news = permanent.is_some() && permanent != trouble.permanent;
        if news || now.duration_since(trouble.logged) >= REMINDER {
            let since = now.duration_since(trouble.since).as_secs();
            log_failure(error, next, pending, &format!(" ({} failures in {since} s)", trouble.failures));
            trouble.logged = now;
            trouble.permanent = permanent;
        }
    }

    pub(crate) fn delivered(&mut self, now: Instant, documents: usize) {
        if let Some(trouble) = self.trouble.take() {
            info!(
                target: "aios_metrics",
                "documents are delivered again after {} s and {} failures: {documents} have just gone out",
                now.duration_since(trouble.since).as_secs(),
                trouble.failures,
            );
        }
    }

    pub(crate) fn dropped(&mut self, total: u64, now: Instant) {
        if total > self.dropped_logged && due(&mut self.drop_line, now) {
            warn!(
                target: "aios_metrics",
                "{} documents were dropped for want of room, {total} since the start: \
                 see why delivery lags, or raise the bound on pending documents or bytes",
                total - self.dropped_logged,
            );
            self.dropped_logged = total;
        }
    }

    pub(crate) fn no_document(&mut self, now: Instant) {
        if due(&mut self.document_line, now) {
            error!(
                target: "aios_metrics",
                "taking a document panicked: none was queued, and it is tried again at the next interval"
            );
        }
    }

    pub(crate) fn stopped(&mut self, left: usize) {
        if left > 0 {
            // No complaint: why they were not delivered has been told, and the caller gets the number.
            info!(target: "aios_metrics", "the publisher has stopped with {left} documents undelivered");
        }
    }
}

fn log_failure(error: &SinkError, next: Duration, pending: usize, tally: &str) {
    let next = next.as_secs_f64();
    if error.is_transient() {
        warn!(
            target: "aios_metrics",
            kind = error.kind(),
            "documents can't be delivered: {error}; {pending} wait, next try in {next:.1} s{tally}"
        );
    } else {
        error!(
            target: "aios_metrics",
            kind = error.kind(),
            "documents can't be delivered until this is mended: {error}; {pending} wait, next try in {next:.1} s{tally}"
        );
    }
}

/// Whether a line may be written now; notes that it is.
fn due(last: &mut Option<Instant>, now: Instant) -> bool {
    if last.is_some_and(|at| now.duration_since(at) < REMINDER) {
        return false;
    }
    *last = Some(now);
    true
}
