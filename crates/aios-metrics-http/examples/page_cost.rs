//! What a page costs: its bytes and the time to make it, plain and compressed, for 10,000 and 100,000
//! series.
//!
//! Each page is asked for through the exporter's router, as a scraper would, without a socket.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aios_metrics_core::{Documents, Identity, Registry};
use aios_metrics_http::Exporter;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

const ROUNDS: usize = 11;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("| series | format | plain, bytes | ms | gzip, bytes | ms | smaller by |");
    println!("|--:|---|--:|--:|--:|--:|--:|");
    for families in [10, 100] {
        let identity = Identity::new("billing", "billing-1", "node-7");
        let documents = Documents::new(Arc::new(filled(families)?), identity);
        let app = TowerToHyperService::new(Exporter::new(Arc::new(documents)).router());
        for (name, accept) in [("text", "text/plain"), ("openmetrics", "application/openmetrics-text")] {
            let (plain, plain_took) = cost(&app, accept, "identity").await?;
            let (packed, packed_took) = cost(&app, accept, "gzip").await?;
            println!(
                "| {} | {name} | {plain} | {:.2} | {packed} | {:.2} | {:.1} times |",
                families * 1_000,
                plain_took.as_secs_f64() * 1e3,
                packed_took.as_secs_f64() * 1e3,
                plain as f64 / packed as f64
            );
        }
    }
    Ok(())
}

/// Families of 1,000 counters with three labels each, as services have them.
fn filled(families: usize) -> Result<Registry, Box<dyn Error>> {
    let registry = Registry::new();
    // Any numbers that don't repeat.
    let mut random = 88_172_645_463_325_252_u64;
    for family in 0..families {
        let name = format!("requests_number_{family:02}_total");
        let family = registry.register_counter(&name, "Requests answered", &["method", "route", "code"])?;
        for series in 0..1_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let method = ["GET", "POST", "PUT"][series % 3];
            let code = ["200", "404", "500"][series / 3 % 3];
            family.inc_by(&[method, &format!("/api/v1/items/{}", series / 9), code], random % 1_000_000)?;
        }
    }
    Ok(registry)
}

/// The page's bytes, and the median time until it is there.
async fn cost(
    app: &TowerToHyperService<axum::Router>,
    accept: &str,
    encoding: &str,
) -> Result<(usize, Duration), Box<dyn Error>> {
    let (mut bytes, mut times) = (0, Vec::new());
    for _ in 0..ROUNDS {
        let request = Request::get("/metrics").header(ACCEPT, accept).header(ACCEPT_ENCODING, encoding);
        let request = request.body(Body::empty())?;
        let started = Instant::now();
        let response = app.call(request).await?;
        bytes = to_bytes(response.into_body(), usize::MAX).await?.len();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok((bytes, times[ROUNDS / 2]))
}
