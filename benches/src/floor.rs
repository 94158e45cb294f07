//! What the work costs at the very least: cells that only one thread writes.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

thread_local! {
    /// One slab a thread, as a reader could sum them.
    static SLAB: [AtomicU64; 64] = const { [const { AtomicU64::new(0) }; 64] };
}

/// Adds to the thread's cell with this number.
#[inline]
pub fn add(cell: usize, amount: u64) {
    SLAB.with(|slab| slab[cell].store(slab[cell].load(Relaxed) + amount, Relaxed));
}

/// Adds to the thread's cell with this number, taken as a float.
#[inline]
pub fn add_f64(cell: usize, amount: f64) {
    SLAB.with(|slab| {
        let total = f64::from_bits(slab[cell].load(Relaxed)) + amount;
        slab[cell].store(total.to_bits(), Relaxed);
    });
}

/// Counts an observation in the cells from 1 on, by a linear search without branches, and sums in cell 0.
#[inline]
pub fn observe<const N: usize>(bounds: &[f64; N], value: f64) {
    let bucket: usize = bounds.iter().map(|&bound| usize::from(value > bound)).sum();
    add(1 + bucket, 1);
    add_f64(0, value);
}

/// Hashes the strings one after the other: what a look-up by them can't do without.
#[inline]
#[must_use]
pub fn hash<const N: usize>(state: &foldhash::fast::RandomState, strings: [&str; N]) -> u64 {
    state.hash_one(strings)
}
