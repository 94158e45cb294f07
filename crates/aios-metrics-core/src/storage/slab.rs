//! A thread's cells.

#![allow(unsafe_code)]

use super::pointers::{Pointers, View};
use crate::sync::{AtomicU64, Ordering};

/// Cells of one chunk.
pub(crate) const CHUNK: usize = if cfg!(loom) { 12 } else { 1_024 };

/// The section's word of a slab that nobody owns; counting from 0, no other gets there.
const STAND_IN: u64 = u64::MAX;

/// Cells that lie in one piece of memory.
pub(crate) type Chunk = [AtomicU64; CHUNK];

/// The cells of a run in one slab. A run lies in one chunk.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'s> {
    chunk: &'s Chunk,
    first: usize,
}

impl<'s> Cells<'s> {
    /// The cells from `id` on, which lies in the chunk.
    #[inline]
    pub(crate) fn new(chunk: &'s Chunk, id: u32) -> Self {
        Self { chunk, first: id as usize % CHUNK }
    }

    /// A cell of the run, counted from 0.
    #[inline]
    pub(crate) fn at(self, place: usize) -> &'s AtomicU64 {
        debug_assert!(self.first + place < CHUNK);
        // The remainder changes nothing, and saves a look whether the place lies in the chunk.
        &self.chunk[(self.first + place) % CHUNK]
    }

    /// The cells of the run and those behind it, as many as are wanted.
    #[inline]
    pub(crate) fn first<const N: usize>(self) -> Option<&'s [AtomicU64; N]> {
        self.chunk[self.first..].first_chunk()
    }
}

/// The cells of one thread, by id: chunks that their owner allocates on first touch.
///
/// Only the owner writes (relaxed load, relaxed store: no read-modify-write), anybody reads. A
/// chunk is published with Release and neither moves nor goes away while the storage lives.
pub(crate) struct Slab {
    chunks: Pointers<Chunk>,
    /// Odd while its owner is in a section, another number for each; always odd for what stands in for a
    /// slab where a thread has none.
    section: AtomicU64,
}

impl Slab {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self { chunks: Pointers::new(), section: AtomicU64::new(STAND_IN) }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self { chunks: Pointers::new(), section: AtomicU64::new(STAND_IN) }
    }

    /// Whether nobody owns it.
    #[cfg(not(loom))]
    pub(crate) fn is_stand_in(&self) -> bool {
        self.section.load(Ordering::Relaxed) == STAND_IN
    }

    /// A slab that a thread can own.
    pub(crate) fn for_thread() -> Self {
        let slab = Self::new();
        slab.section.store(0, Ordering::Relaxed);
        slab
    }

    /// The word of the owner's section.
    #[inline]
    pub(crate) fn section(&self) -> &AtomicU64 {
        &self.section
    }

    /// Its chunks as they are now, for the owner.
    #[cfg(not(loom))]
    pub(crate) fn chunks(&self) -> Chunks<'_> {
        Chunks { first: self.chunk(0).unwrap_or(&FULL), all: self.chunks.view() }
    }

    /// The chunk with the given number, once its owner has touched it.
    #[inline]
    pub(crate) fn chunk(&self, number: usize) -> Option<&Chunk> {
        chunk(self.chunks.view(), number)
    }

    /// The cells from `id` on, once their owner has touched the chunk.
    #[inline]
    pub(crate) fn cells(&self, id: u32) -> Option<Cells<'_>> {
        cells(self.chunks.view(), id)
    }

    /// The chunk with the given number, allocated if need be. One caller at a time: the owner.
    #[cold]
    pub(crate) fn touch(&self, number: usize) -> &Chunk {
        if self.chunk(number).is_none() {
            let cells: Box<[AtomicU64]> = (0..CHUNK).map(|_| AtomicU64::new(0)).collect();
            self.chunks.set(number, Box::into_raw(cells).cast());
        }
        // SAFETY: set just now or before; see `chunk`.
        unsafe { &*self.chunks.get(number) }
    }

    /// Sets `len` cells from `id` to zero. Nobody updates or reads them at this time.
    pub(crate) fn clear(&self, id: u32, len: u32) {
        if let Some(cells) = self.cells(id) {
            (0..len as usize).for_each(|place| cells.at(place).store(0, Ordering::Relaxed));
        }
    }
}

/// The chunk of a slab with the given number.
#[inline]
fn chunk(chunks: View<'_, Chunk>, number: usize) -> Option<&Chunk> {
    // SAFETY: null, or a chunk that `touch` made; chunks live as long as the slab.
    unsafe { chunks.get(number).as_ref() }
}

/// The cells of a slab from `id` on.
#[inline]
fn cells(chunks: View<'_, Chunk>, id: u32) -> Option<Cells<'_>> {
    chunk(chunks, id as usize / CHUNK).map(|chunk| Cells::new(chunk, id))
}

/// The chunks of a slab at one time; its owner looks again after each that it has touched.
#[cfg(not(loom))]
#[derive(Clone, Copy)]
pub(crate) struct Chunks<'s> {
    /// The first one, which is all that many processes need; where there is none, one that is full.
    first: &'s Chunk,
    all: View<'s, Chunk>,
}

/// Cells to which nothing can be added.
#[cfg(not(loom))]
static FULL: Chunk = [const { AtomicU64::new(u64::MAX) }; CHUNK];

#[cfg(not(loom))]
impl<'s> Chunks<'s> {
    /// Those of a slab without any.
    pub(crate) const NONE: Self = Self { first: &FULL, all: View::EMPTY };

    /// The cells from `id` on, where their chunk is among them.
    #[inline]
    pub(crate) fn cells(self, id: u32) -> Option<Cells<'s>> {
        cells(self.all, id)
    }

    /// A cell of the first chunk; one that is full where that is not there.
    #[inline]
    pub(crate) fn first_cell(self, id: u32) -> Option<&'s AtomicU64> {
        self.first.get(id as usize)
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        for chunk in self.chunks.iter() {
            // SAFETY: a box that `touch` made, and nobody else has the slab any more.
            drop(unsafe { Box::from_raw(chunk) });
        }
    }
}
