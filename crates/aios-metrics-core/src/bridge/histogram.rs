//! A histogram from its samples, which stand one after the other in the text.

use super::rejected::Reason;
use super::text::{Family, Label, Part, Sample};

/// A series of a histogram.
#[derive(Debug, PartialEq)]
pub(super) struct Histogram<'h> {
    pub(super) labels: &'h [Label<'h>],
    /// The finite bounds.
    pub(super) bounds: &'h [f64],
    /// The observations in each bucket alone, `+Inf` last.
    pub(super) buckets: &'h [u64],
    pub(super) sum: f64,
    /// Buckets with the text of their exemplar.
    pub(super) exemplars: &'h [(u32, &'h str)],
}

/// Hands each series of a family to `each`, or why it can't be used.
pub(super) fn read(family: &Family<'_>, mut each: impl FnMut(Result<Histogram<'_>, Reason>)) {
    let mut samples = family.samples();
    let mut series = Series::default();
    while let Some(sample) = samples.next() {
        match sample {
            Ok(Sample { part: Part::Created, .. }) => {}
            Ok(sample) => {
                if sample.exemplar.is_some() && sample.part != Part::Bucket {
                    each(Err(Reason::Exemplar));
                }
                let labels = sample.labels.iter().copied().filter(|(name, _)| *name != "le");
                if !labels.clone().eq(series.labels.iter().copied()) || series.has(sample.part) {
                    series.finish(&mut each);
                    series.labels.extend(labels);
                }
                if let Err(reason) = series.add(sample) {
                    series.problem = Some(reason);
                }
            }
            Err(reason) => each(Err(reason)),
        }
    }
    series.finish(&mut each);
}

/// A series of which samples were seen.
#[derive(Debug, Default)]
struct Series<'t> {
    labels: Vec<Label<'t>>,
    sum: Option<f64>,
    count: Option<u64>,
    bounds: Vec<f64>,
    /// Cumulated, as they stand in the text.
    buckets: Vec<u64>,
    exemplars: Vec<(u32, &'t str)>,
    problem: Option<Reason>,
}

impl<'t> Series<'t> {
    fn has(&self, part: Part) -> bool {
        (part == Part::Sum && self.sum.is_some()) || (part == Part::Count && self.count.is_some())
    }

    fn add(&mut self, sample: Sample<'t, '_>) -> Result<(), Reason> {
        let mut bounds = sample.labels.iter().filter(|(name, _)| *name == "le");
        let bound = bounds.next().map(|(_, bound)| *bound);
        let number = || sample.value.parse::<u64>().map_err(|_| Reason::Value);
        match (sample.part, bound) {
            (Part::Bucket, Some(bound)) => {
                self.bounds.push(bound.parse().map_err(|_| Reason::Buckets)?);
                self.exemplars.extend(sample.exemplar.map(|text| (self.buckets.len() as u32, text)));
                self.buckets.push(number()?);
            }
            (Part::Sum, None) => self.sum = Some(sample.value.parse().map_err(|_| Reason::Value)?),
            (Part::Count, None) => self.count = Some(number()?),
            (Part::Bucket, None) => return Err(Reason::Buckets),
            // A label of the user's that is called `le`.
            _ => return Err(Reason::Label),
        }
        Ok(())
    }

    /// Hands out the series, if there is one, and makes room for the next.
    fn finish(&mut self, each: &mut impl FnMut(Result<Histogram<'_>, Reason>)) {
        if self.problem.is_some() || self.sum.is_some() || self.count.is_some() || !self.buckets.is_empty() {
            each(self.histogram());
        }
        self.labels.clear();
        self.bounds.clear();
        self.buckets.clear();
        self.exemplars.clear();
        (self.sum, self.count, self.problem) = (None, None, None);
    }

    fn histogram(&mut self) -> Result<Histogram<'_>, Reason> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let (Some(sum), Some(count)) = (self.sum, self.count) else { return Err(Reason::Buckets) };
        if self.bounds.last() == Some(&f64::INFINITY) {
            self.bounds.pop();
        } else {
            self.buckets.push(count);
        }
        let ascending = self.bounds.is_sorted_by(|a, b| a < b) && self.bounds.iter().all(|b| b.is_finite());
        if !ascending || !self.buckets.is_sorted() || self.buckets.last() != Some(&count) {
            return Err(Reason::Buckets);
        }
        let mut below = 0;
        for bucket in &mut self.buckets {
            *bucket -= std::mem::replace(&mut below, *bucket);
        }
        let Self { labels, bounds, buckets, exemplars, .. } = self;
        Ok(Histogram { labels, bounds, buckets, sum, exemplars })
    }
}
