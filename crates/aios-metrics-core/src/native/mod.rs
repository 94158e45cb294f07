//! Native histograms: buckets of exponential width, laid out in a run of cells.

mod index;
mod view;

use std::fmt;
use std::ops::RangeInclusive;

pub use self::view::NativeView;

use self::index::{COARSEST, FINEST, bound, coarser, finest};
use crate::error::NativeProblem;

/// The native buckets of a histogram: how fine, and over which range.
///
/// A bucket ends where the next begins, and each is wider than the one below by the same factor,
/// 2^(2^-`schema`): 2 for schema 0, 1.19 for 2, 1.09 for 3, 1.04 for 4, 1.003 for 8, and 65,536
/// for -4. A quantile read from them is off by less than that factor. What is at most `from` away
/// from 0 is counted in the zero bucket, whose breadth is the bound at or below `from`.
///
/// Every bucket of the range has a cell in each thread that observes, 8 bytes, and cost and memory
/// are those of a classic bucket: from a millisecond to a quarter of an hour, schema 3 takes 159.
/// A value above the range counts in the last bucket, and a negative one in the zero bucket unless
/// [`with_negative`](Self::with_negative) was said; both are counted in
/// `aios_metrics_native_clamped_total{family}`.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{NativeBuckets, Registry, Source};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let native = NativeBuckets::new(3, 0.001..=60.0);
/// let latency = registry.register_native_histogram("latency_seconds", "Latency", &[], None, native)?;
/// latency.observe(&[], 0.25)?;
///
/// let snapshot = registry.snapshot();
/// let series = snapshot.families().next().and_then(|family| family.series().next()).unwrap();
/// let native = series.native().unwrap();
/// // Bucket i ends at 2^(i/8): 2^(-16/8) is 0.25, which a bucket includes.
/// assert_eq!(native.positive().collect::<Vec<_>>(), [(-16, 1)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct NativeBuckets {
    /// How fine the buckets are, from -4 to 8.
    pub schema: i8,
    /// What is no further from 0 is counted as zero; at least 1e-300.
    pub from: f64,
    /// The largest value that has a bucket of its own; at most 1e300.
    pub to: f64,
    /// Buckets that are exposed of a series at the most; where more hold something, neighbours are
    /// merged and the schema is lowered until they do, or until it is -4. 160.
    pub max_buckets: usize,
    /// Whether negative values have buckets, as many as positive ones. False.
    pub negative: bool,
}

impl NativeBuckets {
    /// Buckets of a schema over a range of positive values, which are checked when a histogram is
    /// registered with them.
    #[must_use]
    pub fn new(schema: i8, range: RangeInclusive<f64>) -> Self {
        Self { schema, from: *range.start(), to: *range.end(), max_buckets: 160, negative: false }
    }

    /// Sets [`max_buckets`](Self::max_buckets).
    #[must_use]
    pub fn with_max_buckets(mut self, max_buckets: usize) -> Self {
        self.max_buckets = max_buckets;
        self
    }

    /// Sets [`negative`](Self::negative).
    #[must_use]
    pub fn with_negative(mut self, negative: bool) -> Self {
        self.negative = negative;
        self
    }
}

/// As in error messages: `native buckets of schema 3 from 0.001 to 60`.
impl fmt::Display for NativeBuckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, from, to, max_buckets, negative } = self;
        let sides = if *negative { "on both sides of 0 " } else { "" };
        write!(
            f,
            "native buckets of schema {schema} {sides}from {from} to {to}, at most {max_buckets} exposed"
        )
    }
}

/// Where native buckets lie in the run of a series: the zero bucket, the positive ones upwards, then
/// the negative ones from 0 on.
#[derive(Debug)]
pub(crate) struct Layout {
    buckets: NativeBuckets,
    /// From the finest schema to that of the buckets.
    coarsened: u32,
    /// The index of the first bucket.
    first: i32,
    /// Buckets on each side of 0.
    len: usize,
    zero_threshold: f64,
}

impl Layout {
    /// Checks buckets that may take `limit` cells.
    pub(crate) fn new(buckets: NativeBuckets, limit: usize) -> Result<Self, NativeProblem> {
        let NativeBuckets { schema, from, to, negative, .. } = buckets;
        if !(COARSEST..=FINEST).contains(&schema) {
            return Err(NativeProblem::Schema(schema));
        }
        if !(1e-300 <= from && from < to && to <= 1e300) {
            return Err(NativeProblem::Range { from, to });
        }
        let coarsened = u32::from((FINEST - schema).unsigned_abs());
        let bound = |index: i32| bound(index << coarsened);
        let index = |value| coarser(finest(value), coarsened);
        // Where `from` is a bound itself, the bucket that it ends belongs to zero as well.
        let first = index(from) + i32::from(bound(index(from)) == from);
        let len = (index(to).max(first) - first + 1) as usize;
        let layout = Self { buckets, coarsened, first, len, zero_threshold: bound(first - 1) };
        if layout.cells() > limit {
            let sides = 1 + usize::from(negative);
            return Err(NativeProblem::TooMany { given: sides * len, limit: limit - 1 });
        }
        Ok(layout)
    }

    pub(crate) fn buckets(&self) -> &NativeBuckets {
        &self.buckets
    }

    /// How many cells they take.
    pub(crate) fn cells(&self) -> usize {
        1 + self.len * (1 + usize::from(self.buckets.negative))
    }

    /// The cell of a finite value among them, and whether the value is out of their range.
    #[inline]
    pub(crate) fn place(&self, value: f64) -> (usize, bool) {
        let magnitude = value.abs();
        if magnitude <= self.zero_threshold {
            return (0, false);
        }
        let above = (coarser(finest(magnitude), self.coarsened) - self.first) as usize;
        let place = 1 + above.min(self.len - 1);
        if value > 0.0 {
            (place, above >= self.len)
        } else if self.buckets.negative {
            (place + self.len, above >= self.len)
        } else {
            (0, true)
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn layout(buckets: NativeBuckets) -> Layout {
        Layout::new(buckets, 1_000_000).expect("a schema and a range that exist")
    }

    #[test]
    fn zero_reaches_to_the_bound_at_or_below_the_range() {
        for (schema, from, threshold, first) in [
            (0, 1.0, 1.0, 1),
            (0, 1.5, 1.0, 1),
            (3, 0.25, 0.25, -15),
            (-4, 0.001, 2.0_f64.powi(-16), 0),
            (8, 1.0_f64.next_up(), 1.0, 1),
        ] {
            let layout = layout(NativeBuckets::new(schema, from..=1e3));
            assert_eq!((layout.zero_threshold, layout.first), (threshold, first), "{schema} from {from}");
        }
        // As the documentation says.
        assert_eq!(layout(NativeBuckets::new(3, 0.001..=900.0)).len, 159);
        let extremes = layout(NativeBuckets::new(-4, 1e-300..=1e300));
        assert!(
            extremes.zero_threshold > f64::MIN_POSITIVE && extremes.place(f64::MAX) == (extremes.len, true)
        );
    }

    #[test]
    fn values_out_of_range_count_at_its_ends() {
        let positive = layout(NativeBuckets::new(0, 1.0..=8.0));
        let places = |layout: &Layout, values: [f64; 7]| values.map(|value| layout.place(value));
        let values = [0.5, 1.0, 1.5, 8.0, 8.5, -1.0, -1.5];
        let (zero, in_range) = ((0, false), |place| (place, false));
        assert_eq!(
            places(&positive, values),
            [zero, zero, in_range(1), in_range(3), (3, true), zero, (0, true)]
        );
        let both = layout(NativeBuckets::new(0, 1.0..=8.0).with_negative(true));
        let values = [-0.0, 1.5, -1.5, -8.0, -8.5, f64::MIN, f64::MAX];
        let expected = [zero, in_range(1), in_range(4), in_range(6), (6, true), (6, true), (3, true)];
        assert_eq!(places(&both, values), expected);
        assert_eq!((positive.cells(), both.cells()), (4, 7));
    }

    proptest! {
        #[test]
        fn every_value_has_a_cell(
            schema in COARSEST..=FINEST,
            from in -40_i32..40,
            width in 1_i32..40,
            negative: bool,
            value in -1e30_f64..1e30,
            exponent in 0_i32..60,
        ) {
            let range = 2.0_f64.powi(from)..=2.0_f64.powi(from + width) * 1.1;
            let layout = layout(NativeBuckets::new(schema, range.clone()).with_negative(negative));
            let value = value / 10.0_f64.powi(exponent);
            let (place, clamped) = layout.place(value);
            prop_assert!(place < layout.cells());
            prop_assert!(layout.zero_threshold <= *range.start());
            prop_assert_eq!(place == 0 && !clamped, value.abs() <= layout.zero_threshold);
            if range.contains(&value) {
                prop_assert!(!clamped);
            }
        }
    }
}
