//! Metric types: handles that users hold, and the families that they come from.

mod amount;
pub(crate) mod control;
pub(crate) mod counter;
pub(crate) mod exemplar;
mod expiry;
mod family;
mod find;
pub(crate) mod gauge;
pub(crate) mod histogram;
mod life;
pub(crate) mod series;
mod target;

pub use amount::Amount;
pub(crate) use amount::{Parts, Total};
pub use counter::Counter;
pub(crate) use family::Held;
pub use family::{Family, Metric};
pub use gauge::{Gauge, InFlight};
pub use histogram::{Histogram, Timer};
pub(crate) use target::Found;
