//! A bad network between publisher and Redis: cut connections and slow ones.

use std::time::Duration;

use aios_metrics_redis::RedisOptions;

use crate::support::proxy::Proxy;
use crate::support::server::RedisServer;
use crate::support::{KEY, Published, S, assert_complete, fast, sequences, wait_until};

fn through(proxy: &Proxy) -> RedisOptions {
    RedisOptions::default().with_host("127.0.0.1").with_port(proxy.port())
}

/// Waits for `count` cuts, each begun by `cut` with a number of bytes of its own.
fn cut_again_and_again(proxy: &Proxy, published: &Published, count: u64, cut: impl Fn(u32)) {
    for n in 0..count {
        // In the middle of whatever passes then: greetings, heads of commands, documents, answers.
        cut(7 + n as u32 * 41);
        wait_until("a cut", || proxy.cuts() > n);
        let delivered = published.handle().stats().delivered;
        wait_until("documents after the cut", || published.handle().stats().delivered > delivered);
    }
}

#[test]
fn connections_cut_in_the_middle_of_commands_lose_nothing() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port());
    let published = Published::start(fast().with_batch_size(3), through(&proxy));
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    cut_again_and_again(&proxy, &published, 12, |bytes| proxy.cut_requests_after(bytes));
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let stats = published.handle().stats();
    assert!(published.failures("connection") > 0, "{stats:?}");
    assert_eq!(stats.dropped, 0);
    assert_complete(&server.list(KEY), stats.delivered as usize);
}

#[test]
fn answers_that_are_lost_make_duplicates_and_no_gaps() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port());
    // A bound far away: the whole transaction may be applied, and its answer lost.
    let published = Published::start(fast(), through(&proxy).with_max_list_len(1_000_000));
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    cut_again_and_again(&proxy, &published, 12, |bytes| proxy.cut_answers_after(bytes));
    assert_eq!(published.handle().stop(5 * S).left, 0);
    let stats = published.handle().stats();
    let arrived = sequences(&server.list(KEY));
    assert_complete(&server.list(KEY), stats.delivered as usize);
    // Twelve cuts lost at most twelve answers, each of one batch.
    assert!(arrived.len() as u64 >= stats.enqueued, "{} arrived, {stats:?}", arrived.len());
}

#[test]
fn a_slow_network_delivers_in_batches_that_keep_up() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port());
    proxy.delay(Duration::from_millis(150));
    let published = Published::start(fast(), through(&proxy));
    wait_until("documents", || published.handle().stats().delivered >= 40);
    assert_eq!(published.handle().stop(10 * S).left, 0);
    let stats = published.handle().stats();
    assert_eq!((stats.dropped, stats.failures_by_kind.len()), (0, 0), "{stats:?}");
    assert_eq!(sequences(&server.list(KEY)), (0..stats.enqueued).collect::<Vec<_>>());
}

#[test]
fn a_network_slower_than_the_timeout_is_a_timeout_and_then_goes_on() {
    let server = RedisServer::start(&[]);
    let proxy = Proxy::to(server.port());
    let limits = through(&proxy).with_command_timeout(S / 2);
    let published = Published::start(fast(), limits);
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    proxy.delay(S);
    published.wait_for_failure("timeout");
    proxy.delay(Duration::ZERO);
    let delivered = published.handle().stats().delivered;
    wait_until("more documents", || published.handle().stats().delivered >= delivered + 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), published.handle().stats().delivered as usize);
}
