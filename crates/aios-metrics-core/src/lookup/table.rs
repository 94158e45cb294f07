//! The hash table that readers walk without a lock and without writing to shared memory.

#![allow(unsafe_code)]

use std::ptr;

use crate::sync::{AtomicPtr, AtomicU64, Mutex, Ordering, lock};

/// Bits of an entry that hold the payload plus one; the rest is a tag of the hash.
const PAYLOAD_BITS: u32 = 48;
const PAYLOAD_MASK: u64 = (1 << PAYLOAD_BITS) - 1;
const SMALLEST: usize = if cfg!(loom) { 2 } else { 8 };

/// Payloads by hash: open addressing, linear probing, insert-only.
///
/// An entry is one word: 16 bits of the hash, to pass by most of the wrong payloads without
/// touching what they stand for, and the payload plus one, so that zero is an empty entry. An
/// insert publishes its entry with Release; a table that grew is replaced as a whole, and readers
/// that still walk the old one find in it everything that was inserted before they began. A miss
/// is therefore never trusted: the caller looks again under the lock that creation takes.
pub(crate) struct Table {
    current: AtomicPtr<Entries>,
    /// Tables that were outgrown; readers may still walk them.
    #[expect(clippy::vec_box, reason = "readers hold references, so an outgrown table must not move")]
    outgrown: Mutex<Vec<Box<Entries>>>,
}

struct Entries {
    words: Box<[AtomicU64]>,
}

impl Entries {
    fn new(len: usize) -> Self {
        Self { words: (0..len).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Places an entry; there is room.
    fn place(&self, hash: u64, word: u64) {
        let mask = self.words.len() - 1;
        let mut at = hash as usize & mask;
        while self.words[at].load(Ordering::Relaxed) != 0 {
            at = (at + 1) & mask;
        }
        self.words[at].store(word, Ordering::Release);
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { current: AtomicPtr::new(ptr::null_mut()), outgrown: Mutex::new(Vec::new()) }
    }

    fn entries(&self) -> Option<&Entries> {
        // SAFETY: null, or a box that `grow` published; it is freed only with the table.
        unsafe { self.current.load(Ordering::Acquire).as_ref() }
    }

    /// The payload with this hash that `matches`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, mut matches: impl FnMut(u64) -> bool) -> Option<u64> {
        let words = &*self.entries()?.words;
        let mask = words.len() - 1;
        let tag = hash & !PAYLOAD_MASK;
        let mut at = hash as usize & mask;
        loop {
            let word = words[at].load(Ordering::Acquire);
            if word == 0 {
                return None;
            }
            if word & !PAYLOAD_MASK == tag {
                let payload = (word & PAYLOAD_MASK) - 1;
                if matches(payload) {
                    return Some(payload);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Inserts the `len + 1`th payload. One caller at a time, and only after a [`find`](Self::find)
    /// that missed; `hash_of` tells at least the lower 32 bits of the hash of an earlier payload.
    pub(crate) fn insert(&self, len: usize, hash: u64, payload: u64, hash_of: impl Fn(u64) -> u64) {
        let word = (hash & !PAYLOAD_MASK) | (payload + 1);
        match self.entries() {
            // At most three quarters full, so that a probe is short and always ends.
            Some(entries) if (len + 1) * 4 <= entries.words.len() * 3 => entries.place(hash, word),
            old => {
                let grown = Entries::new(old.map_or(SMALLEST, |old| old.words.len() * 2));
                for word in old.iter().flat_map(|old| &old.words) {
                    let word = word.load(Ordering::Relaxed);
                    if word != 0 {
                        grown.place(hash_of((word & PAYLOAD_MASK) - 1), word);
                    }
                }
                grown.place(hash, word);
                self.replace(grown);
            }
        }
    }

    fn replace(&self, grown: Entries) {
        let old = self.current.swap(Box::into_raw(Box::new(grown)), Ordering::AcqRel);
        if !old.is_null() {
            // SAFETY: the box published before; from here on only `outgrown` owns it. It stays
            // where it is until the table is dropped.
            lock(&self.outgrown).push(unsafe { Box::from_raw(old) });
        }
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

    proptest! {
        /// Hashes are drawn from few values, so that tags and places collide often.
        #[test]
        fn finds_what_was_inserted(hashes in prop::collection::vec(0_u64..64, 0..400)) {
            let spread = |h: u64| ((h % 8) << PAYLOAD_BITS) | (h / 8);
            let table = Table::new();
            for (i, &hash) in hashes.iter().enumerate() {
                prop_assert_eq!(table.find(spread(hash), |p| p == i as u64), None);
                table.insert(i, spread(hash), i as u64, |p| spread(hashes[p as usize]));
            }
            for (i, &hash) in hashes.iter().enumerate() {
                prop_assert_eq!(table.find(spread(hash), |p| p == i as u64), Some(i as u64));
            }
        }
    }
}
