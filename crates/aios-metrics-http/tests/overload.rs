//! Too many scrapes at once, and collectors that take too long.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use aios_metrics_core::{Collect, Descriptor, Registry, Snapshot};
use aios_metrics_http::Limits;
use common::{Client, DEADLINE, Server, exporter};

/// A collector that says when it is asked, and goes on when it is let.
struct Held {
    descriptor: Descriptor,
    state: Mutex<(Sender<()>, Receiver<()>, u32)>,
}

impl Collect for Held {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.descriptor.clone()]
    }
    fn collect(&self, snapshot: &mut Snapshot) {
        let mut state = self.state.lock().unwrap();
        state.0.send(()).unwrap();
        // Let go for good when the other end is dropped.
        let _ = state.1.recv();
        state.2 += 1;
        snapshot.family(&self.descriptor).gauge(&[], f64::from(state.2));
    }
}

/// A server with its registry, word of each collection that has begun, and what lets one end.
fn held(limits: Limits) -> (Server, Registry, Receiver<()>, Sender<()>) {
    let registry = Registry::new();
    let (begin, begun) = channel();
    let (let_go, wait) = channel();
    let descriptor = Descriptor::gauge("collections", "Collections", &[]).unwrap();
    registry.register(Held { descriptor, state: Mutex::new((begin, wait, 0)) }).unwrap();
    registry.register_gauge("free", "Not held", &["route"]).unwrap();
    let exporter = exporter(&registry).with_self_metrics(&registry).unwrap();
    (Server::start(exporter.with_limits(limits)), registry, begun, let_go)
}

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n";

fn in_flight(registry: &Registry) -> f64 {
    registry.value("aios_metrics_scrapes_in_flight", &[]).unwrap()
}

fn rejected(registry: &Registry, reason: &str) -> f64 {
    registry.value("aios_metrics_rejected_scrapes_total", &[("reason", reason)]).unwrap()
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn scrapes_that_overlap_share_a_page_that_was_begun_after_they_came() {
    let (server, registry, begun, let_go) = held(Limits::default().with_max_scrapes(1));
    let mut first = server.connect();
    first.send(SCRAPE);
    begun.recv_timeout(DEADLINE).unwrap();
    let mut late: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    late.iter_mut().for_each(|client| client.send(SCRAPE));
    wait_for("all are waiting", || in_flight(&registry) == 41.0);

    let_go.send(()).unwrap();
    let page = first.response(true);
    assert!(page.text().contains("\ncollections 1\n"), "{}", page.text());
    begun.recv_timeout(DEADLINE).unwrap();
    let_go.send(()).unwrap();
    for client in &mut late {
        let page = client.response(true);
        assert_eq!(page.status, 200);
        assert!(page.text().contains("\ncollections 2\n"), "{}", page.text());
    }
    assert!(begun.try_recv().is_err(), "one page for forty");
    assert_eq!(in_flight(&registry), 0.0);
}

#[test]
fn filtered_pages_are_refused_past_the_limit_and_whole_ones_never() {
    let (server, registry, _begun, let_go) = held(Limits::default().with_max_scrapes(3));
    let mut waiting = [(); 3].map(|()| server.connect());
    for (number, client) in waiting.iter_mut().enumerate() {
        client
            .send(format!("GET /metrics?name[]=collections&name[]={number} HTTP/1.1\r\nhost: test\r\n\r\n"));
    }
    wait_for("three pages are wanted", || in_flight(&registry) == 3.0);

    let mut refused = server.connect();
    let answer = refused.get("/metrics?name[]=free");
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert!(answer.text().contains("too many different pages"), "{}", answer.text());
    assert_eq!(refused.get("/healthz").status, 200);
    assert_eq!(rejected(&registry, "busy"), 1.0);
    let mut whole = [(); 2].map(|()| server.connect());
    whole[0].send(SCRAPE);
    whole[1].send("GET /snapshot HTTP/1.1\r\nhost: test\r\n\r\n");
    wait_for("a whole page is wanted too", || in_flight(&registry) == 4.0);

    drop(let_go);
    for client in waiting.iter_mut().chain(&mut whole) {
        assert_eq!(client.response(true).status, 200);
    }
    assert_eq!(refused.get("/metrics?name[]=free").status, 200);
}

#[test]
fn a_collector_that_hangs_costs_its_pages_and_nothing_else() {
    let limits = Limits::default().with_max_connections(4).with_header_timeout(Duration::from_millis(50));
    let (server, registry, begun, let_go) = held(limits);
    let mut client = server.connect();
    for _ in 0..3 {
        let answer = client.request("GET", "/metrics", "x-prometheus-scrape-timeout-seconds: 0.2\r\n");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.text(), "the page was not ready within 180ms\n");
        assert_eq!(client.get("/healthz").status, 200);
        assert_eq!(client.get("/metrics?name[]=free").status, 200, "its collector is not asked");
    }
    assert_eq!(begun.try_iter().count(), 1, "what nobody waits for is not made");
    assert_eq!((rejected(&registry, "deadline"), in_flight(&registry)), (3.0, 0.0));

    drop(let_go);
    assert_eq!(client.get("/metrics").status, 200);
}

#[test]
fn a_collector_that_hangs_in_every_kind_of_page_holds_up_none_without_it() {
    let (server, registry, begun, let_go) = held(Limits::default());
    let hanging: Vec<Client> = [
        ("/metrics", ""),
        ("/metrics", "accept-encoding: gzip\r\n"),
        ("/metrics", "accept: application/openmetrics-text;version=1.0.0\r\n"),
        ("/metrics", "accept: application/openmetrics-text;version=1.0.0\r\naccept-encoding: gzip\r\n"),
        ("/snapshot", ""),
    ]
    .into_iter()
    .map(|(path, headers)| {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n"));
        client
    })
    .collect();
    begun.recv_timeout(DEADLINE).unwrap();
    wait_for("four pages are wanted", || in_flight(&registry) == 4.0);

    // It is asked once they all wait, and not again.
    assert_eq!(server.connect().get("/metrics?name[]=free").status, 200);
    drop(let_go);
    for mut client in hanging {
        assert_eq!(client.response(true).status, 200);
    }
}

#[test]
fn the_limit_holds_where_the_scraper_says_more_or_nonsense() {
    let limits = Limits::default().with_scrape_timeout(Duration::from_millis(150));
    let (server, _registry, _begun, _let_go) = held(limits);
    let mut client = server.connect();
    for patience in
        ["", "x-prometheus-scrape-timeout-seconds: 3600\r\n", "x-prometheus-scrape-timeout-seconds: -1\r\n"]
    {
        let answer = client.request("GET", "/metrics", patience);
        assert_eq!((answer.status, answer.text()), (503, "the page was not ready within 150ms\n"));
        assert_eq!(answer.header("retry-after"), "");
    }
}

#[test]
fn a_client_that_waits_for_its_page_keeps_its_place() {
    let limits = Limits::default().with_max_connections(2).with_header_timeout(Duration::from_millis(50));
    let (server, _registry, begun, let_go) = held(limits);
    let mut scraper = server.connect();
    scraper.send(SCRAPE);
    begun.recv_timeout(DEADLINE).unwrap();
    // More than the header timeout passes, and each newcomer needs a place.
    assert!(server.connect().is_closed_in_time());
    for _ in 0..5 {
        assert_eq!(server.connect().get("/healthz").status, 200);
    }
    let_go.send(()).unwrap();
    assert_eq!(scraper.response(true).status, 200);
}

#[test]
fn a_page_is_no_longer_wanted_when_its_client_has_gone() {
    let (server, registry, begun, let_go) = held(Limits::default());
    let mut first = server.connect();
    first.send(SCRAPE);
    begun.recv_timeout(DEADLINE).unwrap();
    let mut gone = server.connect();
    gone.send(SCRAPE);
    wait_for("both wait", || in_flight(&registry) == 2.0);
    drop(gone);
    wait_for("one has left", || in_flight(&registry) == 1.0);
    let_go.send(()).unwrap();
    assert_eq!(first.response(true).status, 200);
    assert!(begun.try_recv().is_err(), "nobody wants the next page");
    let scrapes = |code| registry.value("aios_metrics_scrapes_total", &[("code", code), ("format", "text")]);
    assert_eq!((scrapes("200"), scrapes("499")), (Some(1.0), Some(1.0)));
}

#[test]
fn shutdown_waits_for_a_page_no_longer_than_its_grace() {
    let limits = Limits::default().with_shutdown_grace(Duration::from_millis(200));
    let (server, _registry, begun, let_go) = held(limits);
    let mut scraper = server.connect();
    scraper.send(SCRAPE);
    begun.recv_timeout(DEADLINE).unwrap();
    let client = std::thread::spawn(move || {
        let closed = scraper.is_closed_in_time();
        // The runtime waits for the collector, which has nobody else to wait for.
        drop(let_go);
        closed
    });
    assert!(server.stop() < DEADLINE);
    assert!(client.join().unwrap(), "the connection is cut before the collector ends");
}
