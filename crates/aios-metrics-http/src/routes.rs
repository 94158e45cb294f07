//! Paths, methods and status codes.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::{
    CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::landing;
use crate::maker::{Page, What};
use crate::negotiate::negotiate;
use crate::pages::{Pages, Refusal};
use crate::readiness::Readiness;
use crate::request;

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
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

/// The endpoints, the landing page if there is one, and a word to those who look elsewhere.
pub(crate) fn application(pages: Arc<Pages>, readiness: Readiness, landing: Option<String>) -> Router {
    let mut router = endpoints(pages, readiness);
    if let Some(page) = landing {
        let page = Bytes::from(page);
        router = router.route("/", get(async move || html(page)).fallback(wrong_method));
    }
    router.fallback(not_found)
}

async fn metrics(
    State(pages): State<Arc<Pages>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let choice = negotiate(&headers);
    let selection = request::selection(query.as_deref());
    let page = pages.scrape(choice.format(), selection, &method, &headers).await;
    reply(page, choice.content_type(), "Accept, Accept-Encoding")
}

async fn snapshot(State(pages): State<Arc<Pages>>, headers: HeaderMap) -> Response {
    reply(pages.get(What::Document, &headers).await, JSON, "Accept-Encoding")
}

async fn healthz() -> Response {
    text(StatusCode::OK, "ok\n")
}

fn readyz(readiness: &Readiness) -> Response {
    match readiness.check() {
        Ok(()) => text(StatusCode::OK, "ready\n"),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason + "\n"),
    }
}

async fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "not found; there are /metrics, /snapshot, /healthz and /readyz\n")
}

/// The router adds `Allow`.
async fn wrong_method() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are allowed here\n")
}

/// `vary` names the headers of the request on which the answer depends.
fn reply(page: Result<Page, Refusal>, content_type: HeaderValue, vary: &'static str) -> Response {
    let mut response = match page {
        Ok(Page { bytes, gzipped }) => {
            let mut response = ([(CONTENT_TYPE, content_type)], Body::from(bytes)).into_response();
            if gzipped {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        }
        Err(refusal) => refuse(refusal),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static(vary));
    response
}

fn refuse(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Failed => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "a collector failed; the service's log tells which\n")
        }
        Refusal::Busy => {
            let answer = "too many different pages are wanted at the same time; try again in a second\n";
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, answer);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            response
        }
        Refusal::Ending => text(StatusCode::SERVICE_UNAVAILABLE, "the exporter is shutting down\n"),
        Refusal::TooLate(timeout) => {
            text(StatusCode::SERVICE_UNAVAILABLE, format!("the page was not ready within {timeout:?}\n"))
        }
        Refusal::NotAcceptable => {
            text(StatusCode::NOT_ACCEPTABLE, "Accept-Encoding refuses what there is: gzip and identity\n")
        }
    }
}

fn html(page: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, HTML),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(landing::POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, page).into_response()
}

fn text(status: StatusCode, text: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, PLAIN)], text.into()).into_response()
}
