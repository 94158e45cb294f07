//! The document, streamed from a snapshot.

use serde::Serialize;
use serde_json::Value as Json;

use super::{Identity, RESERVED_KEYS, SCHEMA_VERSION, TYPE};
use crate::format::labels;
use crate::format::number::{as_whole, write_float, write_whole};
use crate::format::writer::Writer;
use crate::rolling::{Summaries, Summary};
use crate::section::Section;
use crate::snapshot::{SeriesView, Snapshot, Value};

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
            let names = descriptor.names();
            let mut sample = |suffix: &str, series: &SeriesView<'_>, le: Option<f64>, value: Value<'_>| {
                let before = object.mark();
                object.sample_key(name, suffix, series, names, le);
                if contested && replacing().any(|key| object.last_key_is(&before, key)) {
                    return object.undo(before);
                }
                object.sample_value(value);
            };
            for series in family.series() {
                let series = &series;
                match series.value() {
                    Value::Histogram { buckets, sum } => {
                        let mut cumulated = 0_u64;
                        let bounds = descriptor.bounds().iter().copied().chain([f64::INFINITY]);
                        for (&count, bound) in buckets.iter().zip(bounds) {
                            cumulated = cumulated.saturating_add(count);
                            sample("_bucket", series, Some(bound), Value::Whole(cumulated));
                        }
                        sample("_sum", series, None, Value::Float(sum));
                        sample("_count", series, None, Value::Whole(cumulated));
                    }
                    value => sample("", series, None, value),
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
fn write_number(value: f64, out: &mut Writer<'_>) {
    match as_whole(value) {
        Some(whole) => out.put(itoa::Buffer::new().format(whole).as_bytes()),
        None if value.is_finite() => write_float(value, out),
        None => out.put(b"null"),
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
    fn sample_key(
        &mut self,
        name: &str,
        suffix: &str,
        series: &SeriesView<'_>,
        labels: &[Box<str>],
        le: Option<f64>,
    ) {
        self.comma();
        let label_text = series.label_bytes();
        let out = &mut Writer::new(self.out);
        out.put_byte(b'"');
        out.put(name.as_bytes());
        out.put(suffix.as_bytes());
        if series.has_plain_labels() {
            write_plain_labels(label_text, labels, out);
        } else {
            write_labels(label_text, out);
        }
        if let Some(bound) = le {
            out.put(if label_text.is_empty() { b"{le=" } else { b",le=" });
            write_float(bound, out);
        }
        out.put(if le.is_some() || !label_text.is_empty() { b"}\":" } else { b"\":" });
    }

    fn sample_value(&mut self, value: Value<'_>) {
        let out = &mut Writer::new(self.out);
        match value {
            Value::Whole(whole) => write_whole(whole, out),
            Value::Float(float) => write_number(float, out),
            Value::Histogram { .. } => {}
        }
    }
}

/// Appends the labels of a text, without the brace at its end, where each value stands in a key as it is.
///
/// The text was written for these labels and no value has a quote, so every place that is found lies in it.
#[inline]
fn write_plain_labels(label_text: &[u8], labels: &[Box<str>], out: &mut Writer<'_>) {
    let mut at = 0;
    for label in labels {
        // From the brace or comma before the label to the equals sign behind it; then the value, in quotes.
        let quote = at + label.len() + 2;
        let end = labels::next_quote(label_text, quote + 1);
        out.put(&label_text[at..quote]);
        out.put(&label_text[quote + 1..end]);
        at = end + 1;
    }
}

/// The same for any values.
fn write_labels(label_text: &[u8], out: &mut Writer<'_>) {
    let mut rest = label_text;
    // From the brace or comma before a label to the quote behind its value; no name has a `=`.
    while let Some(equals) = rest.iter().position(|&byte| byte == b'=') {
        let (opening, value) = (&rest[..=equals], &rest[equals + 2..]);
        let mut end = value.iter().position(|&byte| !labels::is_plain(byte)).unwrap_or(value.len());
        out.put(opening);
        if value.get(end) == Some(&b'"') {
            out.put(&value[..end]);
        } else {
            end = labels::closing_quote(value).unwrap_or(value.len());
            write_value(&value[..end], out);
        }
        rest = value.get(end + 1..).unwrap_or_default();
    }
}

/// Appends a label's value, given as the text formats escape it, inside a JSON string.
///
/// A key quotes and escapes what needs it in just the way of the text formats; so what is left is to
/// put that into quotes, and to escape it once more for JSON. A newline stands as `\n` by now.
fn write_value(bytes: &[u8], out: &mut Writer<'_>) {
    let quotes = bytes.iter().any(|&byte| labels::asks_for_quotes(byte));
    if quotes {
        out.put(b"\\\"");
    }
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.put(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' | b'\\' => out.put(&[b'\\', byte]),
            byte => write_control(byte, out),
        }
    }
    out.put(&bytes[plain..]);
    if quotes {
        out.put(b"\\\"");
    }
}

/// The forms that JSON has for the characters below a space.
fn write_control(byte: u8, out: &mut Writer<'_>) {
    let short = match byte {
        0x08 => b'b',
        0x09 => b't',
        0x0C => b'f',
        0x0D => b'r',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.put(b"\\u00");
            out.put(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.put(&[b'\\', short]);
}

/// Appends a value as JSON. Writing plain values into memory can't fail.
fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let at = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(at);
        out.extend_from_slice(b"null");
    }
}
