//! Answers Prometheus: the metrics page, the JSON document and a health check over HTTP/1.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | the page, in text 0.0.4, OpenMetrics or, with the feature `protobuf`, protobuf, as the `Accept` header asks |
//! | `/snapshot` | the document, `application/json` |
//! | `/healthz` | `ok` |
//! | `/readyz` | `ready`, or 503 and why not, where [a check](Exporter::with_readiness) was given |
//! | `/` | a page for people that links the others |
//!
//! [`Exporter::router`] is for services that have an axum application already, and
//! [`Exporter::serve`] for those that don't: it serves a listener until it is told to stop, within
//! the [`Limits`] given, so that silent, slow and hostile clients keep nobody else from an answer.
//!
//! With the feature `tls` it speaks TLS and asks who wants to know: see `Exporter::with_web_config`
//! and `Exporter::with_web_config_file`, which takes the file that Prometheus' own exporters take.
//!
//! [`HttpMetricsLayer`] measures the requests of such an application.
//!
//! A scrape reads memory only. Snapshots, buffers and compressors are used again, overlapping
//! scrapes share a page, and a slow reader holds no lock and at most one page.
//!
//! # What this crate does not do
//!
//! It starts no runtime: it returns futures, which work on a current-thread runtime too. Pages are
//! made on that runtime's blocking threads, so that a collector that hangs costs its pages only. It knows
//! neither hardware nor Redis; what a page shows comes through [`aios_metrics_core::Documents`].

mod acceptor;
mod connection;
mod encoding;
mod exporter;
mod flight;
mod gzip;
mod landing;
mod limits;
mod maker;
mod media_range;
mod negotiate;
mod paced;
mod pages;
mod pool;
mod readiness;
mod request;
mod routes;
mod seat;
mod seats;
mod server;
mod server_metrics;
mod stats;
mod throttle;
mod web;

pub use exporter::Exporter;
pub use limits::Limits;
pub use server_metrics::{HttpMetrics, HttpMetricsFuture, HttpMetricsLayer};
#[cfg(feature = "tls")]
pub use web::{
    Auth, ClientAuth, Pem, RateLimit, ServerTls, TlsVersion, WebConfig, WebConfigError, WebConfigProblem,
};

/// Reads a text in the form of a web configuration's file, and no file that it names; for fuzzing.
///
/// # Errors
///
/// What can't be used.
#[cfg(all(fuzzing, feature = "tls"))]
#[doc(hidden)]
pub fn parse_web_config(path: &std::path::Path, text: &[u8]) -> Result<WebConfig, WebConfigError> {
    web::parse_config(path, text)
}
