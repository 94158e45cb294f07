//! Metrics that are read rather than updated.

use crate::descriptor::Descriptor;
use crate::snapshot::Snapshot;

/// Adds families of its own to every snapshot: figures of the operating system, of a pool, of a
/// library that counts by itself.
///
/// [`collect`](Collect::collect) reads memory only, and can't fail: what isn't known is left out.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::{Collect, Descriptor, Registry, Snapshot, PrometheusText};
///
/// struct Pool { size: Descriptor }
///
/// impl Collect for Pool {
///     fn describe(&self) -> Vec<Descriptor> {
///         vec![self.size.clone()]
///     }
///     fn collect(&self, snapshot: &mut Snapshot) {
///         snapshot.family(&self.size).gauge(&["idle"], 3.0).gauge(&["busy"], 5.0);
///     }
/// }
///
/// # fn main() -> Result<(), aios_metrics_core::RegisterError> {
/// let registry = Registry::new();
/// registry.register(Pool { size: Descriptor::gauge("pool_size", "Connections in the pool", &["state"])? })?;
/// let mut page = Vec::new();
/// registry.encode(&PrometheusText, &mut page);
/// assert!(String::from_utf8_lossy(&page).contains("pool_size{state=\"busy\"} 5\n"));
/// # Ok(())
/// # }
/// ```
pub trait Collect: Send + Sync + 'static {
    /// The families that [`collect`](Collect::collect) may fill; asked once, when registered.
    fn describe(&self) -> Vec<Descriptor>;

    /// Adds what is known now: [`Snapshot::family`] for each family, then its samples.
    fn collect(&self, snapshot: &mut Snapshot);
}
