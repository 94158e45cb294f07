//! Who is scraped: a process that updates its metrics as fast as it can while it serves them.

use aios_metrics::http::Exporter;
use aios_metrics::{Documents, Identity};
use aios_metrics_bench::input;
use aios_metrics_bench::rival::Recorder;
use aios_metrics_bench::scrapes::{self, Fill, Page};
use axum::http::header::CONTENT_TYPE;
use std::future::pending;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;
use tokio::runtime::Builder;

/// Which library, each with the server that its documentation recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our exporter, as the facade runs it.
    Ours,
    /// The listener of `metrics-exporter-prometheus`, as its `install` runs it.
    Metrics,
    /// `prometheus-client` behind `axum::serve` on tokio's usual runtime.
    Client,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Ours, Self::Metrics, Self::Client];

    /// By its name on the command line.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Metrics => "metrics",
            Self::Client => "client",
        }
    }
}

/// The process of a target, seen from this one.
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Target {
    /// Starts it and waits until it can be scraped.
    pub(crate) fn start(kind: Kind, page: &str) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", kind.name(), page]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let commands = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut target = Self { addr: SocketAddr::from(([127, 0, 0, 1], 0)), process, commands, answers };
        target.addr = target.answer()?.parse().map_err(io::Error::other)?;
        Ok(target)
    }

    /// Runs `work` with the target's address; updates that the target made meanwhile, a second.
    pub(crate) fn updates_during<T>(
        &mut self,
        work: impl FnOnce(SocketAddr) -> io::Result<T>,
    ) -> io::Result<(T, f64)> {
        let (started, before) = (Instant::now(), self.updates()?);
        let result = work(self.addr)?;
        let updates = self.updates()? - before;
        Ok((result, updates / started.elapsed().as_secs_f64()))
    }

    fn updates(&mut self) -> io::Result<f64> {
        let commands = self.commands.as_mut().expect("it is there until the end");
        commands.write_all(b"updates\n")?;
        self.answer()?.parse().map_err(io::Error::other)
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.commands.take());
        let _ = self.process.wait();
    }
}

/// Serves until the end of the standard input; answers each of its lines with the number of updates.
pub(crate) fn serve(kind: Kind, page: Page) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let fill = match kind {
        Kind::Ours => serve_ours(page, listener),
        Kind::Metrics => serve_metrics(page, listener)?,
        Kind::Client => serve_client(page, listener)?,
    };
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    thread::spawn(move || {
        let mut job = page.updates(fill);
        loop {
            job(1_000);
            count.fetch_add(1_000, Ordering::Relaxed);
        }
    });
    println!("{addr}");
    for line in io::stdin().lock().lines() {
        line?;
        println!("{}", made.load(Ordering::Relaxed));
    }
    Ok(())
}

fn serve_ours(page: Page, listener: TcpListener) -> Box<dyn Fill> {
    let (registry, fill) = scrapes::ours::filled(page);
    let documents = Documents::new(Arc::new(registry), Identity::new("bench", "bench-1", "here"));
    let exporter = Exporter::new(Arc::new(documents));
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(exporter.serve(listener, pending()))
    });
    fill
}

fn serve_metrics(page: Page, listener: TcpListener) -> io::Result<Box<dyn Fill>> {
    let addr = listener.local_addr()?;
    // It binds by itself; that the port stays free meanwhile is likely enough.
    drop(listener);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let (recorder, exporter) = Recorder::listening(&input::bounds::<8>(), addr);
    drop(entered);
    let fill = scrapes::metrics::fill(page, &recorder);
    thread::spawn(move || {
        runtime.block_on(exporter).map_err(|error| format!("{error:?}")).expect("it serves")
    });
    Ok(fill)
}

fn serve_client(page: Page, listener: TcpListener) -> io::Result<Box<dyn Fill>> {
    let (registry, fill) = scrapes::client::filled(page);
    let render = async move || {
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).expect("encodes");
        ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page)
    };
    let app = axum::Router::new().route("/metrics", axum::routing::get(render));
    listener.set_nonblocking(true)?;
    thread::spawn(move || {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await })
    });
    Ok(fill)
}
