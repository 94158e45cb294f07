//! Redis answers, but not yet: after a restart, while it reads its data, and while it is paused.

use crate::support::server::RedisServer;
use crate::support::{KEY, Published, S, assert_complete, at, fast, wait_until};

#[test]
fn crashes_in_a_row_lose_nothing_that_was_confirmed() {
    // Each write is on disk before it is answered, so what was delivered must be there afterwards.
    let mut server = RedisServer::start(&[]);
    let published = Published::start(fast(), at(&server));
    for _ in 0..3 {
        let before = published.handle().stats().delivered;
        wait_until("documents", || published.handle().stats().delivered >= before + 5);
        server.kill();
        let waiting = published.handle().stats().pending;
        wait_until("documents that wait", || published.handle().stats().pending > waiting + 5);
        server.launch();
    }
    wait_until("an empty queue", || published.handle().stats().pending == 0);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let stats = published.handle().stats();
    assert_eq!(stats.dropped, 0, "{stats:?}");
    assert_complete(&server.list(KEY), stats.delivered as usize);
}

#[test]
fn what_the_bound_drops_while_redis_is_away_is_all_that_is_missing() {
    let mut server = RedisServer::start(&[]);
    let published = Published::start(fast().with_max_pending(10), at(&server));
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    server.kill();
    wait_until("dropped documents", || published.handle().stats().dropped >= 10);
    server.launch();
    wait_until("an empty queue", || published.handle().stats().pending == 0);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let stats = published.handle().stats();
    let arrived: std::collections::BTreeSet<u64> =
        crate::support::sequences(&server.list(KEY)).into_iter().collect();
    let gaps = (0..stats.enqueued).filter(|sequence| !arrived.contains(sequence)).count() as u64;
    // A push that broke off may have arrived, and have been dropped afterwards.
    assert!(gaps <= stats.dropped && gaps + 10 >= stats.dropped, "{gaps} gaps, {stats:?}");
    assert!(arrived.len() as u64 >= stats.delivered, "{stats:?}");
}

#[test]
fn a_redis_that_reads_its_data_is_waited_for() {
    let mut server = RedisServer::start(&["--appendonly", "no", "--enable-debug-command", "local"]);
    server.command(&["DEBUG", "POPULATE", "3000"]);
    server.command(&["SAVE"]);
    server.kill();
    // A millisecond for each key, and a look at its clients after each kilobyte.
    server.add_arguments(&["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]);
    server.spawn();
    let published = Published::start(fast(), at(&server));
    published.wait_for_failure("loading");
    wait_until("documents", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 5);
}

#[test]
fn a_redis_that_is_paused_is_a_timeout_and_then_goes_on() {
    let server = RedisServer::start(&[]);
    let published =
        Published::start(fast(), at(&server).with_command_timeout(S / 5).with_connect_timeout(S / 5));
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    server.command(&["CLIENT", "PAUSE", "1500", "ALL"]);
    wait_until("timeouts", || published.failures("timeout") >= 2);
    let before = published.handle().stats().delivered;
    wait_until("more documents", || published.handle().stats().delivered >= before + 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), published.handle().stats().delivered as usize);
}
