//! The metrics inside an application that has an HTTP server of its own.
//!
//! The exporter's router is nested under `/internal`, and a middleware counts and times the
//! application's requests by the template of their route. The program then asks itself.

#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use aios_metrics::http::Exporter;
use aios_metrics::{AiosMetrics, Counter, Family, Histogram, MetricsConfig};
use axum::extract::{MatchedPath, Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::{Router, routing::get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the middleware updates.
#[derive(Clone)]
struct Requests {
    count: Family<Counter>,
    seconds: Family<Histogram>,
}

async fn measure(
    State(requests): State<Requests>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    // The template of the route, such as `/items/{id}`: there are as many as there are routes.
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let start = Instant::now();
    let response = next.run(request).await;
    let seconds = start.elapsed().as_secs_f64();
    // As many values as labels: neither can fail.
    let _ = requests.count.inc(&[route, response.status().as_str()]);
    let _ = requests.seconds.observe(&[route], seconds);
    response
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = AiosMetrics::new(MetricsConfig::default().with_redis_enabled(false))?;
    let requests = Requests {
        count: metrics.register_counter("http_requests_total", "Requests answered", &["route", "code"])?,
        seconds: metrics.register_histogram("http_request_seconds", "Time to answer", &["route"], None)?,
    };
    let exporter = Exporter::new(Arc::clone(metrics.documents())).with_self_metrics(metrics.registry())?;

    let app = Router::new()
        .route("/items/{id}", get(async |Path(id): Path<u32>| format!("item {id}\n")))
        .layer(from_fn_with_state(requests, measure))
        .nest("/internal", exporter.router());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    println!("serving http://{addr}/items/1 and http://{addr}/internal/metrics");
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    for id in ["1", "2", "three"] {
        println!("{}", fetch(addr, &format!("/items/{id}")).await?.lines().next().unwrap_or_default());
    }
    let page = fetch(addr, "/internal/metrics").await?;
    for line in page.lines().filter(|line| line.starts_with("http_requests_total")) {
        println!("{line}");
    }
    server.abort();
    Ok(())
}

async fn fetch(addr: std::net::SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
