//! The process's one storage, and the calling thread's way into it.

use std::cell::Cell;

use super::Cells;
use crate::storage::Storage;
use crate::storage::slab::{CHUNK, Slab};

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

/// The cells from `id` to the end of its chunk, for an update by the calling thread.
#[inline]
pub(crate) fn cells(id: u32) -> Cells {
    match SLAB.get().cells(id) {
        Some(cells) => Cells::Own(cells),
        None => first_touch(id),
    }
}

/// Gets a slab or a chunk for the calling thread.
///
/// Meanwhile the thread-local says `GONE`: an allocator that counts its calls with a metric of
/// ours ends up in the shared slab, not here again.
#[cold]
fn first_touch(id: u32) -> Cells {
    let slab = SLAB.replace(&GONE);
    if std::ptr::eq(slab, &GONE) {
        return Cells::Shared(STORAGE.shared_cells(id));
    }
    let slab = if std::ptr::eq(slab, &NONE) {
        // Registers the destructor; an error means that the thread is past it already.
        if LEAVE.try_with(|_| ()).is_err() {
            return Cells::Shared(STORAGE.shared_cells(id));
        }
        STORAGE.attach()
    } else {
        slab
    };
    let id = id as usize;
    let cells = &slab.touch(id / CHUNK)[id % CHUNK..];
    SLAB.set(slab);
    Cells::Own(cells)
}
