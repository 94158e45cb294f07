//! What is logged while something runs.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Runs `f` and returns with its result each line that it logged on this thread: level, target,
/// message.
pub(crate) fn collect<T>(f: impl FnOnce() -> T) -> (T, Vec<String>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&lines);
    let result = tracing::subscriber::with_default(Listener(move |line| keep.lock().unwrap().push(line)), f);
    let lines = std::mem::take(&mut *lines.lock().unwrap());
    (result, lines)
}

/// Is told each line that is logged, where that happens.
pub(crate) struct Listener<F>(pub(crate) F);

impl<F: Fn(String) + 'static> Subscriber for Listener<F> {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut line);
        self.0(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let label = if field.name() == "message" { String::new() } else { format!("{field}=") };
        write!(self.0, " {label}{value:?}").unwrap();
    }
}
