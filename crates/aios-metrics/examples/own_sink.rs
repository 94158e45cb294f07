//! A sink of one's own: documents over a TCP connection, one a line, to a collector.
//!
//! The collector is part of this program. It is not there at first and comes up later, so that the
//! publisher shows what it does about that: documents wait, and arrive in order.

#![allow(clippy::print_stdout)]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use aios_metrics::{AiosMetrics, Document, MetricsConfig, Payload, Sink, SinkError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Writes documents to a connection that it makes when it needs one.
struct Lines {
    to: SocketAddr,
    connection: Option<TcpStream>,
}

impl Sink for Lines {
    async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
        // Whatever fails here may be better the next time; `kind` becomes a label of our metrics.
        let failed = |error: std::io::Error| {
            SinkError::transient("connection", format!("no way to the collector at {}: {error}", self.to))
        };
        // Taken out, so that a connection which failed halfway is not used again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => TcpStream::connect(self.to).await.map_err(failed)?,
        };
        for payload in batch {
            connection.write_all(payload.json()).await.map_err(failed)?;
            connection.write_all(b"\n").await.map_err(failed)?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    async fn close(&mut self) {
        // Closing the connection tells the collector that nothing more comes.
        if let Some(mut connection) = self.connection.take() {
            let _ = connection.shutdown().await;
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = MetricsConfig::default()
        .with_redis_push_interval_s(0.1)
        .with_redis_backoff_initial_s(0.1)
        .with_redis_backoff_max_s(0.2);
    let metrics = AiosMetrics::new(config)?;
    let beats = metrics.register_counter("beats_total", "Beats of the heart", &[])?.with(&[])?;

    // An address that is free now and taken in half a second.
    let to = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    metrics.start_publisher_to(Lines { to, connection: None })?;
    for _ in 0..5 {
        beats.inc();
        thread::sleep(Duration::from_millis(100));
    }
    let failures = metrics.value("aios_metrics_push_failures_total", &[("kind", "connection")]);
    println!("No collector yet: {} failed attempts.", failures.unwrap_or_default());

    let collector = TcpListener::bind(to)?;
    let reader = thread::spawn(move || {
        let (connection, _) = collector.accept()?;
        for line in BufReader::new(connection).lines() {
            let document: Document = serde_json::from_str(&line?)?;
            let beats = document.sample("beats_total", &[]).unwrap_or_default();
            println!("document {}: {beats} beats", document.sequence.unwrap_or_default());
        }
        Ok::<(), std::io::Error>(())
    });
    thread::sleep(Duration::from_millis(500));

    let report = metrics.stop(Duration::from_secs(5));
    println!("Stopped with {report}.");
    reader.join().map_err(|_| "the collector panicked")??;
    Ok(())
}
