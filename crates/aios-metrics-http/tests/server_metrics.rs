//! The layer that measures the requests of an application.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../../aios-metrics-core/tests/counting/mod.rs"]
mod counting;

use std::future::{Future, Ready, pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aios_metrics_core::{RegisterError, Registry};
use aios_metrics_http::HttpMetricsLayer;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use counting::{Counting, allocations};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tower_layer::Layer;
use tower_service::Service;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(registry: &Registry, method: &str, route: &str, status: &str) -> Option<f64> {
    let labels =
        [("http_request_method", method), ("http_route", route), ("http_response_status_code", status)];
    registry.value("http_server_request_duration_seconds_count", &labels)
}

fn active(registry: &Registry, method: &str) -> f64 {
    registry.value("http_server_active_requests", &[("http_request_method", method)]).unwrap()
}

fn app(registry: &Registry) -> TowerToHyperService<Router> {
    let router = Router::new()
        .route("/items/{id}", get(async || "an item"))
        .route("/items", post(async || (StatusCode::CREATED, "made")))
        .route("/hangs", get(pending::<&str>))
        .route("/panics", get(async || if true { panic!("a bad day") } else { "never" }))
        .nest("/inner", Router::new().route("/{*rest}", get(async || "inside")))
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(HttpMetricsLayer::new(registry).unwrap());
    TowerToHyperService::new(router)
}

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn requests_are_counted_by_method_template_and_status() {
    let registry = Registry::new();
    let app = app(&registry);
    for (method, path) in [
        ("GET", "/items/1"),
        ("GET", "/items/2?x=y"),
        ("HEAD", "/items/3"),
        ("POST", "/items"),
        ("DELETE", "/items"),
        ("BREW", "/items"),
        ("BOIL", "/items"),
        ("GET", "/nowhere"),
        ("GET", "/etc/passwd"),
        ("GET", "/inner/a/b"),
    ] {
        app.call(request(method, path)).await.unwrap();
    }
    for (method, route, status, expected) in [
        ("GET", "/items/{id}", "200", 2.0),
        ("HEAD", "/items/{id}", "200", 1.0),
        ("POST", "/items", "201", 1.0),
        ("DELETE", "/items", "405", 1.0),
        ("_OTHER", "/items", "405", 2.0),
        ("GET", "_UNMATCHED", "404", 2.0),
        ("GET", "/inner/{*rest}", "200", 1.0),
    ] {
        assert_eq!(count(&registry, method, route, status), Some(expected), "{method} {route} {status}");
    }
    assert_eq!(active(&registry, "GET"), 0.0);
}

#[tokio::test]
async fn a_dropped_request_is_no_longer_active_and_counts_as_cancelled() {
    let registry = Registry::new();
    let app = app(&registry);
    {
        let mut first = pin!(app.call(request("GET", "/hangs")));
        let second = app.call(request("GET", "/hangs"));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        assert_eq!(active(&registry, "GET"), 1.0, "the second has not been called yet");
        drop(second);
        assert_eq!(count(&registry, "GET", "/hangs", "499"), None);
    }
    assert_eq!(active(&registry, "GET"), 0.0);
    assert_eq!(count(&registry, "GET", "/hangs", "499"), Some(1.0));
}

#[tokio::test]
async fn a_panic_counts_as_an_error_of_the_server() {
    let registry = Registry::new();
    let app = app(&registry);
    let panicked = tokio::spawn(async move { app.call(request("GET", "/panics")).await.map(drop) }).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(count(&registry, "GET", "/panics", "500"), Some(1.0));
    assert_eq!(active(&registry, "GET"), 0.0);
}

/// Answers at once, and allocates nothing.
#[derive(Clone)]
struct Immediate(Result<StatusCode, &'static str>);

impl Service<Request<()>> for Immediate {
    type Response = Response<()>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(self.0.map(|status| {
            let mut response = Response::new(());
            *response.status_mut() = status;
            response
        }))
    }
}

fn poll_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it is not ready"),
    }
}

#[test]
fn an_error_of_the_service_counts_as_one_of_the_server() {
    let registry = Registry::new();
    let mut service = HttpMetricsLayer::new(&registry).unwrap().layer(Immediate(Err("broken")));
    assert_eq!(poll_once(service.call(Request::new(()))).unwrap_err(), "broken");
    assert_eq!(count(&registry, "GET", "_UNMATCHED", "500"), Some(1.0));
    assert_eq!(active(&registry, "GET"), 0.0);
}

#[test]
fn measuring_allocates_nothing_once_the_series_exists() {
    let registry = Registry::new();
    let mut service = HttpMetricsLayer::new(&registry).unwrap().layer(Immediate(Ok(StatusCode::OK)));
    let mut run = || assert!(poll_once(service.call(Request::new(()))).is_ok());
    run();
    assert_eq!(allocations(|| (0..1_000).for_each(|_| run())), 0);
    assert_eq!(count(&registry, "GET", "_UNMATCHED", "200"), Some(1_001.0));
}

#[test]
fn layers_share_what_they_register_and_are_told_of_a_conflict() {
    let registry = Registry::new();
    let layers = [(); 2].map(|()| HttpMetricsLayer::new(&registry).unwrap());
    for layer in &layers {
        poll_once(layer.layer(Immediate(Ok(StatusCode::OK))).call(Request::new(()))).unwrap();
    }
    assert_eq!(count(&registry, "GET", "_UNMATCHED", "200"), Some(2.0));

    let error = HttpMetricsLayer::with_buckets(&registry, &[0.3]).unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { .. }), "{error}");
    let error = HttpMetricsLayer::with_buckets(&Registry::new(), &[2.0, 1.0]).unwrap_err();
    assert!(matches!(error, RegisterError::Buckets { .. }), "{error}");
}

#[test]
fn buckets_can_be_chosen() {
    let registry = Registry::new();
    let mut service =
        HttpMetricsLayer::with_buckets(&registry, &[3600.0]).unwrap().layer(Immediate(Ok(StatusCode::OK)));
    poll_once(service.call(Request::new(()))).unwrap();
    let mut page = Vec::new();
    registry.encode(&aios_metrics_core::PrometheusText, &mut page);
    let page = String::from_utf8(page).unwrap();
    assert_eq!(page.matches("http_server_request_duration_seconds_bucket").count(), 2, "{page}");
}
