//! Readers that stop reading pages which are larger than the system's buffers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use aios_metrics_core::{Collect, Descriptor, Snapshot};
use aios_metrics_http::Limits;
use tokio::net::TcpSocket;

use crate::common::DEADLINE;
use crate::target::{CONNECTIONS, GOOD, SCRAPE, Target, connect};

/// A family of 8 MiB, of which the first collection waits until the other end of the channel is dropped.
struct Large {
    descriptor: Descriptor,
    gate: Mutex<Receiver<()>>,
    begun: Arc<AtomicUsize>,
}

impl Collect for Large {
    fn describe(&self) -> Vec<Descriptor> {
        vec![self.descriptor.clone()]
    }
    fn collect(&self, snapshot: &mut Snapshot) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _ = self.gate.lock().unwrap().recv();
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
    let descriptor = Descriptor::gauge("large", "8 MiB", &["pad"]).unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    let large = Large { descriptor, gate: Mutex::new(held), begun: Arc::clone(&begun) };
    target.registry.register(large).unwrap();

    // Two pages and their snapshot, in buffers that have doubled as they grew.
    let bound = 2 * (3 * PAGE) + CONNECTIONS + GOOD;
    let path = "/metrics?name[]=jobs_total";
    let readers = target.withstands_at(path, "50 readers that stop reading 8 MiB", bound, |addr| {
        let mut readers: Vec<TcpStream> = (0..50).map(|_| connect(addr)).collect();
        let (first, rest) = readers.split_first_mut().unwrap();
        first.write_all(SCRAPE.as_bytes()).unwrap();
        target.wait_until("the first page is being made", |_| begun.load(Ordering::SeqCst) == 1);
        rest.iter_mut().for_each(|reader| reader.write_all(SCRAPE.as_bytes()).unwrap());
        let in_flight = |target: &Target| target.value("aios_metrics_scrapes_in_flight", &[]);
        // The good client is in flight too, now and then.
        target.wait_until("all have asked", |target| in_flight(target) >= 51.0);
        drop(gate);
        target.wait_until("all are being answered", |target| in_flight(target) <= 1.0);
        assert_eq!(begun.load(Ordering::SeqCst), 2, "one page for the first, and one for the rest");
        readers
    });
    drop(readers);
    target.wait_until("they have gone", |target| target.value("aios_metrics_connections", &[]) == 0.0);
}

/// A connection that takes in little at once, so that a page is more than fits into it.
fn connect_narrow(addr: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        socket.connect(addr).await?.into_std()
    });
    let stream = stream.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// More of them than there are places, each with a page that nobody else has.
#[test]
fn readers_that_stop_reading_pages_of_their_own() {
    const PAGE: usize = 6 << 20;
    const READERS: usize = 100;
    let target = Target::new(Limits::default());
    // Help is copied as it is, so that a page of many MiB is made at once.
    target.registry.register_gauge("large", &"x".repeat(PAGE), &[]).unwrap();

    // A page for each place, and those that are being made, in buffers that have doubled as they grew.
    let bound = (64 + 2) * (2 * PAGE) + CONNECTIONS + GOOD;
    let path = "/metrics?name[]=jobs_total";
    let readers = target.withstands_at(path, "100 readers that stop reading pages of 6 MiB", bound, |addr| {
        let start = |number: usize| {
            let mut reader = connect_narrow(addr);
            let head = format!("GET /metrics?name[]=large&name[]={number} HTTP/1.1\r\nhost: test\r\n\r\n");
            reader.write_all(head.as_bytes()).unwrap();
            let mut status = [0; 12];
            reader.read_exact(&mut status).unwrap();
            assert_eq!(status, *b"HTTP/1.1 200");
            reader
        };
        (0..READERS).map(start).collect::<Vec<_>>()
    });
    // The good client took a place now and then as well.
    assert!(target.rejected("replaced") >= (READERS - 64) as f64);
    drop(readers);
    target.wait_until("they have gone", |target| target.value("aios_metrics_connections", &[]) == 0.0);
}
