//! A sink that does what a test tells it to, and remembers what it was given.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, Once};
use std::time::Duration;

use aios_metrics_core::{Payload, Sink, SinkError};
use tokio::time::{Instant, sleep};

/// What a delivery does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Deliver,
    /// Delivers after this time.
    Slow(Duration),
    /// Fails in a way that may pass.
    Fail(&'static str),
    /// Fails in a way that does not.
    Refuse(&'static str),
    /// Never answers.
    Hang,
}

/// The script and the record; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Script(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    next: VecDeque<Action>,
    otherwise: Action,
    attempts: Vec<(Instant, Vec<u64>)>,
    batches: Vec<Vec<u64>>,
    closed: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self::failing(Action::Deliver)
    }
}

impl Script {
    /// A sink that does `action` until it is told otherwise.
    pub(super) fn failing(action: Action) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            next: VecDeque::new(),
            otherwise: action,
            attempts: Vec::new(),
            batches: Vec::new(),
            closed: 0,
        })))
    }

    /// These first, then what it did so far.
    pub(super) fn then(&self, actions: impl IntoIterator<Item = Action>) {
        self.lock().next.extend(actions);
    }

    pub(super) fn become_(&self, action: Action) {
        self.lock().otherwise = action;
    }

    pub(super) fn heal(&self) {
        let mut inner = self.lock();
        inner.next.clear();
        inner.otherwise = Action::Deliver;
    }

    pub(super) fn sink(&self) -> impl Sink + use<> {
        ScriptedSink(self.clone())
    }

    /// When each delivery began.
    pub(super) fn attempts(&self) -> Vec<Instant> {
        self.lock().attempts.iter().map(|(at, _)| *at).collect()
    }

    /// What arrived, batch by batch.
    pub(super) fn batches(&self) -> Vec<Vec<u64>> {
        self.lock().batches.clone()
    }

    /// What arrived.
    pub(super) fn delivered(&self) -> Vec<u64> {
        self.batches().concat()
    }

    /// Whether every batch that was handed over is ascending, and what arrived is too.
    pub(super) fn is_in_order(&self) -> bool {
        self.lock().attempts.iter().all(|(_, batch)| batch.is_sorted_by(|a, b| a < b))
            && self.delivered().is_sorted_by(|a, b| a < b)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed == 1
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

struct ScriptedSink(Script);

impl Sink for ScriptedSink {
    async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
        assert!(!batch.is_empty(), "the loop hands over at least one document");
        let sequences: Vec<u64> = batch.iter().map(Payload::sequence).collect();
        let action = {
            let mut inner = self.0.lock();
            inner.attempts.push((Instant::now(), sequences.clone()));
            let otherwise = inner.otherwise;
            inner.next.pop_front().unwrap_or(otherwise)
        };
        match action {
            Action::Deliver => {}
            Action::Slow(time) => sleep(time).await,
            Action::Fail(kind) => return Err(SinkError::transient(kind, "scripted")),
            Action::Refuse(kind) => return Err(SinkError::permanent(kind, "scripted")),
            Action::Hang => std::future::pending().await,
        }
        self.0.lock().batches.push(sequences);
        Ok(())
    }

    async fn close(&mut self) {
        self.0.lock().closed += 1;
    }
}

/// What this thread logs, from [`install`](Log::install) on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Log {
    /// One subscriber for all threads: a subscriber of one thread misses the lines that another
    /// thread came across first.
    pub(super) fn install() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(|| Self).init();
        });
        LINES.take();
        Self
    }

    pub(super) fn lines(self) -> Vec<String> {
        LINES.with_borrow(|text| String::from_utf8_lossy(text).lines().map(str::to_owned).collect())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|text| text.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
