//! The document as a value.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::write::{Parts, read_sections};
use super::{Identity, SampleKey};
use crate::rolling::Summary;
use crate::section::Section;
use crate::snapshot::Snapshot;

/// The document as a value: what the fleet's listener gets, and what a reader parses it back into.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Document, Identity, Registry, Source};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_counter("jobs_total", "Jobs", &["status"])?.inc_by(&["ok"], 3_u64)?;
///
/// let document = Document::collect(&registry.snapshot(), &Identity::new("block-1", "i-1", "node-1"), &[]);
/// assert_eq!(document.sample("jobs_total", &[("status", "ok")]), Some(3.0));
///
/// let json = serde_json::to_string(&document)?;
/// assert!(json.contains(r#""jobs_total{status=ok}":3"#));
/// assert_eq!(serde_json::from_str::<Document>(&json)?, document);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Document {
    /// `blockId`.
    pub block_id: String,
    /// `instanceId`.
    pub instance_id: String,
    /// `nodeId`.
    pub node_id: String,
    /// `type`; `app` for an instance.
    pub kind: String,
    /// `timestamp`: Unix time in seconds.
    pub timestamp: f64,
    /// `schemaVersion`: the version of this form; 0 where it is absent.
    pub schema_version: u32,
    /// `bootId`: tells one run of an instance from the next; empty where it is absent.
    pub boot_id: String,
    /// `sequence`: the number among the documents of this run that were queued for delivery.
    pub sequence: Option<u64>,
    /// Every sample under its key, `name{label=value,...}`, in the order of the page.
    pub samples: IndexMap<String, SampleValue>,
    /// `hardware` and other named parts.
    pub sections: IndexMap<String, Json>,
    /// `rolling`: summaries by name.
    pub rolling: BTreeMap<String, Summary>,
    /// `custom`: summaries by category and name.
    pub custom: BTreeMap<String, BTreeMap<String, Summary>>,
}

/// The value of a sample in a document.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SampleValue {
    /// A whole number of at least 0, exact.
    Whole(u64),
    /// A whole number below 0.
    Negative(i64),
    /// Any other number.
    Float(f64),
    /// A gauge that is not finite, which JSON can't say.
    Null,
}

impl SampleValue {
    /// The value as a float; `NaN` for null.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Negative(whole) => whole as f64,
            Self::Float(float) => float,
            Self::Null => f64::NAN,
        }
    }
}

impl Document {
    /// The document of a snapshot, in the name of `identity`, with the given sections.
    #[must_use]
    pub fn collect(snapshot: &Snapshot, identity: &Identity, sections: &[&dyn Section]) -> Self {
        let sections = &read_sections(sections.iter().copied());
        Self::of(&Parts { snapshot, identity, sequence: None, sections, flat_rolling: false })
    }

    /// The document that the parts stream, parsed back, so that both are one and the same.
    pub(crate) fn of(parts: &Parts<'_>) -> Self {
        let mut json = Vec::new();
        parts.write(&mut json);
        serde_json::from_slice(&json).unwrap_or_else(|_| Self::empty(parts.identity))
    }

    fn empty(identity: &Identity) -> Self {
        Self {
            block_id: identity.block_id.clone(),
            instance_id: identity.instance_id.clone(),
            node_id: identity.node_id.clone(),
            kind: super::TYPE.to_owned(),
            timestamp: 0.0,
            schema_version: super::SCHEMA_VERSION,
            boot_id: identity.boot_id.clone(),
            sequence: None,
            samples: IndexMap::new(),
            sections: IndexMap::new(),
            rolling: BTreeMap::new(),
            custom: BTreeMap::new(),
        }
    }

    /// The value of a sample; labels in any order. `NaN` where the document says null.
    #[must_use]
    pub fn sample(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let owned = |(label, value): &(&str, &str)| ((*label).to_owned(), (*value).to_owned());
        let mut wanted = SampleKey { name: name.to_owned(), labels: labels.iter().map(owned).collect() };
        if let Some(value) = self.samples.get(&wanted.to_string()) {
            return Some(value.as_f64());
        }
        wanted.labels.sort();
        let same = |key: &str| {
            key.starts_with(name)
                && key.parse::<SampleKey>().is_ok_and(|mut key| {
                    key.labels.sort();
                    key == wanted
                })
        };
        self.samples.iter().find(|(key, _)| same(key)).map(|(_, value)| value.as_f64())
    }

    /// The `hardware` section.
    #[must_use]
    pub fn hardware(&self) -> Option<&Json> {
        self.sections.get("hardware")
    }
}

impl Serialize for SampleValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Whole(whole) => serializer.serialize_u64(whole),
            Self::Negative(whole) => serializer.serialize_i64(whole),
            Self::Float(float) => serializer.serialize_f64(float),
            Self::Null => serializer.serialize_unit(),
        }
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("blockId", &self.block_id)?;
        map.serialize_entry("instanceId", &self.instance_id)?;
        map.serialize_entry("nodeId", &self.node_id)?;
        map.serialize_entry("type", &self.kind)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("schemaVersion", &self.schema_version)?;
        map.serialize_entry("bootId", &self.boot_id)?;
        if let Some(sequence) = self.sequence {
            map.serialize_entry("sequence", &sequence)?;
        }
        for (key, value) in &self.samples {
            map.serialize_entry(key, value)?;
        }
        for (name, value) in &self.sections {
            match self.rolling.get(name).filter(|summary| is_summary(value, summary)) {
                Some(summary) => map.serialize_entry(name, summary)?,
                None => map.serialize_entry(name, value)?,
            }
        }
        map.serialize_entry("rolling", &self.rolling)?;
        map.serialize_entry("custom", &self.custom)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a metrics document: a JSON object with `blockId` and `instanceId`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let identity = Identity {
            block_id: String::new(),
            instance_id: String::new(),
            node_id: String::new(),
            boot_id: String::new(),
        };
        let mut document = Document { schema_version: 0, kind: String::new(), ..Document::empty(&identity) };
        let mut named = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "blockId" => (document.block_id, named.0) = (map.next_value()?, true),
                "instanceId" => (document.instance_id, named.1) = (map.next_value()?, true),
                "nodeId" => document.node_id = map.next_value()?,
                "type" => document.kind = map.next_value()?,
                "timestamp" => document.timestamp = map.next_value()?,
                "schemaVersion" => document.schema_version = map.next_value()?,
                "bootId" => document.boot_id = map.next_value()?,
                "sequence" => document.sequence = map.next_value()?,
                "rolling" => document.rolling = map.next_value()?,
                "custom" => document.custom = map.next_value()?,
                _ => {
                    let value: Json = map.next_value()?;
                    match sample(&value) {
                        Some(sample) => drop(document.samples.insert(key, sample)),
                        None => drop(document.sections.insert(key, value)),
                    }
                }
            }
        }
        match named {
            (true, true) => Ok(document),
            (false, _) => Err(A::Error::missing_field("blockId")),
            (_, false) => Err(A::Error::missing_field("instanceId")),
        }
    }
}

/// Whether a value is the summary that stands under `rolling` too. It is then written with its
/// fields in the same order as there, which a JSON value doesn't keep.
fn is_summary(value: &Json, summary: &Summary) -> bool {
    Summary::deserialize(value).is_ok_and(|flat| flat == *summary)
        && serde_json::to_value(summary).is_ok_and(|full| full == *value)
}

/// A number or null is a sample; anything else is a section.
fn sample(value: &Json) -> Option<SampleValue> {
    match value {
        Json::Null => Some(SampleValue::Null),
        Json::Number(number) => Some(match (number.as_u64(), number.as_i64()) {
            (Some(whole), _) => SampleValue::Whole(whole),
            (_, Some(whole)) => SampleValue::Negative(whole),
            _ => SampleValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        }),
        _ => None,
    }
}
