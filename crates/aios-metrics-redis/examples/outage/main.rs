//! What publishing costs, and how fast a backlog is gone once Redis is back.
//!
//! `cargo run --release -p aios-metrics-redis --example outage` starts a `redis-server` of its own
//! on a free port, ends it when it is done, and prints a table.

#![allow(clippy::print_stdout, reason = "it prints its figures")]
#![allow(unsafe_code, reason = "an allocator that counts is unsafe to write")]

mod meter;
mod server;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aios_metrics_core::{Documents, Identity, Payload, Registry, Sink};
use aios_metrics_redis::{Publisher, PublisherHandle, PublisherOptions, RedisOptions, RedisSink};

use meter::Meter;
use server::Server;

/// Documents that wait when Redis comes back.
const BACKLOG: usize = 3_000;

fn main() -> Result<(), Box<dyn Error>> {
    let documents = Arc::new(documents()?);
    let mut json = Vec::new();
    documents.write_json(Some(0), &mut json);
    println!("a document has {} bytes\n", json.len());

    let mut server = Server::new()?;
    server.start()?;
    println!(
        "{:<44} {:>12} {:>14} {:>12}",
        "for each document, list bounded", "CPU", "allocations", "a second"
    );
    let taking = Meter::start();
    for sequence in 0..BACKLOG as u64 {
        let mut buffer = Vec::new();
        documents.write_json(Some(sequence), &mut buffer);
        drop(Payload::new(sequence, buffer));
    }
    taking.print("taking it", BACKLOG);
    for (batch, what) in [(1, "pushing it alone"), (50, "pushing it among 50"), (500, "pushing it among 500")]
    {
        push(&server, &json, batch, what)?;
    }

    println!();
    outage(&mut server, &documents)
}

/// Pushes documents straight into the sink, on this thread.
fn push(server: &Server, json: &[u8], batch: usize, what: &str) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sink = RedisSink::new(options(server).with_max_list_len(10_000));
    let batch: Vec<Payload> = (0..batch as u64).map(|sequence| Payload::new(sequence, json)).collect();
    let rounds = (2 * BACKLOG / batch.len()).min(3_000);
    runtime.block_on(async {
        // The first one connects.
        sink.deliver(&batch).await?;
        let pushing = Meter::start();
        for _ in 0..rounds {
            sink.deliver(&batch).await?;
        }
        pushing.print(what, rounds * batch.len());
        Ok::<(), Box<dyn Error>>(())
    })
}

/// Lets documents wait while Redis is away, brings it back, and watches the queue.
fn outage(server: &mut Server, documents: &Arc<Documents>) -> Result<(), Box<dyn Error>> {
    let pace = PublisherOptions::default()
        .with_push_interval(Duration::from_millis(1))
        .with_backoff_max(Duration::from_secs(2))
        .with_max_pending(10 * BACKLOG)
        .with_max_pending_bytes(1 << 30);
    let (publisher, handle) = Publisher::new(Arc::clone(documents), pace);
    let sink = RedisSink::new(options(server));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::spawn(move || runtime.block_on(publisher.run(sink)));
    wait(&handle, |handle| handle.stats().delivered > 0)?;
    server.kill();
    wait(&handle, |handle| handle.stats().pending >= BACKLOG)?;
    server.start()?;
    let (back, before) = (Instant::now(), handle.stats().delivered);
    wait(&handle, |handle| handle.stats().delivered > before)?;
    let first = back.elapsed();
    wait(&handle, |handle| handle.stats().pending <= 2)?;
    let (empty, delivered) = (back.elapsed(), handle.stats().delivered - before);
    println!("after an outage, with a longest wait of 2 s and a further document each millisecond:");
    println!("  from Redis' return to the first delivery   {:>8.3} s", first.as_secs_f64());
    println!("  from the first delivery to an empty queue  {:>8.3} s", (empty - first).as_secs_f64());
    println!(
        "  {delivered} documents, {:.0} a second from the first delivery on",
        delivered as f64 / (empty - first).as_secs_f64()
    );
    let report = handle.stop(Duration::from_secs(10));
    println!("stopped: {} dropped, {} left", report.dropped, report.left);
    thread.join().map_err(|_| "the publisher's thread panicked")?;
    Ok(())
}

fn wait(handle: &PublisherHandle, done: impl Fn(&PublisherHandle) -> bool) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done(handle) {
        if Instant::now() > deadline {
            return Err(format!("a minute has passed without the end: {:?}", handle.stats()).into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn options(server: &Server) -> RedisOptions {
    RedisOptions::default().with_host("127.0.0.1").with_port(server.port())
}

/// What a middling service has: some counters and gauges, a histogram, rolling windows.
fn documents() -> Result<Documents, Box<dyn Error>> {
    let registry = Registry::new();
    for n in 0..20 {
        let family = registry.register_counter(&format!("jobs_{n}_total"), "Jobs", &["status"])?;
        family.inc_by(&["ok"], 1_000 + n)?;
        family.inc(&["failed"])?;
        registry.register_gauge(&format!("queue_{n}"), "Queue", &[])?.set(&[], 7.5)?;
    }
    let latency = registry.register_histogram("latency_seconds", "Latency", &["route"], None)?;
    for route in ["/a", "/b", "/c"] {
        latency.observe(&[route], 0.25)?;
    }
    let identity = Identity::new("block-1", "instance-1", "node-1");
    Ok(Documents::new(Arc::new(registry), identity))
}
