//! A sink that does what a test tells it to, and remembers what it was given.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
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
    /// Delivers the first half and fails.
    Half,
    /// Delivers everything and fails, as when the answer is lost.
    Lost,
    /// Delivers everything twice.
    Twice,
    /// Never answers, but delivers everything after this time.
    Late(Duration),
}

/// The script and the record; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Script(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    next: VecDeque<Action>,
    otherwise: Action,
    attempts: Vec<Attempt>,
    batches: Vec<Vec<u64>>,
    /// What arrived after its delivery had been given up.
    late: Vec<u64>,
    /// What the loop has been told to be delivered.
    acknowledged: BTreeSet<u64>,
    closed: usize,
}

/// A delivery as the sink saw it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) begun: Instant,
    /// When it was answered or given up.
    pub(super) ended: Instant,
    pub(super) sequences: Vec<u64>,
    /// The answer; given up is a failure that may pass.
    pub(super) answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Delivered,
    MayPass,
    WillNotPass,
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
            late: Vec::new(),
            acknowledged: BTreeSet::new(),
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
        self.history().iter().map(|attempt| attempt.begun).collect()
    }

    /// Each delivery.
    pub(super) fn history(&self) -> Vec<Attempt> {
        self.lock().attempts.clone()
    }

    /// What arrived after its delivery had been given up.
    pub(super) fn late(&self) -> Vec<u64> {
        self.lock().late.clone()
    }

    /// What arrived, batch by batch.
    pub(super) fn batches(&self) -> Vec<Vec<u64>> {
        self.lock().batches.clone()
    }

    /// What arrived.
    pub(super) fn delivered(&self) -> Vec<u64> {
        self.batches().concat()
    }

    /// Whether every batch that was handed over is ascending, and what arrived came in order the first
    /// time.
    pub(super) fn is_in_order(&self) -> bool {
        let mut highest = None;
        let mut delivered = self.delivered().into_iter();
        // A repeat may come at any time, but nothing new below what has been there.
        let mut seen = BTreeSet::new();
        self.history().iter().all(|attempt| attempt.sequences.is_sorted_by(|a, b| a < b))
            && delivered.all(|sequence| !seen.insert(sequence) || highest.replace(sequence) < Some(sequence))
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
            let again = sequences.iter().find(|sequence| inner.acknowledged.contains(sequence));
            assert_eq!(again, None, "what was delivered is not handed over again");
            let otherwise = inner.otherwise;
            inner.next.pop_front().unwrap_or(otherwise)
        };
        let mut attempt = Noted {
            script: self.0.clone(),
            begun: Instant::now(),
            sequences: sequences.clone(),
            answer: Answer::MayPass,
        };
        let arrive = |sequences: &[u64]| self.0.lock().batches.push(sequences.to_vec());
        match action {
            Action::Deliver => {}
            Action::Slow(time) => sleep(time).await,
            Action::Fail(kind) => return Err(SinkError::transient(kind, "scripted")),
            Action::Refuse(kind) => {
                attempt.answer = Answer::WillNotPass;
                return Err(SinkError::permanent(kind, "scripted"));
            }
            Action::Hang => std::future::pending().await,
            Action::Half => {
                arrive(&sequences[..sequences.len() / 2]);
                return Err(SinkError::transient("half", "scripted"));
            }
            Action::Lost => {
                arrive(&sequences);
                return Err(SinkError::transient("lost", "scripted"));
            }
            Action::Twice => arrive(&sequences),
            Action::Late(time) => {
                let script = self.0.clone();
                tokio::spawn(async move {
                    sleep(time).await;
                    script.lock().late.extend(sequences);
                });
                return std::future::pending().await;
            }
        }
        arrive(&sequences);
        attempt.answer = Answer::Delivered;
        Ok(())
    }

    async fn close(&mut self) {
        self.0.lock().closed += 1;
    }
}

/// Notes an attempt when it ends, also when its future is dropped.
struct Noted {
    script: Script,
    begun: Instant,
    sequences: Vec<u64>,
    answer: Answer,
}

impl Drop for Noted {
    fn drop(&mut self) {
        let sequences = std::mem::take(&mut self.sequences);
        let mut inner = self.script.lock();
        if self.answer == Answer::Delivered {
            inner.acknowledged.extend(&sequences);
        }
        let (begun, ended, answer) = (self.begun, Instant::now(), self.answer);
        inner.attempts.push(Attempt { begun, ended, sequences, answer });
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
