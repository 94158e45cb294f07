//! Makes what is served: a snapshot, encoded and compressed, in memory that is used again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use aios_metrics_core::{Documents, Format, Selection, Snapshot};
use axum::body::Bytes;
use tokio::time::Instant;

use crate::encoding::Encoding;
use crate::flight::{Admission, WORKERS};
use crate::gzip::Gzip;
use crate::pool::{PageBuffer, Pool};
use crate::stats::ScrapeStats;
use crate::throttle::Throttle;

/// What somebody wants. Equal orders are served by the same bytes.
#[derive(Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) what: What,
    pub(crate) encoding: Encoding,
}

impl Order {
    /// Whole pages are of few kinds, by format and encoding; but of names there is no end, and who
    /// makes them up must not take the place of who wants everything.
    pub(crate) fn admission(&self) -> Admission {
        match &self.what {
            What::Page { selection, .. } if !selection.is_all() => Admission::IfThereIsRoom,
            What::Page { .. } | What::Document => Admission::Always,
        }
    }
}

/// A metrics page or the document.
#[derive(Clone)]
pub(crate) enum What {
    Page { format: &'static dyn Format, selection: Selection },
    Document,
}

impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Document, Self::Document) => true,
            (Self::Page { format: a, selection: x }, Self::Page { format: b, selection: y }) => {
                // Formats have no identity of their own but what they say of themselves.
                (a.name(), a.content_type()) == (b.name(), b.content_type()) && x == y
            }
            _ => false,
        }
    }
}

/// What is sent. Its memory is used again when the last byte of the last copy has gone.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) gzipped: bool,
}

/// A collector or a section panicked; what it held is lost, the exporter goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

/// The maker of pages. It reads memory only, and holds no lock while it does.
#[derive(Debug)]
pub(crate) struct Maker {
    documents: Arc<Documents>,
    stats: Option<ScrapeStats>,
    /// For whole pages, and for those with names: these would otherwise hold the memory of the whole.
    snapshots: [Pool<Snapshot>; 2],
    plain: Arc<Pool<Vec<u8>>>,
    packed: Arc<Pool<Vec<u8>>>,
    gzip: Gzip,
    log: Throttle,
}

impl Maker {
    pub(crate) fn new(documents: Arc<Documents>, stats: Option<ScrapeStats>) -> Self {
        Self {
            documents,
            stats,
            snapshots: [Pool::new(WORKERS), Pool::new(WORKERS)],
            plain: Arc::new(Pool::new(WORKERS)),
            packed: Arc::new(Pool::new(WORKERS)),
            gzip: Gzip::new(WORKERS),
            log: Throttle::default(),
        }
    }

    /// Takes the time it needs; for a thread that may be kept busy.
    pub(crate) fn make(&self, order: &Order) -> Result<Page, Failed> {
        let started = Instant::now();
        // The code of users runs here. What a panic leaves half done is dropped with the buffer
        // and the snapshot.
        let made = catch_unwind(AssertUnwindSafe(|| self.write(&order.what)));
        let page = made.ok().and_then(|plain| self.pack(plain, order.encoding)).ok_or(Failed);
        if page.is_err()
            && let Some(held_back) = self.log.pass()
        {
            tracing::error!(target: "aios_metrics", held_back, "a collector or section panicked");
        }
        if let (Some(stats), What::Page { .. }) = (&self.stats, &order.what) {
            stats.made(started.elapsed());
        }
        page
    }

    fn write(&self, what: &What) -> PageBuffer {
        let mut plain = PageBuffer::take(&self.plain);
        match what {
            What::Page { format, selection } => {
                let snapshots = &self.snapshots[usize::from(!selection.is_all())];
                let mut snapshot = snapshots.take().unwrap_or_else(Snapshot::samples_only);
                snapshot.select(selection.clone());
                self.documents.source().snapshot_into(&mut snapshot);
                format.encode(&snapshot, plain.bytes_mut());
                snapshots.put(snapshot);
            }
            // Without a sequence number, which is for documents that are delivered.
            What::Document => self.documents.write_json(None, plain.bytes_mut()),
        }
        plain
    }

    fn pack(&self, plain: PageBuffer, encoding: Encoding) -> Option<Page> {
        if !encoding.compresses(plain.as_ref().len()) {
            return Some(Page { bytes: Bytes::from_owner(plain), gzipped: false });
        }
        let mut packed = PageBuffer::take(&self.packed);
        self.gzip.compress(plain.as_ref(), packed.bytes_mut()).ok()?;
        Some(Page { bytes: Bytes::from_owner(packed), gzipped: true })
    }
}
