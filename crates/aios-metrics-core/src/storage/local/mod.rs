//! The calling thread's way to its cells: of the process's one storage, or of a model's.

#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod process;

#[cfg(loom)]
pub(crate) use modelled::{STORAGE, add_own_cell, cells, my_slab, own_cells, own_section};
#[cfg(all(test, loom))]
pub(crate) use modelled::{leave, leave_without_a_slab};
#[cfg(not(loom))]
pub(crate) use process::{STORAGE, add_own_cell, cells, my_slab, own_cells, own_section};

use super::{Cells, add_own, add_own_f64, add_shared, add_shared_f64};

/// Where an update by the calling thread goes: its own cells, or those that all threads share.
pub(crate) enum Place {
    Own(Cells<'static>),
    Shared(Cells<'static>),
}

impl Place {
    /// The cells that only the calling thread writes.
    pub(crate) fn own(self) -> Option<Cells<'static>> {
        match self {
            Self::Own(cells) => Some(cells),
            Self::Shared(_) => None,
        }
    }
}

/// Adds to a whole cell; `false` when the calling thread's share would pass 2^64.
#[inline]
pub(crate) fn add(id: u32, n: u64) -> bool {
    add_own_cell(id, n) || add_first(id, n)
}

/// Adds to a cell of `f64` bits.
#[inline]
pub(crate) fn add_f64(id: u32, n: f64) {
    match own_cells(id) {
        Some(cells) => add_own_f64(cells.at(0), n),
        None => add_first_f64(id, n),
    }
}

#[cold]
fn add_first(id: u32, n: u64) -> bool {
    match cells(id) {
        Place::Own(cells) => add_own(cells.at(0), n),
        Place::Shared(cells) => add_shared(cells.at(0), n),
    }
}

#[cold]
fn add_first_f64(id: u32, n: f64) {
    match cells(id) {
        Place::Own(cells) => add_own_f64(cells.at(0), n),
        Place::Shared(cells) => add_shared_f64(cells.at(0), n),
    }
}
