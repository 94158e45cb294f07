//! Redis is late, crashes or hangs: nothing is lost, and nobody waits longer than they said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::support::server::{RedisServer, Reply};
use crate::support::{KEY, Published, S, assert_complete, at, fast, sequences, wait_until};

#[test]
fn documents_arrive_in_order() {
    let server = RedisServer::start(&[]);
    let published = Published::start(fast().with_batch_size(3), at(&server));
    wait_until("12 documents", || server.list(KEY).len() >= 12);
    let report = published.handle().stop(5 * S);
    let documents = server.list(KEY);
    let stats = published.handle().stats();
    assert_eq!(report.left, 0);
    assert_eq!(sequences(&documents), (0..stats.enqueued).collect::<Vec<_>>());
    assert_eq!((stats.delivered, stats.dropped, stats.retries), (stats.enqueued, 0, 0));
    assert!(stats.last_success.is_some());
    // A reader's BRPOP gives the oldest first.
    let popped = server.command(&["BRPOP", KEY, "1"]);
    assert_eq!(popped, Reply::List(vec![KEY.to_owned(), r#"{"type":"app","sequence":0}"#.to_owned()]));
}

#[test]
fn what_waited_for_a_late_redis_arrives_in_order() {
    let mut server = RedisServer::absent(&[]);
    let published = Published::start(fast(), at(&server));
    wait_until("documents that wait", || published.handle().stats().pending >= 10);
    assert!(published.failures("connection") > 0);
    server.launch();
    wait_until("an empty queue", || published.handle().stats().pending == 0);
    let report = published.handle().stop(5 * S);
    assert_eq!(report.left, 0);
    assert_complete(&server.list(KEY), 10);
}

#[test]
fn a_crash_loses_nothing() {
    let mut server = RedisServer::start(&[]);
    let published = Published::start(fast(), at(&server));
    wait_until("the first documents", || published.handle().stats().delivered >= 5);
    server.kill();
    published.wait_for_failure("connection");
    server.launch();
    let before = published.handle().stats().delivered;
    wait_until("more documents", || published.handle().stats().delivered >= before + 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let stats = published.handle().stats();
    assert_eq!(stats.dropped, 0);
    assert_complete(&server.list(KEY), stats.delivered as usize);
}

#[test]
fn a_redis_that_hangs_is_a_timeout_and_then_goes_on() {
    let server = RedisServer::start(&[]);
    let limits = at(&server).with_command_timeout(S / 5).with_connect_timeout(S / 5);
    let published = Published::start(fast(), limits);
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    server.pause();
    // A command that is not answered, and then connections that are not answered.
    wait_until("timeouts", || published.failures("timeout") >= 3);
    server.resume();
    let before = published.handle().stats().delivered;
    wait_until("more documents", || published.handle().stats().delivered >= before + 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), published.handle().stats().delivered as usize);
}

#[test]
fn stop_keeps_its_deadline_while_redis_hangs() {
    let server = RedisServer::start(&[]);
    let published = Published::start(fast(), at(&server));
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    server.pause();
    wait_until("documents that wait", || published.handle().stats().pending >= 5);
    let begun = Instant::now();
    let report = published.handle().stop(S);
    assert!(begun.elapsed() <= S + S / 2, "stop took {:?}", begun.elapsed());
    assert_eq!(report.left, published.handle().stats().pending);
    assert!(report.left >= 5, "{report:?}");
    // The thread ends too, though the server still hangs.
    let begun = Instant::now();
    drop(published);
    assert!(begun.elapsed() < 2 * S, "the end took {:?}", begun.elapsed());
}

#[test]
fn a_connection_that_redis_closed_while_idle_is_replaced_without_a_failure() {
    let server = RedisServer::start(&[]);
    let published = Published::start(fast().with_push_interval(S / 2), at(&server));
    wait_until("the first document", || published.handle().stats().delivered == 1);
    server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    wait_until("the second document", || published.handle().stats().delivered >= 2);
    assert!(published.handle().stats().failures_by_kind.is_empty());
}

#[test]
fn flushes_that_race_with_connecting_again_lose_nothing_silently() {
    let mut server = RedisServer::start(&[]);
    // A batch that never fills: only flushes deliver.
    let published = Published::start(fast().with_batch_size(900), at(&server));
    let handle = published.handle().clone();
    let ended = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&ended);
    let flushing = std::thread::spawn(move || {
        while !until.load(Ordering::Relaxed) {
            let _ = handle.flush(S / 50);
        }
    });
    for _ in 0..4 {
        let delivered = published.handle().stats().delivered;
        wait_until("documents that were flushed", || {
            let _ = published.handle().flush(S);
            published.handle().stats().delivered > delivered
        });
        server.kill();
        server.launch();
    }
    ended.store(true, Ordering::Relaxed);
    flushing.join().expect("flushing does not panic");
    let report = published.handle().stop(10 * S);
    let stats = published.handle().stats();
    assert_eq!((report.left, stats.dropped), (0, 0), "{stats:?}");
    assert_complete(&server.list(KEY), stats.enqueued as usize);
}
