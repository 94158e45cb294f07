//! Who a document is from.

use std::hash::{BuildHasher, RandomState};

/// Who a document is from: the block, its instance, the node, and this run of it.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Identity;
///
/// let identity = Identity::new("block-1", "instance-42", "node-7");
/// assert_eq!(identity.boot_id.len(), 32);
/// assert_ne!(identity.boot_id, Identity::new("block-1", "instance-42", "node-7").boot_id);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `blockId`: the deployed model or computation.
    pub block_id: String,
    /// `instanceId`: one instance of the block.
    pub instance_id: String,
    /// `nodeId`: the machine.
    pub node_id: String,
    /// `bootId`: 128 random bits in hex, which tell one run of an instance from the next.
    pub boot_id: String,
}

impl Identity {
    /// An identity with a fresh `bootId`.
    #[must_use]
    pub fn new(
        block_id: impl Into<String>,
        instance_id: impl Into<String>,
        node_id: impl Into<String>,
    ) -> Self {
        Self {
            block_id: block_id.into(),
            instance_id: instance_id.into(),
            node_id: node_id.into(),
            boot_id: random_hex(),
        }
    }

    /// The same with a `bootId` of your own: for tests, and for programs that have a run id already.
    #[must_use]
    pub fn with_boot_id(mut self, boot_id: impl Into<String>) -> Self {
        self.boot_id = boot_id.into();
        self
    }
}

/// 128 bits that the standard library drew from the operating system to key its hash maps; each
/// new state has a key of its own.
fn random_hex() -> String {
    let word = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", word(), word())
}
