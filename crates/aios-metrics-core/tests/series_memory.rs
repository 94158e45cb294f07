//! How much memory a series takes. One test, since it counts the bytes of the whole process.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod counting;

use std::fmt::Write;

use aios_metrics_core::{Registry, RegistryOptions};
use counting::{Counting, live_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SERIES: usize = 110_000;
/// From here on what a family has once doesn't count.
const FROM: usize = 65_536;
/// Bytes of heap for a counter with three labels, rendered 56 bytes long in the mean.
const MOST: f64 = 120.0;

#[test]
fn a_series_takes_a_hundred_and_twenty_bytes_at_most_also_when_its_table_has_just_grown() {
    let before = live_bytes();
    let registry = Registry::with_options(RegistryOptions::default().with_max_series(SERIES));
    let requests = registry.register_counter("requests_total", "Requests", &["method", "status", "tenant"]);
    let requests = requests.unwrap();
    let (mut most, mut at) = (0.0, 0);
    let mut tenant = String::with_capacity(16);
    for series in 0..SERIES {
        tenant.clear();
        write!(tenant, "tenant-{:05}", series / 9).unwrap();
        let method = ["GET", "POST", "DELETE"][series % 3];
        let status = ["ok", "client_error", "server_error"][series / 3 % 3];
        requests.inc(&[method, status, &tenant]).unwrap();
        let bytes = (live_bytes() - before) as f64 / (series + 1) as f64;
        if series >= FROM && bytes > most {
            (most, at) = (bytes, series + 1);
        }
    }
    assert!(most <= MOST, "{most} bytes a series with {at} of them");
}
