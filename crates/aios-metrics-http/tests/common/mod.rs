//! A server on a thread of its own, and a client that speaks plain TCP.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "it runs in tests only")]

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aios_metrics_core::{Documents, Identity, Registry};
use aios_metrics_http::Exporter;
use tokio::sync::oneshot;

/// Longer than anything here takes on a busy machine, and shorter than the default timeouts of
/// the server, so that those can't be what a test sees.
pub(crate) const DEADLINE: Duration = Duration::from_secs(8);

pub(crate) fn exporter(registry: &Registry) -> Exporter {
    let identity = Identity::new("billing", "billing-1", "node-7");
    Exporter::new(Arc::new(Documents::new(Arc::new(registry.clone()), identity)))
}

/// Serves an exporter on a free port and a current-thread runtime.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    pub(crate) fn start(exporter: Exporter) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(exporter.serve(listener, async { drop(stopped.await) }))
        });
        Self { addr, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// Stops the server and tells how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        let started = Instant::now();
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap().unwrap();
        started.elapsed()
    }
}

/// One connection.
pub(crate) struct Client<S = TcpStream>(BufReader<S>);

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn content_length(&self) -> usize {
        self.header("content-length").parse().unwrap_or(0)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Response {
    /// A whole answer, up to the end of its connection.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Client::over(io::Cursor::new(bytes.to_vec())).response(true)
    }
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self::over(stream)
    }

    /// From an address of this machine, which has a whole network of them.
    pub(crate) fn connect_from(from: IpAddr, addr: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            socket.connect(addr).await?.into_std()
        });
        let stream = stream.unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self::over(stream)
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        self.0.get_mut()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, "")
    }

    /// `headers` are whole lines, each with its line end.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &str) -> Response {
        self.try_request(method, path, headers).unwrap()
    }

    pub(crate) fn try_request(&mut self, method: &str, path: &str, headers: &str) -> io::Result<Response> {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n");
        self.0.get_mut().write_all(head.as_bytes())?;
        self.try_response(method != "HEAD")
    }

    /// Reads `bytes` bytes, whatever they are.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.0.read_exact(&mut vec![0; bytes]).unwrap();
    }

    /// Reads up to the end of the connection.
    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        text
    }

    pub(crate) fn response(&mut self, has_body: bool) -> Response {
        self.try_response(has_body).unwrap()
    }

    pub(crate) fn try_response(&mut self, has_body: bool) -> io::Result<Response> {
        let mut response = self.head()?;
        response.body = vec![0; if has_body { response.content_length() } else { 0 }];
        self.0.read_exact(&mut response.body)?;
        Ok(response)
    }

    /// A response up to its body.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let status_line = self.line()?;
        let status = status_line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {status_line:?}")))?;
        let mut headers = HashMap::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Ok(Response { status, headers, body: Vec::new() })
    }

    /// Whether the server closes the connection before the deadline, without another byte.
    pub(crate) fn is_closed_in_time(&mut self) -> bool {
        match self.0.read(&mut [0; 64]) {
            Ok(read) => read == 0,
            // The last is what TLS says of an end that was not told before.
            Err(error) => {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
