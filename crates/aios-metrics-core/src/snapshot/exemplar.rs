//! Exemplars in a snapshot.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use super::Snapshot;
use crate::format::labels;

/// An exemplar: where its labels are, and to which sample it belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The series, as a place in `Snapshot::entries`.
    pub(super) series: u32,
    pub(super) bucket: u32,
    /// The labels, as a place in `Snapshot::text`.
    offset: u32,
    len: u32,
    value: f64,
    at: Option<Duration>,
}

impl Snapshot {
    /// Gives the series that was pushed last an exemplar, in place of one of the same bucket.
    pub(super) fn push_exemplar(
        &mut self,
        bucket: u32,
        value: f64,
        at: Option<Duration>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let offset = self.text.len();
        write(&mut self.text);
        let len = self.text.len() - offset;
        let (Ok(offset), Ok(len)) = (u32::try_from(offset), u32::try_from(len)) else { return };
        let series = self.entries.len() as u32 - 1;
        let entry = Entry { series, bucket, offset, len, value, at };
        let place = self.exemplars.partition_point(|other| (other.series, other.bucket) < (series, bucket));
        match self.exemplars.get_mut(place) {
            Some(same) if (same.series, same.bucket) == (series, bucket) => *same = entry,
            _ => self.exemplars.insert(place, entry),
        }
        if let Some(family) = self.families.last_mut() {
            family.exemplars.end = self.exemplars.len();
        }
    }

    /// The exemplars of a series of a family whose exemplars are `family`.
    pub(super) fn exemplars_of(&self, series: usize, family: &Range<usize>) -> &[Entry] {
        let family = &self.exemplars[family.clone()];
        let first = family.partition_point(|entry| (entry.series as usize) < series);
        let len = family[first..].partition_point(|entry| entry.series as usize == series);
        &family[first..first + len]
    }
}

/// What one update came from: an exemplar of a series in a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct ExemplarView<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) entry: &'s Entry,
}

impl<'s> ExemplarView<'s> {
    /// The place of the bucket to which it belongs, the last being that of `+Inf`; 0 for a counter.
    #[must_use]
    pub fn bucket(&self) -> usize {
        self.entry.bucket as usize
    }

    /// The labels as they stand in OpenMetrics, `{trace_id="4bf9"}`, escaped.
    #[must_use]
    pub fn label_text(&self) -> &'s str {
        // Only `&str` values and names are ever written there.
        std::str::from_utf8(self.label_bytes()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn label_bytes(&self) -> &'s [u8] {
        &self.snapshot.text[self.entry.offset as usize..][..self.entry.len as usize]
    }

    /// Names and values of the labels, in the order in which they were given.
    pub fn labels(&self) -> impl Iterator<Item = (&'s str, Cow<'s, str>)> + use<'s> {
        labels::parse(self.label_text())
    }

    /// The value that was observed, or the amount that was added.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.entry.value
    }

    /// When that was: the time since the Unix epoch. Always known of metrics that are updated here;
    /// what collectors add may lack it.
    #[must_use]
    pub fn timestamp(&self) -> Option<Duration> {
        self.entry.at
    }
}
