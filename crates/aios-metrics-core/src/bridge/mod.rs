//! The door to the ecosystem: metrics of `prometheus-client` registries in our snapshots.
//!
//! That crate shows its metrics to its own encoders only, and of these the one for OpenMetrics text is
//! always there. So an attached registry is [encoded](attach), its text [taken apart](text) family
//! by family, and what is in order goes into the [snapshot](reading). What isn't is left out and
//! [counted](rejected): that crate accepts any name, any label and any help.
//!
//! The other direction, our registry among theirs, is in `registry/bridge.rs`.

mod attach;
mod exemplar;
mod histogram;
mod reading;
mod rejected;
mod text;

pub use self::attach::Attach;
pub(crate) use self::reading::Attached;
pub(crate) use self::rejected::{Reason, Rejected};
