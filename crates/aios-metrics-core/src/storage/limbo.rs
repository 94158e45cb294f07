//! Where what was unlinked waits until nobody looks at it any more.

#![allow(unsafe_code)]

use std::ptr::NonNull;

use super::Storage;
use crate::sync::{AtomicU64, Ordering, fence};

/// More than a table and a directory for each of many series that come and go.
const CROWD: usize = 4_096;

/// Garbage in two batches: the sealed one waits for the sections that were open when it was sealed,
/// the open one takes what is unlinked meanwhile.
///
/// Nobody waits: whoever unlinks or creates something [polls](Self::poll) on the way. Time plays no
/// part in it.
pub(crate) struct Limbo<G> {
    open: Vec<G>,
    sealed: Vec<G>,
    /// The words of the sections that the sealed batch waits for, as they were.
    waiting: Vec<(&'static AtomicU64, u64)>,
    /// Whether it waits for threads without a slab.
    guests: bool,
}

impl<G> Limbo<G> {
    pub(crate) const fn new() -> Self {
        Self { open: Vec::new(), sealed: Vec::new(), waiting: Vec::new(), guests: false }
    }

    /// Takes what nobody can find any more, though some may still look at it.
    pub(crate) fn retire(&mut self, garbage: G) {
        self.open.push(garbage);
    }

    /// The same for what may be there.
    pub(crate) fn retire_all(&mut self, garbage: impl IntoIterator<Item = G>) {
        self.open.extend(garbage);
    }

    /// Whether so much waits that whoever makes more should let others run first: most likely one of them
    /// is kept from ending its section.
    pub(crate) fn is_crowded(&self) -> bool {
        self.sealed.len() + self.open.len() > CROWD
    }

    /// Whether nothing waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sealed.is_empty()
    }

    /// What nobody looks at any more; all that was done with it happens before this call.
    pub(crate) fn poll(&mut self, storage: &'static Storage) -> Vec<G> {
        let mut passed = Vec::new();
        if !self.sealed.is_empty() {
            if !self.has_passed(storage) {
                return passed;
            }
            std::mem::swap(&mut passed, &mut self.sealed);
        }
        if !self.open.is_empty() {
            std::mem::swap(&mut self.sealed, &mut self.open);
            self.seal(storage);
            if self.has_passed(storage) {
                passed.append(&mut self.sealed);
            }
        }
        passed
    }

    /// Everything, when nobody else is left.
    pub(crate) fn into_all(self) -> impl Iterator<Item = G> {
        self.sealed.into_iter().chain(self.open)
    }

    /// Notes the sections that are open. One that begins later finds nothing of the batch, since its
    /// fence comes after this one.
    fn seal(&mut self, storage: &'static Storage) {
        fence(Ordering::SeqCst);
        let words = storage.slabs().map(|slab| {
            let word = slab.section();
            (word, word.load(Ordering::Acquire))
        });
        self.waiting.extend(words.filter(|(_, seen)| seen % 2 == 1));
        self.guests = true;
    }

    fn has_passed(&mut self, storage: &Storage) -> bool {
        self.waiting.retain(|(word, seen)| word.load(Ordering::Acquire) == *seen);
        // Guests are few and short: a moment without any is enough.
        self.guests &= storage.guests.load(Ordering::Acquire) > 0;
        self.waiting.is_empty() && !self.guests
    }
}

/// A box that was unlinked, while others may still look into it. Dropping it frees it.
pub(crate) struct Unlinked<T>(NonNull<T>);

// SAFETY: it owns a `T` to which others may have shared references.
unsafe impl<T: Send + Sync> Send for Unlinked<T> {}

impl<T> Unlinked<T> {
    /// # Safety
    ///
    /// The pointer is null, or comes from `Box::into_raw`, nobody else frees it, and this is dropped
    /// after the last use of it.
    pub(crate) unsafe fn new(pointer: *mut T) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }
}

impl<T> Drop for Unlinked<T> {
    fn drop(&mut self) {
        // SAFETY: as `new` asks for.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<G> std::fmt::Debug for Limbo<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limbo").field("open", &self.open.len()).field("sealed", &self.sealed.len()).finish()
    }
}
