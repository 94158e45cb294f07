//! The server that is abused, and the good client that it has to go on serving.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aios_metrics_core::Registry;
use aios_metrics_http::{Exporter, Limits};

use crate::common::{Client, DEADLINE, Response, Server, exporter};
use crate::counting::growth;

/// The heap is counted for the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

pub(crate) const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n";

/// What 64 connections may take: a buffer for a head of 16 KiB, and as much again for the rest.
pub(crate) const CONNECTIONS: usize = 64 * 32 * 1024;

/// The pages of the good client: one that is made, one that is read, and its own copy.
pub(crate) const GOOD: usize = 4 << 20;

/// How the good client asks for a path, with these header lines, on a new connection.
type Ask = Box<dyn Fn(SocketAddr, &str, &str) -> io::Result<Response> + Send + Sync>;

/// A registry with 10,000 series, and a server that shows it.
pub(crate) struct Target {
    pub(crate) registry: Registry,
    pub(crate) server: Server,
    ask: Ask,
    _alone: MutexGuard<'static, ()>,
}

impl Target {
    pub(crate) fn new(limits: Limits) -> Self {
        let ask = |addr, path: &str, headers: &str| Client::connect(addr).try_request("GET", path, headers);
        Self::with(|exporter| exporter.with_limits(limits), Box::new(ask))
    }

    /// One that is set up by `configure`, and whose good client asks in this way.
    pub(crate) fn with(configure: impl FnOnce(Exporter) -> Exporter, ask: Ask) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = Registry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs done", &["status", "route"]).unwrap();
        for route in 0..9_990 {
            jobs.inc_by(&["ok", &format!("/items/{route}")], route).unwrap();
        }
        let exporter = configure(exporter(&registry).with_self_metrics(&registry).unwrap());
        let target = Self { registry, server: Server::start(exporter), ask, _alone: alone };
        // What is made once is made now.
        assert_eq!((target.ask)(target.server.addr, "/metrics", "").unwrap().status, 200);
        target
    }

    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.registry.value(name, labels).unwrap()
    }

    pub(crate) fn rejected(&self, reason: &str) -> f64 {
        self.value("aios_metrics_rejected_connections_total", &[("reason", reason)])
    }

    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < DEADLINE, "{what}");
            thread::yield_now();
        }
    }

    /// Runs `attack` while a good client scrapes the whole page.
    pub(crate) fn withstands<T>(&self, what: &str, bound: usize, attack: impl FnOnce(SocketAddr) -> T) -> T {
        self.withstands_at("/metrics", what, bound, attack)
    }

    /// Runs `attack` while a good client scrapes `path`, on a new connection each time, which must
    /// succeed each time; the heap must not grow by more than `bound` bytes.
    pub(crate) fn withstands_at<T>(
        &self,
        path: &str,
        what: &str,
        bound: usize,
        attack: impl FnOnce(SocketAddr) -> T,
    ) -> T {
        let over = AtomicBool::new(false);
        let addr = self.server.addr;
        let ((result, (scrapes, slowest)), grown) = growth(|| {
            thread::scope(|scope| {
                let good = scope.spawn(|| self.scrape_until(path, &over));
                // The good client ends with the attack, also with one that has panicked.
                let end = Ending(&over);
                let result = attack(addr);
                drop(end);
                (result, good.join().unwrap())
            })
        });
        println!(
            "{what}: {scrapes} good scrapes, the slowest in {slowest:?}; the heap grew by {} KiB at most",
            grown / 1024
        );
        assert!(grown <= bound as isize, "{what}: the heap grew by {grown} bytes, expected at most {bound}");
        result
    }

    /// Scrapes again and again, and once more when it is over: how often, and the longest that it took.
    fn scrape_until(&self, path: &str, over: &AtomicBool) -> (u32, Duration) {
        let (mut scrapes, mut slowest) = (0, Duration::ZERO);
        loop {
            let is_last = over.load(Ordering::Relaxed);
            let started = Instant::now();
            // The client's own deadline ends a wait that is too long.
            let page = (self.ask)(self.server.addr, path, "x-prometheus-scrape-timeout-seconds: 8\r\n");
            let page = page.unwrap_or_else(|error| panic!("{error} after {scrapes} scrapes"));
            assert!(
                page.status == 200 && page.body.len() > 200_000,
                "{} after {scrapes} scrapes",
                page.status
            );
            scrapes += 1;
            slowest = slowest.max(started.elapsed());
            if is_last {
                return (scrapes, slowest);
            }
        }
    }
}

/// Ends the good client when it is dropped.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Reads until the server has closed; what it sent. A reset is an end too.
pub(crate) fn drain(mut stream: &TcpStream) -> Vec<u8> {
    let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return sent,
            Ok(read) => sent.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return sent,
            Err(error) => panic!("the server keeps the connection open: {error}"),
        }
    }
}
