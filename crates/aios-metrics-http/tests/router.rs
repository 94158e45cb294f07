//! The exporter inside of somebody else's application and runtime.

mod common;

use std::net::TcpListener;

use aios_metrics_core::Registry;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use common::{Client, exporter};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

async fn answer(app: &Router, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).expect("the path is good");
    let Ok(response) = TowerToHyperService::new(app.clone()).call(request).await;
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("the body is whole");
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn it_can_be_nested_and_merged_and_leaves_other_paths_alone() {
    let exporter = exporter(&Registry::new());
    let own = Router::new().route("/", get(async || "home")).fallback(async || "own fallback");

    let nested = own.clone().nest("/internal", exporter.router());
    assert_eq!(answer(&nested, "/internal/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(answer(&nested, "/internal/nowhere").await, (200, "own fallback".to_owned()));
    assert_eq!(answer(&nested, "/").await.1, "home");

    let merged = own.merge(exporter.router());
    assert_eq!(answer(&merged, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(answer(&merged, "/nowhere").await, (200, "own fallback".to_owned()));
}

#[test]
fn it_serves_on_the_threads_of_a_users_runtime_and_ends_with_the_future() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = runtime.spawn(exporter(&Registry::new()).serve(listener, std::future::pending()));

    let mut client = Client::connect(addr);
    assert_eq!(client.get("/healthz").status, 200);

    serving.abort();
    assert!(runtime.block_on(serving).unwrap_err().is_cancelled());
    assert!(client.is_closed_in_time());
}
