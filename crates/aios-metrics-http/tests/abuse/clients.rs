//! Clients that are silent or slow, say too much, or go away.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use aios_metrics_http::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::target::{CONNECTIONS, GOOD, SCRAPE, Target, connect, drain};

/// Lets this process have so many descriptors.
fn allow_descriptors(most: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < most) {
        let raised = Rlimit { current: Some(most), maximum: limit.maximum };
        setrlimit(Resource::Nofile, raised).expect("this test needs 3,000 descriptors; raise `ulimit -n`");
    }
}

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
