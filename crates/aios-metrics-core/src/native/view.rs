//! Native histograms in a snapshot.

use std::iter;

use super::index::{COARSEST, coarser};
use super::{Layout, NativeBuckets};

/// The native buckets of a series in a snapshot, merged down to their limit.
#[derive(Clone, Copy, Debug)]
pub struct NativeView<'s> {
    layout: &'s Layout,
    /// The zero bucket, the positive ones, the negative ones.
    counts: &'s [u64],
    /// By how much the schema was lowered.
    merged: u32,
}

impl<'s> NativeView<'s> {
    /// The view of counts that lie as the layout says.
    pub(crate) fn new(layout: &'s Layout, counts: &'s [u64]) -> Self {
        let mut view = Self { layout, counts, merged: 0 };
        let NativeBuckets { schema, max_buckets, .. } = layout.buckets;
        let lowest = u32::from((schema - COARSEST).unsigned_abs());
        while view.merged < lowest && view.positive().chain(view.negative()).count() > max_buckets {
            view.merged += 1;
        }
        view
    }

    /// How fine the buckets are: bucket `i` ends at 2^(i * 2^-schema).
    #[must_use]
    pub fn schema(&self) -> i8 {
        self.layout.buckets.schema - self.merged as i8
    }

    /// How far from 0 the zero bucket reaches, the end included.
    #[must_use]
    pub fn zero_threshold(&self) -> f64 {
        self.layout.zero_threshold
    }

    /// The observations in the zero bucket.
    #[must_use]
    pub fn zero_count(&self) -> u64 {
        self.counts[0]
    }

    /// All observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Index and observations of each positive bucket that has any, ascending.
    pub fn positive(&self) -> impl Iterator<Item = (i32, u64)> + use<'s> {
        self.side(&self.counts[1..=self.layout.len])
    }

    /// The same of the negative buckets, away from 0: bucket `i` ends at -2^(i * 2^-schema).
    pub fn negative(&self) -> impl Iterator<Item = (i32, u64)> + use<'s> {
        self.side(&self.counts[1 + self.layout.len..])
    }

    fn side(&self, counts: &'s [u64]) -> impl Iterator<Item = (i32, u64)> + use<'s> {
        let (first, by) = (self.layout.first, self.merged);
        let some = (first..).zip(counts).filter(|(_, count)| **count > 0);
        let mut merged = some.map(move |(index, &count)| (coarser(index, by), count)).peekable();
        iter::from_fn(move || {
            let (index, mut count) = merged.next()?;
            while let Some((_, more)) = merged.next_if(|(next, _)| *next == index) {
                count = count.saturating_add(more);
            }
            Some((index, count))
        })
    }
}
