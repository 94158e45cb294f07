//! Paths, methods and status codes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::negotiate::negotiate;
use crate::pages::{Pages, Panicked};
use crate::readiness::Readiness;

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The endpoints alone, to be merged or nested; other paths are the outer application's.
pub(crate) fn endpoints(pages: Arc<Pages>, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(metrics).fallback(wrong_method))
        .route("/snapshot", get(snapshot).fallback(wrong_method))
        .route("/healthz", get(healthz).fallback(wrong_method))
        .route("/readyz", get(async move || readyz(&readiness)).fallback(wrong_method))
        .with_state(pages)
}

/// The endpoints, and a word to those who look elsewhere.
pub(crate) fn application(pages: Arc<Pages>, readiness: Readiness) -> Router {
    endpoints(pages, readiness).fallback(not_found)
}

async fn metrics(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    let choice = negotiate(&headers);
    let mut response = reply(pages.metrics(choice.format()), choice.content_type());
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

async fn snapshot(State(pages): State<Arc<Pages>>) -> Response {
    reply(pages.document(), JSON)
}

async fn healthz() -> Response {
    text(StatusCode::OK, "ok\n")
}

fn readyz(readiness: &Readiness) -> Response {
    match readiness.check() {
        Ok(()) => text(StatusCode::OK, "ready\n"),
        Err(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, [(CONTENT_TYPE, PLAIN)], reason + "\n").into_response()
        }
    }
}

async fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "not found; there are /metrics, /snapshot, /healthz and /readyz\n")
}

/// The router adds `Allow`.
async fn wrong_method() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed here\n")
}

fn reply(page: Result<Bytes, Panicked>, content_type: HeaderValue) -> Response {
    match page {
        Ok(bytes) => ([(CONTENT_TYPE, content_type)], Body::from(bytes)).into_response(),
        Err(Panicked) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "a collector failed; the service's log tells which\n")
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, PLAIN)], text).into_response()
}
