//! Requests: whatever their lines ask for, `/metrics` answers with a page in a format that we have, unless they
//! refuse every coding or don't wait long enough.
//!
//! The first line is the path's query, each further one a header: `Accept: */*`.

#![no_main]

use std::sync::{Arc, LazyLock};

use aios_metrics_core::{Documents, Identity, Registry};
use aios_metrics_http::Exporter;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tower::ServiceExt;

static SERVICE: LazyLock<(Runtime, Router)> = LazyLock::new(|| {
    let registry = Registry::new();
    registry.register_counter("jobs", "Jobs", &[]).expect("a family like any");
    let documents = Documents::new(Arc::new(registry), Identity::new("b", "i", "n"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    (runtime, Exporter::new(Arc::new(documents)).router())
});

fuzz_target!(|text: &[u8]| {
    let (runtime, router) = &*SERVICE;
    let mut lines = text.split(|&byte| byte == b'\n');
    let query = std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let mut request = match Request::get(format!("/metrics{query}")).body(Body::empty()) {
        Ok(request) => request,
        Err(_) => return,
    };
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..colon], line.get(colon + 1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            request.headers_mut().append(name, value);
        }
    }
    let is_page = request.uri().path() == "/metrics";
    let says = |name: &str| request.headers().contains_key(name);
    let may_be = [
        (true, StatusCode::OK),
        (says("accept-encoding"), StatusCode::NOT_ACCEPTABLE),
        (says("x-prometheus-scrape-timeout-seconds"), StatusCode::SERVICE_UNAVAILABLE),
    ];
    let response = runtime.block_on(router.clone().oneshot(request)).expect("an answer to every request");
    if !is_page {
        return;
    }
    let status = response.status();
    assert!(may_be.contains(&(true, status)), "{status}");
    if status != StatusCode::OK {
        return;
    }
    let kind = response.headers()[CONTENT_TYPE].to_str().expect("plain ASCII").to_owned();
    let known = [
        "text/plain; version=0.0.4",
        "application/openmetrics-text; version=",
        "application/vnd.google.protobuf",
    ];
    assert!(known.iter().any(|known| kind.starts_with(known)), "{kind}");
    let encoded = response.headers().contains_key(CONTENT_ENCODING);
    let body = runtime.block_on(to_bytes(response.into_body(), 1 << 20)).expect("a body");
    if !encoded && !kind.contains("protobuf") {
        let page = std::str::from_utf8(&body).expect("a page is UTF-8");
        assert!(page.contains("\njobs_total 0\n"), "{page}");
        assert_eq!(page.ends_with("# EOF\n"), kind.contains("openmetrics"));
    }
});
