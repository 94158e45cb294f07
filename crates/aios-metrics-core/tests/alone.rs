//! The core by itself, as a program without network and without an async runtime uses it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs::{self, File};
use std::future::Future;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aios_metrics_core::{
    Document, Documents, Identity, JsonLinesSink, OpenMetricsText, Payload, PrometheusText, Registry, Sink,
    SinkError,
};

/// A file of the user's own, written as the user likes it.
struct Journal(BufWriter<File>);

impl Sink for Journal {
    async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
        let write = |file: &mut BufWriter<File>| {
            for payload in batch {
                file.write_all(payload.json())?;
                file.write_all(b"\n")?;
            }
            file.flush()
        };
        write(&mut self.0).map_err(|error| SinkError::transient("file", error.to_string()))
    }
}

/// Runs a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a sink that writes a file waits for nothing"),
    }
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("aios-metrics-core-{name}-{}.jsonl", std::process::id()))
}

/// A registry as a small program has it, and what takes its documents.
fn program() -> (Registry, Documents) {
    let registry = Registry::new();
    registry.register_counter("jobs_total", "Jobs done", &["status"]).unwrap();
    registry.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    registry.register_histogram("job_seconds", "Time of a job", &[], Some(&[0.5, 1.0])).unwrap();
    registry.increment_counter("jobs_total", &[("status", "ok")], 3).unwrap();
    registry.set_gauge("queue_size", 17.0, &[]).unwrap();
    registry.observe_histogram("job_seconds", 0.75, &[]).unwrap();
    registry.observe_rolling("latency", 0.25).unwrap();
    let documents = Documents::new(Arc::new(registry.clone()), Identity::new("block-1", "i-1", "node-1"));
    (registry, documents)
}

#[test]
fn a_page_is_rendered_into_bytes_and_text() {
    let (registry, _) = program();
    let mut bytes = Vec::new();
    registry.encode(&PrometheusText, &mut bytes);
    let page = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(
        page,
        "# HELP job_seconds Time of a job\n\
         # TYPE job_seconds histogram\n\
         job_seconds_bucket{le=\"0.5\"} 0\n\
         job_seconds_bucket{le=\"1.0\"} 1\n\
         job_seconds_bucket{le=\"+Inf\"} 1\n\
         job_seconds_sum 0.75\n\
         job_seconds_count 1\n\
         # HELP jobs_total Jobs done\n\
         # TYPE jobs_total counter\n\
         jobs_total{status=\"ok\"} 3\n\
         # HELP queue_size Jobs that wait\n\
         # TYPE queue_size gauge\n\
         queue_size 17\n"
    );
    // It appends, so that a page can be part of something larger.
    registry.encode(&OpenMetricsText, &mut bytes);
    let both = String::from_utf8(bytes).unwrap();
    assert!(both.starts_with(&page) && both.ends_with("# EOF\n"), "{both}");
}

#[test]
fn a_document_is_taken_as_a_value_and_as_json() {
    let (_, documents) = program();
    let document = documents.collect();
    assert_eq!(document.sample("jobs_total", &[("status", "ok")]), Some(3.0));
    assert_eq!((document.rolling["latency"].current, document.sequence), (0.25, None));

    let mut json = Vec::new();
    documents.write_json(Some(7), &mut json);
    let parsed: Document = serde_json::from_slice(&json).unwrap();
    assert_eq!((parsed.sequence, parsed.samples), (Some(7), document.samples));
}

/// Delivers two documents and reads the file back.
fn append(mut sink: impl Sink, path: &PathBuf) {
    let (registry, documents) = program();
    for sequence in 0..2 {
        registry.increment_counter("jobs_total", &[("status", "ok")], 1).unwrap();
        let mut json = Vec::new();
        documents.write_json(Some(sequence), &mut json);
        now(sink.deliver(&[Payload::new(sequence, json)])).unwrap();
    }
    now(sink.close());
    let lines = fs::read_to_string(path).unwrap();
    let read: Vec<Document> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.iter().map(|document| document.sequence).collect::<Vec<_>>(), [Some(0), Some(1)]);
    let jobs = |at: usize| read[at].sample("jobs_total", &[("status", "ok")]);
    assert_eq!((jobs(0), jobs(1)), (Some(4.0), Some(5.0)));
    assert_eq!(read[0].boot_id, read[1].boot_id);
    fs::remove_file(path).unwrap();
}

#[test]
fn documents_are_appended_to_a_file_through_a_sink_of_the_users_own() {
    let path = path("own");
    append(Journal(BufWriter::new(File::create(&path).unwrap())), &path);
}

#[test]
fn documents_are_appended_to_a_file_through_the_sink_that_is_there() {
    let path = path("ready");
    append(JsonLinesSink::open(&path).unwrap(), &path);
}
