//! Time, CPU and allocations of what a thread does.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged; the rest is counting.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above; the pointer came from the same allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread has used since the start.
#[derive(Debug)]
pub(crate) struct Meter {
    begun: Instant,
    cpu: Option<Duration>,
    allocations: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), cpu: cpu(), allocations: ALLOCATIONS.load(Ordering::Relaxed) }
    }

    /// One line of the table: each figure shared by `count`.
    pub(crate) fn print(self, what: &str, count: usize) {
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - self.allocations;
        let seconds = self.begun.elapsed().as_secs_f64();
        let count = count as f64;
        let cpu = cpu().zip(self.cpu).map(|(now, before)| (now - before).as_secs_f64() * 1e6 / count);
        let cpu = cpu.map_or_else(|| "unknown".to_owned(), |micros| format!("{micros:.2} us"));
        println!("{what:<44} {cpu:>12} {:>14.2} {:>12.0}", allocations as f64 / count, count / seconds);
    }
}

/// The time that this thread has had a CPU, where the system tells.
fn cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
