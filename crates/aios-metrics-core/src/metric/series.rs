//! The series of one family: creating them, counting what was refused. Finding them is in `find.rs`.

use std::sync::Arc;

use tracing::warn;

use super::Total;
use super::control::Control;
use super::exemplar::{self, Exemplars};
use super::expiry::Expiry;
use super::life::{Changes, Garbage, retire_from_lookup};
use crate::clock::Time;
use crate::descriptor::{Descriptor, Kind};
use crate::format::labels::Spelling;
use crate::lookup::Retired;
use crate::lookup::node::{MAX_TEXT, Node, Run};
use crate::lookup::nodes::Nodes;
use crate::lookup::table::Table;
use crate::lookup::values::{Key, Same, Values};
use crate::native::Layout;
use crate::registry::RegistryOptions;
use crate::storage::limbo::Limbo;
use crate::storage::local::STORAGE;
use crate::storage::{Reader, Section};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, RandomState, lock};

/// The value of every label of the series that takes the updates past the cardinality cap.
const OVERFLOW: &str = "__overflow__";
pub(super) const UNLABELLED: &[&str] = &[];
/// For so many series to come a family takes cells and words in advance.
const MOST_IN_ADVANCE: u32 = 64;

/// Updates that were refused, for all families of a registry.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    pub(crate) amounts: AtomicU64,
    pub(crate) observations: AtomicU64,
    /// Exemplars whose labels are too long or can't be used; the updates themselves count.
    pub(crate) exemplars: AtomicU64,
}

/// All series of a family.
///
/// Finding one takes no lock and writes to no shared memory. Creating and removing takes the lock
/// `changes`, which nobody who finds or updates ever waits for. Much work is done in portions under it, and
/// judging, telling and freeing without it.
pub(crate) struct Series {
    pub(super) descriptor: Descriptor,
    refused: Arc<Refused>,
    pub(super) time: Time,
    /// Whether the word behind that of each series' control holds when it was created.
    keeps_created: bool,
    exemplars: Exemplars,
    pub(super) hasher: RandomState,
    pub(super) table: Table,
    pub(super) nodes: Nodes,
    pub(super) len: AtomicUsize,
    pub(super) changes: Mutex<Changes>,
    max_series: AtomicUsize,
    /// Set while the cap is reached: a miss means the overflow series.
    full: AtomicBool,
    /// Whether it was told that the cap is reached.
    warned: AtomicBool,
    /// Whether idle series leave the page.
    pub(super) expires: AtomicBool,
    pub(super) expiry: Mutex<Expiry>,
    /// Updates of an unlabelled metric that carried labels.
    pub(super) dropped_labels: AtomicU64,
    /// Updates that went to the overflow series because of the cap.
    overflowed: AtomicU64,
    /// Observations beyond the range of native buckets.
    clamped: AtomicU64,
    /// Whether a counter among them ever got a fraction, so that a reader needn't ask each.
    has_fractions: AtomicBool,
}

impl Series {
    pub(crate) fn new(descriptor: Descriptor, options: &RegistryOptions, refused: Arc<Refused>) -> Self {
        let series = Self {
            refused,
            time: options.time.clone(),
            keeps_created: options.created_timestamps && descriptor.kind() != Kind::Gauge,
            exemplars: Exemplars::new(),
            hasher: RandomState::default(),
            table: Table::new(),
            nodes: Nodes::new(),
            len: AtomicUsize::new(0),
            changes: Mutex::new(Changes::new()),
            max_series: AtomicUsize::new(options.max_series.max(1)),
            full: AtomicBool::new(false),
            warned: AtomicBool::new(false),
            expires: AtomicBool::new(false),
            expiry: Mutex::new(Expiry::new()),
            dropped_labels: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            clamped: AtomicU64::new(0),
            has_fractions: AtomicBool::new(false),
            descriptor,
        };
        series.stand_at_zero(&mut lock(&series.changes));
        series
    }

    /// An unlabelled metric stands at 0 from registration.
    pub(super) fn stand_at_zero(&self, changes: &mut Changes) {
        if self.descriptor.label_count() == 0 {
            self.find_or_insert(changes, &self.key(UNLABELLED));
        }
    }

    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    pub(crate) fn refused(&self) -> &Refused {
        &self.refused
    }

    /// The latest exemplars of its series.
    pub(crate) fn exemplars(&self) -> &Exemplars {
        &self.exemplars
    }

    /// Notes what the update of a cell came from. An exemplar that can't be used is refused and
    /// counted; the update itself stands.
    pub(crate) fn note_exemplar(&self, cell: u32, value: f64, labels: &[(&str, &str)]) {
        if exemplar::is_allowed(labels) {
            self.exemplars.put(cell, value, self.time.wall(), labels);
        } else {
            self.refused.exemplars.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn dropped_labels(&self) -> u64 {
        self.dropped_labels.load(Ordering::Relaxed)
    }

    pub(crate) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }

    pub(crate) fn clamped(&self) -> u64 {
        self.clamped.load(Ordering::Relaxed)
    }

    #[cold]
    pub(crate) fn note_clamped(&self) {
        self.clamped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn expires(&self) -> bool {
        self.expires.load(Ordering::Relaxed)
    }

    /// Sets how many series there may be.
    pub(crate) fn set_max_series(&self, max_series: usize) {
        let changes = lock(&self.changes);
        self.max_series.store(max_series.max(1), Ordering::Relaxed);
        self.full.store(!self.has_room(&changes), Ordering::Release);
    }

    /// How many cells a series takes: one, or for a histogram its buckets, `+Inf`, the sum, and
    /// its native buckets.
    pub(super) fn cells(&self) -> u32 {
        match self.descriptor.kind() {
            Kind::Histogram => {
                let native = self.descriptor.native().map_or(0, Layout::cells);
                (self.descriptor.bounds().len() + 2 + native) as u32
            }
            _ => 1,
        }
    }

    /// How many words are kept for a series: its control, and when it was created.
    fn words(&self) -> u32 {
        1 + u32::from(self.keeps_created)
    }

    /// When a series was created, in milliseconds since the Unix epoch; `None` when that isn't kept.
    pub(crate) fn created(&self, run: Run) -> Option<&'static AtomicU64> {
        self.keeps_created.then(|| STORAGE.word(run.control + 1))
    }

    /// The series with these values, which was not found: a new one, or that of what finds no room.
    #[cold]
    pub(super) fn create<'s>(&'s self, section: &'s Section, values: &(impl Values + ?Sized)) -> Node<'s> {
        self.sweep_if_due();
        let key = &self.key(values);
        if self.full.load(Ordering::Acquire) {
            // Nothing is inserted while it is set, so a miss that begins now is final.
            let overflow = self.overflow_values();
            if let Some(node) = self.find(key) {
                return node;
            }
            if let Some(node) = self.find(&self.key(&overflow)) {
                self.overflowed.fetch_add(1, Ordering::Relaxed);
                return node;
            }
        }
        // What the search has walked, it is done with: a table that is outgrown now can go at once.
        let node = self.change_in(Some(section), |changes| self.find_or_insert(changes, key));
        if self.full.load(Ordering::Relaxed) && !self.warned.swap(true, Ordering::Relaxed) {
            self.warn_of_overflow();
        }
        node
    }

    /// The series with these values, or the overflow series where there is no room for it.
    pub(super) fn find_or_insert(
        &self,
        changes: &mut Changes,
        key: &Key<'_, impl Values + ?Sized>,
    ) -> Node<'_> {
        if let Some(node) = self.find(key) {
            return node;
        }
        let room = self.has_room(changes);
        changes.text.clear();
        let spelling = self.descriptor.rendered().pieces.write(key.values, &mut changes.text);
        let node = if room && changes.text.len() <= MAX_TEXT {
            let run = self.take_run(changes);
            self.insert(changes, key.hash, spelling, run)
        } else {
            self.overflow(changes, room)
        };
        // A label of a megabyte must not be held for ever.
        changes.text.clear();
        changes.text.shrink_to(4_096);
        node
    }

    /// Publishes a series whose text was rendered.
    pub(super) fn insert(&self, changes: &mut Changes, hash: u64, spelling: Spelling, run: Run) -> Node<'_> {
        let Changes { text, limbo, .. } = changes;
        let mut retire = |retired| retire_from_lookup(limbo, retired);
        let (place, node) = self.nodes.push(hash, run, text, spelling, &mut retire);
        let hash_of = |place| self.nodes.node(place).map_or(0, Node::hash);
        if let Some(outgrown) = self.table.insert(hash, place, hash_of) {
            retire_from_lookup(limbo, Retired::Entries(outgrown));
        }
        self.len.fetch_add(1, Ordering::Release);
        node
    }

    /// Cells and words of a series that is created now.
    fn take_run(&self, changes: &mut Changes) -> Run {
        // A scrape walks over a family's series: their values lie side by side, however many families grow
        // at the same time. A family that has few takes few in advance.
        let most = (self.len() as u32 / 4).clamp(1, MOST_IN_ADVANCE);
        let (cells, words) = (self.cells(), self.words());
        let cell = changes.cells.next(cells, || match self.descriptor.kind() {
            Kind::Gauge => STORAGE.take_words_up_to(cells, most),
            _ => STORAGE.take_up_to(cells, most),
        });
        let control = changes.words.next(words, || STORAGE.take_words_up_to(words, most));
        let run = Run { cell, control };
        if let Some(created) = self.created(run) {
            created.store(self.time.wall().as_millis() as u64, Ordering::Relaxed);
        }
        run
    }

    /// Whether there may be one series more. The one for the rest doesn't count.
    pub(super) fn has_room(&self, changes: &Changes) -> bool {
        self.len() < self.max_series.load(Ordering::Relaxed) + usize::from(changes.overflow.is_some())
    }

    /// Says that there is room again, after series were removed.
    pub(super) fn reopen(&self, changes: &Changes) {
        if self.has_room(changes) {
            self.full.store(false, Ordering::Release);
        }
    }

    fn overflow_values(&self) -> Same<'static> {
        Same(OVERFLOW, self.descriptor.label_count())
    }

    /// The series for what doesn't find room, or a text that is too long.
    fn overflow(&self, changes: &mut Changes, room: bool) -> Node<'_> {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        let values = self.overflow_values();
        let key = self.key(&values);
        let node = self.find(&key).unwrap_or_else(|| {
            changes.text.clear();
            let spelling = self.descriptor.rendered().pieces.write(&values, &mut changes.text);
            let run = self.take_run(changes);
            self.insert(changes, key.hash, spelling, run)
        });
        changes.overflow = Some(node.run().control);
        if !room {
            self.full.store(true, Ordering::Release);
        }
        node
    }

    /// Not under the lock: who listens may take its time, or use this family.
    #[cold]
    fn warn_of_overflow(&self) {
        warn!(
            target: "aios_metrics",
            "{} has {} series, the cap of this family; updates of further label sets go to one series \
             whose labels are all {OVERFLOW:?}",
            self.descriptor, self.max_series.load(Ordering::Relaxed),
        );
    }

    /// The cell for fractional amounts of a counter's series, taken on the first one.
    #[cold]
    pub(crate) fn float_cell(&self, control: Control) -> u32 {
        self.has_fractions.store(true, Ordering::Relaxed);
        let cell = STORAGE.take(1);
        match control.set_float(cell) {
            Ok(()) => cell,
            Err(faster) => {
                STORAGE.give_back(cell, 1);
                faster
            }
        }
    }

    /// Gives the cells of a series back. Nobody uses them any more, and all that was done with them
    /// happens before this call.
    pub(crate) fn free(&self, run: Run) {
        self.exemplars.forget(run.cell..run.cell + self.cells());
        self.give_back_cells(run.cell);
        if let Some(float) = Control::new(run.control).float() {
            STORAGE.give_back(float, 1);
        }
        STORAGE.give_back_words(run.control, self.words());
    }

    fn give_back_cells(&self, cell: u32) {
        match self.descriptor.kind() {
            Kind::Gauge => STORAGE.give_back_words(cell, 1),
            _ => STORAGE.give_back(cell, self.cells()),
        }
    }

    /// The total of a counter's series.
    #[inline]
    pub(crate) fn total(&self, reader: &mut Reader<'static>, run: Run) -> Total {
        if self.has_fractions.load(Ordering::Relaxed) {
            total(reader, run)
        } else {
            Total::new(reader.sum(&STORAGE, run.cell), None)
        }
    }
}

/// The total of a counter's series, for whoever knows nothing of its family.
pub(crate) fn total(reader: &mut Reader<'static>, run: Run) -> Total {
    let fraction = Control::new(run.control).float().map(|id| reader.sum_f64(&STORAGE, id));
    Total::new(reader.sum(&STORAGE, run.cell), fraction)
}

impl Drop for Series {
    /// Gives the cells back. No handle and no reader is left, or they would share this; what they
    /// wrote happened before they dropped their share.
    fn drop(&mut self) {
        for (_, node) in self.nodes.places() {
            self.free(node.run());
        }
        let mut changes = lock(&self.changes);
        let limbo = std::mem::replace(&mut changes.limbo, Limbo::new());
        for garbage in limbo.into_all() {
            if let Garbage::Series(run) | Garbage::Idle(_, run) = garbage {
                self.free(run);
            }
        }
        let cells = self.cells();
        changes.cells.rest(cells).for_each(|run| self.give_back_cells(run));
        changes.words.rest(self.words()).for_each(|run| STORAGE.give_back_words(run, self.words()));
    }
}

impl std::fmt::Debug for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Series").field("descriptor", &self.descriptor).field("len", &self.len()).finish()
    }
}
