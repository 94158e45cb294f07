//! The JSON document that the fleet reads: identity, samples, hardware, rolling summaries.
//!
//! A document exists in two ways that give the same bytes: streamed straight from a snapshot
//! ([`Documents::write_json`]), and as a value that parses back ([`Document`]).

mod documents;
mod identity;
mod key;
mod value;
mod write;

pub use documents::Documents;
pub use identity::Identity;
pub use key::SampleKey;
pub use value::{Document, SampleValue};

/// The version of the document's form.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The `type` of an instance's document.
pub(crate) const TYPE: &str = "app";

/// Keys of the document's own; no metric and no section can have these names.
pub(crate) const RESERVED_KEYS: [&str; 11] = [
    "blockId",
    "instanceId",
    "nodeId",
    "type",
    "timestamp",
    "schemaVersion",
    "bootId",
    "sequence",
    "hardware",
    "rolling",
    "custom",
];
