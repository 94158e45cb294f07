//! Which families somebody wants to see.

use std::sync::Arc;

use crate::descriptor::{Descriptor, Kind};

/// The families that a snapshot is filled with: all of them, or those with certain names.
///
/// A family goes by its own name and by the names of its samples: a counter by `jobs` and
/// `jobs_total`, a histogram by `wait`, `wait_bucket`, `wait_sum` and `wait_count`. It is always
/// there whole, whichever of them is given, since half of a histogram would be no histogram.
///
/// Cheap to clone; two selections of the same names are equal, in whatever order they were given.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Format, PrometheusText, Registry, Selection, Snapshot, Source};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// registry.register_counter("jobs_total", "Jobs", &[])?;
/// registry.register_gauge("queue_size", "Jobs that wait", &[])?;
///
/// let mut snapshot = Snapshot::samples_only();
/// snapshot.select(Selection::of(["queue_size", "no_such_metric"]));
/// registry.snapshot_into(&mut snapshot);
/// let names: Vec<_> = snapshot.families().map(|family| family.descriptor().name()).collect();
/// assert_eq!(names, ["queue_size"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection(Option<Arc<Names>>);

/// Both sorted and without duplicates.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Names {
    given: Box<[Box<str>]>,
    /// The names of histograms of whose samples a name was given.
    histograms: Box<[Box<str>]>,
}

impl Selection {
    /// Every family; the default.
    #[must_use]
    pub fn all() -> Self {
        Self(None)
    }

    /// The families that go by one of `names`. A name that none goes by selects none.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let given = sorted(names.into_iter().map(Into::into).collect());
        let stems = given.iter().filter_map(|name| {
            let stem = |suffix| name.strip_suffix(suffix);
            stem("_bucket").or_else(|| stem("_sum")).or_else(|| stem("_count"))
        });
        let histograms = sorted(stems.map(Into::into).collect());
        Self(Some(Arc::new(Names { given, histograms })))
    }

    /// Whether it holds every family there may be.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the family is one of them.
    #[must_use]
    pub fn includes(&self, family: &Descriptor) -> bool {
        let Some(names) = &self.0 else { return true };
        contains(&names.given, family.name())
            || contains(&names.given, family.exposed_name())
            || (family.kind() == Kind::Histogram && contains(&names.histograms, family.name()))
    }
}

fn sorted(mut names: Vec<Box<str>>) -> Box<[Box<str>]> {
    names.sort_unstable();
    names.dedup();
    names.into()
}

fn contains(sorted: &[Box<str>], name: &str) -> bool {
    sorted.binary_search_by(|probe| (**probe).cmp(name)).is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Collect, Registry, Snapshot, Source};

    #[test]
    fn a_family_goes_by_its_name_and_by_those_of_its_samples() {
        let counter = Descriptor::counter("jobs_total", "Jobs", &[]).unwrap();
        let gauge = Descriptor::gauge("wait_sum", "A gauge that looks like a sum", &[]).unwrap();
        let histogram = Descriptor::histogram("wait", "Waits", &[], &[1.0]).unwrap();
        for (names, expected) in [
            (&["jobs"][..], [true, false, false]),
            (&["jobs_total"], [true, false, false]),
            (&["jobs_sum", "jobs_total_total", "job", "jobs_"], [false, false, false]),
            (&["wait"], [false, false, true]),
            (&["wait_bucket"], [false, false, true]),
            (&["wait_count"], [false, false, true]),
            // Both would show a sample of that name.
            (&["wait_sum"], [false, true, true]),
            (&["wait_total", "wait_sum_sum", "_sum", "", "WAIT"], [false, false, false]),
            (&["zzz", "wait", "aaa", "jobs", "wait"], [true, false, true]),
            (&[], [false, false, false]),
        ] {
            let selection = Selection::of(names.iter().copied());
            let found = [&counter, &gauge, &histogram].map(|family| selection.includes(family));
            assert_eq!(found, expected, "{names:?}");
            assert!(!selection.is_all());
        }
        assert!([&counter, &gauge, &histogram].iter().all(|family| Selection::all().includes(family)));
    }

    #[test]
    fn the_order_of_names_does_not_matter() {
        assert_eq!(Selection::of(["a", "b", "a"]), Selection::of(["b", "a"]));
        assert_ne!(Selection::of(["a"]), Selection::of(["b", "a"]));
        assert_ne!(Selection::of([""; 0]), Selection::all());
    }

    /// Two families, of which it adds samples whether they are wanted or not.
    struct Two([Descriptor; 2]);

    impl Collect for Two {
        fn describe(&self) -> Vec<Descriptor> {
            self.0.to_vec()
        }
        fn collect(&self, snapshot: &mut Snapshot) {
            for descriptor in &self.0 {
                snapshot.family(descriptor).gauge(&[], 1.0);
            }
        }
    }

    #[test]
    fn a_snapshot_shows_what_is_selected_and_can_be_filled_with_something_else() {
        let registry = Registry::new();
        registry.register_counter("jobs", "Jobs", &[]).unwrap();
        registry.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
        let gauge = |name| Descriptor::gauge(name, "Collected", &[]).unwrap();
        registry.register(Two([gauge("one"), gauge("two")])).unwrap();

        let mut snapshot = Snapshot::samples_only();
        let mut filled = |selection: Selection| -> Vec<String> {
            snapshot.select(selection);
            registry.snapshot_into(&mut snapshot);
            snapshot.families().map(|family| family.descriptor().name().to_owned()).collect()
        };
        assert_eq!(filled(Selection::all()), ["jobs", "one", "queue_size", "two"]);
        assert_eq!(filled(Selection::of(["two", "jobs_total"])), ["jobs", "two"]);
        assert_eq!(filled(Selection::of(["one", "queue_size"])), ["one", "queue_size"]);
        assert!(filled(Selection::of(["none"])).is_empty());
        assert_eq!(filled(Selection::all()).len(), 4);
    }
}
