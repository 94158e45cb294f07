//! What became of the documents.

use std::fmt;

/// What a flush did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlushReport {
    /// Documents delivered while it ran.
    pub delivered: u64,
    /// Documents dropped while it ran, because newer ones needed their room.
    pub dropped: u64,
    /// Documents that still wait.
    pub left: u64,
}

/// What became of all documents of an instance, from its start to its stop.
///
/// `delivered + dropped + left` are all that were ever queued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// Documents that arrived.
    pub delivered: u64,
    /// Documents dropped, because newer ones needed their room.
    pub dropped: u64,
    /// Documents that were still waiting at the deadline. One in flight may yet arrive.
    pub left: u64,
    /// Whether every background thread had ended by the deadline.
    pub joined: bool,
}

impl Default for StopReport {
    fn default() -> Self {
        Self { delivered: 0, dropped: 0, left: 0, joined: true }
    }
}

impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivered, dropped, left, joined } = self;
        write!(f, "{delivered} documents delivered, {dropped} dropped, {left} left")?;
        if *joined { Ok(()) } else { f.write_str("; a thread had not ended by the deadline") }
    }
}
