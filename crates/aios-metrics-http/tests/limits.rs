//! Clients that are silent, slow or greedy, and what the others notice of them.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aios_metrics_core::{Collect, Descriptor, Registry, Snapshot};
use aios_metrics_http::Limits;
use common::{Client, DEADLINE, Server, exporter};

/// A page far larger than what the sockets of both sides hold, and how often it was made.
fn large_page() -> (Registry, Arc<AtomicUsize>) {
    struct Large {
        descriptor: Descriptor,
        made: Arc<AtomicUsize>,
    }
    impl Collect for Large {
        fn describe(&self) -> Vec<Descriptor> {
            vec![self.descriptor.clone()]
        }
        fn collect(&self, snapshot: &mut Snapshot) {
            self.made.fetch_add(1, Ordering::SeqCst);
            let mut family = snapshot.family(&self.descriptor);
            for i in 0..24 {
                family.gauge(&[&format!("{i}{}", "x".repeat(1 << 20))], 1.0);
            }
        }
    }
    let (registry, made) = (Registry::new(), Arc::new(AtomicUsize::new(0)));
    let descriptor = Descriptor::gauge("large", "A large page", &["pad"]).expect("the name is good");
    registry.register(Large { descriptor, made: Arc::clone(&made) }).expect("the registry is empty");
    (registry, made)
}

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n";

/// Waits until the server has made a page and is sending it, which the client doesn't read.
fn wait_for_a_page(made: &AtomicUsize) {
    wait_until("a page is made", || made.load(Ordering::SeqCst) > 0);
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "{what} in time");
        std::thread::yield_now();
    }
}

fn rejected(registry: &Registry, reason: &str) -> f64 {
    registry
        .value("aios_metrics_rejected_connections_total", &[("reason", reason)])
        .expect("the exporter shows its self-metrics")
}

#[test]
fn silent_clients_give_their_places_to_one_that_asks() {
    let limits = Limits::default().with_max_connections(3);
    let server = Server::start(exporter(&Registry::new()).with_limits(limits));
    let mut silent = [(); 3].map(|()| server.connect());
    silent[1].send("GET /hea");

    for _ in 0..20 {
        assert_eq!(server.connect().get("/healthz").status, 200);
    }
    assert!(silent.iter_mut().any(Client::is_closed_in_time));
}

#[test]
fn the_longest_idle_client_gives_its_place_when_nobody_is_silent() {
    let limits = Limits::default().with_max_connections(3);
    let server = Server::start(exporter(&Registry::new()).with_limits(limits));
    let mut idle = [(); 3].map(|()| server.connect());
    for client in idle.iter_mut().rev() {
        assert_eq!(client.get("/healthz").status, 200);
    }
    assert_eq!(server.connect().get("/healthz").status, 200);
    assert!(idle[2].is_closed_in_time());
}

#[test]
fn clients_that_do_not_finish_a_request_are_closed_in_time() {
    let limits = Limits::default().with_header_timeout(Duration::from_millis(300));
    let server = Server::start(exporter(&Registry::new()).with_limits(limits));
    let mut silent = server.connect();
    let mut half = server.connect();
    half.send("GET /metrics HTTP/1.1\r\nhost:");
    let mut second = server.connect();
    assert_eq!(second.get("/healthz").status, 200);
    second.send("GET /metr");
    for client in [&mut silent, &mut half, &mut second] {
        assert!(client.is_closed_in_time());
    }
}

#[test]
fn a_client_may_pause_between_requests_longer_than_it_may_take_to_ask() {
    let limits = Limits::default()
        .with_header_timeout(Duration::from_millis(300))
        .with_idle_timeout(Duration::from_secs(3600));
    let server = Server::start(exporter(&Registry::new()).with_limits(limits));
    let mut scraper = server.connect();
    assert_eq!(scraper.get("/healthz").status, 200);
    // One that came later and says nothing is gone: more than the header timeout has passed.
    assert!(server.connect().is_closed_in_time());
    assert_eq!(scraper.get("/healthz").status, 200);
}

#[test]
fn an_idle_client_is_closed_in_time() {
    let limits = Limits::default().with_idle_timeout(Duration::from_millis(50));
    let server = Server::start(exporter(&Registry::new()).with_limits(limits));
    let mut client = server.connect();
    assert_eq!(client.get("/healthz").status, 200);
    assert!(client.is_closed_in_time());
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(exporter(&Registry::new()).with_limits(Limits::default()));
    let mut client = server.connect();
    let headers = format!("x-padding: {}\r\n", "x".repeat(12 * 1024));
    assert_eq!(client.request("GET", "/healthz", &headers).status, 200);
    let headers = format!("x-padding: {}\r\n", "x".repeat(17 * 1024));
    assert_eq!(client.request("GET", "/healthz", &headers).status, 431);
    assert!(client.is_closed_in_time());
}

#[test]
fn a_client_that_does_not_read_holds_one_page_however_many_it_asks_for() {
    let (registry, made) = large_page();
    let server = Server::start(exporter(&registry));
    let mut greedy = server.connect();
    greedy.send(SCRAPE.repeat(4));
    wait_for_a_page(&made);

    // One runtime thread serves both, so each answer here is a turn for the other connection.
    let mut good = server.connect();
    let mut rest = greedy.head().unwrap().content_length();
    while rest > 16 << 20 {
        greedy.skip(1 << 20);
        rest -= 1 << 20;
        assert_eq!(good.get("/healthz").status, 200);
        assert_eq!(made.load(Ordering::SeqCst), 1, "{rest} bytes before the end of the first page");
    }
    greedy.skip(rest);
    for _ in 1..4 {
        let page = greedy.response(true);
        assert_eq!(page.status, 200);
        assert!(page.body.len() > 24 << 20 && page.body.ends_with(b"\"} 1\n"));
    }
    assert_eq!(made.load(Ordering::SeqCst), 4);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_in_time() {
    let (registry, made) = large_page();
    let limits = Limits::default().with_write_timeout(Duration::from_millis(300));
    let exporter = exporter(&registry).with_limits(limits).with_self_metrics(&registry).unwrap();
    let server = Server::start(exporter);
    let mut slow = server.connect();
    slow.send(SCRAPE);
    wait_for_a_page(&made);
    wait_until("it is cut off", || rejected(&registry, "response_timeout") == 1.0);
    assert!(slow.try_response(true).is_err());
}

#[test]
fn clients_that_do_not_read_give_their_places_to_one_that_asks() {
    let (registry, made) = large_page();
    let limits = Limits::default().with_max_connections(3);
    let exporter = exporter(&registry).with_limits(limits).with_self_metrics(&registry).unwrap();
    let server = Server::start(exporter);
    let mut slow = [(); 3].map(|()| server.connect());
    slow.iter_mut().for_each(|client| client.send(SCRAPE));
    wait_for_a_page(&made);
    assert_eq!(server.connect().get("/healthz").status, 200);
    assert_eq!(rejected(&registry, "replaced"), 1.0);
    assert_eq!(slow.iter_mut().filter_map(|client| client.try_response(true).err()).count(), 1);
}

#[test]
fn silent_clients_take_no_place_from_scrapers_that_pause() {
    let registry = Registry::new();
    let limits = Limits::default().with_max_connections(4);
    let exporter = exporter(&registry).with_limits(limits).with_self_metrics(&registry).unwrap();
    let server = Server::start(exporter);
    let mut scrapers = [(); 2].map(|()| server.connect());
    scrapers.iter_mut().for_each(|scraper| assert_eq!(scraper.get("/healthz").status, 200));
    let _silent: Vec<_> = (0..40).map(|_| server.connect()).collect();
    wait_until("38 of them have made room", || rejected(&registry, "replaced") == 38.0);
    for scraper in &mut scrapers {
        assert_eq!(scraper.get("/healthz").status, 200);
    }
}

#[test]
fn limits_that_make_no_sense_are_those_that_do() {
    let mut limits = Limits::default();
    (limits.max_connections, limits.max_header_bytes, limits.max_scrapes) = (0, 0, 0);
    let limits = limits
        .with_header_timeout(Duration::MAX)
        .with_idle_timeout(Duration::MAX)
        .with_write_timeout(Duration::MAX)
        .with_scrape_timeout(Duration::MAX)
        .with_shutdown_grace(Duration::MAX);
    let server = Server::start(exporter(&Registry::new()).with_limits(limits));
    for path in ["/healthz", "/metrics?name[]=up"] {
        assert_eq!(server.connect().get(path).status, 200);
    }
    assert!(server.stop() < DEADLINE);
}

#[test]
fn shutdown_does_not_wait_for_a_slow_reader() {
    let (registry, made) = large_page();
    let limits = Limits::default().with_shutdown_grace(Duration::from_millis(200));
    let server = Server::start(exporter(&registry).with_limits(limits));
    let (mut slow, mut silent, mut idle) = (server.connect(), server.connect(), server.connect());
    slow.send(SCRAPE);
    wait_for_a_page(&made);
    assert_eq!(idle.get("/healthz").status, 200);

    let took = server.stop();
    assert!(took >= Duration::from_millis(200) && took < DEADLINE, "{took:?}");
    assert!(slow.try_response(true).is_err());
    assert!(silent.is_closed_in_time() && idle.is_closed_in_time());
}

#[test]
fn shutdown_lets_an_answer_finish() {
    let (registry, made) = large_page();
    let limits = Limits::default().with_shutdown_grace(Duration::from_secs(3600));
    let server = Server::start(exporter(&registry).with_limits(limits));
    let mut client = server.connect();
    client.send(SCRAPE);
    wait_for_a_page(&made);
    let stopping = std::thread::spawn(move || server.stop());
    assert_eq!(client.response(true).status, 200);
    assert!(client.is_closed_in_time());
    assert!(stopping.join().unwrap() < DEADLINE);
}

#[test]
fn shutdown_is_at_once_when_nobody_is_being_answered() {
    let server = Server::start(
        exporter(&Registry::new())
            .with_limits(Limits::default().with_shutdown_grace(Duration::from_secs(3600))),
    );
    let (mut silent, mut half, mut idle) = (server.connect(), server.connect(), server.connect());
    half.send("GET /");
    assert_eq!(idle.get("/healthz").status, 200);
    assert!(server.stop() < DEADLINE);
    for client in [&mut silent, &mut half, &mut idle] {
        assert!(client.is_closed_in_time());
    }
}
