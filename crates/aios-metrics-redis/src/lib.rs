//! The publisher of the AIOS metrics SDK: documents into a Redis list, or into a sink of your own.
//!
//! [`Publisher`] is a loop that knows only documents and a [`Sink`](aios_metrics_core::Sink): it
//! takes a document each interval, keeps what waits in a bounded queue, sends it in batches, and
//! tries again with backoff when the sink fails. `RedisSink` (feature `fred`, on by default)
//! pushes each batch into a Redis list with one `LPUSH`.
//!
//! It is at-least-once, oldest first. What the bound drops is counted; nothing else is lost.
//!
//! It does not spawn: [`Publisher::run`] is a future, for a current-thread tokio runtime on a
//! thread of its own or for the runtime that you have. It reads no configuration and writes no
//! documents itself.

mod backoff;
mod handle;
mod journal;
mod options;
mod publisher;
mod queue;
#[cfg(feature = "fred")]
mod redis;
mod self_metrics;
mod stats;

pub use handle::{FlushReport, PublisherHandle, StopReport};
pub use options::PublisherOptions;
pub use publisher::Publisher;
#[cfg(feature = "fred")]
pub use redis::{RedisOptions, RedisServer, RedisSink, RedisTls, RedisTlsError, RedisUrlError};
pub use stats::PublisherStats;
