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
    /// Where the thread says so: in its slab, for the outermost of its sections.
    own: Option<&'static Slab>,
    /// Whether the storage counts it, as the thread has no slab.
    is_guest: bool,
    /// A section belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl Section {
    /// Enters; dropping the section leaves it.
    #[inline]
    pub(crate) fn enter() -> Self {
        match own_section() {
            Some((slab, word)) => Self::begin(slab, word),
            None => Self::enter_otherwise(),
        }
    }

    /// The word that says that the thread is in a section, if this is its outermost one.
    pub(crate) fn own_word(&self) -> Option<&'static AtomicU64> {
        self.own.map(Slab::section)
    }

    /// Makes the word odd.
    ///
    /// What the thread reads from here on comes after that: either a thread that unlinks sees the odd word
    /// afterwards, or this thread sees that it was unlinked.
    #[inline]
    fn begin(slab: &'static Slab, word: u64) -> Self {
        barrier::announce(slab.section(), word + 1);
        Self { own: Some(slab), is_guest: false, thread: PhantomData }
    }

    /// For a thread that has no slab yet, or is in a section.
    #[cold]
    fn enter_otherwise() -> Self {
        let Some(slab) = my_slab() else {
            STORAGE.guests.fetch_add(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            return Self { own: None, is_guest: true, thread: PhantomData };
        };
        let word = slab.section().load(Ordering::Relaxed);
        if word.is_multiple_of(2) {
            Self::begin(slab, word)
        } else {
            Self { own: None, is_guest: false, thread: PhantomData }
        }
    }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        if let Some(slab) = self.own {
            let word = slab.section().load(Ordering::Relaxed);
            slab.section().store(word + 1, Ordering::Release);
        } else if self.is_guest {
            STORAGE.guests.fetch_sub(1, Ordering::Release);
        }
    }
}

impl std::fmt::Debug for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Section").finish_non_exhaustive()
    }
}
