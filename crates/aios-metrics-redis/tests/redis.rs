//! The publisher and its sink against a real Redis that comes late, dies, hangs and refuses.

#![cfg(feature = "fred")]

mod support;

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aios_metrics_core::{Payload, Sink};
use aios_metrics_redis::{Publisher, PublisherHandle, PublisherOptions, RedisOptions, RedisSink};
use support::redis::{RedisServer, Reply};
use support::wait_until;

const KEY: &str = "NODE_METRICS";
const S: Duration = Duration::from_secs(1);

/// A publisher on a thread of its own, as the facade runs it.
struct Published {
    handle: Option<PublisherHandle>,
    thread: Option<JoinHandle<()>>,
}

impl Published {
    fn start(options: PublisherOptions, redis: RedisOptions) -> Self {
        let (publisher, handle) = Publisher::from_fn(
            |sequence, out| {
                out.extend_from_slice(format!(r#"{{"type":"app","sequence":{sequence}}}"#).as_bytes());
            },
            options,
        );
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(publisher.run(RedisSink::new(redis)));
        });
        Self { handle: Some(handle), thread: Some(thread) }
    }

    fn handle(&self) -> &PublisherHandle {
        self.handle.as_ref().expect("the handle is there until the end")
    }

    fn failures(&self, kind: &str) -> u64 {
        self.handle().stats().failures_by_kind.get(kind).copied().unwrap_or(0)
    }

    fn wait_for_failure(&self, kind: &str) {
        wait_until(kind, || self.failures(kind) > 0);
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        drop(self.handle.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the publisher's thread ends without a panic");
        }
    }
}

/// Documents come fast, and a failure is tried again soon.
fn fast() -> PublisherOptions {
    PublisherOptions::default()
        .with_push_interval(Duration::from_millis(20))
        .with_backoff_initial(Duration::from_millis(50))
        .with_backoff_max(Duration::from_millis(200))
}

fn at(server: &RedisServer) -> RedisOptions {
    RedisOptions::default().with_host("127.0.0.1").with_port(server.port())
}

fn sequences(documents: &[String]) -> Vec<u64> {
    let number = |document: &String| {
        let digits = document.strip_prefix(r#"{"type":"app","sequence":"#)?.strip_suffix('}')?;
        digits.parse().ok()
    };
    documents.iter().map(|document| number(document).expect("a whole document")).collect()
}

/// Checks that the list holds 0, 1, 2, ... without a gap. At-least-once: a document may stand
/// there again, but the first time each of them came in order.
fn assert_complete(documents: &[String], at_least: usize) {
    let mut next = 0;
    for sequence in sequences(documents) {
        assert!(sequence <= next, "{next} is missing before {sequence}");
        next = next.max(sequence + 1);
    }
    assert!(next as usize >= at_least, "{next} documents arrived, expected at least {at_least}");
}

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
fn a_wrong_password_is_permanent_and_once_right_delivery_resumes() {
    let mut server = RedisServer::start(&["--requirepass", "right"]);
    server.use_password("right");
    let published = Published::start(fast(), at(&server).with_password("wrong"));
    published.wait_for_failure("auth");
    let stats = published.handle().stats();
    assert_eq!(stats.failures_by_kind.keys().collect::<Vec<_>>(), [&"auth"]);
    server.command(&["CONFIG", "SET", "requirepass", "wrong"]);
    server.use_password("wrong");
    wait_until("an empty queue", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 5);
}

#[test]
fn a_key_of_another_type_is_permanent_and_once_gone_delivery_resumes() {
    let server = RedisServer::start(&[]);
    server.command(&["SET", KEY, "a string"]);
    let published = Published::start(fast(), at(&server));
    published.wait_for_failure("wrong_type");
    server.command(&["DEL", KEY]);
    wait_until("documents", || published.handle().stats().delivered >= 5);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 5);
}

#[test]
fn a_read_only_or_full_redis_is_transient() {
    let server = RedisServer::start(&[]);
    let published = Published::start(fast(), at(&server));
    wait_until("the first documents", || published.handle().stats().delivered >= 3);
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    published.wait_for_failure("readonly");
    server.command(&["REPLICAOF", "NO", "ONE"]);
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    published.wait_for_failure("oom");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    wait_until("an empty queue", || published.handle().stats().pending == 0);
    assert_eq!(published.handle().stop(5 * S).left, 0);
    assert_complete(&server.list(KEY), 3);
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

/// One delivery, outside of the loop.
fn deliver(options: RedisOptions) -> Result<(), aios_metrics_core::SinkError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut sink = RedisSink::new(options);
    runtime.expect("a runtime can be built").block_on(sink.deliver(&[Payload::new(0, b"{}".as_slice())]))
}

#[test]
fn messages_say_where_what_and_what_to_check() {
    let server = RedisServer::start(&["--requirepass", "right"]);
    let place = format!("Redis at 127.0.0.1:{}", server.port());

    let error = deliver(at(&server).with_password("wr0ng")).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("auth", false));
    let message = error.to_string();
    assert!(message.starts_with(&place) && message.contains("WRONGPASS"), "{message}");
    assert!(message.contains("check the username and the password"), "{message}");
    assert!(!message.contains("wr0ng"), "{message}");

    let error = deliver(at(&server)).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("auth", false), "{error}");

    let error = deliver(at(&server).with_password("right").with_db(99)).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("database", false), "{error}");
    assert!(error.to_string().contains("now 99"), "{error}");

    let absent = RedisServer::absent(&[]);
    let error = deliver(at(&absent)).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("connection", true));
    let message = error.to_string();
    assert!(message.contains(&format!("127.0.0.1:{} (connection refused)", absent.port())), "{message}");

    // A server that repeats the arguments of what it doesn't know.
    let odd = RedisServer::start(&["--rename-command", "AUTH", ""]);
    let error = deliver(at(&odd).with_password("hunter2")).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("unknown_command", false), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn another_database_an_acl_user_and_another_key_are_used() {
    let server = RedisServer::start(&["--databases", "300"]);
    server.command(&["ACL", "SETUSER", "pusher", "on", ">secret", "~queue:*", "+lpush", "+select"]);
    let pusher = at(&server).with_username("pusher").with_password("secret").with_db(299);
    assert_eq!(deliver(pusher.clone().with_queue_key("queue:a")), Ok(()));
    let error = deliver(pusher.with_queue_key("other")).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("permission", false), "{error}");
    assert_eq!(server.command(&["SWAPDB", "0", "299"]), Reply::Text("OK".to_owned()));
    assert_eq!(server.list("queue:a"), ["{}"]);
}

#[test]
fn something_that_is_no_redis_is_told_as_such() {
    use std::io::Write;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = deliver(RedisOptions::default().with_host("127.0.0.1").with_port(port)).unwrap_err();
    assert_eq!((error.kind(), error.is_transient()), ("protocol", false), "{error}");
}
