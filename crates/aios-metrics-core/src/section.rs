//! Named parts of the document beside the samples.

use serde_json::Value;

/// A named part of the document, such as `"hardware"`.
///
/// It is asked on the thread that takes the document, so it answers from memory.
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Section;
/// use serde_json::{Value, json};
///
/// struct Build;
///
/// impl Section for Build {
///     fn name(&self) -> &str {
///         "build"
///     }
///     fn read(&self) -> Option<Value> {
///         Some(json!({"version": env!("CARGO_PKG_VERSION")}))
///     }
/// }
/// ```
pub trait Section: Send + Sync + 'static {
    /// The section's key in the document.
    fn name(&self) -> &str;

    /// The section's value; `None` leaves the key out.
    fn read(&self) -> Option<Value>;

    /// Another number whenever [`read`](Self::read) may tell something else than before.
    ///
    /// A section tells it that adds samples to the page as well: a document is taken again when the
    /// number changed in between, so that both are of one moment. Others leave it at 0.
    fn version(&self) -> u64 {
        0
    }
}
