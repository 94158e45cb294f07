//! The metrics inside an application that has an HTTP server of its own.
//!
//! The exporter's router is nested under `/internal`, and a layer counts and times the application's
//! requests by the template of their route. The program then asks itself.

#![allow(clippy::print_stdout)]

use std::sync::Arc;

use aios_metrics::http::{Exporter, HttpMetricsLayer};
use aios_metrics::{AiosMetrics, MetricsConfig};
use axum::extract::Path;
use axum::{Router, routing::get};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = AiosMetrics::new(MetricsConfig::default().with_redis_enabled(false))?;
    let exporter = Exporter::new(Arc::clone(metrics.documents())).with_self_metrics(metrics.registry())?;

    let app = Router::new()
        .route("/items/{id}", get(async |Path(id): Path<u32>| format!("item {id}\n")))
        // Around the routes above: what is added after it is not measured.
        .layer(HttpMetricsLayer::new(metrics.registry())?)
        .nest("/internal", exporter.router());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    println!("serving http://{addr}/items/1 and http://{addr}/internal/metrics");
    let server = tokio::spawn(axum::serve(listener, app).into_future());

    for id in ["1", "2", "three"] {
        println!("{}", fetch(addr, &format!("/items/{id}")).await?.lines().next().unwrap_or_default());
    }
    let page = fetch(addr, "/internal/metrics?name[]=http_server_request_duration_seconds").await?;
    for line in page.lines().filter(|line| line.contains("_count{")) {
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
