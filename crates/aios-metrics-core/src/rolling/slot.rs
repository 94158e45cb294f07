//! A thread's own slot of a rolling metric: a sequence lock with one writer, over cells of its slab.

use crate::storage::Cells;
use crate::sync::{AtomicU64, Ordering, fence, yield_now};

/// Observations of one time slot, added up. `epoch` is the slot's number plus one; 0 is no slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) epoch: u64,
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Batch {
    pub(crate) const NONE: Self =
        Self { epoch: 0, count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    pub(crate) fn of(epoch: u64, value: f64) -> Self {
        Self { epoch, count: 1, sum: value, min: value, max: value }
    }

    /// Takes in what another batch added up; the epoch stays.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        let sum = self.sum + other.sum;
        // Sums that left the range of `f64` on both sides cancel out, rather than be no number.
        self.sum = if sum.is_nan() { 0.0 } else { sum };
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// Batches that wait while readers hold the ring.
pub(crate) const BACKLOG: usize = if cfg!(loom) { 1 } else { 4 };
const WORDS: usize = 5;
/// Cells of a slot: the sequence, the length of the backlog, the open batch, the backlog.
///
/// The sequence goes on by two with each observation, so it counts them as well: in place of its count the
/// open batch keeps what the sequence was before its first one.
pub(crate) const CELLS: usize = 2 + WORDS * (1 + BACKLOG);

/// A slot, over `CELLS` cells that are zero at first.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'c>(pub(super) &'c [AtomicU64; CELLS]);

impl<'c> Slot<'c> {
    /// The slot over the cells of a run.
    #[inline]
    pub(crate) fn new(cells: Cells<'c>) -> Option<Self> {
        cells.first().map(Self)
    }

    /// Adds an observation to the open batch if that is of the given epoch. Writer only.
    #[inline]
    pub(crate) fn add(self, epoch: u64, value: f64) -> bool {
        let [sequence, _, open, _, sum, min, max, ..] = self.0;
        if open.load(Ordering::Relaxed) != epoch {
            return false;
        }
        let before = sequence.load(Ordering::Relaxed);
        sequence.store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        let get = |cell: &AtomicU64| f64::from_bits(cell.load(Ordering::Relaxed));
        sum.store((get(sum) + value).to_bits(), Ordering::Relaxed);
        if value < get(min) {
            min.store(value.to_bits(), Ordering::Relaxed);
        }
        if value > get(max) {
            max.store(value.to_bits(), Ordering::Relaxed);
        }
        sequence.store(before.wrapping_add(2), Ordering::Release);
        true
    }

    /// Begins a new batch with one observation and hands everything older to `fold`. Writer only,
    /// while it holds the ring: no reader looks.
    pub(crate) fn restart(self, epoch: u64, value: f64, mut fold: impl FnMut(&Batch)) {
        fold(&self.open(self.sequence()));
        for i in 1..=self.backlog_len() {
            fold(&self.batch(i));
        }
        self.begin(epoch, value, |slot| slot.0[1].store(0, Ordering::Relaxed));
    }

    /// Begins a new batch with one observation and puts the open one into the backlog. Writer only.
    ///
    /// When the backlog is full the open batch joins the newest one there, under the newer epoch:
    /// it then counts for longer than promised, never for shorter. That takes a reader at the ring
    /// at each of several slot ends in a row.
    pub(crate) fn set_aside(self, epoch: u64, value: f64) {
        let (len, open) = (self.backlog_len(), self.open(self.sequence()));
        self.begin(epoch, value, |slot| {
            if open.count == 0 {
                // The slot was never used; its zeros would pass for a least value of 0.
            } else if len < BACKLOG {
                slot.set_batch(1 + len, &open);
                slot.0[1].store(len as u64 + 1, Ordering::Relaxed);
            } else {
                let mut joined = open;
                joined.merge(&slot.batch(BACKLOG));
                slot.set_batch(BACKLOG, &joined);
            }
        });
    }

    /// A consistent picture of the open batch and the backlog. Any thread, while it holds the ring.
    pub(crate) fn read(self, mut each: impl FnMut(&Batch)) {
        let mut batches = [Batch::NONE; 1 + BACKLOG];
        let mut tries = 0_u32;
        let taken = loop {
            let before = self.0[0].load(Ordering::Acquire);
            let len = self.backlog_len();
            batches[0] = self.open(before);
            for (i, batch) in batches.iter_mut().enumerate().skip(1).take(len) {
                *batch = self.batch(i);
            }
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.0[0].load(Ordering::Relaxed) == before {
                break 1 + len;
            }
            tries += 1;
            // The writer is inside for a few nanoseconds, unless it was put off its processor.
            if tries.is_multiple_of(64) || cfg!(loom) {
                yield_now();
            } else {
                std::hint::spin_loop();
            }
        };
        batches[..taken].iter().for_each(&mut each);
    }

    /// Makes room for a new batch inside the sequence lock, and begins it with one observation.
    fn begin(self, epoch: u64, value: f64, make_room: impl FnOnce(Self)) {
        let (sequence, before) = (&self.0[0], self.sequence());
        sequence.store(before.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        make_room(self);
        self.set_batch(0, &Batch { count: before, ..Batch::of(epoch, value) });
        sequence.store(before.wrapping_add(2), Ordering::Release);
    }

    /// The sequence, for the writer.
    fn sequence(self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// The open batch, where the sequence is as given. While a change goes on the count may be anything; a
    /// reader reads again then.
    fn open(self, sequence: u64) -> Batch {
        let batch = self.batch(0);
        Batch { count: sequence.wrapping_sub(batch.count) / 2, ..batch }
    }

    fn backlog_len(self) -> usize {
        // A reader may see anything while a change goes on; it reads again then.
        (self.0[1].load(Ordering::Relaxed) as usize).min(BACKLOG)
    }

    /// A batch as its words stand; of the open one, 0, `open` makes out the count.
    fn batch(self, index: usize) -> Batch {
        let word = |i: usize| self.0[2 + index * WORDS + i].load(Ordering::Relaxed);
        Batch {
            epoch: word(0),
            count: word(1),
            sum: f64::from_bits(word(2)),
            min: f64::from_bits(word(3)),
            max: f64::from_bits(word(4)),
        }
    }

    fn set_batch(self, index: usize, batch: &Batch) {
        let words = [batch.epoch, batch.count, batch.sum.to_bits(), batch.min.to_bits(), batch.max.to_bits()];
        for (i, word) in words.into_iter().enumerate() {
            self.0[2 + index * WORDS + i].store(word, Ordering::Relaxed);
        }
    }
}
