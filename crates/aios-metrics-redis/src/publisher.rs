//! The publisher: takes a document each interval and sees to its delivery.

mod running;
#[cfg(test)]
mod tests;
mod waiters;

use std::fmt;
use std::sync::Arc;

use aios_metrics_core::{Documents, RegisterError, Registry, Sink};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::handle::{Command, PublisherHandle};
use crate::options::PublisherOptions;
use crate::self_metrics::SelfMetrics;
use crate::stats::Shared;
use running::Running;

/// Writes the document of the given number; leaves the buffer empty when there is none.
type Take = Box<dyn FnMut(u64, &mut Vec<u8>) + Send>;

/// Takes documents and delivers them to a [`Sink`], at least once and oldest first.
///
/// - The first document is taken at once, then one each
///   [`push_interval`](PublisherOptions::push_interval); after a stall there is no burst to catch
///   up. When a [batch](PublisherOptions::batch_size) waits it goes out in one delivery; a backlog
///   goes out in batches of up to 500 documents and 4 MiB. One delivery at a time.
/// - Documents go on being taken while a delivery is under way or waits to be tried again. Past
///   [`max_pending`](PublisherOptions::max_pending) or
///   [`max_pending_bytes`](PublisherOptions::max_pending_bytes) the oldest is dropped and counted.
/// - A transient failure is tried again after `uniform(0.5, 1.0) x min(backoff_max,
///   backoff_initial x 2^n)`, a permanent one after `backoff_max`. Each delivery has a
///   [timeout](PublisherOptions::delivery_timeout).
/// - The log (`tracing`, target `aios_metrics`) has a line for the first failure, one a minute while
///   failures go on, and one for the recovery.
///
/// # Examples
///
/// Documents into a file, from a thread of their own:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use aios_metrics_core::JsonLinesSink;
/// use aios_metrics_redis::{Publisher, PublisherOptions};
///
/// let path = std::env::temp_dir().join(format!("published-{}.jsonl", std::process::id()));
/// let sink = JsonLinesSink::open(&path)?;
/// let (publisher, handle) = Publisher::from_fn(
///     |sequence, out| out.extend_from_slice(format!(r#"{{"sequence":{sequence}}}"#).as_bytes()),
///     PublisherOptions::default(),
/// );
/// let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// let thread = std::thread::spawn(move || runtime.block_on(publisher.run(sink)));
///
/// let report = handle.stop(Duration::from_secs(5));
/// assert_eq!(report.left, 0);
/// thread.join().expect("the publisher's thread ends by itself");
/// // The first document and the last one.
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"sequence\":0}\n{\"sequence\":1}\n");
/// # std::fs::remove_file(path)?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is taken until `run` is awaited"]
pub struct Publisher {
    take: Take,
    options: PublisherOptions,
    shared: Arc<Shared>,
    commands: UnboundedReceiver<Command>,
}

impl Publisher {
    /// A publisher of `documents`, numbered from 0.
    pub fn new(documents: Arc<Documents>, options: PublisherOptions) -> (Self, PublisherHandle) {
        Self::from_fn(move |sequence, out| documents.write_json(Some(sequence), out), options)
    }

    /// A publisher of what `take` writes.
    ///
    /// `take` gets the document's number and an empty buffer; it is called on the thread that runs
    /// the loop, so it should answer from memory. When it leaves the buffer empty there is no
    /// document, and the next one gets the same number. A panic in it is logged and counted as a
    /// failure of kind `document`, and spoils only this one document.
    pub fn from_fn(
        take: impl FnMut(u64, &mut Vec<u8>) + Send + 'static,
        options: PublisherOptions,
    ) -> (Self, PublisherHandle) {
        let options = options.within_limits();
        let shared = Arc::new(Shared::new(&options));
        let (sender, commands) = unbounded_channel();
        let handle = PublisherHandle::new(Arc::clone(&shared), sender);
        (Self { take: Box::new(take), options, shared, commands }, handle)
    }

    /// Shows the publisher's figures in `registry` from now on, as `aios_metrics_push_*`.
    ///
    /// Publishers that share a registry share the families: totals add up, gauges show the one that
    /// changed last.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] when one of the names is registered as something else.
    pub fn with_self_metrics(self, registry: &Registry) -> Result<Self, RegisterError> {
        self.shared.show_in(SelfMetrics::register(registry)?);
        Ok(self)
    }

    /// Runs until the handle stops it or is dropped.
    ///
    /// Needs a tokio runtime with its clock enabled (and whatever `sink` needs); it spawns nothing
    /// itself. Dropping the future ends the publisher at once.
    pub async fn run(self, sink: impl Sink) {
        Running::new(self).run(sink).await;
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("options", &self.options).finish_non_exhaustive()
    }
}
