//! The document, streamed from a snapshot.

use serde::Serialize;
use serde_json::Value as Json;

use super::{Identity, RESERVED_KEYS, SCHEMA_VERSION, TYPE, key};
use crate::format::labels;
use crate::format::number::{as_whole, write_float, write_whole};
use crate::rolling::{Summaries, Summary};
use crate::section::Section;
use crate::snapshot::{Snapshot, Value};

/// What a document is made of.
pub(crate) struct Parts<'d> {
    pub(crate) snapshot: &'d Snapshot,
    pub(crate) identity: &'d Identity,
    pub(crate) sequence: Option<u64>,
    /// As [`read_sections`] has them.
    pub(crate) sections: &'d [(&'d str, Json)],
    pub(crate) flat_rolling: bool,
}

impl Parts<'_> {
    /// Appends the document as one JSON object without a newline.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.entry("blockId", &self.identity.block_id);
        object.entry("instanceId", &self.identity.instance_id);
        object.entry("nodeId", &self.identity.node_id);
        object.entry("type", TYPE);
        object.entry("timestamp", &self.snapshot.taken().as_secs_f64());
        object.entry("schemaVersion", &SCHEMA_VERSION);
        object.entry("bootId", &self.identity.boot_id);
        if let Some(sequence) = self.sequence {
            object.entry("sequence", &sequence);
        }
        let none = Summaries::default();
        let summaries = self.snapshot.summaries().unwrap_or(&none);
        let sections = self.sections;
        let taken = |key: &str| RESERVED_KEYS.contains(&key) || sections.iter().any(|(name, _)| *name == key);
        let flat = || summaries.plain().iter().filter(|named| self.flat_rolling && !taken(&named.name));

        let replacing = || sections.iter().map(|(name, _)| *name).chain(flat().map(|named| &*named.name));
        self.samples(replacing, &mut object);
        for (name, value) in sections {
            object.entry(name, value);
        }
        for named in flat() {
            object.entry(&named.name, &named.summary);
        }
        let by_name = |out: &mut Vec<u8>, named: &[crate::rolling::Named]| {
            let mut inner = Object::open(out);
            for named in named {
                inner.entry::<Summary>(&named.name, &named.summary);
            }
            inner.close();
        };
        object.key("rolling");
        by_name(object.out, summaries.plain());
        object.key("custom");
        let mut custom = Object::open(object.out);
        for category in summaries.by_category() {
            custom.key(&category[0].category);
            by_name(custom.out, category);
        }
        custom.close();
        object.close();
    }

    /// Writes every sample but those whose very key is among `replacing`.
    fn samples<'k, K: Iterator<Item = &'k str>>(&self, replacing: impl Fn() -> K, object: &mut Object<'_>) {
        for family in self.snapshot.families() {
            let descriptor = family.descriptor();
            let name = descriptor.exposed_name();
            let contested = replacing().any(|key| key.starts_with(name));
            let mut sample = |suffix: &str, labels: &str, le: Option<f64>, value: Value<'_>| {
                let before = object.mark();
                object.sample_key(name, suffix, labels, le);
                if contested && replacing().any(|key| object.last_key_is(&before, key)) {
                    return object.undo(before);
                }
                object.sample_value(value);
            };
            for series in family.series() {
                let labels = series.label_text();
                match series.value() {
                    Value::Histogram { buckets, sum } => {
                        let mut cumulated = 0_u64;
                        let bounds = descriptor.bounds().iter().copied().chain([f64::INFINITY]);
                        for (&count, bound) in buckets.iter().zip(bounds) {
                            cumulated = cumulated.saturating_add(count);
                            sample("_bucket", labels, Some(bound), Value::Whole(cumulated));
                        }
                        sample("_sum", labels, None, Value::Float(sum));
                        sample("_count", labels, None, Value::Whole(cumulated));
                    }
                    value => sample("", labels, None, value),
                }
            }
        }
    }
}

/// The sections that have something to say, each name once. Those that are read back as samples,
/// since they are no more than a number, stand right behind the samples.
pub(crate) fn read_sections<'s>(all: impl Iterator<Item = &'s dyn Section>) -> Vec<(&'s str, Json)> {
    let mut sections: Vec<(&str, Json)> = Vec::new();
    for section in all {
        let name = section.name();
        let reserved = name != "hardware" && RESERVED_KEYS.contains(&name);
        if !reserved && sections.iter().all(|(known, _)| *known != name) {
            sections.extend(section.read().map(|value| (name, value)));
        }
    }
    sections.sort_by_key(|(_, value)| !matches!(value, Json::Null | Json::Number(_)));
    sections
}

/// Appends a number as JSON has them: whole without a point, not finite as null.
fn write_number(value: f64, out: &mut Vec<u8>) {
    match as_whole(value) {
        Some(whole) => out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes()),
        None if value.is_finite() => write_float(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A JSON object in the making.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

/// An object as it was before an entry.
struct Mark {
    len: usize,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn comma(&mut self) {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        write_json(key, self.out);
        self.out.push(b':');
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        self.key(key);
        write_json(value, self.out);
    }

    fn mark(&self) -> Mark {
        Mark { len: self.out.len(), empty: self.empty }
    }

    fn undo(&mut self, to: Mark) {
        self.out.truncate(to.len);
        self.empty = to.empty;
    }

    /// Whether the key that was written since `before`, with its comma, is `key`.
    fn last_key_is(&mut self, before: &Mark, key: &str) -> bool {
        let start = before.len + usize::from(!before.empty);
        let end = self.out.len();
        write_json(key, self.out);
        self.out.push(b':');
        let same = self.out[start..end] == self.out[end..];
        self.out.truncate(end);
        same
    }

    /// Writes the key of a sample: names need no escaping, values of labels mostly none.
    fn sample_key(&mut self, name: &str, suffix: &str, label_text: &str, le: Option<f64>) {
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(suffix.as_bytes());
        let mut opening = b'{';
        for (label, value) in labels::parse_escaped(label_text) {
            self.out.push(opening);
            self.out.extend_from_slice(label.as_bytes());
            self.out.push(b'=');
            write_value(value, self.out);
            opening = b',';
        }
        if let Some(bound) = le {
            self.out.push(opening);
            self.out.extend_from_slice(b"le=");
            write_float(bound, self.out);
            opening = b',';
        }
        if opening == b',' {
            self.out.push(b'}');
        }
        self.out.extend_from_slice(b"\":");
    }

    fn sample_value(&mut self, value: Value<'_>) {
        match value {
            Value::Whole(whole) => write_whole(whole, self.out),
            Value::Float(float) => write_number(float, self.out),
            Value::Histogram { .. } => {}
        }
    }
}

/// Appends a label's value, given as the text formats escape it, inside a JSON string.
///
/// A key quotes and escapes what needs it in just the way of the text formats; so what is left is to
/// put that into quotes, and to escape it once more for JSON. A newline stands as `\n` by now.
fn write_value(value: &str, out: &mut Vec<u8>) {
    let quotes = key::needs_quotes(value);
    if quotes {
        out.extend_from_slice(b"\\\"");
    }
    let (bytes, mut plain) = (value.as_bytes(), 0);
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            byte => write_control(byte, out),
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    if quotes {
        out.extend_from_slice(b"\\\"");
    }
}

/// The forms that JSON has for the characters below a space.
fn write_control(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        0x08 => b'b',
        0x09 => b't',
        0x0C => b'f',
        0x0D => b'r',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend([b'\\', short]);
}

/// Appends a value as JSON. Writing plain values into memory can't fail.
fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let at = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(at);
        out.extend_from_slice(b"null");
    }
}
