//! A global allocator that counts, but only while it is asked to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);

/// The system's allocator. When nobody counts it costs one load of a word that never changes, so the times of
/// contenders that allocate are theirs.
#[derive(Debug)]
pub struct Counting;

/// What happened in the meantime.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Calls that gave out memory, on all threads; growing a block counts as one.
    pub allocations: u64,
    /// Bytes given out and not yet given back.
    pub bytes: i64,
}

/// Counts from now on, from zero.
pub fn begin() {
    ALLOCATIONS.store(0, Relaxed);
    LIVE_BYTES.store(0, Relaxed);
    COUNTING.store(true, Relaxed);
}

/// What was counted since [`begin`]; without [`Counting`] as the global allocator that is nothing.
#[must_use]
pub fn so_far() -> Counted {
    Counted { allocations: ALLOCATIONS.load(Relaxed), bytes: LIVE_BYTES.load(Relaxed) }
}

/// Stops counting.
pub fn end() -> Counted {
    COUNTING.store(false, Relaxed);
    so_far()
}

fn note(allocations: u64, bytes: i64) {
    if COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(allocations, Relaxed);
        LIVE_BYTES.fetch_add(bytes, Relaxed);
    }
}

fn signed(size: usize) -> i64 {
    size as i64
}

#[allow(unsafe_code)]
// SAFETY: every call goes to the system's allocator with the arguments that it came with; the counters
// neither allocate nor panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, signed(layout.size()));
        // SAFETY: the caller's promises are those that the system asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, signed(size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, -signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
