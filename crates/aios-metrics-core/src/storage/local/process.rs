//! The process's one storage, and the calling thread's way into it.

use std::cell::Cell;

use super::Place;
use crate::storage::slab::{CHUNK, Cells, Chunks, Slab};
use crate::storage::{Storage, add_own};
use crate::sync::Ordering;

/// The cells of every registry in the process.
pub(crate) static STORAGE: Storage = Storage::new();

/// What the thread-local points at before a thread's first update: a slab without chunks.
static NONE: Slab = Slab::new();
/// What it points at while a slab or chunk is being allocated, and once the thread is ending.
static GONE: Slab = Slab::new();

/// A slab, and beside it its chunks, which is all that most updates need.
#[derive(Clone, Copy)]
struct Mine {
    chunks: Chunks<'static>,
    slab: &'static Slab,
}

thread_local! {
    /// Without Drop, so that reading it works to the very end of the thread.
    static MINE: Cell<Mine> = const { Cell::new(Mine { chunks: Chunks::NONE, slab: &NONE }) };
    /// Hands the slab on when the thread ends.
    static LEAVE: Leave = const { Leave };
}

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        let slab = take_slab();
        if !std::ptr::eq(slab, &NONE) && !std::ptr::eq(slab, &GONE) {
            STORAGE.detach(slab);
        }
    }
}

/// The calling thread's own cells from `id` on, once it has touched their chunk.
#[inline]
pub(crate) fn own_cells(id: u32) -> Option<Cells<'static>> {
    MINE.with(|mine| mine.get().chunks.cells(id))
}

/// Adds to a cell of the calling thread; `false` when the sum would pass 2^64, and when the thread has not
/// touched the chunk: what stands in for the first one is full. To add nothing to that changes nothing.
#[inline]
pub(crate) fn add_own_cell(id: u32, n: u64) -> bool {
    // Within the access to the thread-local: handing a reference out of it costs a look whether it is null.
    MINE.with(|mine| {
        let chunks = mine.get().chunks;
        match chunks.first_cell(id) {
            Some(cell) => add_own(cell, n),
            None => chunks.cells(id).is_some_and(|cells| add_own(cells.at(0), n)),
        }
    })
}

/// The word of the calling thread's section, and what it holds, if the thread has a slab and is in no
/// section.
#[inline]
pub(crate) fn own_section() -> Option<(&'static Slab, u64)> {
    let slab = MINE.get().slab;
    let word = slab.section().load(Ordering::Relaxed);
    // It is odd in what stands in for a slab, too.
    (word & 1 == 0).then_some((slab, word))
}

/// The slab of the calling thread, for a section; none while it can't have one.
pub(crate) fn my_slab() -> Option<&'static Slab> {
    let slab = MINE.get().slab;
    if slab.is_stand_in() { with_slab(|slab| slab) } else { Some(slab) }
}

/// The cells from `id` on, for an update by the calling thread: gets a slab or a chunk for it where need
/// be.
pub(crate) fn cells(id: u32) -> Place {
    if let Some(cells) = own_cells(id) {
        return Place::Own(cells);
    }
    match with_slab(|slab| slab.touch(id as usize / CHUNK)) {
        Some(chunk) => Place::Own(Cells::new(chunk, id)),
        None => Place::Shared(STORAGE.shared_cells(id)),
    }
}

/// Does what may allocate with the slab of the calling thread.
///
/// Meanwhile the thread-local says `GONE`: an allocator that counts its calls with a metric of
/// ours ends up in the shared slab, not here again.
fn with_slab<T>(work: impl FnOnce(&'static Slab) -> T) -> Option<T> {
    let mut slab = take_slab();
    if std::ptr::eq(slab, &GONE) {
        return None;
    }
    if std::ptr::eq(slab, &NONE) {
        // Registers the destructor; an error means that the thread is past it already.
        if LEAVE.try_with(|_| ()).is_err() {
            return None;
        }
        slab = STORAGE.attach();
    }
    let done = work(slab);
    MINE.set(Mine { chunks: slab.chunks(), slab });
    Some(done)
}

/// The slab of the calling thread, which has none from now on.
fn take_slab() -> &'static Slab {
    MINE.replace(Mine { chunks: Chunks::NONE, slab: &GONE }).slab
}
