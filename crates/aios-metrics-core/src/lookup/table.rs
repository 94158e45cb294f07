//! The hash table that readers walk without a lock and without writing to shared memory.

#![allow(unsafe_code)]

use std::ptr;

use crate::storage::limbo::Unlinked;
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// Bits of an entry that hold the payload plus one; the rest is a tag of the hash.
const PAYLOAD_BITS: u32 = 48;
const PAYLOAD_MASK: u64 = (1 << PAYLOAD_BITS) - 1;
/// An entry whose payload was removed: a search goes on past it. No entry has payload bits of 0.
const REMOVED: u64 = 1 << PAYLOAD_BITS;
const SMALLEST: usize = if cfg!(loom) { 2 } else { 8 };

/// Payloads by hash: open addressing, linear probing.
///
/// An entry is one word: 16 bits of the hash, to pass by most of the wrong payloads without
/// touching what they stand for, and the payload plus one, so that zero is an empty entry. An
/// insert publishes its entry with Release. A table that is full is replaced as a whole; readers
/// that still walk the old one find in it everything that was inserted before they began. A miss
/// is therefore never trusted: the caller looks again under the lock that every change takes.
///
/// Readers are in a [`Section`](crate::storage::Section).
pub(crate) struct Table {
    current: AtomicPtr<Entries>,
    /// Payloads in it. Written under the caller's lock, like all that follows.
    live: AtomicUsize,
    /// Entries that aren't empty: those and the removed ones.
    used: AtomicUsize,
}

pub(crate) struct Entries {
    words: Box<[AtomicU64]>,
}

/// A table that was replaced.
pub(crate) type Outgrown = Unlinked<Entries>;

/// A search in a table.
pub(crate) struct Candidates<'t> {
    words: &'t [AtomicU64],
    at: usize,
    tag: u64,
}

impl Iterator for Candidates<'_> {
    type Item = u64;

    #[inline(always)]
    fn next(&mut self) -> Option<u64> {
        loop {
            let mask = self.words.len().checked_sub(1)?;
            let word = self.words[self.at & mask].load(Ordering::Acquire);
            if word == 0 {
                return None;
            }
            self.at += 1;
            // The same tag leaves the payload plus one alone; of an entry that was removed that is 0.
            let payload = (word ^ self.tag).wrapping_sub(1);
            if payload < PAYLOAD_MASK {
                return Some(payload);
            }
        }
    }
}

impl Entries {
    fn new(len: usize) -> Self {
        Self { words: (0..len).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Places an entry, in the first place that is empty or removed; there is one. Returns whether it
    /// was empty.
    fn place(&self, hash: u64, word: u64) -> bool {
        let mask = self.words.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let old = self.words[at].load(Ordering::Relaxed);
            if old & PAYLOAD_MASK == 0 {
                self.words[at].store(word, Ordering::Release);
                return old == 0;
            }
            at = (at + 1) & mask;
        }
    }

    /// The entry of the payload that `matches`, by the lower 32 bits of its hash at least.
    fn entry(&self, hash: u64, matches: impl Fn(u64) -> bool) -> Option<&AtomicU64> {
        let mask = self.words.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let word = self.words[at].load(Ordering::Relaxed);
            if (word & PAYLOAD_MASK).checked_sub(1).is_some_and(&matches) {
                return Some(&self.words[at]);
            }
            if word == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        let current = AtomicPtr::new(ptr::null_mut());
        Self { current, live: AtomicUsize::new(0), used: AtomicUsize::new(0) }
    }

    fn entries(&self) -> Option<&Entries> {
        // SAFETY: null, or a box that `rebuild` published; whoever gets it when it is replaced keeps
        // it until the sections of all readers have ended.
        unsafe { self.current.load(Ordering::Acquire).as_ref() }
    }

    /// The payloads that may have this hash, the one that has it among them. In a section, or under the
    /// lock of changes.
    #[inline(always)]
    pub(crate) fn candidates(&self, hash: u64) -> Candidates<'_> {
        let words = self.entries().map_or(&[][..], |entries| &entries.words);
        Candidates { words, at: hash as usize, tag: hash & !PAYLOAD_MASK }
    }

    /// Inserts a payload. One caller at a time, and only after a [search](Self::candidates) that missed;
    /// `hash_of` tells at least the lower 32 bits of the hash of an earlier payload.
    #[must_use = "readers may still walk what it returns"]
    pub(crate) fn insert(&self, hash: u64, payload: u64, hash_of: impl Fn(u64) -> u64) -> Option<Outgrown> {
        let (live, used) = (self.live.load(Ordering::Relaxed) + 1, self.used.load(Ordering::Relaxed) + 1);
        // At most four fifths in use, so that a probe is short and always ends.
        let room = self.entries().is_some_and(|entries| used * 5 <= entries.words.len() * 4);
        let outgrown = if room { None } else { self.rebuild(live, hash_of) };
        if let Some(entries) = self.entries()
            && entries.place(hash, (hash & !PAYLOAD_MASK) | (payload + 1))
        {
            self.used.fetch_add(1, Ordering::Relaxed);
        }
        self.live.store(live, Ordering::Relaxed);
        outgrown
    }

    /// The payload that `matches`, by the lower 32 bits of its hash at least. Under the lock of changes.
    pub(crate) fn find_by(&self, hash: u64, matches: impl Fn(u64) -> bool) -> Option<u64> {
        let entry = self.entries()?.entry(hash, matches)?;
        (entry.load(Ordering::Relaxed) & PAYLOAD_MASK).checked_sub(1)
    }

    /// Removes a payload that is in it, by the lower 32 bits of its hash at least. One caller at a time.
    pub(crate) fn remove(&self, hash: u64, payload: u64) {
        if let Some(entry) = self.entries().and_then(|entries| entries.entry(hash, |other| other == payload))
        {
            entry.store(REMOVED, Ordering::Release);
            self.live.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Puts another payload in the place of one that is in it; it has the same hash.
    pub(crate) fn replace(&self, hash: u64, payload: u64, by: u64) {
        if let Some(entry) = self.entries().and_then(|entries| entries.entry(hash, |other| other == payload))
        {
            let tag = entry.load(Ordering::Relaxed) & !PAYLOAD_MASK;
            entry.store(tag | (by + 1), Ordering::Release);
        }
    }

    /// A smaller table, once most of it was removed.
    #[must_use = "readers may still walk what it returns"]
    pub(crate) fn shrink(&self, hash_of: impl Fn(u64) -> u64) -> Option<Outgrown> {
        let live = self.live.load(Ordering::Relaxed);
        let len = self.entries()?.words.len();
        if len > SMALLEST && live * 8 < len { self.rebuild(live, hash_of) } else { None }
    }

    /// Publishes a table that has room for `live` payloads and for more of them later, with what the
    /// present one holds; returns that.
    fn rebuild(&self, live: usize, hash_of: impl Fn(u64) -> u64) -> Option<Outgrown> {
        let fresh = Entries::new((live * 8 / 5).next_power_of_two().max(SMALLEST));
        let mut used = 0;
        for word in self.entries().iter().flat_map(|old| &old.words) {
            let word = word.load(Ordering::Relaxed);
            if let Some(payload) = (word & PAYLOAD_MASK).checked_sub(1) {
                fresh.place(hash_of(payload), word);
                used += 1;
            }
        }
        self.used.store(used, Ordering::Relaxed);
        let old = self.current.swap(Box::into_raw(Box::new(fresh)), Ordering::AcqRel);
        // SAFETY: null, or the box published before; the caller drops it when no section that was open
        // now is open any more.
        unsafe { Unlinked::new(old) }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        let current = self.current.load(Ordering::Acquire);
        if !current.is_null() {
            // SAFETY: the box published last, and nobody else has the table any more.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Hashes are drawn from few values, so that tags and places collide often.
        #[test]
        fn holds_what_a_map_holds(
            changes in prop::collection::vec((0_u64..64, 0..4), 0..800),
        ) {
            let spread = |h: u64| ((h % 8) << PAYLOAD_BITS) | (h / 8);
            let hash_of = |payload: u64| spread(payload % 64);
            let table = Table::new();
            let mut model = BTreeMap::new();
            for (i, (hash, what)) in changes.into_iter().enumerate() {
                let fresh = i as u64 * 64 + hash;
                match model.get(&hash).copied() {
                    None => {
                        drop(table.insert(spread(hash), fresh, hash_of));
                        model.insert(hash, fresh);
                    }
                    Some(payload) if what == 0 => {
                        table.replace(spread(hash), payload, fresh);
                        model.insert(hash, fresh);
                    }
                    Some(payload) => {
                        table.remove(spread(hash), payload);
                        drop(table.shrink(hash_of));
                        model.remove(&hash);
                    }
                }
                for hash in 0..64 {
                    let found = table.candidates(spread(hash)).find(|payload| payload % 64 == hash);
                    prop_assert_eq!(found, model.get(&hash).copied());
                }
            }
            prop_assert_eq!(table.live.load(Ordering::Relaxed), model.len());
        }

        #[test]
        fn keeps_its_size_while_as_many_come_as_go(live in 1_usize..100) {
            let table = Table::new();
            let len = || table.entries().map_or(0, |entries| entries.words.len());
            for payload in 0..live as u64 {
                drop(table.insert(payload, payload, |payload| payload));
            }
            for payload in live as u64..10_000 {
                table.remove(payload - live as u64, payload - live as u64);
                drop(table.insert(payload, payload, |payload| payload));
                prop_assert!(len() <= (live * 4).max(SMALLEST), "{} entries for {live}", len());
            }
        }
    }
}
