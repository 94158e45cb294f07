//! Metrics of an HTTP server's requests, as a layer around its services.

mod method;
mod request;
mod service;

use std::sync::Arc;

use aios_metrics_core::{RegisterError, Registry};
use tower_layer::Layer;

use self::request::Families;
pub use self::service::{HttpMetrics, HttpMetricsFuture};

/// From 5 ms to 10 s, as OpenTelemetry's convention advises.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Measures the requests of a server: a [tower](https://docs.rs/tower-layer) layer for axum
/// applications and other services of `http` requests.
///
/// | family | what it is |
/// |---|---|
/// | `http_server_request_duration_seconds{http_request_method,http_route,http_response_status_code}` | histogram of the time from the request's arrival to the head of its response; its `_count` is the number of requests |
/// | `http_server_active_requests{http_request_method}` | gauge of the requests for whose response's head somebody waits |
///
/// Names, labels and default buckets are those of OpenTelemetry's
/// [convention](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/), as its exporters for
/// Prometheus write them. The labels take few values whatever clients send:
///
/// - `http_request_method` is one of the methods of RFC 9110 and PATCH, or `_OTHER`.
/// - `http_route` is the template of the route, such as `/items/{id}`: axum's [`MatchedPath`], which
///   is there when the layer is added by [`Router::layer`] after the routes. Requests that no route
///   matched, and those of services without axum, have `_UNMATCHED`.
/// - `http_response_status_code` is the status. A request that was **cancelled** before its response's
///   head was ready, mostly because the client had gone, has 499; nothing is sent then, and the time is
///   that until it was given up. An error of the service itself, and a panic, have 500.
///
/// A body that is still being sent is not waited for. Measuring costs no allocation once a series
/// exists, and no lock.
///
/// [`MatchedPath`]: axum::extract::MatchedPath
/// [`Router::layer`]: axum::Router::layer
///
/// # Examples
///
/// ```
/// use aios_metrics_core::Registry;
/// use aios_metrics_http::HttpMetricsLayer;
/// use axum::{Router, routing::get};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let registry = Registry::new();
/// let app: Router = Router::new()
///     .route("/items/{id}", get(async || "an item"))
///     .layer(HttpMetricsLayer::new(&registry)?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpMetricsLayer {
    families: Arc<Families>,
}

impl HttpMetricsLayer {
    /// Registers the families, with buckets from 5 ms to 10 s. Layers that share a registry share
    /// them.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Conflict`] when one of the names is taken by something different.
    pub fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Self::with_buckets(registry, &BUCKETS)
    }

    /// The same with upper bounds of your own, in seconds; one at your latency target tells how
    /// often it is kept.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and for bounds that are empty, not ascending or not finite.
    pub fn with_buckets(registry: &Registry, buckets: &[f64]) -> Result<Self, RegisterError> {
        Ok(Self { families: Arc::new(Families::register(registry, buckets)?) })
    }
}

impl<S> Layer<S> for HttpMetricsLayer {
    type Service = HttpMetrics<S>;

    fn layer(&self, service: S) -> Self::Service {
        HttpMetrics::new(service, Arc::clone(&self.families))
    }
}
