//! Credentials: whatever the lines of `Authorization` hold, only who has the password or the token gets in.

#![no_main]

use std::sync::{Arc, LazyLock};

use aios_metrics_core::{Documents, Identity, Registry};
use aios_metrics_http::{Auth, Exporter, WebConfig};
use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const TOKEN: &str = "b3f1d0a95c7e48e2";

/// `a:open sesame`, and the hash of that password at the least cost.
const PAIR: &str = "YTpvcGVuIHNlc2FtZQ==";
const HASH: &str = "$2y$04$9rVs4pvHOLSgaeiySt8Ksuf4G/4W0zFElyE2eA33n5CbnFj7VlXIO";

static SERVICE: LazyLock<(Runtime, Router)> = LazyLock::new(|| {
    let documents = Documents::new(Arc::new(Registry::new()), Identity::new("b", "i", "n"));
    let auth = Auth::default().with_user("a", HASH).with_bearer_token(TOKEN);
    let exporter = Exporter::new(Arc::new(documents));
    let exporter = exporter.with_web_config(WebConfig::default().with_auth(auth)).expect("it is good");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    (runtime, exporter.router())
});

fuzz_target!(|text: &[u8]| {
    let (runtime, router) = &*SERVICE;
    let lines: Vec<_> =
        text.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let mut request = Request::get("/healthz").body(Body::empty()).expect("the path is good");
    for line in &lines {
        request.headers_mut().append(AUTHORIZATION, line.clone());
    }
    let response = runtime.block_on(router.clone().oneshot(request)).expect("an answer to every request");
    let may_enter = match &*lines {
        [line] => {
            let line = line.as_bytes();
            let scheme = |name: &str| {
                let (scheme, rest) = line.split_at_checked(name.len())?;
                scheme.eq_ignore_ascii_case(name.as_bytes()).then_some(rest.strip_prefix(b" ")?.trim_ascii())
            };
            scheme("bearer") == Some(TOKEN.as_bytes()) || scheme("basic") == Some(PAIR.as_bytes())
        }
        _ => false,
    };
    let expected = if may_enter { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    assert_eq!(response.status(), expected, "{lines:?}");
});
