//! Redis refuses: each answer is told in words that help, sorted by whether it may pass.

use aios_metrics_redis::RedisOptions;

use crate::support::server::{RedisServer, Reply};
use crate::support::{KEY, Published, S, assert_complete, at, deliver, fast, wait_until};

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
