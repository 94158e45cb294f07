//! Who waits for the loop, and until when: calls of flush and stop.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tokio::time::Instant;

use crate::handle::{Command, FlushReport, StopReport};
use crate::stats::{PublisherStats, State};

/// The calls that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    flushes: Vec<Flush>,
    stop: Option<Stop>,
    /// The handle is gone.
    abandoned: bool,
}

#[derive(Debug)]
struct Flush {
    deadline: Instant,
    begun: Begun,
    reply: SyncSender<FlushReport>,
}

#[derive(Debug)]
struct Stop {
    deadline: Instant,
    begun: Begun,
    replies: Vec<SyncSender<StopReport>>,
}

/// The totals at the moment of the call.
#[derive(Clone, Copy, Debug)]
struct Begun {
    enqueued: u64,
    delivered: u64,
    dropped: u64,
}

impl From<&PublisherStats> for Begun {
    fn from(stats: &PublisherStats) -> Self {
        Self { enqueued: stats.enqueued, delivered: stats.delivered, dropped: stats.dropped }
    }
}

impl Waiters {
    /// Notes who waits, and the totals when the call began. Of several stops the first one's totals
    /// and the earliest deadline count.
    pub(super) fn add(&mut self, command: Command, begun: &PublisherStats) {
        let begun = Begun::from(begun);
        match command {
            Command::Flush { deadline, reply } => self.flushes.push(Flush { deadline, begun, reply }),
            Command::Stop { deadline, reply } => {
                let stop = self.stop.get_or_insert_with(|| Stop { deadline, begun, replies: Vec::new() });
                stop.deadline = stop.deadline.min(deadline);
                stop.replies.push(reply);
            }
        }
    }

    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// Whether somebody waits for documents that are no full batch.
    pub(super) fn are_waiting(&self) -> bool {
        self.stop.is_some() || !self.flushes.is_empty()
    }

    /// When to look again, if nothing happens before.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let stop = self.stop.as_ref().map(|stop| stop.deadline);
        self.flushes.iter().map(|flush| flush.deadline).chain(stop).min()
    }

    /// Whether even a delivery under way must end now.
    pub(super) fn is_cut_off(&self, now: Instant) -> bool {
        self.abandoned || self.stop.as_ref().is_some_and(|stop| stop.deadline <= now)
    }

    /// Whether the loop ends, no delivery being under way: nothing waits, or no try falls before
    /// the deadline.
    pub(super) fn is_over(&self, now: Instant, pending: usize, retry_at: Option<Instant>) -> bool {
        let done =
            self.stop.as_ref().is_some_and(|stop| pending == 0 || is_hopeless(retry_at, stop.deadline));
        done || self.is_cut_off(now)
    }

    /// What is left for closing the sink: nothing, when nobody waits for it.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        let stop = self.stop.as_ref().filter(|_| !self.abandoned);
        stop.map_or(Duration::ZERO, |stop| stop.deadline.saturating_duration_since(now))
    }

    /// Answers the flushes that are done, that are out of time, or that no try can help in time.
    pub(super) fn answer_flushes(&mut self, now: Instant, state: &State, retry_at: Option<Instant>) {
        self.flushes.retain(|flush| {
            let done = state.queue.len_before(flush.begun.enqueued) == 0;
            let waits = !done && flush.deadline > now && !is_hopeless(retry_at, flush.deadline);
            if !waits {
                flush.answer(state);
            }
            waits
        });
    }

    /// Answers everybody: the loop has ended.
    pub(super) fn answer_all(&mut self, state: &mut State) {
        for flush in self.flushes.drain(..) {
            flush.answer(state);
        }
        if let Some(stop) = self.stop.take() {
            let report = StopReport {
                delivered: state.queue.delivered() - stop.begun.delivered,
                dropped: state.queue.dropped() - stop.begun.dropped,
                left: state.queue.len(),
            };
            for reply in stop.replies {
                // A caller that has gone does not want to know.
                let _ = reply.try_send(report.clone());
            }
            state.ended = Some(report);
        }
    }
}

impl Flush {
    fn answer(&self, state: &State) {
        let _ = self.reply.try_send(FlushReport {
            delivered: state.queue.delivered() - self.begun.delivered,
            dropped: state.queue.dropped() - self.begun.dropped,
            left: state.queue.len_before(self.begun.enqueued),
        });
    }
}

fn is_hopeless(retry_at: Option<Instant>, deadline: Instant) -> bool {
    retry_at.is_some_and(|at| at >= deadline)
}
