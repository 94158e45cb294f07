//! How much memory waits while nothing is delivered: an hour's worth of documents, counted by the
//! allocator.

#![allow(unsafe_code, reason = "an allocator that counts is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aios_metrics_core::{Payload, Sink, SinkError};
use aios_metrics_redis::{Publisher, PublisherOptions};

/// The system's allocator, and how much of it is in use.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(size: usize) {
    let live = LIVE.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged; the rest is counting.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; the pointer came from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const DOCUMENT: usize = 20 * KIB;

/// The most live memory, above what there was before, in an hour with a document each second.
fn peak_of_an_hour(options: PublisherOptions, sink: impl Sink) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let (publisher, handle) = Publisher::from_fn(|_, out| out.resize(DOCUMENT, b' '), options);
    runtime.expect("a runtime can be built").block_on(async move {
        let _ = tokio::time::timeout(Duration::from_secs(3600), publisher.run(sink)).await;
    });
    let stats = handle.stats();
    assert!(stats.enqueued >= 3_600 && stats.delivered == 0 && stats.dropped > 0, "{stats:?}");
    PEAK.load(Ordering::Relaxed) - before
}

fn each_second() -> PublisherOptions {
    PublisherOptions::default().with_push_interval(Duration::from_secs(1))
}

/// Fails, after holding on to the batch for a while.
struct Down;

impl Sink for Down {
    async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Err(SinkError::transient("connection", format!("{} documents stay", batch.len())))
    }
}

/// One test, as the allocator counts for the whole program.
#[test]
fn an_hour_without_delivery_stays_within_the_bound() {
    // By bytes: the bound, a batch that was dropped while in flight, the document being written
    // with the room that its buffer grew, and little else.
    let overhead = 4 * DOCUMENT + 64 * KIB;
    let peak = peak_of_an_hour(each_second().with_max_pending_bytes(8 * MIB), Down);
    assert!(peak <= 8 * MIB + 4 * MIB + overhead, "{peak} bytes for a bound of 8 MiB");
    assert!(peak >= 8 * MIB, "the bound is used: {peak}");

    // By count.
    let peak = peak_of_an_hour(each_second().with_max_pending(100), Down);
    assert!(peak <= 2 * 100 * DOCUMENT + overhead, "{peak} bytes for a bound of 100 documents");

    #[cfg(feature = "fred")]
    {
        use aios_metrics_redis::{RedisOptions, RedisSink};
        // A port that refuses: it was given out, and is free again.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        drop(listener);
        let sink = RedisSink::new(RedisOptions::default().with_host("127.0.0.1").with_port(port));
        let peak = peak_of_an_hour(each_second().with_max_pending_bytes(8 * MIB), sink);
        assert!(peak <= 8 * MIB + 4 * MIB + overhead + MIB, "{peak} bytes for a bound of 8 MiB");
    }
}
