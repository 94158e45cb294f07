//! `name[]`: pages of some families only.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aios_metrics_core::{Collect, Descriptor, Registry, Snapshot};
use common::{Server, exporter};

/// A collector of a gauge that counts how often it is asked.
struct Counted {
    descriptor: Descriptor,
    asked: Arc<AtomicUsize>,
}

impl Collect for Counted {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.descriptor.clone()]
    }
    fn collect(&self, snapshot: &mut Snapshot) {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        snapshot.family(&self.descriptor).gauge(&[], asked as f64);
    }
}

fn server() -> Server {
    let registry = Registry::new();
    registry.register_counter("jobs_total", "Jobs done", &[]).unwrap();
    registry.register_gauge("queue_size", "Jobs that wait", &[]).unwrap();
    registry.register_histogram("wait_seconds", "Waits", &[], Some(&[1.0])).unwrap();
    let descriptor = Descriptor::gauge("asked", "Asked", &[]).unwrap();
    registry.register(Counted { descriptor, asked: Arc::default() }).unwrap();
    Server::start(exporter(&registry))
}

const JOBS: &str = "# HELP jobs_total Jobs done\n# TYPE jobs_total counter\njobs_total 0\n";
const QUEUE: &str = "# HELP queue_size Jobs that wait\n# TYPE queue_size gauge\nqueue_size 0\n";
const WAIT: &str = "# HELP wait_seconds Waits\n# TYPE wait_seconds histogram\n\
                    wait_seconds_bucket{le=\"1.0\"} 0\nwait_seconds_bucket{le=\"+Inf\"} 0\n\
                    wait_seconds_sum 0\nwait_seconds_count 0\n";

#[test]
fn families_are_chosen_by_their_names_and_those_of_their_samples() {
    let server = server();
    let mut client = server.connect();
    for (query, expected) in [
        ("name[]=jobs_total", JOBS.to_owned()),
        ("name[]=jobs", JOBS.to_owned()),
        ("name%5B%5D=wait_seconds_bucket", WAIT.to_owned()),
        ("name[]=wait_seconds&name[]=queue_size&name[]=no_such", format!("{QUEUE}{WAIT}")),
        ("unknown=1&name[]=queue_size", QUEUE.to_owned()),
        ("name[]=", String::new()),
        ("name[]=no_such", String::new()),
    ] {
        let page = client.get(&format!("/metrics?{query}"));
        assert_eq!((page.status, page.text()), (200, expected.as_str()), "{query}");
    }
    let all = client.get("/metrics?").text().to_owned();
    assert!([JOBS, QUEUE, WAIT].iter().all(|family| all.contains(family)), "{all}");
}

#[test]
fn an_openmetrics_page_of_nothing_is_still_one() {
    let accept = "accept: application/openmetrics-text;version=1.0.0\r\n";
    let page = server().connect().request("GET", "/metrics?name[]=no_such", accept);
    assert_eq!((page.status, page.text()), (200, "# EOF\n"));
}

#[test]
fn a_collector_is_asked_only_for_what_is_wanted_of_it() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..3 {
        client.get("/metrics?name[]=jobs");
    }
    assert!(client.get("/metrics?name[]=asked").text().ends_with("\nasked 1\n"));
    assert!(client.get("/metrics").text().contains("\nasked 2\n"));
}
