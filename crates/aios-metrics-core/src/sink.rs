//! Where documents go: the trait that the publisher's loop drives, and the sinks that need no
//! network.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One document on its way: its JSON, and its number in this instance's sequence.
///
/// Cheap to clone; the bytes are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    sequence: u64,
    json: Arc<[u8]>,
}

impl Payload {
    /// A document ready to be delivered.
    #[must_use]
    pub fn new(sequence: u64, json: impl Into<Arc<[u8]>>) -> Self {
        Self { sequence, json: json.into() }
    }

    /// The number that also stands in the document as `sequence`.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The document: one JSON object in UTF-8, without a newline.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }
}

/// Takes documents to where they are read.
///
/// The publisher's loop calls [`deliver`](Sink::deliver) with the oldest documents first and
/// never with an empty batch, and waits for the answer before it calls again. `Ok` means that all
/// of them have arrived. After an error the same documents are handed over again, perhaps with
/// more behind them: delivery is at-least-once, and a reader tells a repeat by `bootId` and
/// `sequence`. The loop drops the future when its own deadline passes.
///
/// # Examples
///
/// A sink that sends documents to another thread:
///
/// ```
/// use std::sync::mpsc::Sender;
/// use aios_metrics_core::{Payload, Sink, SinkError};
///
/// struct ToThread(Sender<Payload>);
///
/// impl Sink for ToThread {
///     async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
///         for payload in batch {
///             self.0.send(payload.clone()).map_err(|_| SinkError::permanent("closed", "the reader is gone"))?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Sink: Send + 'static {
    /// Delivers all of `batch`, in order, or says why not.
    ///
    /// # Errors
    ///
    /// [`SinkError`] says whether trying again may help.
    fn deliver(&mut self, batch: &[Payload]) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Called once, after the last delivery, with whatever time is left before the deadline.
    fn close(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Why a batch was not delivered, and whether trying again may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkError {
    kind: &'static str,
    message: String,
    transient: bool,
}

impl SinkError {
    /// A failure that may pass by itself: a lost connection, a timeout, a full disk.
    ///
    /// `kind` is a short fixed word; it becomes a label value of the publisher's self-metrics.
    #[must_use]
    pub fn transient(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), transient: true }
    }

    /// A failure that stays until somebody acts: a wrong password, a list that is no list.
    #[must_use]
    pub fn permanent(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), transient: false }
    }

    /// The short fixed word that says what kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether the failure may pass by itself.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SinkError {}

/// Appends documents to a file, one JSON object a line.
///
/// A batch is one write. A half-written line, left by a full disk or a crash, is closed with a
/// newline before the next document, so that every later line parses.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use aios_metrics_core::{JsonLinesSink, Payload};
///
/// let path = std::env::temp_dir().join(format!("documents-{}.jsonl", std::process::id()));
/// let mut sink = JsonLinesSink::open(&path)?;
/// sink.append(&[Payload::new(0, br#"{"type":"app"}"#.as_slice())])?;
/// assert_eq!(std::fs::read_to_string(&path)?, "{\"type\":\"app\"}\n");
/// # std::fs::remove_file(path)
/// # }
/// ```
#[derive(Debug)]
pub struct JsonLinesSink {
    file: File,
    path: PathBuf,
    torn: bool,
    buffer: Vec<u8>,
}

impl JsonLinesSink {
    /// Opens `path` for appending, creating it when it isn't there.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
        let torn = ends_inside_a_line(&file)?;
        Ok(Self { file, path, torn, buffer: Vec::new() })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `batch`; for callers without the publisher's loop.
    ///
    /// # Errors
    ///
    /// What the file system says; a part of the batch may have been written.
    pub fn append(&mut self, batch: &[Payload]) -> io::Result<()> {
        self.buffer.clear();
        if self.torn {
            self.buffer.push(b'\n');
        }
        for payload in batch {
            self.buffer.extend_from_slice(payload.json());
            self.buffer.push(b'\n');
        }
        // Until all of it is written the file may end inside a line.
        self.torn = true;
        self.file.write_all(&self.buffer)?;
        self.torn = false;
        Ok(())
    }
}

fn ends_inside_a_line(mut file: &File) -> io::Result<bool> {
    use std::io::{Read, Seek, SeekFrom};
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

impl Sink for JsonLinesSink {
    async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
        self.append(batch).map_err(|error| {
            SinkError::transient("file", format!("can't append to {}: {error}", self.path.display()))
        })
    }
}

#[cfg(any(test, feature = "test-util"))]
pub use memory::MemorySink;

#[cfg(any(test, feature = "test-util"))]
mod memory {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::{Payload, Sink, SinkError};

    /// Keeps what is delivered in memory; for tests. Clones share what they hold.
    #[derive(Clone, Debug, Default)]
    pub struct MemorySink(Arc<Mutex<Vec<Payload>>>);

    impl MemorySink {
        /// An empty sink.
        #[must_use]
        pub fn new() -> Self {
            Self::default()
        }

        /// What has been delivered so far, oldest first.
        #[must_use]
        pub fn delivered(&self) -> Vec<Payload> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }

    impl Sink for MemorySink {
        async fn deliver(&mut self, batch: &[Payload]) -> Result<(), SinkError> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(batch);
            Ok(())
        }
    }
}
