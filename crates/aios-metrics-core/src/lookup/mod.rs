//! Finding: hash tables and nodes that are read without a lock.

pub(crate) mod list;
#[cfg(all(test, loom))]
mod loom;
pub(crate) mod memo;
pub(crate) mod node;
pub(crate) mod nodes;
pub(crate) mod table;
pub(crate) mod values;

/// What was replaced or unlinked here; readers may still walk it.
pub(crate) enum Retired {
    /// A table that was outgrown.
    Entries(#[expect(dead_code, reason = "kept until it is dropped")] table::Outgrown),
    /// A list of blocks that another one has followed.
    Directory(#[expect(dead_code, reason = "kept until it is dropped")] nodes::Replaced),
    /// A block without living nodes; [`nodes::Nodes::release`] takes it.
    Block(u32),
}
