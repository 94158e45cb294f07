//! The publisher as its owner sees it: figures, flush and stop, from any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::options::bounded;
use crate::stats::{PublisherStats, Shared};

/// Reads, flushes and stops a running [`Publisher`](crate::Publisher).
///
/// The calls block the calling thread at most for the time they are given and need no runtime. On
/// the very thread that runs the loop they would only wait in vain.
///
/// Clones speak to the same loop. When the last one is dropped the loop ends at once: it neither
/// flushes nor is waited for.
#[derive(Clone)]
pub struct PublisherHandle {
    shared: Arc<Shared>,
    commands: UnboundedSender<Command>,
}

/// What a flush did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct FlushReport {
    /// Documents delivered while it ran, also such as were taken meanwhile.
    pub delivered: u64,
    /// Documents dropped while it ran, because newer ones needed their room.
    pub dropped: u64,
    /// Documents that waited when it was called and still do.
    pub left: usize,
}

/// What became of the documents that waited when the publisher was stopped, and of the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct StopReport {
    /// Documents delivered before the deadline.
    pub delivered: u64,
    /// Documents dropped, because the last one needed their room.
    pub dropped: u64,
    /// Documents that were not delivered.
    ///
    /// One that was in flight at the deadline counts as left and may still arrive.
    pub left: usize,
}

/// What the loop is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    Flush { deadline: Instant, reply: SyncSender<FlushReport> },
    Stop { deadline: Instant, reply: SyncSender<StopReport> },
}

impl PublisherHandle {
    pub(crate) fn new(shared: Arc<Shared>, commands: UnboundedSender<Command>) -> Self {
        Self { shared, commands }
    }

    /// The figures now, all of one moment. Takes a short lock; waits for no delivery.
    #[must_use]
    pub fn stats(&self) -> PublisherStats {
        self.shared.read(|state| state.stats())
    }

    /// Delivers what waits, without waiting for a full batch.
    ///
    /// It takes no fresh document, tries at once even in the middle of a backoff, and goes on
    /// trying with the usual waits. It returns when all that waited is delivered or dropped, when
    /// `timeout` has passed, or as soon as no further try would fall before that. Once the loop has
    /// ended it returns at once.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        let begun = self.stats();
        let reply = self.begin_flush(timeout);
        reply.recv_timeout(bounded(timeout)).unwrap_or_else(|_| {
            let now = self.stats();
            FlushReport {
                delivered: now.delivered - begun.delivered,
                dropped: now.dropped - begun.dropped,
                left: self.shared.read(|state| state.queue.len_before(begun.enqueued)),
            }
        })
    }

    /// Takes a last document, delivers what can be delivered within `timeout`, and ends the loop.
    ///
    /// It tries at once even in the middle of a backoff, and returns as soon as nothing waits or no
    /// further try would fall within `timeout`; always within `timeout`. A second stop is harmless
    /// and answers like the first.
    pub fn stop(&self, timeout: Duration) -> StopReport {
        let begun = self.stats();
        let reply = self.begin_stop(timeout);
        reply.recv_timeout(bounded(timeout)).unwrap_or_else(|_| {
            let now = self.stats();
            let ended = self.shared.read(|state| state.ended.clone());
            ended.unwrap_or(StopReport {
                delivered: now.delivered - begun.delivered,
                dropped: now.dropped - begun.dropped,
                left: now.pending,
            })
        })
    }

    pub(crate) fn begin_flush(&self, timeout: Duration) -> Receiver<FlushReport> {
        let (reply, answer) = sync_channel(1);
        // Without a loop the command is lost and `answer` says so.
        let _ = self.commands.send(Command::Flush { deadline: deadline(timeout), reply });
        answer
    }

    pub(crate) fn begin_stop(&self, timeout: Duration) -> Receiver<StopReport> {
        let (reply, answer) = sync_channel(1);
        let _ = self.commands.send(Command::Stop { deadline: deadline(timeout), reply });
        answer
    }
}

/// The loop's deadline: a little before the caller's, so that the caller gets the loop's answer.
fn deadline(timeout: Duration) -> Instant {
    let timeout = bounded(timeout);
    Instant::now() + (timeout - (timeout / 10).min(Duration::from_millis(50)))
}

impl fmt::Debug for PublisherHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherHandle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
