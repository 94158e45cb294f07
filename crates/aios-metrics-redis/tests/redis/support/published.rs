//! A publisher at work, and what a test expects of the documents that arrived.

use std::thread::JoinHandle;
use std::time::Duration;

use aios_metrics_core::{Payload, Sink, SinkError};
use aios_metrics_redis::{Publisher, PublisherHandle, PublisherOptions, RedisOptions, RedisSink};

use super::server::RedisServer;
use super::wait_until;

pub(crate) const KEY: &str = "NODE_METRICS";
pub(crate) const S: Duration = Duration::from_secs(1);

/// A publisher on a thread of its own, as the facade runs it.
pub(crate) struct Published {
    handle: Option<PublisherHandle>,
    thread: Option<JoinHandle<()>>,
}

impl Published {
    pub(crate) fn start(options: PublisherOptions, redis: RedisOptions) -> Self {
        Self::start_to(options, RedisSink::new(redis))
    }

    pub(crate) fn start_to(options: PublisherOptions, sink: impl Sink) -> Self {
        let (publisher, handle) = Publisher::from_fn(
            |sequence, out| {
                out.extend_from_slice(format!(r#"{{"type":"app","sequence":{sequence}}}"#).as_bytes());
            },
            options,
        );
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(publisher.run(sink));
        });
        Self { handle: Some(handle), thread: Some(thread) }
    }

    pub(crate) fn handle(&self) -> &PublisherHandle {
        self.handle.as_ref().expect("the handle is there until the end")
    }

    pub(crate) fn failures(&self, kind: &str) -> u64 {
        self.handle().stats().failures_by_kind.get(kind).copied().unwrap_or(0)
    }

    pub(crate) fn wait_for_failure(&self, kind: &str) {
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
pub(crate) fn fast() -> PublisherOptions {
    PublisherOptions::default()
        .with_push_interval(Duration::from_millis(20))
        .with_backoff_initial(Duration::from_millis(50))
        .with_backoff_max(Duration::from_millis(200))
}

pub(crate) fn at(server: &RedisServer) -> RedisOptions {
    RedisOptions::default().with_host("127.0.0.1").with_port(server.port())
}

pub(crate) fn sequences(documents: &[String]) -> Vec<u64> {
    let number = |document: &String| {
        let digits = document.strip_prefix(r#"{"type":"app","sequence":"#)?.strip_suffix('}')?;
        digits.parse().ok()
    };
    documents.iter().map(|document| number(document).expect("a whole document")).collect()
}

/// Checks that the list holds 0, 1, 2, ... without a gap. At-least-once: a document may stand
/// there again, but the first time each of them came in order.
pub(crate) fn assert_complete(documents: &[String], at_least: usize) {
    let mut next = 0;
    for sequence in sequences(documents) {
        assert!(sequence <= next, "{next} is missing before {sequence}");
        next = next.max(sequence + 1);
    }
    assert!(next as usize >= at_least, "{next} documents arrived, expected at least {at_least}");
}

/// One delivery, outside of the loop.
pub(crate) fn deliver(options: RedisOptions) -> Result<(), SinkError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let mut sink = RedisSink::new(options);
    runtime.expect("a runtime can be built").block_on(sink.deliver(&[Payload::new(0, b"{}".as_slice())]))
}
