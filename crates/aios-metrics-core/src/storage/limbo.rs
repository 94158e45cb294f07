//! Where what was unlinked waits until nobody looks at it any more.

#![allow(unsafe_code)]

use std::ptr::{self, NonNull};

use super::{Section, Slab, Storage, barrier};
use crate::sync::{AtomicU64, Ordering};

/// How many small things make a batch worth sealing: that has every thread of the process run a fence.
const BATCH: usize = if cfg!(loom) { 1 } else { 64 };

/// More than a table and a directory for each of many series that come and go.
const CROWD: usize = 4_096;

/// How much is handed out at a time, since that happens under a lock for which others wait.
const PORTION: usize = 256;

/// Garbage in three batches: the sealed one waits for the sections that were open when it was sealed, the open
/// one takes what is unlinked meanwhile, and the third is what nobody looks at any more.
///
/// Nobody waits: whoever unlinks or creates something [polls](Self::poll) on the way, and who walks over
/// everything [empties](Self::empty) it. Time plays no part in it.
pub(crate) struct Limbo<G> {
    open: Vec<G>,
    /// Whether the open batch is worth sealing for one thing in it.
    is_large: bool,
    sealed: Vec<G>,
    passed: Vec<G>,
    /// The words of the sections that the sealed batch waits for, as they were.
    waiting: Vec<(&'static AtomicU64, u64)>,
    /// Whether it waits for threads without a slab.
    guests: bool,
}

impl<G> Limbo<G> {
    pub(crate) const fn new() -> Self {
        Self {
            open: Vec::new(),
            is_large: false,
            sealed: Vec::new(),
            passed: Vec::new(),
            waiting: Vec::new(),
            guests: false,
        }
    }

    /// Takes what nobody can find any more, though some may still look at it.
    pub(crate) fn retire(&mut self, garbage: G) {
        self.open.push(garbage);
    }

    /// The same for what is large, and so doesn't wait for others.
    pub(crate) fn retire_large(&mut self, garbage: impl IntoIterator<Item = G>) {
        let before = self.open.len();
        self.open.extend(garbage);
        self.is_large |= self.open.len() > before;
    }

    /// Whether so much waits that whoever makes more should let others run first: most likely one of them
    /// is kept from ending its section.
    pub(crate) fn is_crowded(&self) -> bool {
        self.passed.len() + self.sealed.len() + self.open.len() > CROWD
    }

    /// Whether nothing waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sealed.is_empty() && self.passed.is_empty()
    }

    /// What nobody looks at any more, a portion of it; all that was done with it happens before this call.
    /// Something small that was unlinked lately waits for more of its kind.
    pub(crate) fn poll(&mut self, storage: &'static Storage) -> Vec<G> {
        self.poll_in(storage, None)
    }

    /// The same in a section in which nothing was found that is still used: it holds nothing up.
    pub(crate) fn poll_in(&mut self, storage: &'static Storage, section: Option<&Section>) -> Vec<G> {
        let seals = self.is_large || self.open.len() >= BATCH;
        self.pass(storage, seals, section.and_then(Section::own_word))
    }

    /// The same, and nothing waits for more. Once this returns nothing, all that is left waits for a section.
    pub(crate) fn empty(&mut self, storage: &'static Storage) -> Vec<G> {
        self.pass(storage, !self.open.is_empty(), None)
    }

    fn pass(&mut self, storage: &'static Storage, seals: bool, but: Option<&AtomicU64>) -> Vec<G> {
        self.let_pass(storage);
        if self.sealed.is_empty() && seals && barrier::overtake() {
            std::mem::swap(&mut self.sealed, &mut self.open);
            self.is_large = false;
            self.seal(storage, but);
            self.let_pass(storage);
        }
        match self.passed.len().checked_sub(PORTION) {
            Some(rest) if rest > 0 => self.passed.split_off(rest),
            _ => std::mem::take(&mut self.passed),
        }
    }

    /// Everything, when nobody else is left.
    pub(crate) fn into_all(self) -> impl Iterator<Item = G> {
        self.passed.into_iter().chain(self.sealed).chain(self.open)
    }

    /// Notes the sections that are open. One that is announced later finds nothing of the batch, since that
    /// was overtaken before. That begins with a fence, on which others rely as well: see
    /// [`unlink_unless_held`](crate::metric::control::Control::unlink_unless_held).
    fn seal(&mut self, storage: &'static Storage, but: Option<&AtomicU64>) {
        let words = storage.slabs().map(Slab::section);
        let words = words.filter(|word| !but.is_some_and(|but| ptr::eq(*word, but)));
        let words = words.map(|word| (word, word.load(Ordering::Acquire)));
        self.waiting.extend(words.filter(|(_, seen)| seen % 2 == 1));
        self.guests = true;
    }

    /// Moves the sealed batch on, if nobody looks at it any more.
    fn let_pass(&mut self, storage: &Storage) {
        if self.sealed.is_empty() || !self.has_passed(storage) {
            return;
        }
        if self.passed.is_empty() {
            std::mem::swap(&mut self.passed, &mut self.sealed);
        } else {
            self.passed.append(&mut self.sealed);
        }
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
        let Self { open, sealed, passed, .. } = self;
        f.debug_struct("Limbo")
            .field("open", &open.len())
            .field("sealed", &sealed.len())
            .field("passed", &passed.len())
            .finish()
    }
}
