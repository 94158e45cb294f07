//! A user's own `tracing` subscriber: it keeps what the SDK logs.
//!
//! One is installed for the whole process, since what runs in the background logs from its own
//! threads. Tests tell their lines from those of others by a text that only they have, mostly a port.

use std::fmt::{self, Write};
use std::sync::{Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static EVENTS: Mutex<Vec<Line>> = Mutex::new(Vec::new());

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) target: &'static str,
    /// The message and the fields.
    pub(crate) text: String,
}

/// Installs the subscriber, once.
///
/// # Panics
///
/// When another one was installed before.
pub(crate) fn collect() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        tracing::subscriber::set_global_default(Collector).expect("nobody else installs a subscriber");
    });
}

/// The lines at a level whose text contains `about`.
pub(crate) fn at(level: Level, about: &str) -> Vec<Line> {
    let lines = EVENTS.lock().expect("nobody panics while writing a line");
    lines.iter().filter(|line| line.level == level && line.text.contains(about)).cloned().collect()
}

/// Warnings and errors whose text contains `about`.
pub(crate) fn complaints(about: &str) -> Vec<Line> {
    [at(Level::ERROR, about), at(Level::WARN, about)].concat()
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("aios_metrics")
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let metadata = event.metadata();
        let line = Line { level: *metadata.level(), target: metadata.target(), text: text.0 };
        EVENTS.lock().expect("nobody panics while writing a line").push(line);
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?} "),
            name => write!(self.0, "{name}={value:?} "),
        };
    }
}
