//! Clients that mean harm, or behave as if they did: meanwhile a good one is served, and memory stays
//! within bounds. Each test prints its figures; `--no-capture` shows them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(clippy::print_stdout, reason = "figures are for people")]

mod common;
#[path = "../../aios-metrics-core/tests/counting/mod.rs"]
mod counting;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use aios_metrics_core::{Collect, Descriptor, Registry, Snapshot};
use aios_metrics_http::Limits;
use common::{Client, DEADLINE, Server, exporter};
use counting::{Counting, growth};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The heap is counted for the whole process, so one test runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n";

/// A registry with 10,000 series, and a server that shows it.
struct Target {
    registry: Registry,
    server: Server,
    _alone: MutexGuard<'static, ()>,
}

impl Target {
    fn new(limits: Limits) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = Registry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs done", &["status", "route"]).unwrap();
        for route in 0..9_990 {
            jobs.inc_by(&["ok", &format!("/items/{route}")], route).unwrap();
        }
        let exporter = exporter(&registry).with_limits(limits).with_self_metrics(&registry).unwrap();
        let target = Self { registry, server: Server::start(exporter), _alone: alone };
        // What is made once is made now.
        assert_eq!(target.server.connect().get("/metrics").status, 200);
        target
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.registry.value(name, labels).unwrap()
    }

    fn rejected(&self, reason: &str) -> f64 {
        self.value("aios_metrics_rejected_connections_total", &[("reason", reason)])
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < DEADLINE, "{what}");
            thread::yield_now();
        }
    }

    /// Runs `attack` while a good client scrapes the whole page.
    fn withstands<T>(&self, what: &str, bound: usize, attack: impl FnOnce(SocketAddr) -> T) -> T {
        self.withstands_at("/metrics", what, bound, attack)
    }

    /// Runs `attack` while a good client scrapes `path`, on a new connection each time, which must
    /// succeed each time; the heap must not grow by more than `bound` bytes.
    fn withstands_at<T>(
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
                let good = scope.spawn(|| scrape_until(addr, path, &over));
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
}

/// Ends the good client when it is dropped.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Scrapes again and again, and once more when it is over: how often, and the longest that it took.
fn scrape_until(addr: SocketAddr, path: &str, over: &AtomicBool) -> (u32, Duration) {
    let (mut scrapes, mut slowest) = (0, Duration::ZERO);
    loop {
        let is_last = over.load(Ordering::Relaxed);
        let started = Instant::now();
        // The client's own deadline ends a wait that is too long.
        let page = Client::connect(addr).request("GET", path, "x-prometheus-scrape-timeout-seconds: 8\r\n");
        assert!(page.status == 200 && page.body.len() > 200_000, "{} after {scrapes} scrapes", page.status);
        scrapes += 1;
        slowest = slowest.max(started.elapsed());
        if is_last {
            return (scrapes, slowest);
        }
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Reads until the server has closed; what it sent. A reset is an end too.
fn drain(mut stream: &TcpStream) -> Vec<u8> {
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

/// Lets this process have so many descriptors.
fn allow_descriptors(most: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < most) {
        let raised = Rlimit { current: Some(most), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).expect("this test needs 3,000 descriptors; raise `ulimit -n`");
    }
}

/// What 64 connections may take: a buffer for a head of 16 KiB, and as much again for the rest.
const CONNECTIONS: usize = 64 * 32 * 1024;

/// The pages of the good client: one that is made, one that is read, and its own copy.
const GOOD: usize = 4 << 20;

#[test]
fn two_thousand_silent_connections() {
    allow_descriptors(3_000);
    let target = Target::new(Limits::default());
    let silent = target.withstands("2,000 silent connections", CONNECTIONS + GOOD, |addr| {
        (0..2_000).map(|_| TcpStream::connect(addr).unwrap()).collect::<Vec<_>>()
    });
    assert!(target.value("aios_metrics_connections", &[]) <= 64.0);
    // The last of them come out of the system's queue.
    target.wait_until("all but 64 have made room", |target| target.rejected("replaced") >= 1_936.0);
    drop(silent);
}

#[test]
fn one_byte_at_a_time() {
    let limits = Limits::default().with_header_timeout(Duration::from_millis(500));
    let target = Target::new(limits);
    let sent = target.withstands("60 clients that drip", CONNECTIONS + GOOD, |addr| {
        let clients: Vec<_> = (0..60).map(|_| connect(addr)).collect();
        let mut sent = 0;
        // Each of them gets a byte in more often than the timeout, until all have been cut off.
        let mut open: Vec<&TcpStream> = clients.iter().collect();
        for byte in SCRAPE.bytes().chain(std::iter::repeat(b'x')) {
            open.retain_mut(|client| client.write_all(&[byte]).is_ok());
            sent += open.len();
            if open.is_empty() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        sent
    });
    println!("{sent} bytes came in");
    assert_eq!(target.rejected("request_timeout") + target.rejected("replaced"), 60.0);
}

#[test]
fn headers_without_end() {
    let target = Target::new(Limits::default());
    let longest = target.withstands("48 clients whose headers don't end", CONNECTIONS + GOOD, |addr| {
        let send = |number: usize| {
            let mut client = connect(addr);
            client.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\n").unwrap();
            let mut sent = 0;
            // Until the server has had enough: it answers and closes, which ends the writes.
            while client.write_all(format!("x-{number}-{sent}: {}\r\n", "y".repeat(200)).as_bytes()).is_ok() {
                sent += 1;
            }
            sent
        };
        thread::scope(|scope| {
            let clients: Vec<_> = (0..48).map(|number| scope.spawn(move || send(number))).collect();
            clients.into_iter().map(|client| client.join().unwrap()).max().unwrap()
        })
    });
    println!("up to {longest} lines of 200 bytes were sent, most of them into the system's buffers");
    assert_eq!(target.rejected("malformed"), 48.0);
}

#[test]
fn a_url_of_a_megabyte() {
    let target = Target::new(Limits::default());
    target.withstands("40 URLs of 1 MB", CONNECTIONS + GOOD + (2 << 20), |addr| {
        let url = "x".repeat(1 << 20);
        for _ in 0..40 {
            let mut client = connect(addr);
            // It may be refused before it is whole.
            let _ = client.write_all(format!("GET /metrics?{url} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes());
            let answer = drain(&client);
            // A reset can overtake the answer where more was sent than the server read.
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{answer:?}");
        }
    });
    assert_eq!(target.rejected("malformed"), 40.0);
}

#[test]
fn two_hundred_scrapes_at_once() {
    let target = Target::new(Limits::default());
    let made = || target.value("aios_metrics_scrape_duration_seconds", &[]);
    let before = made();
    let page = target.server.connect().get("/metrics").body.len();
    // Each client here takes the page into memory of its own.
    let bound = CONNECTIONS + GOOD + 200 * (page + 16 * 1024);
    let statuses = target.withstands("200 scrapes at once", bound, |addr| {
        let start = Barrier::new(200);
        thread::scope(|scope| {
            let scrape = || {
                start.wait();
                Client::connect(addr).get("/metrics").status
            };
            let clients: Vec<_> = (0..200).map(|_| scope.spawn(scrape)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
        })
    });
    println!("{} pages were made for all of them and the good client", made() - before);
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert_eq!(target.value("aios_metrics_rejected_scrapes_total", &[("reason", "busy")]), 0.0);
}

#[test]
fn two_hundred_different_scrapes_at_once() {
    let target = Target::new(Limits::default());
    let statuses = target.withstands("200 different scrapes at once", 64 << 20, |addr| {
        let start = Barrier::new(200);
        thread::scope(|scope| {
            let scrape = |number: usize| {
                let start = &start;
                move || {
                    start.wait();
                    let path = format!("/metrics?name[]=jobs&name[]={number}");
                    Client::connect(addr).get(&path).status
                }
            };
            let clients: Vec<_> = (0..200).map(|number| scope.spawn(scrape(number))).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
        })
    });
    let served = statuses.iter().filter(|status| **status == 200).count();
    println!("{served} were served, {} were told to try again", 200 - served);
    assert!(served >= 16, "{served}");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
}

/// A family of 8 MiB, of which the first collection waits until the other end of the channel is dropped.
struct Large {
    descriptor: Descriptor,
    gate: Mutex<Receiver<()>>,
    collected: Arc<AtomicUsize>,
}

impl Collect for Large {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.descriptor.clone()]
    }
    fn collect(&self, snapshot: &mut Snapshot) {
        let _ = self.gate.lock().unwrap().recv();
        self.collected.fetch_add(1, Ordering::SeqCst);
        let mut family = snapshot.family(&self.descriptor);
        for i in 0..8 {
            family.gauge(&[&format!("{i}{}", "x".repeat(1 << 20))], 1.0);
        }
    }
}

#[test]
fn readers_that_stop_reading() {
    const PAGE: usize = 8 << 20;
    let target = Target::new(Limits::default());
    let (gate, held) = channel();
    let (descriptor, collected) = (Descriptor::gauge("large", "8 MiB", &["pad"]).unwrap(), Arc::default());
    let large = Large { descriptor, gate: Mutex::new(held), collected: Arc::clone(&collected) };
    target.registry.register(large).unwrap();

    // Two pages and their snapshot, in buffers that have doubled as they grew.
    let bound = 2 * (3 * PAGE) + CONNECTIONS + GOOD;
    let path = "/metrics?name[]=jobs_total";
    let readers = target.withstands_at(path, "50 readers that stop reading 8 MiB", bound, |addr| {
        let mut readers: Vec<TcpStream> = (0..50).map(|_| connect(addr)).collect();
        readers.iter_mut().for_each(|reader| reader.write_all(SCRAPE.as_bytes()).unwrap());
        let in_flight = |target: &Target| target.value("aios_metrics_scrapes_in_flight", &[]);
        // The good client is in flight too, now and then.
        target.wait_until("all have asked", |target| in_flight(target) >= 51.0);
        drop(gate);
        target.wait_until("all are being answered", |target| in_flight(target) <= 1.0);
        assert_eq!(collected.load(Ordering::SeqCst), 2, "one page for the first, and one for the rest");
        readers
    });
    drop(readers);
    target.wait_until("they have gone", |target| target.value("aios_metrics_connections", &[]) == 0.0);
}

#[test]
fn clients_that_reset() {
    let target = Target::new(Limits::default());
    target.withstands("500 clients that reset", CONNECTIONS + 2 * GOOD, |addr| {
        for _ in 0..500 {
            let mut client = connect(addr);
            client.write_all(SCRAPE.as_bytes()).unwrap();
            client.read_exact(&mut [0]).unwrap();
            // Closed with bytes unread, a connection is reset.
            drop(client);
        }
    });
    target.wait_until("they have gone", |target| target.value("aios_metrics_connections", &[]) == 0.0);
    assert_eq!(target.value("aios_metrics_scrapes_in_flight", &[]), 0.0);
}
