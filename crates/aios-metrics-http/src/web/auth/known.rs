//! Passwords that are known to be right.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ring::hmac;

/// Far more than there are scrapers.
const MOST: usize = 1024;

/// Remembers right passwords by a digest whose key never leaves the process.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashSet<Mark>>);

/// Stands for a user, a hash and a password that go together. Nobody outside can make one or guess
/// at it, so it may be compared in any time.
pub(super) type Mark = [u8; 32];

/// The mark of these three.
pub(super) fn mark(key: &hmac::Key, user: &[u8], hash: &str, password: &[u8]) -> Mark {
    let mut context = hmac::Context::with_key(key);
    for part in [user, hash.as_bytes(), password] {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let mut mark = Mark::default();
    mark.copy_from_slice(context.sign().as_ref());
    mark
}

impl Known {
    pub(super) fn has(&self, mark: &Mark) -> bool {
        self.marks().contains(mark)
    }

    /// Remembers; a full memory begins anew.
    pub(super) fn insert(&self, mark: Mark) {
        let mut marks = self.marks();
        if marks.len() >= MOST {
            marks.clear();
        }
        marks.insert(mark);
    }

    fn marks(&self) -> MutexGuard<'_, HashSet<Mark>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_where_the_parts_do_and_the_memory_is_bounded() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let ab = mark(&key, b"a", "h", b"b");
        assert_eq!(ab, mark(&key, b"a", "h", b"b"));
        assert_ne!(ab, mark(&key, b"a", "i", b"b"));
        assert_ne!(ab, mark(&key, b"ah", "", b"b"));
        assert_ne!(ab, mark(&hmac::Key::new(hmac::HMAC_SHA256, b"other"), b"a", "h", b"b"));

        let known = Known::default();
        for i in 0..3 * MOST as u64 {
            known.insert(mark(&key, &i.to_le_bytes(), "", b""));
            assert!(known.marks().len() <= MOST);
        }
    }
}
