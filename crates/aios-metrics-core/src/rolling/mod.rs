//! Rolling windows: averages, counts, rates and extremes of the last minutes in fixed memory.
//!
//! Each metric has one ring of time slots; each thread has one slot of its own per metric, in its
//! slab. An observation goes into the thread's slot; when the time of the slot is over, the thread
//! folds it into the ring, unless a reader holds the ring, in which case it goes on in a backlog
//! and is folded later. A reader holds the ring while it adds up the ring and all slots, so that
//! every observation is in exactly one place.
//!
//! A metric that answers quantiles keeps sketches besides, by the same method: two for each thread,
//! and a ring of coarser time slots.

#[cfg(all(test, loom))]
mod loom;
mod metric;
mod options;
mod quantile;
mod quantiles;
mod ring;
mod set;
mod sketch;
mod sketches;
mod slot;
mod summary;

pub use metric::RollingMetric;
pub use options::RollingOptions;
pub(crate) use set::RollingSet;
pub use set::RollingWindows;
pub use summary::{ExtendedMetrics, QuantileSummary, Summary, WindowStatistics};
pub(crate) use summary::{Named, Summaries};
