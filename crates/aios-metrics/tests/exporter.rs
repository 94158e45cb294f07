//! The exporter as a service starts it: addresses, formats, errors, and what it serves.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use aios_metrics::{AiosMetrics, Document, StartError};
use support::{DEADLINE, events, http, metrics, quiet, wait_until};
use tracing::Level;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn started() -> (AiosMetrics, SocketAddr) {
    let metrics = metrics(quiet().with_block_id("block-1").with_instance_id("instance-42"));
    let addr = metrics.start_http_server().unwrap();
    (metrics, addr)
}

#[test]
fn starting_returns_the_port_that_the_system_chose_and_serves_at_once() {
    let (_metrics, addr) = started();
    assert_ne!(addr.port(), 0);
    assert_eq!(addr.ip().to_string(), "127.0.0.1");
    let health = http::get(addr, "/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
}

#[test]
fn the_page_comes_in_the_format_that_accept_names_with_its_content_type() {
    let (metrics, addr) = started();
    metrics.register_counter("jobs", "Jobs done", &["status"]).unwrap();
    metrics.increment_counter("jobs", &[("status", "ok")], 3).unwrap();
    for (accept, content_type) in [
        ("*/*", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
        (http::ACCEPT_OPENMETRICS, OPENMETRICS),
    ] {
        let page = http::scrape(addr, accept);
        assert_eq!((page.status, page.header("content-type")), (200, content_type), "{accept}");
        assert!(page.has_line("jobs_total{status=\"ok\"} 3"), "{accept}:\n{}", page.body);
        let is_openmetrics = content_type == OPENMETRICS;
        assert_eq!(page.body.ends_with("# EOF\n"), is_openmetrics, "{accept}:\n{}", page.body);
        let family = if is_openmetrics { "# TYPE jobs counter" } else { "# TYPE jobs_total counter" };
        assert!(page.has_line(family), "{accept}:\n{}", page.body);
    }
}

#[test]
fn the_snapshot_is_the_document_with_the_identity_of_the_service() {
    let (metrics, addr) = started();
    metrics.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    metrics.set_gauge("queue_size", 17.0, &[]).unwrap();
    metrics.observe_rolling("latency", 0.25).unwrap();
    metrics.observe_custom_rolling("model", "inference_ms", 42.0).unwrap();

    let answer = http::get(addr, "/snapshot");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let served: Document = serde_json::from_str(&answer.body).unwrap();
    let own = metrics.snapshot();
    assert_eq!((served.block_id.as_str(), served.instance_id.as_str()), ("block-1", "instance-42"));
    assert_eq!((served.node_id, served.kind.as_str(), served.boot_id), (own.node_id, "app", own.boot_id));
    assert_eq!(served.sequence, None, "only documents that are queued are numbered");
    assert_eq!(served.samples["queue_size"].as_f64(), 17.0);
    assert_eq!(served.rolling["latency"].current, 0.25);
    assert_eq!(served.custom["model"]["inference_ms"].count_1m, 1);
    let written = serde_json::from_str::<Document>(&metrics.snapshot_json()).unwrap();
    assert_eq!(written.instance_id, "instance-42");
}

#[test]
fn the_page_counts_its_scrapes_by_format() {
    let (metrics, addr) = started();
    let scrapes =
        |format| metrics.value("aios_metrics_scrapes_total", &[("code", "200"), ("format", format)]).unwrap();
    http::scrape(addr, "*/*");
    http::scrape(addr, "*/*");
    http::scrape(addr, http::ACCEPT_OPENMETRICS);
    assert_eq!((scrapes("text"), scrapes("openmetrics")), (2.0, 1.0));
    assert_eq!(metrics.value("aios_metrics_scrape_duration_seconds", &[]), Some(3.0));
}

#[test]
fn an_address_that_cannot_be_bound_is_an_error_that_names_host_and_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let metrics = metrics(quiet().with_http_port(port));
    let error = metrics.start_http_server().unwrap_err();
    assert!(
        matches!(&error, StartError::Bind { host, port: named, .. } if host == "127.0.0.1" && *named == port)
    );
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");

    // Of the addresses for documentation no machine has one; the last is no address at all.
    for host in ["192.0.2.1", "no host"] {
        let error = metrics.start_http_server_on(host, 8123).unwrap_err();
        assert!(error.to_string().contains(&format!("{host}:8123")), "{error}");
    }

    // What failed has left nothing behind.
    let addr = metrics.start_http_server_on("127.0.0.1", 0).unwrap();
    assert_eq!(http::get(addr, "/healthz").status, 200);
}

#[test]
fn starting_again_answers_with_the_address_that_is_bound() {
    let metrics = metrics(quiet());
    let addr = metrics.start_http_server_on("127.0.0.1", 0).unwrap();
    assert_eq!(metrics.start_http_server().unwrap(), addr, "no address");
    assert_eq!(metrics.start_http_server_on("127.0.0.1", 0).unwrap(), addr, "as it was asked for");
    assert_eq!(metrics.start_http_server_on("127.0.0.1", addr.port()).unwrap(), addr, "as it is bound");
    assert_eq!(metrics.clone().start_http_server_on("localhost", addr.port()).unwrap(), addr, "by name");

    let other = metrics.start_http_server_on("127.0.0.2", addr.port()).unwrap_err();
    assert!(matches!(other, StartError::AlreadyRunning { addr: running } if running == addr));
    assert!(other.to_string().contains(&addr.to_string()), "{other}");
    let other = metrics.start_http_server_on("127.0.0.1", addr.port() ^ 1).unwrap_err();
    assert!(matches!(other, StartError::AlreadyRunning { .. }));
    assert_eq!(http::get(addr, "/healthz").status, 200);
}

#[test]
fn threads_that_start_it_together_get_one_exporter() {
    let metrics = metrics(quiet());
    let addrs: Vec<SocketAddr> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| metrics.start_http_server().unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(addrs.iter().all(|addr| *addr == addrs[0]), "{addrs:?}");
}

#[test]
fn what_was_stopped_cannot_be_started_again() {
    let (metrics, addr) = started();
    assert!(metrics.stop(DEADLINE).joined);
    assert!(TcpStream::connect(addr).is_err(), "nobody listens any more");
    for error in [
        metrics.start_http_server().unwrap_err(),
        metrics.start_http_server_on("127.0.0.1", addr.port()).unwrap_err(),
    ] {
        assert!(matches!(error, StartError::Stopped));
        assert!(error.to_string().contains("new AiosMetrics"), "{error}");
    }
    // The port is free for a new one.
    let next = support::metrics(quiet());
    assert_eq!(next.start_http_server_on("127.0.0.1", addr.port()).unwrap(), addr);
}

#[test]
fn dropping_the_last_handle_frees_the_port() {
    let (metrics, addr) = started();
    let clone = metrics.clone();
    drop(metrics);
    assert_eq!(http::get(addr, "/healthz").status, 200, "a clone is left");
    // A scraper that stays connected does not keep it alive.
    let idle = http::connect(addr).unwrap();
    drop(clone);
    wait_until("the port is free", || TcpListener::bind(addr).is_ok());
    drop(idle);
}

#[test]
fn the_last_handle_may_be_dropped_inside_of_a_runtime() {
    let (metrics, addr) = started();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move { drop(metrics) });
    wait_until("the port is free", || TcpListener::bind(addr).is_ok());
}

#[test]
fn encryption_that_is_asked_for_is_never_left_out_in_silence() {
    let mut config = quiet();
    config.web_config_file = Some("web.yml".into());
    let error = metrics(config).start_http_server().unwrap_err();
    assert!(error.to_string().contains("METRICS_WEB_CONFIG_FILE"), "{error}");
}

#[test]
fn the_landing_page_and_the_limits_are_as_configured() {
    let started = |config| {
        let metrics = metrics(config);
        let addr = metrics.start_http_server().unwrap();
        (metrics, addr)
    };
    let (_metrics, addr) = started(quiet());
    assert_eq!(http::get(addr, "/").status, 200);
    let (metrics, addr) = started(quiet().with_http_landing_page(false).with_http_max_connections(2));
    assert_eq!(http::get(addr, "/").status, 404);
    let idle = [(); 3].map(|()| http::connect(addr).unwrap());
    let replaced = [("reason", "replaced")];
    wait_until("one of three has made room", || {
        metrics.value("aios_metrics_rejected_connections_total", &replaced) == Some(1.0)
    });
    wait_until("two are left", || metrics.value("aios_metrics_connections", &[]) == Some(2.0));
    drop(idle);
}

#[test]
fn a_subscriber_of_the_user_hears_where_it_serves() {
    events::collect();
    let (metrics, addr) = started();
    let line = format!("http://{addr}/metrics");
    let heard = events::at(Level::INFO, &line);
    assert_eq!(heard.iter().map(|line| line.target).collect::<Vec<_>>(), ["aios_metrics"]);
    metrics.stop(Duration::from_secs(5));
}
