//! What the exporter and the publisher read from.

use crate::snapshot::Snapshot;

/// Something that can picture everything it knows at one moment.
pub trait Source: Send + Sync + 'static {
    /// Fills `snapshot` anew; what it held before is gone, its memory is used again.
    ///
    /// Stops no writer and, once `snapshot` has grown to its size, allocates nothing.
    fn snapshot_into(&self, snapshot: &mut Snapshot);

    /// A picture of its own. For repeated use, keep a [`Snapshot`] and fill it.
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        self.snapshot_into(&mut snapshot);
        snapshot
    }
}
