//! What the tests of the facade share: waiting, configurations, and helpers in files of their own.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "it runs in tests only")]

#[path = "../../../aios-metrics-redis/tests/redis/support/certificates.rs"]
pub(crate) mod certificates;
pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod prometheus;
#[path = "../../../aios-metrics-redis/tests/redis/support/server.rs"]
pub(crate) mod redis;
pub(crate) mod rewriting;
/// The name that the certificates know it by.
pub(crate) use redis as server;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use aios_metrics::{AiosMetrics, Document, MetricsConfig};

/// Longer than anything here takes, on a machine that is busy with other things.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, looking every few milliseconds.
///
/// # Panics
///
/// After [`DEADLINE`], naming `what`.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits until there is an answer, and returns it.
///
/// # Panics
///
/// After [`DEADLINE`], naming `what`.
pub(crate) fn wait_for<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} for this: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The exporter on a free loopback port, and no Redis.
pub(crate) fn quiet() -> MetricsConfig {
    MetricsConfig::default().with_http_host("127.0.0.1").with_http_port(0).with_redis_enabled(false)
}

/// The same with documents every 20 ms into the Redis on a port, and short waits after failures.
pub(crate) fn publishing(redis_port: u16) -> MetricsConfig {
    quiet()
        .with_redis_enabled(true)
        .with_redis_host("127.0.0.1")
        .with_redis_port(redis_port)
        .with_redis_push_interval_s(0.02)
        .with_redis_backoff_initial_s(0.05)
        .with_redis_backoff_max_s(0.2)
}

/// Metrics with a configuration that is good.
pub(crate) fn metrics(config: MetricsConfig) -> AiosMetrics {
    AiosMetrics::new(config).expect("the configuration is good")
}

/// What one of the publisher's own counters or gauges says.
pub(crate) fn pushes(metrics: &AiosMetrics, figure: &str) -> u64 {
    metrics.value(&format!("aios_metrics_push_{figure}"), &[]).unwrap_or(0.0) as u64
}

/// Documents as they came over the wire, parsed.
pub(crate) fn parse<T: AsRef<[u8]>>(documents: &[T]) -> Vec<Document> {
    documents.iter().map(|json| serde_json::from_slice(json.as_ref()).expect("a document parses")).collect()
}

/// The numbers of the documents.
pub(crate) fn sequences(documents: &[Document]) -> Vec<u64> {
    documents.iter().map(|document| document.sequence.expect("it was queued, so it is numbered")).collect()
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
    listener.local_addr().expect("a listener has an address").port()
}
