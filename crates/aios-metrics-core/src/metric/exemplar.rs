//! Exemplars: what a single update came from, such as the id of a trace.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Range;
use std::time::Duration;

use crate::descriptor::is_label_name;
use crate::format::labels::write_pairs;
use crate::sync::{AtomicBool, Guard, Mutex, Ordering, lock, try_lock};

/// The most characters that the names and values of an exemplar's labels may have together
/// ([OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars)).
pub(crate) const MAX_CHARS: usize = 128;

/// Whether labels can be those of an exemplar: names that Prometheus accepts, each once, and not
/// too long.
pub(crate) fn is_allowed(labels: &[(&str, &str)]) -> bool {
    let chars = |(name, value): &(&str, &str)| name.chars().count() + value.chars().count();
    labels.iter().map(chars).sum::<usize>() <= MAX_CHARS
        && labels.iter().enumerate().all(|(i, (name, _))| {
            is_label_name(name) && labels[..i].iter().all(|(earlier, _)| earlier != name)
        })
}

/// The latest exemplars of a family, by cell: that of a counter, or of a histogram's bucket.
///
/// Series that never had an exemplar take no room. Only updates with an exemplar and snapshots
/// touch the lock of the map, and only snapshots wait for it: an exemplar that comes while it is held
/// gives way.
pub(crate) struct Exemplars {
    by_cell: Mutex<BTreeMap<u32, Exemplar>>,
    /// Ranges that were given back, and whose exemplars are still to be dropped; held for as long as
    /// that takes to say.
    freed: Mutex<Vec<Range<u32>>>,
    /// Whether there ever was an exemplar.
    used: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Exemplar {
    /// As they stand in OpenMetrics, `{trace_id="4bf9"}`.
    pub(crate) labels: Vec<u8>,
    pub(crate) value: f64,
    /// The time since the Unix epoch.
    pub(crate) at: Duration,
}

impl Exemplars {
    pub(crate) fn new() -> Self {
        Self {
            by_cell: Mutex::new(BTreeMap::new()),
            freed: Mutex::new(Vec::new()),
            used: AtomicBool::new(false),
        }
    }

    /// Puts an exemplar in the place of the one that its cell had. The labels are allowed.
    pub(crate) fn put(&self, cell: u32, value: f64, at: Duration, labels: &[(&str, &str)]) {
        let Some(mut by_cell) = try_lock(&self.by_cell) else { return };
        let Some(freed) = try_lock(&self.freed) else { return };
        drop_freed(freed, &mut by_cell);
        self.used.store(true, Ordering::Relaxed);
        let exemplar = by_cell.entry(cell).or_default();
        exemplar.labels.clear();
        write_pairs(labels, &mut exemplar.labels);
        (exemplar.value, exemplar.at) = (value, at);
    }

    /// Drops the exemplars of cells that are given back, at once or before anybody looks at them again.
    pub(crate) fn forget(&self, cells: Range<u32>) {
        if self.used.load(Ordering::Relaxed) {
            lock(&self.freed).push(cells);
            if let Some(mut by_cell) = try_lock(&self.by_cell) {
                drop_freed(lock(&self.freed), &mut by_cell);
            }
        }
    }

    /// All of them, held still; `None` when there is none.
    pub(crate) fn hold(&self) -> Option<Held<'_>> {
        if !self.used.load(Ordering::Relaxed) {
            return None;
        }
        let mut by_cell = lock(&self.by_cell);
        drop_freed(lock(&self.freed), &mut by_cell);
        Some(Held(by_cell))
    }
}

fn drop_freed(mut freed: Guard<'_, Vec<Range<u32>>>, by_cell: &mut BTreeMap<u32, Exemplar>) {
    for cells in freed.drain(..) {
        while let Some((&cell, _)) = by_cell.range(cells.clone()).next() {
            by_cell.remove(&cell);
        }
    }
}

/// The exemplars of a family, held still.
pub(crate) struct Held<'e>(Guard<'e, BTreeMap<u32, Exemplar>>);

impl Held<'_> {
    /// Those of the run of `len` cells that begins at `cell`, in its order.
    pub(crate) fn of_run(&self, cell: u32, len: u32) -> btree_map::Range<'_, u32, Exemplar> {
        self.0.range(cell..cell + len)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn labels_are_allowed_up_to_128_characters_of_names_and_values() {
        let fits = "ü".repeat(MAX_CHARS - "trace_id".len());
        assert!(is_allowed(&[("trace_id", &fits)]));
        assert!(!is_allowed(&[("trace_ids", &fits)]));
        assert!(!is_allowed(&[("trace_id", &fits), ("a", "")]));
        assert!(is_allowed(&[]));
    }

    #[test]
    fn names_are_those_of_labels_and_stand_once() {
        for name in ["", "1st", "trace id", "trace-id", "größe"] {
            assert!(!is_allowed(&[(name, "x")]), "{name:?}");
        }
        assert!(is_allowed(&[("a", "x"), ("_b", "x")]));
        assert!(!is_allowed(&[("a", "x"), ("b", "x"), ("a", "y")]));
    }

    #[test]
    fn an_exemplar_that_comes_while_they_are_held_gives_way() {
        let exemplars = Exemplars::new();
        assert!(exemplars.hold().is_none());
        exemplars.put(7, 1.0, Duration::from_secs(1), &[("id", "first")]);
        let held = exemplars.hold().unwrap();
        exemplars.put(7, 2.0, Duration::from_secs(2), &[("id", "second")]);
        drop(held);
        let texts = |exemplars: &Exemplars| -> Vec<_> {
            let held = exemplars.hold().unwrap();
            held.of_run(7, 1).map(|(_, e)| (e.value, String::from_utf8(e.labels.clone()).unwrap())).collect()
        };
        assert_eq!(texts(&exemplars), [(1.0, "{id=\"first\"}".to_owned())]);
        exemplars.put(7, 3.0, Duration::from_secs(3), &[("id", "a \"third\""), ("span", "\n")]);
        exemplars.put(8, 4.0, Duration::from_secs(3), &[]);
        assert_eq!(texts(&exemplars), [(3.0, "{id=\"a \\\"third\\\"\",span=\"\\n\"}".to_owned())]);
    }

    #[test]
    fn cells_that_were_given_back_lose_theirs_whoever_holds_them() {
        let exemplars = Exemplars::new();
        let cells = |exemplars: &Exemplars| -> Vec<u32> {
            exemplars.hold().unwrap().of_run(0, 100).map(|(cell, _)| *cell).collect()
        };
        let put = |cell| exemplars.put(cell, 1.0, Duration::ZERO, &[]);
        exemplars.forget(0..100);
        [7, 8, 9, 10].into_iter().for_each(put);
        exemplars.forget(7..9);
        assert_eq!(cells(&exemplars), [9, 10]);
        let held = exemplars.hold();
        exemplars.forget(9..10);
        drop(held);
        put(9);
        assert_eq!(cells(&exemplars), [9, 10]);
        let held = exemplars.hold();
        exemplars.forget(9..10);
        drop(held);
        assert_eq!(cells(&exemplars), [10]);
    }
}
