//! The list's length: shown after each push, and kept within a bound where there is one.

use aios_metrics_core::Registry;
use aios_metrics_redis::RedisSink;

use crate::support::server::RedisServer;
use crate::support::{KEY, Published, S, at, deliver, fast, sequences, wait_until};

const LENGTH: &str = "aios_metrics_push_list_length";
const TRIMMED: &str = "aios_metrics_push_list_trimmed_total";

#[test]
fn the_length_is_shown_after_each_push() {
    let server = RedisServer::start(&[]);
    server.command(&["LPUSH", KEY, "somebody else's"]);
    let registry = Registry::new();
    let sink = RedisSink::new(at(&server)).with_self_metrics(&registry).unwrap();
    assert_eq!(registry.value(LENGTH, &[]), Some(0.0));
    let published = Published::start_to(fast(), sink);
    wait_until("documents", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let delivered = published.handle().stats().delivered;
    assert_eq!(registry.value(LENGTH, &[]), Some(delivered as f64 + 1.0));
    assert_eq!(registry.value(TRIMMED, &[]), Some(0.0));
}

#[test]
fn a_bounded_list_keeps_the_newest() {
    let server = RedisServer::start(&[]);
    let registry = Registry::new();
    let options = at(&server).with_max_list_len(5);
    let sink = RedisSink::new(options).with_self_metrics(&registry).unwrap();
    let published = Published::start_to(fast().with_batch_size(2), sink);
    wait_until("more documents than the list may hold", || {
        assert!(server.list(KEY).len() <= 5, "a reader sees the list longer than its bound");
        published.handle().stats().delivered >= 12
    });
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let delivered = published.handle().stats().delivered;
    assert_eq!(sequences(&server.list(KEY)), (delivered - 5..delivered).collect::<Vec<_>>());
    assert_eq!(registry.value(LENGTH, &[]), Some(5.0));
    assert_eq!(registry.value(TRIMMED, &[]), Some(delivered as f64 - 5.0));
}

#[test]
fn what_fails_within_push_and_trim_fails_as_a_whole_and_says_why() {
    let server = RedisServer::start(&[]);
    let options = at(&server).with_max_list_len(5);
    let kind = |options: &aios_metrics_redis::RedisOptions| {
        let error = deliver(options.clone()).expect_err("it is refused");
        (error.kind(), error.is_transient())
    };

    server.command(&["SET", KEY, "a string"]);
    assert_eq!(kind(&options), ("wrong_type", false));
    server.command(&["DEL", KEY]);

    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(kind(&options), ("readonly", true));
    server.command(&["REPLICAOF", "NO", "ONE"]);

    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(kind(&options), ("oom", true));
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);

    server.command(&["ACL", "SETUSER", "pusher", "on", ">secret", "~*", "+lpush", "+multi", "+exec"]);
    let pusher = options.clone().with_username("pusher").with_password("secret");
    assert_eq!(kind(&pusher), ("permission", false));
    assert_eq!(server.list(KEY), [""; 0], "nothing was pushed that could not be trimmed");

    server.command(&["ACL", "SETUSER", "pusher", "+ltrim"]);
    assert_eq!(deliver(pusher), Ok(()));
    assert_eq!(server.list(KEY), ["{}"]);
}
