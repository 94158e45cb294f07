//! The publisher as its owner uses it: a thread of its own, blocking calls, real documents.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aios_metrics_core::{
    Documents, Identity, MemorySink, Payload, PrometheusText, Registry, Sink, SinkError,
};
use aios_metrics_redis::{Publisher, PublisherHandle, PublisherOptions};

const S: Duration = Duration::from_secs(1);

fn run(publisher: Publisher, sink: impl Sink) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime can be built").block_on(publisher.run(sink));
    })
}

fn page(registry: &Registry) -> String {
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    String::from_utf8(page).expect("a page is text")
}

#[test]
fn real_documents_are_numbered_and_delivered() {
    let registry = Registry::new();
    let jobs = registry.register_counter("jobs", "Jobs done", &[]).unwrap();
    jobs.with(&[]).unwrap().inc();
    let identity = Identity::new("block-1", "instance-42", "node-1");
    let documents = Arc::new(Documents::new(Arc::new(registry.clone()), identity));

    let sink = MemorySink::new();
    let (publisher, handle) = Publisher::new(documents, PublisherOptions::default());
    let thread = run(publisher, sink.clone());
    let report = handle.stop(10 * S);
    assert_eq!((report.dropped, report.left), (0, 0));
    thread.join().unwrap();

    let delivered = sink.delivered();
    assert_eq!(delivered.iter().map(Payload::sequence).collect::<Vec<_>>(), [0, 1]);
    for payload in delivered {
        let json = std::str::from_utf8(payload.json()).unwrap();
        assert!(json.contains(&format!("\"sequence\":{}", payload.sequence())), "{json}");
        assert!(
            json.contains("\"instanceId\":\"instance-42\"") && json.contains("\"jobs_total\":1"),
            "{json}"
        );
    }
}

#[test]
fn the_page_shows_the_publisher() {
    struct FailsOnce(bool);
    impl Sink for FailsOnce {
        async fn deliver(&mut self, _batch: &[Payload]) -> Result<(), SinkError> {
            if std::mem::replace(&mut self.0, true) {
                Ok(())
            } else {
                Err(SinkError::transient("connection", "not yet"))
            }
        }
    }

    let registry = Registry::new();
    let options = PublisherOptions::default().with_max_pending(1).with_max_pending_bytes(3);
    let (publisher, handle) = Publisher::from_fn(|_, out| out.extend_from_slice(b"{}"), options);
    let publisher = publisher.with_self_metrics(&registry).unwrap();
    let before = page(&registry);
    for line in [
        "aios_metrics_push_enqueued_total 0",
        "aios_metrics_push_dropped_total{reason=\"max_pending\"} 0",
        "aios_metrics_push_pending 0",
        "aios_metrics_push_last_success_timestamp_seconds 0",
    ] {
        assert!(before.lines().any(|found| found == line), "{line} is not in\n{before}");
    }

    let thread = run(publisher, FailsOnce(false));
    let report = handle.stop(10 * S);
    thread.join().unwrap();
    let stats = handle.stats();
    let after = page(&registry);
    assert_eq!(report.left, 0);
    for line in [
        "aios_metrics_push_enqueued_total 2".to_owned(),
        format!("aios_metrics_push_delivered_total {}", stats.delivered),
        format!("aios_metrics_push_dropped_total{{reason=\"max_pending\"}} {}", stats.dropped),
        "aios_metrics_push_dropped_total{reason=\"too_large\"} 0".to_owned(),
        "aios_metrics_push_failures_total{kind=\"connection\"} 1".to_owned(),
        "aios_metrics_push_retries_total 1".to_owned(),
        "aios_metrics_push_pending 0".to_owned(),
        "aios_metrics_push_pending_bytes 0".to_owned(),
    ] {
        assert!(after.lines().any(|found| found == line), "{line} is not in\n{after}");
    }
    assert!(!after.contains("last_success_timestamp_seconds 0\n"), "{after}");
    // The one that failed is timed too.
    assert!(registry.value("aios_metrics_push_duration_seconds_count", &[]) >= Some(2.0), "{after}");
}

#[test]
fn a_taken_name_is_an_error() {
    let registry = Registry::new();
    registry.register_gauge("aios_metrics_push_pending", "Mine", &["mine"]).unwrap();
    let (publisher, _handle) = Publisher::from_fn(|_, _| {}, PublisherOptions::default());
    assert!(publisher.with_self_metrics(&registry).is_err());
}

#[test]
fn blocking_calls_keep_their_time_even_when_the_loop_does_not_run() {
    let (publisher, handle) = Publisher::from_fn(|_, out| out.push(b'x'), PublisherOptions::default());
    let begun = Instant::now();
    assert_eq!(handle.flush(S / 10).left, 0);
    assert_eq!(handle.stop(S / 10).left, 0);
    assert!((S / 5..5 * S).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    drop(publisher);
    // And for ever is not for ever when there is no loop.
    assert_eq!(handle.stop(Duration::MAX).left, 0);
}

#[test]
fn handles_go_anywhere() {
    fn anywhere<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    anywhere::<PublisherHandle>();
    let (publisher, _handle) = Publisher::from_fn(|_, _| {}, PublisherOptions::default());
    // The future may be spawned on a runtime of many threads.
    fn spawnable(_: &(impl Future<Output = ()> + Send + 'static)) {}
    spawnable(&publisher.run(MemorySink::new()));
}
