//! Where names were found: a guess by their address.

use crate::sync::{AtomicU32, Ordering};

const PLACES: usize = if cfg!(loom) { 1 } else { 256 };

/// What was found for a name, by the address of the name.
///
/// Names are literals for the most part, and what lies at an address is nearly always what has lain there
/// before. So a guess saves hash and table; whoever takes it compares the names. What was noted first stays until
/// it is forgotten: otherwise two names that share a place would have all threads write there.
pub(crate) struct Memo {
    /// Payloads plus one; 0 where there is none yet.
    places: [AtomicU32; PLACES],
}

impl Memo {
    pub(crate) fn new() -> Self {
        Self { places: std::array::from_fn(|_| AtomicU32::new(0)) }
    }

    /// What was noted for a name at this address, whichever it was.
    #[inline]
    pub(crate) fn guess(&self, name: &str) -> Option<u64> {
        u64::from(self.place(name).load(Ordering::Relaxed)).checked_sub(1)
    }

    /// Notes what was found for a name, if its place is free.
    pub(crate) fn note(&self, name: &str, payload: u64) {
        let place = self.place(name);
        if let Ok(payload) = u32::try_from(payload + 1)
            && place.load(Ordering::Relaxed) == 0
        {
            place.store(payload, Ordering::Relaxed);
        }
    }

    /// Frees the places of what is gone. One that is noted at the same time may stay, as a guess that is wrong.
    pub(crate) fn forget(&self, payload: u64) {
        for place in &self.places {
            if u64::from(place.load(Ordering::Relaxed)) == payload + 1 {
                place.store(0, Ordering::Relaxed);
            }
        }
    }

    #[inline]
    fn place(&self, name: &str) -> &AtomicU32 {
        let address = name.as_ptr().addr();
        // Literals lie side by side and differ in the lowest bits; allocations have zeros there.
        &self.places[(address ^ (address >> 8)) % PLACES]
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_stays_until_it_is_forgotten() {
        let (memo, name) = (Memo::new(), String::from("jobs_total"));
        assert_eq!(memo.guess(&name), None);
        memo.note(&name, 7);
        memo.note(&name, 8);
        memo.forget(8);
        assert_eq!(memo.guess(&name), Some(7));
        memo.forget(7);
        assert_eq!(memo.guess(&name), None);
    }
}
