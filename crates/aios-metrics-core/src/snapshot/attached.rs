//! The way into a snapshot for families of attached registries, whose labels are only known as each
//! series is read.

use std::time::Duration;

use super::{Entry, Form, OWN_TEXT, Snapshot, Value};
use crate::descriptor::Descriptor;

impl Snapshot {
    /// The names that belong to the families so far.
    pub(crate) fn claimed_names(&self) -> impl Iterator<Item = String> {
        self.families.iter().flat_map(|family| family.descriptor.claimed_names())
    }

    /// Whether the family is wanted.
    pub(crate) fn selects(&self, descriptor: &Descriptor) -> bool {
        self.selection.includes(descriptor)
    }

    /// Begins a family whose names nobody else has in this snapshot.
    pub(crate) fn begin_attached(&mut self, descriptor: &Descriptor) {
        self.begin(descriptor);
    }

    /// Adds a series to the family that was begun last: names and values of its labels, these as the
    /// text formats escape them, and a value that fits the family.
    pub(crate) fn push_attached(&mut self, labels: &[(&str, &str)], value: Value<'_>) {
        let offset = self.text.len();
        if !labels.is_empty() {
            write_escaped(labels, &mut self.text);
        }
        let len = self.text.len() - offset;
        let (Ok(offset), Ok(len)) = (u32::try_from(offset), u32::try_from(len)) else { return };
        let (form, bits) = match value {
            Value::Whole(whole) => (Form::Whole, whole),
            Value::Float(float) => (Form::Float, float.to_bits()),
            Value::Histogram { buckets, sum } => {
                let at = self.words.len() as u64;
                self.words.extend_from_slice(buckets);
                self.words.push(sum.to_bits());
                (Form::Histogram, at)
            }
        };
        self.push(Entry { block: OWN_TEXT, offset, len, form, plain: false, bits });
    }

    /// Gives the series that was pushed last an exemplar, whose labels are escaped in the same way.
    pub(crate) fn push_attached_exemplar(
        &mut self,
        bucket: u32,
        labels: &[(&str, &str)],
        value: f64,
        at: Option<Duration>,
    ) {
        self.push_exemplar(bucket, value, at, |text| write_escaped(labels, text));
    }
}

/// Writes labels, with braces, whose values are escaped already.
fn write_escaped(labels: &[(&str, &str)], text: &mut Vec<u8>) {
    text.push(b'{');
    for (i, (name, value)) in labels.iter().enumerate() {
        let pieces = [if i == 0 { "" } else { "," }, name, "=\"", value, "\""];
        pieces.iter().for_each(|piece| text.extend_from_slice(piece.as_bytes()));
    }
    text.push(b'}');
}
