//! Where documents come from.

use std::fmt;
use std::sync::Arc;

use tracing::warn;

use super::write::{Parts, read_sections};
use super::{Document, Identity, RESERVED_KEYS};
use crate::section::Section;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::sync::{Mutex, lock};

/// How often a document is taken again because a section changed meanwhile. The hardware is read every
/// few seconds; what changes all the time is taken as it is.
const TRIES: u32 = 8;

/// Takes documents: a source of samples, who we are, and the sections beside the samples.
///
/// The exporter and the publisher share one of these, so that they tell the same.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use aios_metrics_core::{Document, Documents, Identity, Registry};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_gauge("queue_size", "Jobs that wait", &[])?.set(&[], 17.0)?;
/// let documents = Documents::new(Arc::new(registry), Identity::new("block-1", "i-1", "node-1"));
///
/// let mut json = Vec::new();
/// documents.write_json(None, &mut json);
/// let document: Document = serde_json::from_slice(&json)?;
/// assert_eq!(document.sample("queue_size", &[]), Some(17.0));
/// # Ok(())
/// # }
/// ```
pub struct Documents {
    source: Arc<dyn Source>,
    identity: Identity,
    sections: Vec<Arc<dyn Section>>,
    flat_rolling: bool,
    /// Snapshots to be filled again.
    spare: Mutex<Vec<Snapshot>>,
}

impl Documents {
    /// Documents of `source`, in the name of `identity`.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, identity: Identity) -> Self {
        Self { source, identity, sections: Vec::new(), flat_rolling: false, spare: Mutex::new(Vec::new()) }
    }

    /// Adds a section. One whose name is a key of the document's own (other than `hardware`) or
    /// that of an earlier section is left out, with a warning.
    #[must_use]
    pub fn with_section(mut self, section: Arc<dyn Section>) -> Self {
        let name = section.name();
        let reserved = name != "hardware" && RESERVED_KEYS.contains(&name);
        if reserved || self.sections.iter().any(|known| known.name() == name) {
            warn!(target: "aios_metrics", "section {name:?} is left out of the document: its name is taken");
        } else {
            self.sections.push(section);
        }
        self
    }

    /// Whether the rolling summaries also stand at top level, as the fleet's first SDK writes them.
    #[must_use]
    pub fn with_flat_rolling(mut self, flat_rolling: bool) -> Self {
        self.flat_rolling = flat_rolling;
        self
    }

    /// Where the samples come from.
    #[must_use]
    pub fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// Who takes the documents.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Appends the document taken now as one JSON object, without a newline.
    ///
    /// `sequence` is for documents that are queued for delivery. Apart from the sections' own
    /// values, nothing is allocated once `out` has grown to its size.
    pub fn write_json(&self, sequence: Option<u64>, out: &mut Vec<u8>) {
        self.with_parts(sequence, |parts| parts.write(out));
    }

    /// The document taken now.
    #[must_use]
    pub fn collect(&self) -> Document {
        self.with_parts(None, Document::of)
    }

    fn with_parts<T>(&self, sequence: Option<u64>, run: impl FnOnce(&Parts<'_>) -> T) -> T {
        let mut snapshot = lock(&self.spare).pop().unwrap_or_default();
        let mut sections = Vec::new();
        for _ in 0..TRIES {
            let before = self.versions();
            self.source.snapshot_into(&mut snapshot);
            sections = read_sections(self.sections.iter().map(|section| &**section));
            if self.versions() == before {
                break;
            }
        }
        let parts = Parts {
            snapshot: &snapshot,
            identity: &self.identity,
            sequence,
            sections: &sections,
            flat_rolling: self.flat_rolling,
        };
        let result = run(&parts);
        snapshot.clear(snapshot.taken());
        lock(&self.spare).push(snapshot);
        result
    }

    /// Equal when nothing that a section tells has changed.
    fn versions(&self) -> u64 {
        // Each of them moves by itself, so that a sum can't stand still for long.
        self.sections.iter().fold(0, |sum, section| sum.wrapping_add(section.version()))
    }
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections: Vec<&str> = self.sections.iter().map(|section| section.name()).collect();
        f.debug_struct("Documents").field("identity", &self.identity).field("sections", &sections).finish()
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test that panics has failed")]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use serde_json::{Value, json};

    use super::*;
    use crate::collect::Collect;
    use crate::descriptor::Descriptor;
    use crate::registry::Registry;

    /// A reading that stands among the samples and as a section, and is read anew right after the
    /// samples were taken, as long as `refreshes` lasts.
    #[derive(Clone)]
    struct Reading(Arc<Numbers>);

    struct Numbers {
        reading: AtomicU64,
        refreshes: AtomicU64,
    }

    impl Collect for Reading {
        fn describe(&self) -> Vec<Descriptor> {
            vec![Descriptor::gauge("reading", "Which", &[]).unwrap()]
        }

        fn collect(&self, snapshot: &mut Snapshot) {
            let value = self.0.reading.load(Relaxed) as f64;
            snapshot.family(&self.describe()[0]).gauge(&[], value);
            if self.0.refreshes.load(Relaxed) > 0 {
                self.0.refreshes.fetch_sub(1, Relaxed);
                self.0.reading.fetch_add(1, Relaxed);
            }
        }
    }

    impl Section for Reading {
        fn name(&self) -> &str {
            "hardware"
        }

        fn read(&self) -> Option<Value> {
            Some(json!({"reading": self.0.reading.load(Relaxed)}))
        }

        fn version(&self) -> u64 {
            self.0.reading.load(Relaxed)
        }
    }

    fn collect(refreshes: u64) -> (f64, f64) {
        let numbers = Numbers { reading: AtomicU64::new(1), refreshes: AtomicU64::new(refreshes) };
        let reading = Reading(Arc::new(numbers));
        let registry = Registry::new();
        registry.register(reading.clone()).unwrap();
        let documents = Documents::new(Arc::new(registry), Identity::new("block", "instance", "node"))
            .with_section(Arc::new(reading));
        let document = documents.collect();
        let section = document.hardware().unwrap()["reading"].as_f64().unwrap();
        (document.sample("reading", &[]).unwrap(), section)
    }

    #[test]
    fn a_document_has_samples_and_sections_of_one_reading() {
        assert_eq!(collect(0), (1.0, 1.0));
        assert_eq!(collect(1), (2.0, 2.0));
        assert_eq!(collect(3), (4.0, 4.0));
    }

    #[test]
    fn a_section_that_never_stands_still_is_taken_as_it_is() {
        let (sample, section) = collect(u64::MAX);
        assert_eq!((sample, section), (f64::from(TRIES), f64::from(TRIES) + 1.0));
    }
}
