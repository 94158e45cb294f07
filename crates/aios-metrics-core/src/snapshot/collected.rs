//! The way into a snapshot for what collectors add.

use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Form, OWN_TEXT, Snapshot};
use crate::descriptor::{Descriptor, Kind};
use crate::format::labels::{self, Spelling};
use crate::metric::{Amount, Total, exemplar as latest, histogram};

impl Snapshot {
    /// Begins the samples of a family; for [`Collect`](crate::Collect).
    ///
    /// A family that the collector did not describe is left out, so that nothing on the page can
    /// collide, and so is one that is not [selected](Self::select). Samples of one family are added in one go: once another family has begun, more of
    /// an earlier one are left out. Each set of label values stands once.
    pub fn family(&mut self, descriptor: &Descriptor) -> FamilySamples<'_> {
        let expected = self.expected.iter().find(|e| e.is(descriptor) || e.agrees_with(descriptor)).cloned();
        let descriptor = expected.filter(|descriptor| {
            if !self.selection.includes(descriptor) {
                return false;
            }
            let begun = &self.families[self.collected_from..];
            match begun.iter().rposition(|family| family.descriptor.is(descriptor)) {
                Some(at) => at + 1 == begun.len(),
                None => {
                    self.begin(descriptor);
                    true
                }
            }
        });
        FamilySamples { snapshot: self, descriptor, added: false }
    }

    /// Announces the collector whose samples come next; `false` when none of them is wanted.
    pub(crate) fn expect(&mut self, descriptors: &Arc<[Descriptor]>) -> bool {
        self.expected = Arc::clone(descriptors);
        self.collected_from = self.families.len();
        self.selection.is_all() || descriptors.iter().any(|family| self.selection.includes(family))
    }
}

/// Takes the samples that a collector adds to one family.
///
/// A sample that doesn't fit the family, in its kind, its number of labels or its buckets, is left
/// out: it can't spoil the page.
#[derive(Debug)]
pub struct FamilySamples<'s> {
    snapshot: &'s mut Snapshot,
    descriptor: Option<Descriptor>,
    /// Whether the sample that was given last has found its place.
    added: bool,
}

impl FamilySamples<'_> {
    /// Adds a counter's total.
    pub fn counter(&mut self, labels: &[&str], total: impl Amount) -> &mut Self {
        use crate::metric::Parts;
        let total = match total.parts() {
            Parts::Whole(whole) => Total::Whole(whole),
            Parts::Fraction(float) => Total::Float(float),
            Parts::Invalid(_) => {
                self.added = false;
                return self;
            }
        };
        let (form, bits) = total.into();
        self.push(Kind::Counter, labels, |_| (form, bits))
    }

    /// Adds a gauge's value.
    pub fn gauge(&mut self, labels: &[&str], value: f64) -> &mut Self {
        self.push(Kind::Gauge, labels, |_| (Form::Float, value.to_bits()))
    }

    /// Adds a histogram: the observations in each bucket alone, `+Inf` last, and their sum.
    pub fn histogram(&mut self, labels: &[&str], buckets: &[u64], sum: f64) -> &mut Self {
        if self.descriptor.as_ref().is_none_or(|d| d.bounds().len() + 1 != buckets.len()) {
            self.added = false;
            return self;
        }
        self.push(Kind::Histogram, labels, |words| {
            let at = words.len() as u64;
            words.extend_from_slice(buckets);
            words.push(sum.to_bits());
            (Form::Histogram, at)
        })
    }

    /// Gives the counter or histogram that was added last an exemplar: the labels of what one update
    /// came from, its value, and when it was since the Unix epoch. A histogram has one in each
    /// bucket, the latest that was given.
    ///
    /// Left out when the labels are more than an exemplar can have; see
    /// [`Histogram::observe_with_exemplar`](crate::Histogram::observe_with_exemplar).
    pub fn exemplar(&mut self, labels: &[(&str, &str)], value: f64, at: Option<Duration>) -> &mut Self {
        let Some(descriptor) = self.descriptor.as_ref().filter(|_| self.added) else { return self };
        if descriptor.kind() != Kind::Gauge && value.is_finite() && latest::is_allowed(labels) {
            let bucket = histogram::bucket(descriptor.bounds(), value) as u32;
            self.snapshot.push_exemplar(bucket, value, at, |text| labels::write_pairs(labels, text));
        }
        self
    }

    /// Says when the counter or histogram that was added last was created: the time since the Unix
    /// epoch, kept to the millisecond.
    pub fn created(&mut self, at: Duration) -> &mut Self {
        if self.added && self.descriptor.as_ref().is_some_and(|d| d.kind() != Kind::Gauge) {
            self.snapshot.push_created(at.as_millis() as u64);
        }
        self
    }

    fn push(
        &mut self,
        kind: Kind,
        labels: &[&str],
        value: impl FnOnce(&mut Vec<u64>) -> (Form, u64),
    ) -> &mut Self {
        self.added = false;
        let Some(descriptor) = &self.descriptor else { return self };
        let snapshot = &mut *self.snapshot;
        if descriptor.kind() != kind || descriptor.label_count() != labels.len() {
            return self;
        }
        let offset = snapshot.text.len();
        let spelling = descriptor.rendered().pieces.write(labels, &mut snapshot.text);
        let len = snapshot.text.len() - offset;
        if let (Ok(offset), Ok(len)) = (u32::try_from(offset), u32::try_from(len)) {
            let (form, bits) = value(&mut snapshot.words);
            let plain = spelling == Spelling::Plain;
            snapshot.push(Entry { block: OWN_TEXT, offset, len, form, plain, bits });
            self.added = true;
        }
        self
    }
}
