//! Answers Prometheus: the metrics page, the JSON document and a health check over HTTP/1.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the page, in text 0.0.4 or OpenMetrics as the `Accept` header asks |
//! | `/snapshot` | the document, `application/json` |
//! | `/healthz` | `ok` |
//! | `/readyz` | `ready`, or 503 and why not, where [a check](Exporter::with_readiness) was given |
//!
//! [`Exporter::router`] is for services that have an axum application already, and
//! [`Exporter::serve`] for those that don't: it serves a listener until it is told to stop, within
//! the [`Limits`] given, so that silent, slow and hostile clients keep nobody else from an answer.
//!
//! With the feature `tls` it speaks TLS and asks who wants to know: see `Exporter::with_web_config`
//! and `Exporter::with_web_config_file`, which takes the file that Prometheus' own exporters take.
//!
//! A scrape reads memory only. Snapshots and buffers are used again, and a slow reader holds no
//! lock and at most one page.
//!
//! # What this crate does not do
//!
//! It spawns no thread and starts no runtime: it returns futures, which work on a current-thread
//! runtime too. It knows neither hardware nor Redis; what a page shows comes through
//! [`aios_metrics_core::Documents`].

mod acceptor;
mod connection;
mod exporter;
mod limits;
mod media_range;
mod negotiate;
mod paced;
mod pages;
mod pool;
mod readiness;
mod routes;
mod seat;
mod server;
mod stats;
mod throttle;
mod web;

pub use exporter::Exporter;
pub use limits::Limits;
#[cfg(feature = "tls")]
pub use web::{
    Auth, ClientAuth, Pem, RateLimit, ServerTls, TlsVersion, WebConfig, WebConfigError, WebConfigProblem,
};
