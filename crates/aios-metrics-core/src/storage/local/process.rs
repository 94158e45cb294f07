//! The process's one storage, and the calling thread's way into it.

use std::cell::Cell;

use super::Cells;
use crate::storage::Storage;
use crate::storage::slab::{CHUNK, Slab};
use crate::sync::{AtomicU64, Ordering};

/// The cells of every registry in the process.
pub(crate) static STORAGE: Storage = Storage::new();

/// What the thread-local points at before a thread's first update: a slab without chunks.
static NONE: Slab = Slab::new();
/// What it points at while a slab or chunk is being allocated, and once the thread is ending.
static GONE: Slab = Slab::new();

thread_local! {
    /// Without Drop, so that reading it is one load and works to the very end of the thread.
    static SLAB: Cell<&'static Slab> = const { Cell::new(&NONE) };
    /// Hands the slab on when the thread ends.
    static LEAVE: Leave = const { Leave };
}

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        let slab = SLAB.replace(&GONE);
        if !std::ptr::eq(slab, &NONE) && !std::ptr::eq(slab, &GONE) {
            STORAGE.detach(slab);
        }
    }
}

/// The calling thread's own cells from `id` to the end of its chunk, once it has touched that.
#[inline]
pub(crate) fn own_cells(id: u32) -> Option<&'static [AtomicU64]> {
    SLAB.get().cells(id)
}

/// The word of the calling thread's section, and what it holds, if the thread has a slab and is in no
/// section.
#[inline]
pub(crate) fn own_section() -> Option<(&'static Slab, u64)> {
    let slab = SLAB.get();
    let word = slab.section().load(Ordering::Relaxed);
    // It is odd in what stands in for a slab, too.
    (word & 1 == 0).then_some((slab, word))
}

/// The slab of the calling thread, for a section; none while it can't have one.
pub(crate) fn my_slab() -> Option<&'static Slab> {
    let slab = SLAB.get();
    if slab.is_stand_in() { with_slab(|slab| slab) } else { Some(slab) }
}

/// The cells from `id` to the end of its chunk, for an update by the calling thread: gets a slab or a
/// chunk for it where need be.
pub(crate) fn cells(id: u32) -> Cells {
    if let Some(cells) = own_cells(id) {
        return Cells::Own(cells);
    }
    let number = id as usize / CHUNK;
    match with_slab(|slab| slab.touch(number)) {
        Some(chunk) => Cells::Own(&chunk[id as usize % CHUNK..]),
        None => Cells::Shared(STORAGE.shared_cells(id)),
    }
}

/// Does what may allocate with the slab of the calling thread.
///
/// Meanwhile the thread-local says `GONE`: an allocator that counts its calls with a metric of
/// ours ends up in the shared slab, not here again.
fn with_slab<T>(work: impl FnOnce(&'static Slab) -> T) -> Option<T> {
    let mut slab = SLAB.replace(&GONE);
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
    SLAB.set(slab);
    Some(done)
}
