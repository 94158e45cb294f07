//! A client that speaks HTTP/1.1 over a plain socket: one request a connection.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

/// What Prometheus 2 says that it accepts.
pub(crate) const ACCEPT_OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    /// A header by its name in lower case; empty when it isn't there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Whether one of the lines is this.
    pub(crate) fn has_line(&self, line: &str) -> bool {
        self.body.lines().any(|found| found == line)
    }
}

/// Asks for a path.
///
/// # Panics
///
/// When nobody answers.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Response {
    request(addr, path, "*/*").unwrap_or_else(|error| panic!("{addr}{path} does not answer: {error}"))
}

/// Asks for the metrics page in a format.
pub(crate) fn scrape(addr: SocketAddr, accept: &str) -> Response {
    request(addr, "/metrics", accept).unwrap_or_else(|error| panic!("{addr} does not answer: {error}"))
}

/// Asks, and says what went wrong.
pub(crate) fn request(addr: SocketAddr, path: &str, accept: &str) -> io::Result<Response> {
    let mut stream = connect(addr)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {addr}\r\naccept: {accept}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no whole HTTP answer"))
}

/// A connection that waits for nothing longer than the tests do.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    Ok(stream)
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 4..]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let headers: HashMap<_, _> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = match headers.get("content-length") {
        Some(length) if length.parse() != Ok(body.len()) => return None,
        Some(_) => body.to_vec(),
        None => unchunk(body)?,
    };
    Some(Response { status, headers, body: String::from_utf8(body).ok()? })
}

/// A body of unknown length comes in chunks, each with its size before it.
fn unchunk(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(end + 2..end + 2 + size)?);
        chunks = chunks.get(end + 4 + size..)?;
    }
}
