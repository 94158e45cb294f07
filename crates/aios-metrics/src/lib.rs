//! The AIOS metrics SDK. Start at [`AiosMetrics`]; this is the README:
//!
#![doc = include_str!("../README.md")]

mod block;
mod config;
mod error;
// Without exporter and publisher nothing can be started, and what starting needs lies idle.
#[cfg_attr(not(any(feature = "http", feature = "redis")), allow(dead_code))]
mod life;
mod metrics;
#[cfg_attr(not(any(feature = "http", feature = "redis")), allow(dead_code))]
mod probes;
mod update;

/// The code in the documentation, compiled and run like that of the README above.
#[cfg(all(doctest, feature = "hw", feature = "http", feature = "redis"))]
mod docs;

pub use aios_metrics_core as core;
#[cfg(feature = "http")]
pub use aios_metrics_http as http;
#[cfg(feature = "hw")]
pub use aios_metrics_hw as hw;
#[cfg(feature = "redis")]
pub use aios_metrics_redis as redis;

#[doc(inline)]
pub use aios_metrics_core::*;

pub use config::{ConfigError, ConfigProblem, MetricsConfig};
pub use error::StartError;
pub use life::{FlushReport, StopReport};
pub use metrics::AiosMetrics;
