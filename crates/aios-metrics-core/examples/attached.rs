//! A library counts with `prometheus-client`, the service with this SDK: each on the page of the
//! other.
//!
//! `cargo run --example attached` prints both pages, and what was left out.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::sync::Arc;

use aios_metrics_core::{OpenMetricsText, Registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry as TheirRegistry, Unit};

/// A client for some protocol, as a library may have it.
struct Client {
    requests: Family<RequestLabels, Counter>,
    seconds: Histogram,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: Method,
    peer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Method {
    Get,
    Put,
}

impl Client {
    /// Registers the client's metrics in the registry that it is given.
    fn new(registry: &mut TheirRegistry) -> Self {
        let client = Self {
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.001, 10.0, 4)),
        };
        let registry = registry.sub_registry_with_prefix("client");
        registry.register("requests", "Requests sent", client.requests.clone());
        registry.register_with_unit("request", "Time for a request", Unit::Seconds, client.seconds.clone());
        registry.register("build", "The client", Info::new([("version", "3.1.4")]));
        client
    }

    fn request(&self, method: Method, peer: &str, seconds: f64) {
        self.requests.get_or_create_owned(&RequestLabels { method, peer: peer.to_owned() }).inc();
        self.seconds.observe(seconds);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let ours = Registry::new();
    ours.register_self_metrics()?;
    let jobs = ours.register_counter("jobs_total", "Jobs done", &["status"])?;

    let mut theirs = TheirRegistry::default();
    let client = Client::new(&mut theirs);
    // That crate takes any name. The page could not show this one.
    theirs.register("queue depth", "A name with a space", Gauge::<i64>::default());
    theirs.register_collector(Box::new(ours.clone()));
    let theirs = Arc::new(theirs);
    ours.attach(Arc::clone(&theirs));

    for (method, peer, seconds) in [(Method::Get, "a", 0.004), (Method::Put, "b \"c\"", 0.2)] {
        client.request(method, peer, seconds);
        jobs.inc(&["ok"])?;
    }

    let mut page = Vec::new();
    ours.encode(&OpenMetricsText, &mut page);
    println!("--- ours\n{}", String::from_utf8(page)?);
    let mut page = String::new();
    text::encode(&mut page, &theirs)?;
    println!("--- theirs\n{page}");
    Ok(())
}
