//! The sketches of a rolling metric that answers quantiles: a ring of them, and two in each slab.
//!
//! A thread counts into the open one of its two sketches. When the time slot is over it folds both
//! into the ring; while somebody else holds the ring it goes on in the other sketch, and folds with
//! a later observation. A reader holds the ring while it adds up the ring and the sketches of all
//! threads, so that every observation is in exactly one place.

#[cfg(all(test, loom))]
mod loom;

use std::time::Duration;

use super::quantile::Quantile;
use super::sketch::{BINS, Bin, Counts, Range, Sketch, Total};
use crate::storage::Cells;
use crate::storage::local::{self, STORAGE};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU64, Mutex, fence, lock, try_lock, yield_now};

/// Time slots in a window.
const SLOTS: u128 = 60;
/// Time slots that a window can reach into, the open one included, and one to spare.
const PLACES: usize = SLOTS as usize + 2;

/// How the sketches of a metric cut time, in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Slots {
    window: u64,
    /// A sixtieth of the window.
    slot: u64,
}

impl Slots {
    fn new(window: Duration) -> Self {
        let slot = window.as_nanos().div_ceil(SLOTS).clamp(1, u128::from(u64::MAX));
        Self { window: nanoseconds(window), slot: slot as u64 }
    }

    /// The epoch of a moment: the number of its slot, from 1.
    fn epoch(self, now: u64) -> u64 {
        (now / self.slot).saturating_add(1)
    }

    /// Whether a moment is in an epoch, without a division.
    #[inline]
    fn contains(self, epoch: u64, now: u64) -> bool {
        let start = epoch.wrapping_sub(1).wrapping_mul(self.slot);
        epoch > 0 && now.wrapping_sub(start) < self.slot
    }

    /// The first epoch that counts towards a window: as long as an observation at its end would be
    /// younger than the window.
    fn first_epoch(self, now: u64, window: Duration) -> u64 {
        let window = nanoseconds(window).min(self.window).max(self.slot);
        now.checked_sub(window).map_or(1, |start| self.epoch(start))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The sketches of one metric, and which quantiles its summaries show.
pub(crate) struct Sketches {
    slots: Slots,
    /// The cells of this metric in each slab.
    run: u32,
    ring: Mutex<Ring>,
    shown: Box<[Quantile]>,
}

impl Sketches {
    pub(crate) fn new(window: Duration, shown: Box<[Quantile]>) -> Self {
        let run = STORAGE.take(CELLS as u32);
        Self { slots: Slots::new(window), run, ring: Mutex::new(Ring::new()), shown }
    }

    /// The quantiles that summaries show, ascending.
    pub(crate) fn shown(&self) -> &[Quantile] {
        &self.shown
    }

    /// Adds a finite observation.
    pub(crate) fn add(&self, now: Duration, value: f64) {
        let (now, bin) = (nanoseconds(now), Bin::of(value));
        let own = local::own_cells(self.run).and_then(Local::new);
        match own.and_then(|local| local.open_for(self.slots, now)) {
            Some(mut open) => open.count(bin),
            None => self.add_otherwise(now, bin),
        }
    }

    /// The rarer half of adding.
    #[cold]
    fn add_otherwise(&self, now: u64, bin: Bin) {
        match local::cells(self.run).own().and_then(Local::new) {
            Some(local) => self.turn(local, now, bin),
            None => self.add_shared(now, bin),
        }
    }

    /// Adding from a thread without a slab.
    #[cold]
    fn add_shared(&self, now: u64, bin: Bin) {
        let mut one = Total::NONE;
        one.count(bin);
        lock(&self.ring).fold(self.slots.epoch(now), &one);
    }

    /// The rarer half of adding: the first observation of a time slot, and those that find a sketch
    /// still waiting to be folded.
    #[cold]
    fn turn(&self, local: Local<'_>, now: u64, bin: Bin) {
        let epoch = self.slots.epoch(now);
        let (mut open, mut other) = local.sketches();
        if let Some(mut ring) = try_lock(&self.ring) {
            // No reader looks, so that moving takes no sequence lock.
            for sketch in [&mut other, &mut open] {
                if sketch.epoch() != epoch {
                    ring.fold(sketch.epoch(), sketch);
                    sketch.clear();
                    sketch.set_epoch(0);
                }
            }
            local.set_waiting(false);
        } else if open.epoch() != epoch && open.epoch() != 0 && other.epoch() == 0 {
            other.set_epoch(epoch);
            other.count(bin);
            return local.swap();
        }
        // Where neither could be had, what is older counts under the newer epoch: for longer than
        // promised, never for shorter. That takes somebody at the ring at every observation of this
        // thread in a whole slot.
        open.set_epoch(open.epoch().max(epoch));
        open.count(bin);
    }

    /// The observations of each window, each as one sketch.
    pub(crate) fn totals<const N: usize>(&self, now: Duration, windows: [Duration; N]) -> [Total; N] {
        self.add_up(&mut lock(&self.ring), nanoseconds(now), windows)
    }

    fn add_up<const N: usize>(&self, ring: &mut Ring, now: u64, windows: [Duration; N]) -> [Total; N] {
        let first = windows.map(|window| self.slots.first_epoch(now, window));
        let oldest = first.iter().copied().min().unwrap_or(0);
        let mut totals = [const { Total::NONE }; N];
        for at in 0..PLACES {
            let place = ring.place(at);
            let epoch = place.epoch();
            for (total, _) in totals.iter_mut().zip(first).filter(|(_, first)| epoch >= *first) {
                total.merge(&place);
            }
        }
        for slab in STORAGE.slabs() {
            let Some(local) = slab.cells(self.run).and_then(Local::new) else { continue };
            for sketch in [local.sketch(0), local.sketch(1)] {
                let epoch = sketch.epoch();
                if epoch < oldest || epoch == 0 {
                    continue;
                }
                let copy = sketch.copy();
                for (total, _) in totals.iter_mut().zip(first).filter(|(_, first)| epoch >= *first) {
                    total.merge(&copy);
                }
            }
        }
        totals
    }
}

impl Drop for Sketches {
    fn drop(&mut self) {
        STORAGE.give_back(self.run, CELLS as u32);
    }
}

/// The sketches of the latest time slots.
pub(crate) struct Ring {
    /// Allocated as zeros, which systems don't back with memory before they are written to. Hence
    /// the words lie by their number and not by their sketch: what is near in value is near in all
    /// sketches, and values that cluster leave most of the pages untouched.
    words: Box<[u64]>,
}

/// Epoch, range, zeros, and the bins.
const WORDS: usize = 3 + BINS;
/// Words of one sketch that lie together: a cache line.
const LINE: usize = 8;

impl Ring {
    fn new() -> Self {
        Self { words: vec![0; PLACES * WORDS.next_multiple_of(LINE)].into() }
    }

    fn place(&mut self, at: usize) -> Place<'_> {
        Place { words: &mut self.words, at }
    }

    /// Takes in a sketch of the given epoch.
    fn fold(&mut self, epoch: u64, sketch: &impl Sketch) {
        if epoch == 0 {
            return;
        }
        let mut place = self.place((epoch % PLACES as u64) as usize);
        if place.epoch() < epoch {
            place.clear();
            place.set_word(0, epoch);
        }
        if place.epoch() == epoch {
            place.merge(sketch);
        }
        // Else the sketch is a whole turn too old to count towards anything.
    }
}

/// The sketch of a time slot in the ring.
struct Place<'r> {
    words: &'r mut [u64],
    at: usize,
}

impl Place<'_> {
    fn index(&self, word: usize) -> usize {
        (word / LINE * PLACES + self.at) * LINE + word % LINE
    }

    fn word(&self, word: usize) -> u64 {
        self.words[self.index(word)]
    }

    fn set_word(&mut self, word: usize, to: u64) {
        self.words[self.index(word)] = to;
    }

    fn epoch(&self) -> u64 {
        self.word(0)
    }
}

impl Sketch for Place<'_> {
    fn range(&self) -> Range {
        Range::unpack(self.word(1))
    }

    fn set_range(&mut self, range: Range) {
        self.set_word(1, range.pack());
    }

    fn zeros(&self) -> u64 {
        self.word(2)
    }

    fn set_zeros(&mut self, zeros: u64) {
        self.set_word(2, zeros);
    }

    fn place(&self, at: usize) -> Counts {
        Counts::unpack(self.word(3 + at))
    }

    fn set_place(&mut self, at: usize, counts: Counts) {
        self.set_word(3 + at, counts.pack());
    }
}

/// Cells of a metric in a slab: which sketch is open, the sequence, two sketches.
pub(crate) const CELLS: usize = 2 + 2 * WORDS;

/// The bit of the first cell that says which sketch is open.
const OPEN: u64 = 1;
/// The bit of the first cell that is set while the other sketch waits to be folded.
const WAITING: u64 = 2;

/// The two sketches of a thread, over `CELLS` cells that are zero at first.
///
/// Their bins change one at a time, and what is in a bin is a count of its own, so that a reader
/// needs no more than to read each once. Only where bins are joined it reads again: the sequence is
/// odd meanwhile.
#[derive(Clone, Copy)]
struct Local<'c>(&'c [AtomicU64; CELLS]);

impl<'c> Local<'c> {
    #[inline]
    fn new(cells: Cells<'c>) -> Option<Self> {
        cells.first().map(Self)
    }

    /// The open sketch, if it is of this moment and the other one is empty. Writer only.
    #[inline]
    fn open_for(self, slots: Slots, now: u64) -> Option<Half<'c>> {
        let state = self.0[0].load(Relaxed);
        let open = self.sketch((state & OPEN) as usize);
        (state & WAITING == 0 && slots.contains(open.epoch(), now)).then_some(open)
    }

    #[inline]
    fn sketch(self, number: usize) -> Half<'c> {
        Half { sequence: &self.0[1], cells: &self.0[2 + number * WORDS..][..WORDS] }
    }

    /// The open sketch and the other one. Writer only.
    fn sketches(self) -> (Half<'c>, Half<'c>) {
        let open = (self.0[0].load(Relaxed) & OPEN) as usize;
        (self.sketch(open), self.sketch(1 - open))
    }

    /// Opens the other sketch; the one that was open waits. Writer only.
    fn swap(self) {
        self.0[0].store((self.0[0].load(Relaxed) ^ OPEN) | WAITING, Relaxed);
    }

    fn set_waiting(self, waiting: bool) {
        let open = self.0[0].load(Relaxed) & OPEN;
        self.0[0].store(if waiting { open | WAITING } else { open }, Relaxed);
    }
}

/// One of a thread's two sketches.
struct Half<'c> {
    sequence: &'c AtomicU64,
    cells: &'c [AtomicU64],
}

impl Half<'_> {
    /// The epoch of what it holds; 0 for nothing.
    #[inline]
    fn epoch(&self) -> u64 {
        self.cells[0].load(Relaxed)
    }

    fn set_epoch(&mut self, epoch: u64) {
        self.cells[0].store(epoch, Relaxed);
    }

    /// A consistent copy. Any thread, while it holds the ring.
    fn copy(&self) -> Total {
        let mut tries = 0_u32;
        loop {
            let before = self.sequence.load(Acquire);
            let mut copy = Total::NONE;
            copy.merge(self);
            fence(Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Relaxed) == before {
                return copy;
            }
            tries += 1;
            // The writer is inside for less than a microsecond, unless it was put off its processor.
            if tries.is_multiple_of(64) || cfg!(loom) {
                yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

impl Sketch for Half<'_> {
    #[inline]
    fn range(&self) -> Range {
        Range::unpack(self.cells[1].load(Relaxed))
    }

    fn set_range(&mut self, range: Range) {
        self.cells[1].store(range.pack(), Relaxed);
    }

    fn zeros(&self) -> u64 {
        self.cells[2].load(Relaxed)
    }

    fn set_zeros(&mut self, zeros: u64) {
        self.cells[2].store(zeros, Relaxed);
    }

    #[inline]
    fn place(&self, at: usize) -> Counts {
        Counts::unpack(self.cells[3 + at].load(Relaxed))
    }

    #[inline]
    fn set_place(&mut self, at: usize, counts: Counts) {
        self.cells[3 + at].store(counts.pack(), Relaxed);
    }

    fn at_once(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.sequence.load(Relaxed);
        self.sequence.store(before.wrapping_add(1), Relaxed);
        fence(Release);
        change(self);
        self.sequence.store(before.wrapping_add(2), Release);
    }
}
