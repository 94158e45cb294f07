//! A thread's cells.

#![allow(unsafe_code)]

use super::pointers::Pointers;
use crate::sync::{AtomicU64, Ordering};

/// Cells of one chunk.
pub(crate) const CHUNK: usize = if cfg!(loom) { 12 } else { 1_024 };

/// The section's word of a slab that nobody owns; counting from 0, no other gets there.
const STAND_IN: u64 = u64::MAX;

/// A run of cells that lies in one piece of memory.
pub(crate) type Chunk = [AtomicU64; CHUNK];

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

    /// The chunk with the given number, once its owner has touched it.
    #[inline]
    pub(crate) fn chunk(&self, number: usize) -> Option<&Chunk> {
        // SAFETY: null, or a chunk that `touch` made; chunks live as long as the slab.
        unsafe { self.chunks.get(number).as_ref() }
    }

    /// The cells from `id` to the end of their chunk, once their owner has touched it.
    #[inline]
    pub(crate) fn cells(&self, id: u32) -> Option<&[AtomicU64]> {
        let id = id as usize;
        self.chunk(id / CHUNK).map(|chunk| &chunk[id % CHUNK..])
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
            for cell in &cells[..len as usize] {
                cell.store(0, Ordering::Relaxed);
            }
        }
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
