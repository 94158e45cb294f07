//! Many scrapes at the same moment.

use std::sync::Barrier;
use std::thread;

use aios_metrics_http::Limits;

use crate::common::Client;
use crate::target::{CONNECTIONS, GOOD, Target};

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
