//! The storage of one run of a model: made anew for each, and dropped with it.

use std::cell::Cell;

use super::Place;
use crate::storage::Storage;
use crate::storage::slab::{CHUNK, Cells, Slab};
use crate::sync::Ordering;

loom::lazy_static! {
    /// The cells of every registry in the model.
    pub(crate) static ref STORAGE: Storage = Storage::new();
}

#[derive(Clone, Copy)]
enum Mine {
    None,
    Slab(&'static Slab),
    Gone,
}

loom::thread_local! {
    /// The calling thread's slab. It is not handed on when the thread ends, since by the end of a
    /// model's main thread the storage is gone: a model calls `leave`.
    static MINE: Cell<Mine> = Cell::new(Mine::None);
}

/// The cells from `id` on, for an update by the calling thread.
pub(crate) fn cells(id: u32) -> Place {
    match my_slab() {
        Some(slab) => Place::Own(Cells::new(slab.touch(id as usize / CHUNK), id)),
        None => Place::Shared(STORAGE.shared_cells(id)),
    }
}

/// None, so that each update of a model takes the way of a thread's first one.
pub(crate) fn own_cells(_id: u32) -> Option<Cells<'static>> {
    None
}

/// Adds nothing, for the same reason.
pub(crate) fn add_own_cell(_id: u32, _n: u64) -> bool {
    false
}

/// The word of the calling thread's section, and what it holds, if the thread is in no section.
pub(crate) fn own_section() -> Option<(&'static Slab, u64)> {
    let slab = my_slab()?;
    let word = slab.section().load(Ordering::Relaxed);
    (word % 2 == 0).then_some((slab, word))
}

/// The slab of the calling thread, for a section; none once it has left.
pub(crate) fn my_slab() -> Option<&'static Slab> {
    let slab = match MINE.with(Cell::get) {
        Mine::Slab(slab) => slab,
        Mine::None => STORAGE.attach(),
        Mine::Gone => return None,
    };
    MINE.with(|mine| mine.set(Mine::Slab(slab)));
    Some(slab)
}

/// What makes a thread one that can't have a slab any more.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn leave_without_a_slab() {
    MINE.with(|mine| mine.set(Mine::Gone));
}

/// What the end of a thread does; what it updates afterwards goes to the shared slab.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn leave() {
    if let Mine::Slab(slab) = MINE.with(|mine| mine.replace(Mine::Gone)) {
        STORAGE.detach(slab);
    }
}
