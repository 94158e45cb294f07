//! The process's one storage, and the calling thread's way into it.

#![allow(unsafe_code)]
#![cfg(not(loom))]

use std::cell::Cell;

use super::slab::{CHUNK, Slab};
use super::{Storage, add_own, add_own_f64, add_shared, add_shared_f64};
use crate::sync::AtomicU64;

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

/// The calling thread's cells from some id on, or those that all threads share.
pub(crate) enum Cells {
    Own(&'static [AtomicU64]),
    Shared(&'static [AtomicU64]),
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

/// Adds to a whole cell; `false` when the calling thread's share would pass 2^64.
#[inline]
pub(crate) fn add(id: u32, n: u64) -> bool {
    match cells(id) {
        Cells::Own(cells) => add_own(&cells[0], n),
        Cells::Shared(cells) => add_shared(&cells[0], n),
    }
}

/// Adds to a cell of `f64` bits.
#[inline]
pub(crate) fn add_f64(id: u32, n: f64) {
    match cells(id) {
        Cells::Own(cells) => add_own_f64(&cells[0], n),
        Cells::Shared(cells) => add_shared_f64(&cells[0], n),
    }
}
