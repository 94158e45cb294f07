//! The JSON document.
use crate::{Section, Source};
use std::sync::Arc;

/// Who takes the document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `blockId`.
    pub block_id: String,
    /// `instanceId`.
    pub instance_id: String,
    /// `nodeId`.
    pub node_id: String,
    /// `bootId`: 128 random bits in hex.
    pub boot_id: String,
}
impl Identity {
    /// An identity with a fresh `bootId`.
    #[must_use]
    pub fn new(
        block_id: impl Into<String>,
        instance_id: impl Into<String>,
        node_id: impl Into<String>,
    ) -> Self {
        Self {
            block_id: block_id.into(),
            instance_id: instance_id.into(),
            node_id: node_id.into(),
            boot_id: String::new(),
        }
    }
}

/// The document as a value: Serialize + Deserialize.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {}

/// Takes documents: the source of samples, who we are, and the sections beside the samples.
pub struct Documents {
    source: Arc<dyn Source>,
    identity: Identity,
    sections: Vec<Arc<dyn Section>>,
}
impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").finish_non_exhaustive()
    }
}
impl Documents {
    /// Documents of `source` in the name of `identity`.
    #[must_use]
    pub fn new(source: Arc<dyn Source>, identity: Identity) -> Self {
        Self { source, identity, sections: Vec::new() }
    }
    /// Adds a section.
    #[must_use]
    pub fn with_section(mut self, section: Arc<dyn Section>) -> Self {
        self.sections.push(section);
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
    /// Appends the document taken now as one JSON object, streamed; `sequence` only for documents
    /// that are queued for delivery.
    pub fn write_json(&self, _sequence: Option<u64>, _out: &mut Vec<u8>) {
        unimplemented!()
    }
    /// The document taken now, as a value.
    #[must_use]
    pub fn collect(&self) -> Document {
        unimplemented!()
    }
}
