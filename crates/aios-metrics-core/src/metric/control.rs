//! What is kept for each series beside its values: one word, at the same place for as long as the
//! series or a handle of it is there.

use crate::storage::local::STORAGE;
use crate::sync::{AtomicU64, Ordering, fence};

/// Handles, in the lower bits.
const HANDLES: u64 = (1 << 27) - 1;
/// Set by the first judgement of whether the series is idle.
const JUDGED: u64 = 1 << 27;
/// Set once an update was noted by `TOUCHED`.
const EVER_TOUCHED: u64 = 1 << 28;
/// Nobody gets a first handle any more: the series was unlinked.
const UNLINKED: u64 = 1 << 29;
/// Nobody looks at the series any more: the last handle frees it.
const ABANDONED: u64 = 1 << 30;
/// Set by updates of a gauge that may expire.
const TOUCHED: u64 = 1 << 31;
/// The cell of a counter's fractions plus one, in the upper half; 0 until there is one.
const FLOAT_SHIFT: u32 = 32;

/// The word of a series.
#[derive(Clone, Copy)]
pub(crate) struct Control(&'static AtomicU64);

impl Control {
    #[inline]
    pub(crate) fn new(id: u32) -> Self {
        Self(STORAGE.word(id))
    }

    /// Counts a handle of a series that was just found; `false` when it was unlinked meanwhile.
    pub(crate) fn acquire(self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & UNLINKED == 0 {
            assert_not_full(word);
            match self.0.compare_exchange_weak(word, word + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(newer) => word = newer,
            }
        }
        false
    }

    /// Counts one more handle.
    pub(crate) fn acquire_another(self) {
        assert_not_full(self.0.fetch_add(1, Ordering::Relaxed));
    }

    /// Lets go of a handle; `true` when the caller frees the series: all that was done with its other
    /// handles happens before that.
    pub(crate) fn release(self) -> bool {
        let word = self.0.fetch_sub(1, Ordering::Release);
        let last = word & HANDLES == 1 && word & ABANDONED != 0;
        if last {
            fence(Ordering::Acquire);
        }
        last
    }

    /// From now on nobody gets a first handle.
    pub(crate) fn unlink(self) {
        self.0.fetch_or(UNLINKED, Ordering::Relaxed);
    }

    /// Whether there is a handle.
    pub(crate) fn is_held(self) -> bool {
        self.0.load(Ordering::Relaxed) & HANDLES != 0
    }

    /// From now on nobody gets a first handle, if there is none.
    ///
    /// What was done with the handles that are gone happens before what the caller does once the series has
    /// been sealed in limbo: that begins with a fence, after this has seen the last of them released.
    pub(crate) fn unlink_unless_held(self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & HANDLES == 0 {
            match self.0.compare_exchange_weak(word, word | UNLINKED, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(newer) => word = newer,
            }
        }
        false
    }

    /// Lets it be found again.
    pub(crate) fn relink(self) {
        self.0.fetch_and(!UNLINKED, Ordering::Relaxed);
    }

    /// Says that nobody looks at the series any more; `true` when the caller frees it, since there is
    /// no handle.
    pub(crate) fn abandon(self) -> bool {
        self.0.fetch_or(ABANDONED, Ordering::AcqRel) & HANDLES == 0
    }

    /// The cell of fractions, once there was one.
    #[inline]
    pub(crate) fn float(self) -> Option<u32> {
        ((self.0.load(Ordering::Acquire) >> FLOAT_SHIFT) as u32).checked_sub(1)
    }

    /// Sets the cell of fractions, unless somebody else was faster; that one's cell is the error then.
    pub(crate) fn set_float(self, cell: u32) -> Result<(), u32> {
        let with_cell =
            |word| (word >> FLOAT_SHIFT == 0).then_some(word | (u64::from(cell) + 1) << FLOAT_SHIFT);
        match self.0.fetch_update(Ordering::Release, Ordering::Acquire, with_cell) {
            Ok(_) => Ok(()),
            Err(word) => Err((word >> FLOAT_SHIFT) as u32 - 1),
        }
    }

    /// Notes an update.
    #[inline]
    pub(crate) fn touch(self) {
        if self.0.load(Ordering::Relaxed) & TOUCHED == 0 {
            self.0.fetch_or(TOUCHED, Ordering::Relaxed);
        }
    }

    /// Whether there was an update since this was last asked.
    pub(crate) fn take_touched(self) -> bool {
        let touched = self.0.load(Ordering::Relaxed) & TOUCHED != 0;
        if touched {
            self.0.fetch_or(EVER_TOUCHED, Ordering::Relaxed);
            self.0.fetch_and(!TOUCHED, Ordering::Relaxed);
        }
        touched
    }

    /// The same, and the next who asks is told again.
    pub(crate) fn is_touched(self) -> bool {
        self.0.load(Ordering::Relaxed) & TOUCHED != 0
    }

    /// Whether an update was ever noted.
    pub(crate) fn was_ever_touched(self) -> bool {
        self.0.load(Ordering::Relaxed) & (TOUCHED | EVER_TOUCHED) != 0
    }

    /// Whether this has been asked before.
    pub(crate) fn was_judged(self) -> bool {
        self.0.load(Ordering::Relaxed) & JUDGED != 0
            || self.0.fetch_or(JUDGED, Ordering::Relaxed) & JUDGED != 0
    }
}

/// A hundred million handles of one series are a leak, and one more would spill into the bits above: as with
/// `Arc`, that ends the process.
fn assert_not_full(word: u64) {
    if word & HANDLES == HANDLES - 1_024 {
        std::process::abort();
    }
}
