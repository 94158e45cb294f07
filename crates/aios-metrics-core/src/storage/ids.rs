//! Which cells are taken.

use std::collections::BTreeMap;

use super::slab::CHUNK;

/// Gives out cell ids in runs, and takes them back.
///
/// A run never straddles a chunk. Runs that were given back are used again for runs of the same
/// length. Single cells and longer runs fill chunks of their own, so that single cells lie densely.
#[derive(Debug)]
pub(crate) struct Ids {
    chunks: u32,
    singles: Cursor,
    runs: Cursor,
    free: BTreeMap<u32, Vec<u32>>,
}

#[derive(Clone, Copy, Debug)]
struct Cursor {
    next: u32,
    end: u32,
}

impl Ids {
    pub(crate) const fn new() -> Self {
        let none = Cursor { next: 0, end: 0 };
        Self { chunks: 0, singles: none, runs: none, free: BTreeMap::new() }
    }

    /// Runs of `len` cells, at most a chunk, that lie side by side: the first, and how many, at least one and
    /// at most `most`. One that was given back comes alone, and before any new ones. `None` when all 2^32
    /// cells are taken.
    pub(crate) fn take_up_to(&mut self, len: u32, most: u32) -> Option<(u32, u32)> {
        if let Some(id) = self.free.get_mut(&len).and_then(Vec::pop) {
            return Some((id, 1));
        }
        let cursor = if len == 1 { &mut self.singles } else { &mut self.runs };
        if cursor.end - cursor.next < len {
            let start = self.chunks.checked_mul(CHUNK as u32)?;
            *cursor = Cursor { next: start, end: start.checked_add(CHUNK as u32)? };
            self.chunks += 1;
        }
        let id = cursor.next;
        let count = ((cursor.end - id) / len).min(most);
        cursor.next += count * len;
        Some((id, count))
    }

    /// Takes a run back. Its cells are zero again.
    pub(crate) fn give_back(&mut self, id: u32, len: u32) {
        self.free.entry(len).or_default().push(id);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    impl Ids {
        fn take(&mut self, len: u32) -> Option<u32> {
            self.take_up_to(len, 1).map(|(id, _)| id)
        }
    }

    #[test]
    fn runs_do_not_overlap_or_straddle() {
        let mut ids = Ids::new();
        let mut taken = std::collections::HashSet::new();
        for len in [1, 9, 1_002, 1, 22, 1_024, 9, 1].into_iter().cycle().take(400) {
            let id = ids.take(len).unwrap();
            assert_eq!(id as usize / CHUNK, (id + len - 1) as usize / CHUNK, "{len} cells at {id}");
            assert!((id..id + len).all(|cell| taken.insert(cell)), "{len} cells at {id}");
        }
    }

    #[test]
    fn runs_side_by_side_are_given_back_one_by_one() {
        let mut ids = Ids::new();
        let (first, count) = ids.take_up_to(9, 64).unwrap();
        assert_eq!((count, ids.take(9)), (64, Some(first + 64 * 9)));
        // What is left of the chunk.
        assert_eq!(ids.take_up_to(9, 64).map(|(_, count)| count), Some(1_024 / 9 - 65));
        ids.give_back(first + 9, 9);
        assert_eq!(ids.take_up_to(9, 64), Some((first + 9, 1)));
    }

    #[test]
    fn a_run_is_used_again() {
        let mut ids = Ids::new();
        let (a, b) = (ids.take(9).unwrap(), ids.take(9).unwrap());
        ids.give_back(a, 9);
        assert_eq!(ids.take(8).map(|id| id == a), Some(false));
        assert_eq!(ids.take(9), Some(a));
        assert_ne!(a, b);
    }
}
