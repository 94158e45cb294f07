//! Where the SDK's warnings go: to whatever `tracing` subscriber the service has.
//!
//! Here that is one of `tracing-subscriber`, with a filter that lets through warnings of everybody
//! and all that the SDK says. Without a subscriber the SDK is silent.

#![allow(clippy::print_stdout)]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use aios_metrics::{AiosMetrics, MetricsConfig};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // All lines of the SDK have the target `aios_metrics`, whichever of its crates they come from.
    let filter =
        Targets::new().with_default(LevelFilter::WARN).with_target("aios_metrics", LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stdout).with_ansi(false);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();

    // A port on which nobody listens: no Redis will answer there.
    let silent = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let config = MetricsConfig::default()
        .with_http_host("127.0.0.1")
        .with_http_port(0)
        .with_redis_host("127.0.0.1")
        .with_redis_port(silent)
        .with_max_series(3);
    let metrics = AiosMetrics::new(config)?;

    println!("-- the exporter tells its address; the publisher finds no Redis");
    metrics.start_http_server()?;
    let failed = || metrics.value("aios_metrics_push_failures_total", &[("kind", "connection")]);
    let patience = Instant::now() + Duration::from_secs(10);
    while failed().is_none() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(10));
    }

    println!("-- labels for a metric that has none: the value counts, the labels are dropped");
    metrics.register_gauge("workers", "Workers that run", &[])?;
    metrics.set_gauge("workers", 8.0, &[("zone", "a")])?;
    metrics.set_gauge("workers", 9.0, &[("zone", "b")])?;

    println!("-- more label sets than the family may have");
    metrics.register_counter("logins_total", "Logins", &["user"])?;
    for user in ["ada", "grace", "edsger", "barbara"] {
        metrics.increment_counter("logins_total", &[("user", user)], 1)?;
    }

    println!("-- another window for a rolling metric that has one");
    metrics.observe_rolling("latency", 0.13)?;
    metrics.observe_rolling_with_window("latency", 0.14, Duration::from_secs(60))?;

    println!("-- stopping with documents that nobody takes");
    metrics.stop(Duration::from_secs(1));
    Ok(())
}
