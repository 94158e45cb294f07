//! The work: a queue of files, and workers that hash them and count what they do.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aios_metrics::{AiosMetrics, Counter, Gauge, Histogram, RegisterError, exponential_buckets};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, select};
use sha2::{Digest, Sha256};

/// The pause between two rounds.
const PAUSE: Duration = Duration::from_millis(250);

/// What the workers share: the digests that they know, and handles of the metrics that they update
/// most often.
pub(crate) struct Hashing {
    metrics: AiosMetrics,
    bytes: Counter,
    rounds: Counter,
    busy: Gauge,
    sizes: Histogram,
    known: Mutex<HashMap<PathBuf, [u8; 32]>>,
}

impl Hashing {
    pub(crate) fn new(metrics: &AiosMetrics) -> Result<Self, Box<dyn std::error::Error>> {
        register(metrics)?;
        Ok(Self {
            metrics: metrics.clone(),
            // A handle knows its place: an update through it is a plain store.
            bytes: metrics.counter("hashed_bytes_total", &[])?,
            rounds: metrics.counter("rounds_total", &[])?,
            busy: metrics.gauge("busy_workers", &[])?,
            sizes: metrics.histogram("file_size_bytes", &[])?,
            known: Mutex::default(),
        })
    }

    /// A worker's life: takes files until nobody brings any more.
    pub(crate) fn work(&self, waiting: &Receiver<PathBuf>) {
        for path in waiting {
            let _busy = self.busy.track_in_flight();
            let start = Instant::now();
            let status = match self.hash(&path) {
                Ok(digest) => self.compare(path, digest),
                Err(_) => "failed",
            };
            // Counts by status, observes the latency, sets the length of the queue, and feeds the
            // rolling windows of all three.
            let recorded =
                self.metrics.record_task_done(status, Some(start.elapsed()), Some(waiting.len() as u64));
            debug_assert!(recorded.is_ok(), "{recorded:?}");
        }
    }

    fn hash(&self, path: &Path) -> io::Result<[u8; 32]> {
        let mut file = File::open(path)?;
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, [0; 16 * 1024]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            self.bytes.inc_by(read as u64);
            size += read;
        }
        self.sizes.observe(size as f64);
        Ok(hasher.finalize().into())
    }

    /// What is to be said of a file, now that its digest is known.
    fn compare(&self, path: PathBuf, digest: [u8; 32]) -> &'static str {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.insert(path, digest) {
            None => "new",
            Some(before) if before == digest => "same",
            Some(_) => "changed",
        }
    }
}

fn register(metrics: &AiosMetrics) -> Result<(), RegisterError> {
    metrics.register_standard_block_metrics()?;
    metrics.register_counter("hashed_bytes_total", "Bytes read and hashed", &[])?;
    metrics.register_counter("rounds_total", "Rounds through the whole folder", &[])?;
    metrics.register_gauge("busy_workers", "Workers that hash a file now", &[])?;
    let sizes = exponential_buckets(256.0, 4.0, 10);
    metrics.register_histogram("file_size_bytes", "Size of the files hashed", &[], Some(&sizes))?;
    Ok(())
}

/// Brings the files of `folder` round after round, until `told` is disconnected.
pub(crate) fn feed(folder: &Path, queue: Sender<PathBuf>, told: &Receiver<()>, hashing: &Hashing) {
    let mut bring = |path| {
        select! {
            send(queue, path) -> sent => sent.is_ok(),
            recv(told) -> _ => false,
        }
    };
    while walk(folder, &mut bring) {
        hashing.rounds.inc();
        if told.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected) {
            break;
        }
    }
}

/// Shows `bring` every file below `folder`, until it answers `false`. Links are not followed; a
/// folder that can't be read is passed over.
fn walk(folder: &Path, bring: &mut impl FnMut(PathBuf) -> bool) -> bool {
    fs::read_dir(folder).into_iter().flatten().flatten().all(|entry| match entry.file_type() {
        Ok(kind) if kind.is_file() => bring(entry.path()),
        Ok(kind) if kind.is_dir() && !is_left_out(&entry.file_name()) => walk(&entry.path(), bring),
        _ => true,
    })
}

fn is_left_out(folder: &OsStr) -> bool {
    folder == ".git" || folder == "target"
}
