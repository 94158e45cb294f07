//! A small service with metrics: it hashes the files of a folder, round after round, and tells
//! which of them are new, the same or changed since the round before.
//!
//! `cargo run --release --example quickstart` works on the current folder for five seconds. What it
//! counts stands on a page for Prometheus and goes out as documents, to Redis when one answers.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod hashing;
mod publish;
mod report;

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use aios_metrics::{AiosMetrics, MetricsConfig, exponential_buckets};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::args::Args;
use crate::hashing::{Hashing, feed};
use crate::publish::Publication;
use crate::report::Progress;

/// Files that wait for a worker.
const QUEUE: usize = 64;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    if args.help {
        print!("{}", args::HELP);
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    // The SDK warns through `tracing`, as other libraries do.
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr).init();
    let interrupted = interrupts()?;

    let mut config = configuration(args)?;
    let publication = Publication::choose(&mut config)?;
    let metrics = AiosMetrics::new(config)?;
    let addr = metrics.start_http_server()?;
    let documents = publication.start(&metrics)?;
    let hashing = Hashing::new(&metrics)?;

    let threads = thread::available_parallelism().map_or(2, |cores| cores.get().min(4));
    println!("Hashing {} with {threads} threads, {}.", args.folder.display(), args.until());
    println!("The page for Prometheus: http://{addr}/metrics");
    println!("The same as a document:  http://{addr}/snapshot");
    println!("{documents}\n");

    let (queue, waiting) = bounded(QUEUE);
    let (keep_on, told) = bounded::<()>(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| hashing.work(&waiting));
        }
        scope.spawn(|| feed(&args.folder, queue, &told, &hashing));
        watch(args, &metrics, &interrupted);
        // Nobody feeds the queue any more; the workers end once it is empty.
        drop(keep_on);
    });

    let stopped = metrics.stop(Duration::from_secs(5));
    report::print_table(&metrics.snapshot());
    println!("\nStopped with {stopped}.");
    Ok(())
}

/// The environment's configuration, with defaults that suit a short run on one's own machine.
fn configuration(args: &Args) -> Result<MetricsConfig, Box<dyn Error>> {
    let is_unset = |variable: &str| std::env::var_os(variable).is_none_or(|value| value.is_empty());
    let mut config = MetricsConfig::from_env()?;
    if is_unset("BLOCK_ID") {
        config.block_id = "quickstart".to_owned();
    }
    if is_unset("METRICS_HOST") {
        config.http_host = "127.0.0.1".to_owned();
    }
    if is_unset("METRICS_PORT") {
        config.http_port = 0;
    }
    if is_unset("METRICS_PUSH_INTERVAL") {
        config.redis_push_interval_s = 1.0;
    }
    if is_unset("METRICS_HARDWARE_INTERVAL") {
        config.hardware_interval_s = 1.0;
    }
    if is_unset("HISTO_BUCKETS") {
        // From 50 microseconds to 0.8 seconds: a file takes less than the usual request.
        config.default_hist_buckets = exponential_buckets(0.000_05, 4.0, 8);
    }
    Ok(match args.port {
        Some(port) => config.with_http_port(port),
        None => config,
    })
}

/// Gets a message for every Ctrl-C and SIGTERM.
fn interrupts() -> Result<Receiver<()>, ctrlc::Error> {
    let (interrupt, interrupted) = bounded(1);
    ctrlc::set_handler(move || {
        // One that waits already is enough.
        let _ = interrupt.try_send(());
    })?;
    Ok(interrupted)
}

/// Shows how the work goes on, until it is interrupted or its time is over.
fn watch(args: &Args, metrics: &AiosMetrics, interrupted: &Receiver<()>) {
    let end = args.seconds().map(|seconds| Instant::now() + seconds);
    let mut progress = Progress::new(args.seconds().is_none());
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let pause = left.map_or(progress.interval(), |left| left.min(progress.interval()));
        match interrupted.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) if left.is_none_or(|left| left > pause) => progress.show(metrics),
            _ => break,
        }
    }
    progress.finish();
}
