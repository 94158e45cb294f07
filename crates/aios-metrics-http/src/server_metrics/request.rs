//! One request, from its arrival to its end, whichever that is.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use aios_metrics_core::{Family, Gauge, Histogram, RegisterError, Registry};
use axum::extract::MatchedPath;
use axum::http::{Request, StatusCode};

use super::method;

/// The route of requests that no route matched. No template looks like it: those begin with `/`.
const UNMATCHED: &str = "_UNMATCHED";

/// What nginx writes for a client that closed its connection before the answer.
const CANCELLED: &str = "499";

/// What is updated.
#[derive(Debug)]
pub(super) struct Families {
    duration: Family<Histogram>,
    /// One for each of [`method::NAMES`].
    active: [Option<Gauge>; method::NAMES.len()],
}

impl Families {
    pub(super) fn register(registry: &Registry, buckets: &[f64]) -> Result<Self, RegisterError> {
        let duration = registry.register_histogram(
            "http_server_request_duration_seconds",
            "Time from a request's arrival to the head of its response.",
            &["http_request_method", "http_route", "http_response_status_code"],
            Some(buckets),
        )?;
        let active = registry.register_gauge(
            "http_server_active_requests",
            "Requests whose response is being made.",
            &["http_request_method"],
        )?;
        // As many values as labels, so there is always one.
        Ok(Self { duration, active: method::NAMES.map(|name| active.with(&[name]).ok()) })
    }
}

/// A request that is being handled. Dropped without a word, it was cancelled.
#[derive(Debug)]
pub(super) struct Measured {
    families: Arc<Families>,
    method: usize,
    route: Option<MatchedPath>,
    started: Instant,
    is_over: bool,
}

impl Measured {
    pub(super) fn begin<B>(families: &Arc<Families>, request: &Request<B>) -> Self {
        let method = method::index(request.method());
        if let Some(active) = &families.active[method] {
            active.inc();
        }
        Self {
            families: Arc::clone(families),
            method,
            route: request.extensions().get().cloned(),
            started: Instant::now(),
            is_over: false,
        }
    }

    /// The head of the response is there.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.end(status.as_str());
    }

    /// The service itself has failed.
    pub(super) fn failed(&mut self) {
        self.end(StatusCode::INTERNAL_SERVER_ERROR.as_str());
    }

    fn end(&mut self, status: &str) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let Self { families, method, route, started, .. } = self;
        let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
        // As many values as labels: it can't fail.
        let labels = [method::NAMES[*method], route, status];
        let _ = families.duration.observe(&labels, started.elapsed().as_secs_f64());
        if let Some(active) = &families.active[*method] {
            active.dec();
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        if thread::panicking() { self.failed() } else { self.end(CANCELLED) }
    }
}
