//! Every message in `docs/troubleshooting.md` is the one that we really give: each is provoked here.

#![cfg(all(feature = "http", feature = "hw", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use aios_metrics::{AiosMetrics, Collect, Descriptor, MetricsConfig, RollingOptions, Snapshot, StartError};
use support::redis::RedisServer;
use support::{DEADLINE, events, http, metrics, quiet, wait_for};
use tracing::Level;

const GUIDE: &str = include_str!("../../../docs/troubleshooting.md");

/// Fails unless the guide has this message as a line of its own.
fn documented(message: impl ToString) {
    let message = message.to_string();
    assert!(GUIDE.lines().any(|line| line == message), "docs/troubleshooting.md has no line:\n{message}");
}

/// The same for a message that names a port, which the guide calls PORT.
fn documented_with_port(message: impl ToString, port: u16) {
    documented(message.to_string().replace(&format!(":{port}"), ":PORT"));
}

/// The first line of the log at a level that contains `about` and `also`, once it is there.
fn logged(level: Level, about: &str, also: &str) -> String {
    wait_for(&format!("{about:?} and {also:?} in the log"), || {
        let line = events::at(level, about).into_iter().find(|line| line.text.contains(also))?;
        Some(line.text.trim().to_owned())
    })
}

#[test]
fn the_page_cannot_be_reached() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    events::collect();
    let metrics = metrics(quiet());
    documented_with_port(metrics.start_http_server_on("127.0.0.1", port).unwrap_err(), port);

    let addr = metrics.start_http_server().unwrap();
    documented_with_port(logged(Level::INFO, "serving", &addr.to_string()), addr.port());
    documented_with_port(metrics.start_http_server_on("127.0.0.1", port).unwrap_err(), addr.port());
    documented(http::get(addr, "/nowhere").body.trim_end());

    assert!(metrics.stop(DEADLINE).joined);
    documented(metrics.start_http_server().unwrap_err());
    // What a build without the feature says.
    documented(StartError::Unsupported { setting: "METRICS_WEB_CONFIG_FILE" });
}

#[test]
fn a_scrape_fails() {
    struct Slow(Mutex<Receiver<()>>, Descriptor);
    impl Collect for Slow {
        fn describe(&self) -> Vec<Descriptor> {
            vec![self.1.clone()]
        }
        fn collect(&self, _: &mut Snapshot) {
            // It goes on when the other end is dropped, and fails.
            let waited = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
            assert!(waited.is_ok(), "a collector that fails");
        }
    }
    events::collect();
    let metrics = metrics(quiet().with_http_scrape_timeout_s(0.5).with_http_max_scrapes(1));
    let (let_go, held) = channel();
    let descriptor = Descriptor::gauge("slow", "Slow", &[]).unwrap();
    metrics.registry().register(Slow(Mutex::new(held), descriptor)).unwrap();
    let addr = metrics.start_http_server().unwrap();

    let late = http::get(addr, "/metrics");
    assert_eq!(late.status, 503);
    documented(late.body.trim_end());
    let message = |line: String| line.split(" held_back=").next().unwrap().to_owned();
    documented(message(logged(Level::WARN, "a page was not ready", "500ms")));
    // The collector still holds the only page that there may be.
    let busy = http::get(addr, "/metrics?name[]=slow");
    assert_eq!(busy.status, 503);
    documented(busy.body.trim_end());
    let neither = http::scrape(addr, "*/*\r\naccept-encoding: *;q=0");
    assert_eq!(neither.status, 406);
    documented(neither.body.trim_end());

    drop(let_go);
    let failed = wait_for("the page that fails", || {
        let answer = http::get(addr, "/metrics");
        (answer.status == 500).then_some(answer)
    });
    documented(failed.body.trim_end());
    documented(message(logged(Level::ERROR, "a collector or section", "panicked")));
}

#[test]
fn a_metric_cannot_be_registered() {
    events::collect();
    let metrics = metrics(quiet());
    metrics.register_counter("jobs_total", "Jobs", &["status"]).unwrap();
    assert!(metrics.register_counter("jobs", "Other help", &["status"]).is_ok());
    documented(metrics.register_gauge("jobs_total", "Jobs", &[]).unwrap_err());
    documented(metrics.register_counter("jobs_total", "Jobs", &["state"]).unwrap_err());
    documented(metrics.register_gauge("queue size", "Jobs that wait", &[]).unwrap_err());
    documented(metrics.register_gauge("rolling", "A name that is taken", &[]).unwrap_err());
    documented(metrics.register_histogram("op_seconds", "Time", &["le"], None).unwrap_err());
    documented(metrics.register_histogram("op_seconds", "Time", &[], Some(&[1.0, 0.5])).unwrap_err());
}

#[test]
fn an_update_is_not_recorded() {
    events::collect();
    let metrics = metrics(quiet());
    metrics.register_counter("requests_total", "Requests", &["method", "code"]).unwrap();
    metrics.register_histogram("op_seconds", "Time", &[], None).unwrap();
    let labels = [("method", "GET"), ("code", "200")];
    documented(metrics.increment_counter("request_total", &labels, 1).unwrap_err());
    documented(metrics.set_gauge("requests_total", 1.0, &labels).unwrap_err());
    documented(metrics.increment_counter("requests_total", &labels[..1], 1).unwrap_err());
    documented(metrics.increment_counter("requests_total", &labels, -1.0).unwrap_err());
    documented(metrics.observe_histogram("op_seconds", f64::NAN, &[]).unwrap_err());

    metrics.observe_histogram("op_seconds", 0.42, &[("route", "/api/items")]).unwrap();
    documented(logged(Level::WARN, "op_seconds", "without labels"));
    let dropped = metrics.snapshot().sample("aios_metrics_dropped_labels_total", &[("family", "op_seconds")]);
    assert_eq!(dropped, Some(1.0));
}

#[test]
fn there_are_too_many_series() {
    events::collect();
    let metrics = metrics(quiet().with_max_series(2));
    metrics.register_counter("logins_total", "Logins", &["user"]).unwrap();
    for user in ["a", "b", "c", "d"] {
        metrics.increment_counter("logins_total", &[("user", user)], 1).unwrap();
    }
    documented(logged(Level::WARN, "logins_total", "series"));
    assert_eq!(metrics.value("logins_total", &[("user", "__overflow__")]), Some(2.0));
    let overflow = [("family", "logins_total")];
    assert_eq!(metrics.snapshot().sample("aios_metrics_series_overflow_total", &overflow), Some(2.0));
}

#[test]
fn metrics_of_an_attached_registry_are_missing() {
    use aios_metrics::prometheus_client::metrics::{counter::Counter, family::Family, histogram};
    use aios_metrics::prometheus_client::registry::Registry;
    events::collect();
    let metrics = metrics(quiet());
    metrics.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    let mut theirs = Registry::default();
    theirs.register("9lives", "Bad name", Counter::<u64>::default());
    theirs.register("queue_size", "Taken", Counter::<u64>::default());
    let sent = Family::<[(&str, &str); 1], Counter>::default();
    drop(sent.get_or_create_owned(&[("to-host", "a")]));
    theirs.register("sent", "Bad label", sent);
    theirs.register("twice", "Once", Counter::<u64>::default());
    theirs.register("twice", "And again", Counter::<u64>::default());
    let native = histogram::Histogram::new_native(histogram::NativeHistogramConfig::default());
    theirs.register("native", "Native buckets only", native);
    metrics.registry().attach(theirs);

    let document = metrics.snapshot();
    for (name, reason) in [
        ("9lives", "name"),
        ("queue_size", "conflict"),
        ("sent", "label"),
        ("twice", "duplicate"),
        ("native", "encoder"),
    ] {
        documented(logged(Level::WARN, &format!("metric {name:?}"), "of an attached registry"));
        let rejected = document.sample("aios_metrics_attached_rejected_total", &[("reason", reason)]);
        assert_eq!(rejected, Some(1.0), "{reason}");
        assert!(GUIDE.contains(&format!("`{reason}`")), "the guide lacks the reason {reason}");
    }
}

#[test]
fn rolling_summaries_are_empty() {
    events::collect();
    let metrics = metrics(quiet().with_max_rolling(1));
    assert!(metrics.extended_metrics().get("latency").is_none());
    let asking = metrics.clone();
    let panic = thread::spawn(move || asking.extended_metrics()["latency"].current).join().unwrap_err();
    documented(panic.downcast_ref::<String>().unwrap());

    metrics.observe_rolling("latency", 0.13).unwrap();
    assert_eq!(metrics.extended_metrics()["latency"].count_1m, 1);
    documented(metrics.observe_rolling("fps", 24.0).unwrap_err());
    documented(metrics.observe_rolling("latency", f64::INFINITY).unwrap_err());
    metrics.observe_rolling_with_window("latency", 0.14, Duration::from_secs(60)).unwrap();
    documented(logged(Level::WARN, "latency", "keeps the window"));
    let quantiles = |all: &[f64]| RollingOptions::default().with_quantiles(all);
    documented(metrics.rolling_with("latency", quantiles(&[0.5, 0.99])).unwrap_err());
    documented(metrics.rolling_with("latency", quantiles(&[50.0])).unwrap_err());
}

#[test]
fn the_configuration_cannot_be_used() {
    let vars = [("METRICS_PORT", "eight"), ("METRICS_BATCH_SIZE", "0")];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    documented(MetricsConfig::from_vars(vars).unwrap_err());
    documented(AiosMetrics::new(quiet().with_redis_push_interval_s(0.0)).unwrap_err());
    documented(AiosMetrics::new(quiet().with_probes(["process", "disc"])).unwrap_err());
}

fn redis_at(port: u16) -> MetricsConfig {
    quiet().with_redis_host("127.0.0.1").with_redis_port(port).with_redis_enabled(true)
}

/// Publishes to where it can't succeed, and looks for what is logged of it at the level. `answer` is
/// a part of the message by which failures at the same address are told apart.
fn documented_failure(level: Level, config: MetricsConfig, answer: &str) {
    events::collect();
    let port = config.redis_port;
    let metrics = metrics(config);
    metrics.start_publisher().unwrap();
    let line = logged(level, &format!("127.0.0.1:{port}"), answer);
    let (message, rest) = line.split_once("; 1 wait").expect("the line tells how many documents wait");
    assert!(rest.contains("next try in"), "{line}");
    documented_with_port(message, port);

    let stopped = metrics.stop(Duration::from_millis(500));
    assert_eq!((stopped.delivered, stopped.left), (0, 2), "the first document and the last one: {stopped}");
    documented(logged(Level::INFO, "the publisher has stopped", "2 documents"));
}

#[test]
fn redis_is_not_there_or_something_else() {
    documented_failure(Level::WARN, redis_at(RedisServer::absent(&[]).port()), "can't connect");
    let http_server = metrics(quiet());
    let port = http_server.start_http_server().unwrap().port();
    documented_failure(Level::ERROR, redis_at(port), "protocol");
    let never_answers = TcpListener::bind("127.0.0.1:0").unwrap();
    documented_failure(Level::WARN, redis_at(never_answers.local_addr().unwrap().port()), "within");
}

#[test]
fn redis_answers_with_an_error() {
    let redis = RedisServer::start(&[]);
    redis.command(&["SET", "a_string", "x"]);
    redis.command(&["CONFIG", "SET", "requirepass", "right"]);
    let config = redis_at(redis.port());
    documented_failure(Level::ERROR, config.clone(), "NOAUTH");
    documented_failure(Level::ERROR, config.clone().with_redis_password("wrong"), "WRONGPASS");
    let right = config.with_redis_password("right");
    documented_failure(Level::ERROR, right.clone().with_redis_queue_key("a_string"), "WRONGTYPE");
    documented_failure(Level::ERROR, right.with_redis_db(99), "DB index");
}

#[test]
fn a_url_of_redis_cannot_be_used() {
    documented(AiosMetrics::new(redis_at(1).with_redis_url("http://:hunter2@redis")).unwrap_err());
    documented(AiosMetrics::new(redis_at(1).with_redis_url("redis-sentinel://redis")).unwrap_err());
}

#[test]
fn the_guide_tells_each_message_once() {
    let mut times = HashMap::new();
    let blocks = GUIDE.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    for message in blocks.flat_map(str::lines) {
        *times.entry(message).or_insert(0) += 1;
    }
    assert!(times.len() > 25 && times.values().all(|&times| times == 1), "{times:#?}");
}
