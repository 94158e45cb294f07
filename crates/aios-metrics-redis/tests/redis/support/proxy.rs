//! A bad network: a TCP proxy in this process that cuts and delays what it passes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Passes connections on to a port, until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    network: Arc<Network>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Network {
    /// Bytes that still pass before all connections are cut; negative for no end.
    requests: AtomicI64,
    answers: AtomicI64,
    cuts: AtomicU64,
    delay_ms: AtomicU64,
    ended: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let network = Arc::new(Network {
            requests: AtomicI64::new(-1),
            answers: AtomicI64::new(-1),
            cuts: AtomicU64::new(0),
            delay_ms: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            connections: Mutex::new(Vec::new()),
        });
        let shared = Arc::clone(&network);
        let acceptor = thread::spawn(move || accept(&listener, target, &shared));
        Self { port, network, acceptor: Some(acceptor) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts all connections once so many more bytes have gone towards the server.
    pub(crate) fn cut_requests_after(&self, bytes: u32) {
        self.network.requests.store(bytes.into(), Ordering::SeqCst);
    }

    /// Cuts all connections once so many more bytes have come from the server.
    pub(crate) fn cut_answers_after(&self, bytes: u32) {
        self.network.answers.store(bytes.into(), Ordering::SeqCst);
    }

    /// How often connections were cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.network.cuts.load(Ordering::SeqCst)
    }

    /// Holds back each piece of data for so long, in both directions.
    pub(crate) fn delay(&self, time: Duration) {
        self.network.delay_ms.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.ended.store(true, Ordering::SeqCst);
        self.network.cut();
        // Wakes the acceptor.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.acceptor.take().map(JoinHandle::join);
    }
}

impl Network {
    fn cut(&self) {
        for connection in self.connections.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// How many of `length` bytes pass, and whether everything is cut after them.
    fn passing(&self, left: &AtomicI64, length: usize) -> (usize, bool) {
        let limit = left.load(Ordering::SeqCst);
        match usize::try_from(limit) {
            Err(_) => (length, false),
            Ok(limit) if length < limit => {
                left.fetch_sub(length as i64, Ordering::SeqCst);
                (length, false)
            }
            Ok(limit) => {
                left.store(-1, Ordering::SeqCst);
                (limit, true)
            }
        }
    }
}

fn accept(listener: &TcpListener, target: u16, network: &Arc<Network>) {
    for connection in listener.incoming() {
        if network.ended.load(Ordering::SeqCst) {
            return;
        }
        // Where nobody listens behind it, the connection ends at once.
        let (Ok(near), Ok(far)) = (connection, TcpStream::connect(("127.0.0.1", target))) else { continue };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let copies = (near.try_clone(), far.try_clone(), near.try_clone(), far.try_clone());
        let (Ok(near_too), Ok(far_too), Ok(near_kept), Ok(far_kept)) = copies else { continue };
        network.connections.lock().unwrap_or_else(PoisonError::into_inner).extend([near_kept, far_kept]);
        let (there, back) = (Arc::clone(network), Arc::clone(network));
        thread::spawn(move || pass(near, far, &there, |network| &network.requests));
        thread::spawn(move || pass(far_too, near_too, &back, |network| &network.answers));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, network: &Network, left: fn(&Network) -> &AtomicI64) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let delay = network.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            thread::sleep(Duration::from_millis(delay));
        }
        let (passing, cut) = network.passing(left(network), length);
        let written = to.write_all(&buffer[..passing]);
        if cut {
            network.cuts.fetch_add(1, Ordering::SeqCst);
            network.cut();
        }
        if cut || written.is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
