//! A sketch: how many observations there were in each bin, a bin being 2 % wide.
//!
//! This is DDSketch (Masson, Rim and Lee, 2019) with a logarithmic mapping, one run of bins for both
//! signs, and the smallest magnitudes joined when the run is too short for all.

use super::quantile::Quantile;

/// Bins of a sketch. Two sketches and two words fill a chunk of cells.
pub(crate) const BINS: usize = if cfg!(loom) { 2 } else { 508 };

/// Bins for each factor of e: the bounds of a bin are e^0.02 apart, and a value between both is at
/// most tanh(0.01) < 1 % off either.
const BINS_PER_E: f64 = 50.0;

/// Added to the number of a bin, so that the least normal number is in bin 1.
const OFFSET: i32 = 35_420;

/// The bin of a value: 0 for zero, else that of its magnitude, below zero for a negative value.
/// Bins are in the order of their values.
///
/// Magnitudes below the least normal number (2.2e-308) count as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bin(i32);

impl Bin {
    /// The bin of a finite value.
    #[inline]
    pub(crate) fn of(value: f64) -> Self {
        let magnitude = value.abs();
        if magnitude < f64::MIN_POSITIVE {
            return Self(0);
        }
        let bin = (magnitude.ln() * BINS_PER_E).ceil() as i32 + OFFSET;
        Self(if value < 0.0 { -bin } else { bin })
    }

    /// The value that is equally far from both bounds, in proportion to them.
    pub(crate) fn value(self) -> f64 {
        if self.0 == 0 {
            return 0.0;
        }
        let middle = f64::from(self.0.abs() - OFFSET) - 0.5;
        let magnitude = (middle / BINS_PER_E).exp() / (0.5 / BINS_PER_E).cosh();
        magnitude.min(f64::MAX).copysign(f64::from(self.0))
    }
}

/// Observations of one magnitude.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) positive: u64,
    pub(crate) negative: u64,
}

impl Counts {
    /// Both in one word. Each side stops at 2^32 - 1: 286 million a second over a slot of 15 s.
    pub(crate) fn pack(self) -> u64 {
        let half = |count: u64| count.min(u64::from(u32::MAX));
        half(self.positive) | half(self.negative) << 32
    }

    pub(crate) fn unpack(word: u64) -> Self {
        Self { positive: word & u64::from(u32::MAX), negative: word >> 32 }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            positive: self.positive.saturating_add(other.positive),
            negative: self.negative.saturating_add(other.negative),
        }
    }
}

/// The least and the greatest magnitude that a sketch tells apart; both 0 when it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) least: u32,
    pub(crate) greatest: u32,
}

impl Range {
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.least) | u64::from(self.greatest) << 32
    }

    pub(crate) fn unpack(word: u64) -> Self {
        Self { least: word as u32, greatest: (word >> 32) as u32 }
    }

    /// Every magnitude in the range, ascending.
    pub(crate) fn magnitudes(self) -> std::ops::Range<u32> {
        if self.greatest == 0 { 0..0 } else { self.least..self.greatest + 1 }
    }
}

/// The memory of a sketch, and what is done with it.
///
/// A magnitude has the place `magnitude % BINS`. The range is never wider than there are places, so
/// that a place belongs to one magnitude; when a greater one comes, the least join the new least.
pub(crate) trait Sketch {
    fn range(&self) -> Range;
    fn set_range(&mut self, range: Range);
    fn zeros(&self) -> u64;
    fn set_zeros(&mut self, zeros: u64);
    fn place(&self, at: usize) -> Counts;
    fn set_place(&mut self, at: usize, counts: Counts);

    /// Makes a change that a reader must see as a whole.
    fn at_once(&mut self, change: impl FnOnce(&mut Self))
    where
        Self: Sized,
    {
        change(self);
    }

    /// What was counted under a magnitude within the range.
    fn counts(&self, magnitude: u32) -> Counts {
        self.place(magnitude as usize % BINS)
    }

    /// Counts one observation.
    #[inline]
    fn count(&mut self, bin: Bin)
    where
        Self: Sized,
    {
        match bin.0 {
            0 => self.set_zeros(self.zeros().saturating_add(1)),
            1.. => self.add(bin.0.unsigned_abs(), Counts { positive: 1, negative: 0 }),
            _ => self.add(bin.0.unsigned_abs(), Counts { positive: 0, negative: 1 }),
        }
    }

    /// Takes in what another sketch counted.
    fn merge(&mut self, other: &impl Sketch)
    where
        Self: Sized,
    {
        self.set_zeros(self.zeros().saturating_add(other.zeros()));
        // From the greatest down, so that the range moves up once.
        for magnitude in other.range().magnitudes().rev() {
            let counts = other.counts(magnitude);
            if counts != Counts::default() {
                self.add(magnitude, counts);
            }
        }
    }

    /// Forgets everything.
    fn clear(&mut self) {
        for magnitude in self.range().magnitudes() {
            self.set_place(magnitude as usize % BINS, Counts::default());
        }
        self.set_range(Range::default());
        self.set_zeros(0);
    }

    #[inline]
    fn add(&mut self, magnitude: u32, counts: Counts)
    where
        Self: Sized,
    {
        let range = self.range();
        let magnitude = if range.least <= magnitude && magnitude <= range.greatest {
            magnitude
        } else {
            self.admit(range, magnitude)
        };
        let at = magnitude as usize % BINS;
        self.set_place(at, self.place(at).plus(counts));
    }

    /// The magnitude under which one from outside the range counts, once the range has it.
    #[cold]
    fn admit(&mut self, range: Range, magnitude: u32) -> u32
    where
        Self: Sized,
    {
        let bins = BINS as u32;
        if range.greatest == 0 {
            self.set_range(Range { least: magnitude, greatest: magnitude });
        } else if magnitude < range.least {
            let least = magnitude.max((range.greatest + 1).saturating_sub(bins));
            self.set_range(Range { least, ..range });
            return least;
        } else if magnitude - range.least < bins {
            self.set_range(Range { greatest: magnitude, ..range });
        } else {
            self.at_once(|sketch| {
                let least = magnitude + 1 - bins;
                let mut joined = Counts::default();
                for old in range.least..=range.greatest.min(least) {
                    joined = joined.plus(sketch.counts(old));
                    sketch.set_place(old as usize % BINS, Counts::default());
                }
                sketch.set_place(least as usize % BINS, joined);
                sketch.set_range(Range { least, greatest: magnitude });
            });
        }
        magnitude
    }
}

/// A sketch in memory of its own, for adding up others.
pub(crate) struct Total {
    range: Range,
    zeros: u64,
    places: [Counts; BINS],
}

impl Total {
    pub(crate) const NONE: Self = Self {
        range: Range { least: 0, greatest: 0 },
        zeros: 0,
        places: [Counts { positive: 0, negative: 0 }; BINS],
    };

    /// The value of a quantile; `None` without observations.
    pub(crate) fn quantile(&self, quantile: Quantile) -> Option<f64> {
        let bins = || {
            let magnitudes = self.range.magnitudes();
            let negative = |magnitude: u32| (Bin(-(magnitude as i32)), self.counts(magnitude).negative);
            let positive = |magnitude: u32| (Bin(magnitude as i32), self.counts(magnitude).positive);
            let negatives = magnitudes.clone().rev().map(negative);
            negatives.chain([(Bin(0), self.zeros)]).chain(magnitudes.map(positive))
        };
        let rank = quantile.rank(bins().fold(0, |all: u64, (_, count)| all.saturating_add(count)));
        let mut passed = 0_u64;
        let bin = bins().find(|(_, count)| {
            passed = passed.saturating_add(*count);
            passed >= rank
        });
        bin.map(|(bin, _)| bin.value())
    }
}

impl Sketch for Total {
    fn range(&self) -> Range {
        self.range
    }

    fn set_range(&mut self, range: Range) {
        self.range = range;
    }

    fn zeros(&self) -> u64 {
        self.zeros
    }

    fn set_zeros(&mut self, zeros: u64) {
        self.zeros = zeros;
    }

    fn place(&self, at: usize) -> Counts {
        self.places[at]
    }

    fn set_place(&mut self, at: usize, counts: Counts) {
        self.places[at] = counts;
    }
}
