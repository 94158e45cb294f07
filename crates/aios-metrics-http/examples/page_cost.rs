//! What a page costs: its bytes and the time to make it, plain and compressed, for 10,000 and 100,000
//! series.
//!
//! Each page is asked for through the exporter's router, as a scraper would, without a socket. Beside it
//! stands what compression alone takes at the exporter's level, the fastest, and at the usual one.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aios_metrics_core::{Documents, Identity, Registry};
use aios_metrics_http::Exporter;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING};
use flate2::{Compress, Compression, FlushCompress, Status};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

const ROUNDS: usize = 11;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "| series | format | plain, bytes | ms | gzip, bytes | ms | level 1 alone, bytes | ms | level 6 | ms |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for families in [10, 100] {
        let identity = Identity::new("billing", "billing-1", "node-7");
        let documents = Documents::new(Arc::new(filled(families)?), identity);
        let app = TowerToHyperService::new(Exporter::new(Arc::new(documents)).router());
        for (name, accept) in [("text", "text/plain"), ("openmetrics", "application/openmetrics-text")] {
            let (page, plain) = cost(&app, accept, "identity").await?;
            let (packed, both) = cost(&app, accept, "gzip").await?;
            let mut line = format!("| {} | {name}", families * 1_000);
            let levels = [Compression::fast(), Compression::default()].map(|level| compression(&page, level));
            for (bytes, took) in [(page.len(), plain), (packed.len(), both)].into_iter().chain(levels) {
                write!(line, " | {bytes} | {:.2}", took.as_secs_f64() * 1e3)?;
            }
            println!("{line} |");
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

/// The page, and the median time until it is there.
async fn cost(
    app: &TowerToHyperService<axum::Router>,
    accept: &str,
    encoding: &str,
) -> Result<(Bytes, Duration), Box<dyn Error>> {
    let (mut page, mut times) = (Bytes::new(), Vec::new());
    for _ in 0..ROUNDS {
        let request = Request::get("/metrics").header(ACCEPT, accept).header(ACCEPT_ENCODING, encoding);
        let request = request.body(Body::empty())?;
        // The buffer of the page before is free for the next one.
        drop(std::mem::take(&mut page));
        let started = Instant::now();
        let response = app.call(request).await?;
        page = to_bytes(response.into_body(), usize::MAX).await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok((page, times[ROUNDS / 2]))
}

/// The bytes of a page that is compressed at this level, and the median time for it.
fn compression(page: &[u8], level: Compression) -> (usize, Duration) {
    let mut compressor = Compress::new_gzip(level, 15);
    let (mut packed, mut times) = (Vec::with_capacity(page.len()), Vec::new());
    for _ in 0..ROUNDS {
        packed.clear();
        compressor.reset();
        let started = Instant::now();
        let status = compressor.compress_vec(page, &mut packed, FlushCompress::Finish);
        times.push(started.elapsed());
        assert!(matches!(status, Ok(Status::StreamEnd)), "{status:?}");
    }
    times.sort_unstable();
    (packed.len(), times[ROUNDS / 2])
}
