//! A proxy that makes a scraper ask for another format than it would.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::DEADLINE;

/// Passes requests on to a server with an `Accept` of its own. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Rewriting {
    pub(crate) addr: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Rewriting {
    pub(crate) fn accepting(accept: &'static str, target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let addr = listener.local_addr().expect("a listener has an address");
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away asks again.
                let _ = pass_on(connection, accept, target);
            }
        });
        Self { addr, over, thread: Some(thread) }
    }
}

/// One request and its answer.
fn pass_on(connection: io::Result<TcpStream>, accept: &str, target: SocketAddr) -> io::Result<()> {
    let mut connection = connection?;
    let mut server = TcpStream::connect(target)?;
    for stream in [&connection, &server] {
        stream.set_read_timeout(Some(DEADLINE))?;
    }
    let mut head = format!("accept: {accept}\r\nconnection: close\r\n");
    for (i, line) in BufReader::new(connection.try_clone()?).lines().enumerate() {
        let line = line?;
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match &*name {
            "" => break,
            "accept" | "connection" => {}
            _ if i == 0 => head.insert_str(0, &format!("{line}\r\n")),
            _ => head += &format!("{line}\r\n"),
        }
    }
    server.write_all(format!("{head}\r\n").as_bytes())?;
    io::copy(&mut server, &mut connection).map(drop)
}

impl Drop for Rewriting {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it up.
        drop(TcpStream::connect(self.addr));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
