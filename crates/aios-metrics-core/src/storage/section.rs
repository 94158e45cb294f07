//! Where a thread says that it is looking at structures from which others may unlink.
//!
//! Every look-up with the update that follows it, and every walk of a reader, is a section. What is
//! unlinked stays until all sections that might have seen it have ended: see [`limbo`](super::limbo).

use std::marker::PhantomData;

use super::barrier;
use super::local::{STORAGE, my_slab, own_section};
use super::slab::Slab;
use crate::sync::{AtomicU64, Ordering, fence};

/// The time in which what a look-up found may be used. Sections of one thread nest.
pub(crate) struct Section {
    entered: Entered,
    /// A section belongs to its thread.
    thread: PhantomData<*const ()>,
}

enum Entered {
    /// The slab of the thread says so.
    Own(&'static Slab),
    /// Inside another section.
    Nested,
    /// The thread has no slab, so the storage counts it.
    Guest,
}

impl Section {
    /// Enters; dropping the section leaves it.
    #[inline]
    pub(crate) fn enter() -> Self {
        let entered = match own_section() {
            Some((slab, word)) => begin(slab, word),
            None => enter_otherwise(),
        };
        Self { entered, thread: PhantomData }
    }

    /// The word that says that the thread is in a section, if this is its outermost one.
    pub(crate) fn own_word(&self) -> Option<&'static AtomicU64> {
        match self.entered {
            Entered::Own(slab) => Some(slab.section()),
            Entered::Nested | Entered::Guest => None,
        }
    }
}

/// Makes the word odd.
///
/// What the thread reads from here on comes after that: either a thread that unlinks sees the odd word
/// afterwards, or this thread sees that it was unlinked.
#[inline]
fn begin(slab: &'static Slab, word: u64) -> Entered {
    barrier::announce(slab.section(), word + 1);
    Entered::Own(slab)
}

/// For a thread that has no slab yet, or is in a section.
#[cold]
fn enter_otherwise() -> Entered {
    let Some(slab) = my_slab() else {
        STORAGE.guests.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        return Entered::Guest;
    };
    let word = slab.section().load(Ordering::Relaxed);
    if word % 2 == 0 { begin(slab, word) } else { Entered::Nested }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        match self.entered {
            Entered::Own(slab) => {
                let word = slab.section().load(Ordering::Relaxed);
                slab.section().store(word + 1, Ordering::Release);
            }
            Entered::Nested => {}
            Entered::Guest => {
                STORAGE.guests.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Section").finish_non_exhaustive()
    }
}
