//! What stands on a page, and how it gets there.

use crate::contest::Job;
use crate::input::{self, LabelSet};

/// What stands on a page: each family has 3 labels, histograms have 8 bounds and so 11 lines a series.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Families of counters, of gauges.
    pub(super) families: [usize; 2],
    /// Series of each.
    pub(super) series: usize,
    /// Families of histograms.
    pub(super) histograms: usize,
    /// Series of each of those.
    pub(super) histogram_series: usize,
}

/// 600,000 counters, 200,000 gauges and 200,200 lines of histograms.
pub const HUGE: Page = Page { families: [60, 20], series: 10_000, histograms: 20, histogram_series: 910 };

/// 60,000 counters, 20,000 gauges and 20,020 lines of histograms.
pub const LARGE: Page = Page { families: [60, 20], series: 1000, histograms: 20, histogram_series: 91 };

/// 6,000 counters, 2,000 gauges and 2,002 lines of histograms.
pub const SMALL: Page = Page { families: [60, 20], series: 100, histograms: 2, histogram_series: 91 };

/// 60 counters, 20 gauges and 22 lines of histograms.
pub const TINY: Page = Page { families: [6, 2], series: 10, histograms: 2, histogram_series: 1 };

/// What a page is filled into.
pub trait Fill: Send {
    /// Counts.
    fn count(&self, family: usize, set: &LabelSet, amount: u64);
    /// Sets.
    fn set(&self, family: usize, set: &LabelSet, value: f64);
    /// Observes.
    fn observe(&self, family: usize, set: &LabelSet, value: f64);
}

impl Page {
    /// Of counters, gauges, histograms.
    pub(super) fn names(self) -> [Vec<String>; 3] {
        let names = |kind: &str, count: usize| {
            (0..count).map(|number| format!("{kind}_number_{number:02}")).collect()
        };
        [
            names("requests", self.families[0]),
            names("load", self.families[1]),
            names("seconds", self.histograms),
        ]
    }

    /// How many series there are, each with its own labels.
    pub(super) fn all_series(self) -> usize {
        (self.families[0] + self.families[1]) * self.series + self.histograms * self.histogram_series
    }

    /// The job that adds one to the counters on the page, one after the other.
    #[must_use]
    pub fn updates(self, target: Box<dyn Fill>) -> Job {
        let sets = input::label_sets(self.series);
        let mut next = 0;
        Box::new(move |times| {
            for _ in 0..times {
                target.count(next % self.families[0], &sets[next / self.families[0] % self.series], 1);
                next += 1;
            }
        })
    }

    /// Gives every series a value of its own; two threads do it, as a service has several.
    pub(super) fn fill(self, make: impl Fn() -> Box<dyn Fill>) {
        let sets = input::label_sets(self.series);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let (sets, target) = (&sets, make());
                scope.spawn(move || self.fill_from(thread, sets, &*target));
            }
        });
    }

    fn fill_from(self, thread: usize, sets: &[LabelSet], target: &dyn Fill) {
        for (number, set) in sets.iter().enumerate() {
            for family in 0..self.families[0] {
                target.count(family, set, (number * 7919 + family * 104_729 + thread) as u64 % 1_000_000);
            }
            for family in 0..self.families[1] {
                target.set(family, set, (number * 37 + family) as f64 * 0.125);
            }
        }
        let observations = input::observations();
        for set in &sets[..self.histogram_series] {
            for family in 0..self.histograms {
                for value in &observations[..16] {
                    target.observe(family, set, *value);
                }
            }
        }
    }
}
