//! Where documents come from.

use std::fmt;
use std::sync::Arc;

use tracing::warn;

use super::write::Parts;
use super::{Document, Identity, RESERVED_KEYS};
use crate::section::Section;
use crate::snapshot::Snapshot;
use crate::source::Source;
use crate::sync::{Mutex, lock};

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
        self.source.snapshot_into(&mut snapshot);
        let sections: Vec<&dyn Section> = self.sections.iter().map(|section| &**section).collect();
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
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sections: Vec<&str> = self.sections.iter().map(|section| section.name()).collect();
        f.debug_struct("Documents").field("identity", &self.identity).field("sections", &sections).finish()
    }
}
