//! What can be attached.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use prometheus_client::encoding::text::encode_registry;

/// A [`prometheus_client`] registry that
/// [`Registry::attach`](crate::Registry::attach) takes, in whatever its owner keeps it: by itself, in
/// an `Arc`, a `Mutex` or an `RwLock`.
///
/// Another lock, or another source of OpenMetrics text, is a few lines:
///
/// ```
/// use std::fmt;
/// use aios_metrics_core::{Attach, OpenMetricsText, Registry};
/// use aios_metrics_core::prometheus_client::{encoding::text::encode_registry, registry};
///
/// struct Shared(parking_lot::RwLock<registry::Registry>);
/// # mod parking_lot {
/// #     pub struct RwLock<T>(std::sync::RwLock<T>);
/// #     impl<T> RwLock<T> {
/// #         pub fn new(t: T) -> Self { Self(std::sync::RwLock::new(t)) }
/// #         pub fn read(&self) -> std::sync::RwLockReadGuard<'_, T> { self.0.read().unwrap() }
/// #     }
/// # }
///
/// impl Attach for Shared {
///     fn encode(&self, out: &mut String) -> fmt::Result {
///         encode_registry(out, &self.0.read())
///     }
/// }
///
/// let ours = Registry::new();
/// ours.attach(Shared(parking_lot::RwLock::new(registry::Registry::default())));
/// # let mut page = Vec::new();
/// # ours.encode(&OpenMetricsText, &mut page);
/// # assert_eq!(page, b"# EOF\n");
/// ```
pub trait Attach: Send + Sync + 'static {
    /// Appends all metrics as OpenMetrics text, the way `prometheus_client` writes it: each family
    /// with `# HELP` and `# TYPE`, in this order, ahead of its samples. Called for each snapshot.
    ///
    /// # Errors
    ///
    /// As the encoder has them; the family that was being written is left out then.
    fn encode(&self, out: &mut String) -> fmt::Result;
}

impl Attach for prometheus_client::registry::Registry {
    fn encode(&self, out: &mut String) -> fmt::Result {
        encode_registry(out, self)
    }
}

impl<T: Attach> Attach for Arc<T> {
    fn encode(&self, out: &mut String) -> fmt::Result {
        T::encode(self, out)
    }
}

/// The lock is held while the text is written: whoever holds it must not take a snapshot of the
/// registry to which this is attached.
impl<T: Attach> Attach for Mutex<T> {
    fn encode(&self, out: &mut String) -> fmt::Result {
        self.lock().unwrap_or_else(PoisonError::into_inner).encode(out)
    }
}

/// A read lock is held while the text is written: whoever holds the lock for writing must not take a
/// snapshot of the registry to which this is attached.
impl<T: Attach> Attach for RwLock<T> {
    fn encode(&self, out: &mut String) -> fmt::Result {
        self.read().unwrap_or_else(PoisonError::into_inner).encode(out)
    }
}
