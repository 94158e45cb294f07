//! What stands between a request and its answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{Gate, Verdict};
use super::live::{Live, Rules};
use super::stats::{Refusal, WebStats};

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Answers a request of `client` as far as the rules allow it. Where the server is not ours, axum may know
/// who it is.
pub(super) async fn guard(
    live: Arc<Live>,
    stats: WebStats,
    client: Option<IpAddr>,
    request: Request,
    next: Next,
) -> Response {
    let connected =
        || request.extensions().get().map(|ConnectInfo(address): &ConnectInfo<SocketAddr>| address.ip());
    let client = client.or_else(connected);
    let rules = live.rules(&stats).await;
    let is_open = rules.open_probes && matches!(request.uri().path(), "/healthz" | "/readyz");
    let admitted =
        if is_open { Ok(()) } else { admit(&live, &rules, &stats, client, request.headers()).await };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal,
    };
    for (name, value) in &rules.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

async fn admit(
    live: &Live,
    rules: &Rules,
    stats: &WebStats,
    client: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<(), Response> {
    if let Some(Err(wait)) = rules.bucket.as_ref().map(|bucket| bucket.take()) {
        stats.refused(Refusal::RateLimit);
        return Err(later(wait, "too many requests\n"));
    }
    let Some(keys) = &rules.keys else { return Ok(()) };
    match live.gate().check(keys, headers, client, stats).await {
        Verdict::Admitted => Ok(()),
        Verdict::Busy => {
            stats.refused(Refusal::Busy);
            Err(later(Duration::from_secs(1), "too many passwords wait to be checked\n"))
        }
        Verdict::Unauthorized => {
            stats.refused(Refusal::Unauthorized);
            live.log_unauthorized(client);
            let mut response = refusal(StatusCode::UNAUTHORIZED, "a valid password or token is needed\n");
            for challenge in Gate::challenges(keys) {
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
            Err(response)
        }
    }
}

fn later(wait: Duration, text: &'static str) -> Response {
    let mut response = refusal(StatusCode::TOO_MANY_REQUESTS, text);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

fn refusal(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, PLAIN)], text).into_response()
}
