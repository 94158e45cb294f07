//! What every sink promises, asked of each that there is.

use aios_metrics_core::{JsonLinesSink, MemorySink, Payload, Sink};
use aios_metrics_redis::RedisSink;

use crate::support::server::{RedisServer, temporary_directory};
use crate::support::{KEY, at};

fn payload(sequence: u64, json: &str) -> Payload {
    Payload::new(sequence, json.as_bytes())
}

/// Asks `sink` for all of it; `read` gives what has arrived, oldest first.
fn keeps_the_contract(mut sink: impl Sink, read: impl Fn() -> Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be built");
    runtime.block_on(async {
        // Nothing to deliver is delivered.
        assert_eq!(sink.deliver(&[]).await, Ok(()));
        assert_eq!(read(), [""; 0]);

        // `Ok` means that it has arrived: all of it, in order, byte for byte.
        let odd = r#"{"quoted":"\"\\\n","wide":"ünï✓ \u0000"}"#;
        assert_eq!(sink.deliver(&[payload(0, "{}"), payload(1, odd)]).await, Ok(()));
        assert_eq!(read(), ["{}", odd]);

        // What is handed over again arrives again: at least once, and no guessing.
        assert_eq!(sink.deliver(&[payload(1, odd), payload(2, "[2]")]).await, Ok(()));
        assert_eq!(read(), ["{}", odd, odd, "[2]"]);

        // A whole backlog, and a document as large as any.
        let backlog: Vec<Payload> = (3..503).map(|n| payload(n, &n.to_string())).collect();
        assert_eq!(sink.deliver(&backlog).await, Ok(()));
        let large = format!("\"{}\"", "x".repeat(4 << 20));
        assert_eq!(sink.deliver(&[payload(503, &large)]).await, Ok(()));
        let arrived = read();
        assert_eq!(arrived.len(), 4 + 500 + 1);
        assert_eq!(arrived[4..504], (3..503).map(|n| n.to_string()).collect::<Vec<_>>());
        assert!(arrived[504] == large, "the large document arrives as it was");

        sink.close().await;
        assert_eq!(read().len(), 505);
    });
}

#[test]
fn of_memory() {
    let sink = MemorySink::new();
    let text = |payload: Payload| String::from_utf8(payload.json().to_vec()).unwrap();
    let read = sink.clone();
    keeps_the_contract(sink, || read.delivered().into_iter().map(text).collect());
}

#[test]
fn of_json_lines() {
    let directory = temporary_directory();
    let path = directory.join("documents.jsonl");
    let read = || std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    keeps_the_contract(JsonLinesSink::open(&path).unwrap(), read);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn of_redis() {
    let server = RedisServer::start(&["--appendfsync", "no"]);
    keeps_the_contract(RedisSink::new(at(&server)), || server.list(KEY));
}

#[test]
fn of_redis_with_a_bounded_list() {
    let server = RedisServer::start(&["--appendfsync", "no"]);
    keeps_the_contract(RedisSink::new(at(&server).with_max_list_len(505)), || server.list(KEY));
}
