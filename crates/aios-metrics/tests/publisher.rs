//! Publishing to a real Redis, as a service does it.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use aios_metrics::{AiosMetrics, StartError};
use aios_metrics_core::MemorySink;
use support::redis::{RedisServer, Reply};
use support::{DEADLINE, events, metrics, parse, publishing, pushes, quiet, sequences, wait_until};
use tracing::Level;

fn text(reply: Reply) -> String {
    match reply {
        Reply::Text(text) => text,
        Reply::List(elements) => elements.join("\n"),
    }
}

/// How often a command was called, as the server counts.
fn calls(redis: &RedisServer, command: &str) -> usize {
    let stats = text(redis.command(&["INFO", "commandstats"]));
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn wait_for_failures(metrics: &AiosMetrics, kind: &str, count: f64) {
    wait_until(&format!("{count} failures of kind {kind}"), || {
        metrics.value("aios_metrics_push_failures_total", &[("kind", kind)]).unwrap_or(0.0) >= count
    });
}

#[cfg(feature = "http")]
#[test]
fn starting_the_exporter_publishes_documents_that_parse_in_their_order() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()).with_instance_id("instance-42").with_node_id("node-7"));
    metrics.register_counter("jobs", "Jobs done", &["status"]).unwrap();
    metrics.increment_counter("jobs", &[("status", "ok")], 3).unwrap();
    metrics.start_http_server().unwrap();
    wait_until("three documents arrive", || redis.list("NODE_METRICS").len() >= 3);

    metrics.increment_counter("jobs", &[("status", "ok")], 4).unwrap();
    let report = metrics.stop(DEADLINE);
    let documents = parse(&redis.list("NODE_METRICS"));
    assert_eq!((report.dropped, report.left, report.joined), (0, 0, true));
    assert_eq!(report.delivered, documents.len() as u64);
    assert!(sequences(&documents).into_iter().eq(0..report.delivered));
    for document in &documents {
        assert_eq!(
            (document.block_id.as_str(), document.instance_id.as_str()),
            ("test-block", "instance-42")
        );
        assert_eq!((document.node_id.as_str(), document.kind.as_str()), ("node-7", "app"));
        assert_eq!((document.boot_id.len(), &document.boot_id), (32, &documents[0].boot_id));
    }
    assert_eq!(documents[0].sample("jobs_total", &[("status", "ok")]), Some(3.0));
    let last = &documents[documents.len() - 1];
    assert_eq!(last.sample("jobs_total", &[("status", "ok")]), Some(7.0), "stop takes a last document");
    assert!(last.timestamp >= documents[0].timestamp);
}

#[cfg(feature = "hw")]
#[test]
fn the_first_document_has_hardware_figures_too() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()).with_redis_push_interval_s(3600.0));
    metrics.start_publisher().unwrap();
    metrics.stop(DEADLINE);
    let documents = parse(&redis.list("NODE_METRICS"));
    assert_eq!(sequences(&documents), [0, 1], "the first and the last");
    for document in documents {
        let hardware = document.hardware().expect("every document has figures");
        assert!(hardware["process"]["residentMem"].as_f64() > Some(0.0), "{hardware}");
    }
}

#[test]
fn a_batch_is_one_command_to_the_configured_key() {
    let redis = RedisServer::start(&[]);
    let metrics =
        metrics(publishing(redis.port()).with_redis_batch_size(5).with_redis_queue_key("fleet:metrics"));
    metrics.start_publisher().unwrap();
    wait_until("four batches arrive", || redis.list("fleet:metrics").len() >= 20);
    let report = metrics.stop(DEADLINE);

    let documents = parse(&redis.list("fleet:metrics"));
    assert!(sequences(&documents).into_iter().eq(0..report.delivered));
    let calls = calls(&redis, "lpush");
    // Only the last one, which stop sent, may have been smaller.
    assert!(5 * (calls - 1) <= documents.len(), "{calls} commands for {} documents", documents.len());
    assert_eq!(text(redis.command(&["LLEN", "NODE_METRICS"])), "0");
}

#[test]
fn password_and_database_are_honoured() {
    let mut redis = RedisServer::start(&["--requirepass", "hunter2"]);
    redis.use_password("hunter2");
    let config = publishing(redis.port()).with_redis_password("hunter2").with_redis_db(3);
    let metrics = metrics(config);
    metrics.start_publisher().unwrap();
    let report = metrics.stop(DEADLINE);
    assert_eq!(report.left, 0);
    assert_eq!(text(redis.command(&["LLEN", "NODE_METRICS"])), "0", "nothing is in database 0");
    redis.command(&["SWAPDB", "0", "3"]);
    assert_eq!(redis.list("NODE_METRICS").len() as u64, report.delivered);
}

#[test]
fn a_wrong_password_is_told_once_and_never_shown() {
    events::collect();
    let redis = RedisServer::start(&["--requirepass", "hunter2"]);
    let at = format!("127.0.0.1:{}", redis.port());
    let metrics = metrics(publishing(redis.port()).with_redis_password("not-hunter2"));
    metrics.start_publisher().unwrap();
    wait_for_failures(&metrics, "auth", 3.0);
    let errors = events::complaints(&at);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!((errors[0].level, errors[0].target), (Level::ERROR, "aios_metrics"));
    assert!(errors[0].text.contains("check the username and the password"), "{errors:?}");
    assert!(!errors[0].text.contains("not-hunter2"), "{errors:?}");
    let report = metrics.stop(Duration::from_secs(1));
    assert_eq!(report.delivered, 0);
    assert!(report.left > 0);
}

#[test]
fn without_a_redis_there_is_one_warning_and_the_service_goes_on() {
    events::collect();
    let redis = RedisServer::absent(&[]);
    let metrics = metrics(publishing(redis.port()));
    metrics.register_counter("jobs", "Jobs done", &[]).unwrap();
    metrics.start_publisher().unwrap();
    metrics.increment_counter("jobs", &[], 1).unwrap();
    wait_for_failures(&metrics, "connection", 5.0);
    assert_eq!(metrics.value("jobs", &[]), Some(1.0));
    assert_eq!(metrics.flush(Duration::from_millis(200)).delivered, 0);

    let begun = Instant::now();
    let report = metrics.stop(Duration::from_secs(5));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!((report.delivered, report.dropped, report.joined), (0, 0, true));
    assert_eq!(report.left, pushes(&metrics, "enqueued_total"));

    let warnings = events::complaints(&format!("127.0.0.1:{}", redis.port()));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].level == Level::WARN && warnings[0].text.contains("connection refused"),
        "{warnings:?}"
    );
    assert!(events::complaints("stopped").is_empty(), "the report says what is left");
}

#[test]
fn documents_that_waited_for_redis_arrive_complete_and_in_order() {
    events::collect();
    let mut redis = RedisServer::absent(&[]);
    let metrics = metrics(publishing(redis.port()));
    metrics.start_publisher().unwrap();
    wait_until("documents wait", || pushes(&metrics, "pending") >= 5);
    wait_for_failures(&metrics, "connection", 2.0);

    redis.launch();
    wait_until("they arrive", || redis.list("NODE_METRICS").len() >= 6);
    let report = metrics.stop(DEADLINE);
    let documents = parse(&redis.list("NODE_METRICS"));
    assert_eq!((report.dropped, report.left), (0, 0));
    assert!(sequences(&documents).into_iter().eq(0..report.delivered));
    assert!(documents.iter().all(|document| document.boot_id == documents[0].boot_id));
    assert!(pushes(&metrics, "retries_total") >= 1);
}

#[test]
fn tries_wait_longer_from_failure_to_failure() {
    // It takes connections and breaks them, and tells when.
    let broken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = broken.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in broken.incoming() {
            drop(stream);
            if tell.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let config = publishing(port).with_redis_backoff_initial_s(0.1).with_redis_backoff_max_s(0.4);
    let metrics = metrics(config);
    let begun = Instant::now();
    metrics.start_publisher().unwrap();
    // Half of 0.1 s, 0.2 s, 0.4 s and 0.4 s are the shortest waits before each next one.
    for least in [0, 50, 150, 350, 550] {
        let at = told.recv_timeout(DEADLINE).unwrap().duration_since(begun);
        assert!(at >= Duration::from_millis(least), "a try after {at:?}, at least {least} ms were due");
    }
    assert!(metrics.stop(Duration::from_secs(1)).left > 0);
}

#[test]
fn where_redis_is_disabled_nothing_is_published() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()).with_redis_enabled(false));
    metrics.start_publisher().unwrap();
    assert_eq!(metrics.stop(DEADLINE), aios_metrics::StopReport::default());
    assert_eq!(calls(&redis, "lpush"), 0);
    assert_eq!(metrics.value("aios_metrics_push_enqueued_total", &[]), None);
}

#[test]
fn a_sink_of_the_users_own_takes_the_place_of_redis() {
    let metrics = metrics(quiet().with_redis_push_interval_s(3600.0).with_redis_batch_size(100));
    let sink = MemorySink::new();
    metrics.start_publisher_to(sink.clone()).unwrap();
    assert!(matches!(metrics.start_publisher_to(MemorySink::new()), Err(StartError::PublisherRunning)));
    wait_until("the first document waits", || pushes(&metrics, "pending") == 1);
    assert!(sink.delivered().is_empty(), "a batch is not full");

    let flushed = metrics.flush(DEADLINE);
    assert_eq!((flushed.delivered, flushed.dropped, flushed.left), (1, 0, 0));
    let report = metrics.stop(DEADLINE);
    assert_eq!((report.delivered, report.dropped, report.left, report.joined), (2, 0, 0, true));
    let documents: Vec<_> = sink.delivered().iter().map(|payload| payload.json().to_vec()).collect();
    assert_eq!(sequences(&parse(&documents)), [0, 1]);
}

#[test]
fn with_a_sink_of_the_users_own_redis_is_left_alone() {
    let redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()));
    let sink = MemorySink::new();
    metrics.start_publisher_to(sink.clone()).unwrap();
    metrics.start_publisher().unwrap();
    #[cfg(feature = "http")]
    metrics.start_http_server().unwrap();
    wait_until("documents arrive", || sink.delivered().len() >= 3);
    metrics.stop(DEADLINE);
    assert_eq!(calls(&redis, "lpush"), 0);
}

#[test]
fn a_url_says_where_documents_go_and_a_bound_how_many_stay() {
    let redis = RedisServer::start(&["--requirepass", "hunter2"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}/1", redis.port());
    // Nobody is there; the URL wins.
    let config = publishing(1).with_redis_url(url).with_redis_max_list_len(2);
    let metrics = metrics(config);
    metrics.start_publisher().unwrap();
    wait_until("documents are delivered", || {
        metrics.value("aios_metrics_push_list_trimmed_total", &[]) >= Some(2.0)
    });
    assert_eq!(metrics.value("aios_metrics_push_list_length", &[]), Some(2.0));
    assert!(metrics.value("aios_metrics_push_duration_seconds_count", &[]) >= Some(4.0));
    assert!(metrics.snapshot_json().contains("\"aios_metrics_push_list_length\":2"));
    assert_eq!(metrics.stop(DEADLINE).left, 0);
}

#[cfg(feature = "http")]
#[test]
fn readiness_follows_the_deliveries_where_it_is_asked_to() {
    let mut redis = RedisServer::start(&[]);
    let metrics = metrics(publishing(redis.port()).with_ready_max_push_age_s(1.0));
    let addr = metrics.start_http_server().unwrap();
    wait_until("documents and readiness", || support::http::get(addr, "/readyz").status == 200);
    redis.kill();
    wait_until("silence is no readiness", || support::http::get(addr, "/readyz").status == 503);
    assert!(support::http::get(addr, "/readyz").body.contains("no document has been delivered for"));
    assert_eq!(support::http::get(addr, "/healthz").status, 200);
    redis.launch();
    wait_until("readiness again", || support::http::get(addr, "/readyz").status == 200);
}

#[cfg(feature = "http")]
#[test]
fn readiness_does_not_mind_redis_unless_it_is_asked_to() {
    let metrics = metrics(publishing(1));
    let addr = metrics.start_http_server().unwrap();
    wait_for_failures(&metrics, "connection", 2.0);
    assert_eq!(support::http::get(addr, "/readyz").status, 200);
}
