//! Clients that scrape one page after the other, each on a connection of its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// What all clients together saw.
pub(crate) struct Load {
    /// Pages.
    pub(crate) a_second: f64,
    /// The time that 99 of 100 pages stayed below; of fewer than [`ENOUGH`] the longest.
    pub(crate) p99: Duration,
    pub(crate) pages: usize,
    /// Of one page, without its head.
    pub(crate) bytes: usize,
}

/// So many pages have a 99th percentile that is not their longest.
pub(crate) const ENOUGH: usize = 100;

/// Scrapes for `time`. `headers` are whole lines.
pub(crate) fn run(addr: SocketAddr, headers: &str, connections: usize, time: Duration) -> io::Result<Load> {
    let started = Instant::now();
    let clients = thread::scope(|scope| {
        let client = || client(addr, headers, started + time);
        let clients: Vec<_> = (0..connections).map(|_| scope.spawn(client)).collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("it does not panic"))
            .collect::<io::Result<Vec<_>>>()
    })?;
    let elapsed = started.elapsed();
    let bytes = clients.first().map_or(0, |(bytes, _)| *bytes);
    let mut times: Vec<Duration> = clients.into_iter().flat_map(|(_, times)| times).collect();
    times.sort_unstable();
    // The smallest that is not below 99 of 100.
    let p99 = times[(times.len() * 99).div_ceil(100) - 1];
    let pages = times.len();
    Ok(Load { a_second: pages as f64 / elapsed.as_secs_f64(), p99, pages, bytes })
}

/// The bytes of its last page, and the time of each; at least one.
fn client(addr: SocketAddr, headers: &str, end: Instant) -> io::Result<(usize, Vec<Duration>)> {
    let mut stream = BufReader::with_capacity(64 * 1024, TcpStream::connect(addr)?);
    stream.get_ref().set_nodelay(true)?;
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(60)))?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {addr}\r\n{headers}\r\n");
    let (mut page, mut times) = (Vec::new(), Vec::new());
    loop {
        let started = Instant::now();
        stream.get_mut().write_all(request.as_bytes())?;
        read_page(&mut stream, &mut page)?;
        times.push(started.elapsed());
        if Instant::now() >= end {
            return Ok((page.len(), times));
        }
    }
}

fn read_page(stream: &mut BufReader<TcpStream>, page: &mut Vec<u8>) -> io::Result<()> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(format!("expected status 200, got {line:?}")));
    }
    let mut length = None;
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok(),
            Some(_) => {}
            None => break,
        }
    }
    let length = length.ok_or_else(|| io::Error::other("the answer has no length"))?;
    page.resize(length, 0);
    stream.read_exact(page)
}
