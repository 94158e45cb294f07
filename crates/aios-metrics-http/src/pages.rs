//! Makes what is served: a snapshot, encoded, in memory that is used again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use aios_metrics_core::{Documents, Format, Snapshot};
use axum::body::Bytes;
use tokio::time::Instant;

use crate::pool::{PageBuffer, Pool};
use crate::stats::ScrapeStats;
use crate::throttle::Throttle;

/// Snapshots and buffers that are kept between scrapes: enough for two scrapers at the same time.
const KEPT: usize = 2;

/// The maker of pages. It reads memory only, waits for nothing and may be asked from any thread.
#[derive(Debug)]
pub(crate) struct Pages {
    documents: Arc<Documents>,
    stats: Option<ScrapeStats>,
    snapshots: Pool<Snapshot>,
    buffers: Arc<Pool<Vec<u8>>>,
    log: Throttle,
}

/// A collector or a section panicked; what it held is lost, the exporter goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl Pages {
    pub(crate) fn new(documents: Arc<Documents>, stats: Option<ScrapeStats>) -> Self {
        let (snapshots, buffers) = (Pool::new(KEPT), Arc::new(Pool::new(KEPT)));
        Self { documents, stats, snapshots, buffers, log: Throttle::default() }
    }

    /// The metrics page. Counted, whether it comes about or not.
    pub(crate) fn metrics(&self, format: &dyn Format) -> Result<Bytes, Panicked> {
        let started = Instant::now();
        let page = self.write(|out| {
            let mut snapshot = self.snapshots.take().unwrap_or_else(Snapshot::samples_only);
            self.documents.source().snapshot_into(&mut snapshot);
            format.encode(&snapshot, out);
            self.snapshots.put(snapshot);
        });
        if let Some(stats) = &self.stats {
            let code = if page.is_ok() { "200" } else { "500" };
            stats.record(code, format.name(), started.elapsed());
        }
        page
    }

    /// The document as it stands now, without a sequence number, which is for documents that are
    /// delivered.
    pub(crate) fn document(&self) -> Result<Bytes, Panicked> {
        self.write(|out| self.documents.write_json(None, out))
    }

    /// Lets `write` fill a kept buffer, which comes back when the bytes have been sent.
    fn write(&self, write: impl FnOnce(&mut Vec<u8>)) -> Result<Bytes, Panicked> {
        let mut buffer = PageBuffer::take(&self.buffers);
        // The code of users runs here. What a panic leaves half done is dropped with the buffer
        // and the snapshot.
        match catch_unwind(AssertUnwindSafe(|| write(buffer.bytes_mut()))) {
            Ok(()) => Ok(Bytes::from_owner(buffer)),
            Err(_) => {
                if let Some(held_back) = self.log.pass() {
                    tracing::error!(target: "aios_metrics", held_back, "a collector or section panicked");
                }
                Err(Panicked)
            }
        }
    }
}
