//! The loop itself: one delivery at a time, documents taken on the beat whatever it does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::{Duration, SystemTime};

use aios_metrics_core::{Payload, Sink, SinkError};
use tokio::time::{Instant, sleep_until, timeout};

use super::Publisher;
use super::waiters::Waiters;
use crate::backoff::Backoff;
use crate::handle::Command;
use crate::journal::Journal;
use crate::options::MAX_BATCH_BYTES;

/// A publisher at work.
pub(super) struct Running {
    publisher: Publisher,
    /// When the next document is due.
    next_document: Instant,
    /// When to try again; set from a failure until the next success.
    retry_at: Option<Instant>,
    backoff: Backoff,
    waiters: Waiters,
    journal: Journal,
    buffer: Vec<u8>,
}

impl Running {
    pub(super) fn new(publisher: Publisher) -> Self {
        let options = &publisher.options;
        Self {
            next_document: Instant::now(),
            retry_at: None,
            backoff: Backoff::new(options.backoff_initial, options.backoff_max),
            waiters: Waiters::default(),
            journal: Journal::default(),
            buffer: Vec::new(),
            publisher,
        }
    }

    pub(super) async fn run(mut self, mut sink: impl Sink) {
        self.take_document();
        self.next_document = Instant::now() + self.publisher.options.push_interval;
        while !self.is_over() {
            if self.is_delivery_due() {
                self.deliver(&mut sink).await;
            } else {
                self.one_event(false).await;
            }
        }
        self.close(sink).await;
    }

    /// Whether nothing is left to do, or nothing more can be done in time.
    fn is_over(&mut self) -> bool {
        self.answer_flushes(false);
        let pending = self.publisher.shared.read(|state| state.queue.len());
        self.waiters.is_over(Instant::now(), pending, self.retry_at)
    }

    fn is_delivery_due(&self) -> bool {
        let (documents, bytes) = self.publisher.shared.read(|state| (state.queue.len(), state.queue.bytes()));
        match self.retry_at {
            _ if documents == 0 => false,
            // What has failed once no longer waits for company.
            Some(at) => at <= Instant::now(),
            None => self.publisher.options.is_batch(documents, bytes) || self.waiters.are_waiting(),
        }
    }

    /// Delivers the oldest documents, once. Meanwhile the loop's other work goes on.
    async fn deliver(&mut self, sink: &mut impl Sink) {
        let is_retry = self.retry_at.is_some();
        let most = self.publisher.options.largest_batch();
        let batch = self.publisher.shared.change(|state| {
            state.retries += u64::from(is_retry);
            state.queue.begin(most, MAX_BATCH_BYTES)
        });
        let limit = self.publisher.options.delivery_timeout;
        let begun = Instant::now();
        let mut delivery = pin!(timeout(limit, sink.deliver(&batch)));
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut delivery => break Some(outcome),
                () = self.one_event(true) => {}
            }
            self.answer_flushes(true);
            if self.waiters.is_cut_off(Instant::now()) {
                break None;
            }
        };
        let took = begun.elapsed();
        match outcome {
            Some(Ok(Ok(()))) => self.delivered(batch.len(), took),
            Some(Ok(Err(error))) => self.failed(&error, took),
            Some(Err(_elapsed)) => {
                let seconds = limit.as_secs_f64();
                let error = SinkError::transient("timeout", format!("no answer within {seconds} s"));
                self.failed(&error, took);
            }
            // Nobody waits for it any longer; its documents stay pending.
            None => self.publisher.shared.change(|state| state.queue.settle(false)),
        }
    }

    fn delivered(&mut self, documents: usize, took: Duration) {
        self.publisher.shared.change(|state| {
            state.delivery_took(took);
            state.queue.settle(true);
            state.last_success = Some(SystemTime::now());
        });
        self.retry_at = None;
        self.backoff.reset();
        self.journal.delivered(Instant::now(), documents);
    }

    fn failed(&mut self, error: &SinkError, took: Duration) {
        let pending = self.publisher.shared.change(|state| {
            state.delivery_took(took);
            state.queue.settle(false);
            state.count_failure(error.kind());
            state.queue.len()
        });
        let wait = if error.is_transient() { self.backoff.next() } else { self.backoff.longest() };
        let now = Instant::now();
        self.retry_at = Some(now + wait);
        self.journal.failed(error, now, wait, pending);
    }

    /// Waits until something is to be done and does it: a command, a document, or only a look at
    /// the time. Dropping it loses nothing.
    async fn one_event(&mut self, delivering: bool) {
        let document = (!self.waiters.is_stopping()).then_some(self.next_document);
        let retry = if delivering { None } else { self.retry_at };
        let wake = [document, retry, self.waiters.next_deadline()].into_iter().flatten().min();
        let wake = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            command = self.publisher.commands.recv() => match command {
                Some(command) => self.obey(command),
                None => self.waiters.abandon(),
            },
            () = wake => self.take_document_if_due(),
        }
    }

    fn obey(&mut self, command: Command) {
        let begun = self.publisher.shared.read(|state| state.stats());
        if matches!(command, Command::Stop { .. }) && !self.waiters.is_stopping() {
            self.take_document();
        }
        self.waiters.add(command, &begun);
        // Somebody waits: try now, and begin again with short waits.
        if self.retry_at.is_some() {
            self.retry_at = Some(Instant::now());
            self.backoff.reset();
        }
    }

    fn take_document_if_due(&mut self) {
        let now = Instant::now();
        if self.waiters.is_stopping() || now < self.next_document {
            return;
        }
        self.take_document();
        let interval = self.publisher.options.push_interval;
        self.next_document += interval;
        if self.next_document <= now {
            // After a stall the beat begins anew; what was missed is not caught up.
            self.next_document = now + interval;
        }
    }

    fn take_document(&mut self) {
        let Publisher { take, shared, .. } = &mut self.publisher;
        let sequence = shared.read(|state| state.queue.enqueued());
        self.buffer.clear();
        let buffer = &mut self.buffer;
        let now = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| take(sequence, buffer))).is_err() {
            shared.change(|state| state.count_failure("document"));
            self.journal.no_document(now);
        } else if !buffer.is_empty() {
            let payload = Payload::new(sequence, buffer.as_slice());
            let dropped = shared.change(|state| {
                state.queue.push(payload);
                state.queue.dropped()
            });
            self.journal.dropped(dropped, now);
        }
    }

    fn answer_flushes(&mut self, delivering: bool) {
        let retry = if delivering { None } else { self.retry_at };
        let Self { publisher, waiters, .. } = self;
        publisher.shared.read(|state| waiters.answer_flushes(Instant::now(), state, retry));
    }

    /// Gives the sink what time is left, then tells everybody who waits.
    async fn close(mut self, mut sink: impl Sink) {
        let _ = timeout(self.waiters.time_left(Instant::now()), sink.close()).await;
        let Self { publisher: Publisher { commands, shared, .. }, waiters, journal, .. } = &mut self;
        let left = shared.change(|state| {
            // Calls that came while the last one was served are answered like it.
            while let Ok(command) = commands.try_recv() {
                waiters.add(command, &state.stats());
            }
            waiters.answer_all(state);
            state.queue.len()
        });
        journal.stopped(left);
    }
}
