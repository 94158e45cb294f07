//! Takes connections from the system, also while the system has none to give.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::throttle::Throttle;

/// How long to wait after the system refused us a connection; it is mostly out of descriptors.
const PAUSE: Duration = Duration::from_millis(500);

/// A listener whose failures are logged, waited out and tried again.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listener: TcpListener,
    log: Throttle,
}

impl Acceptor {
    /// Must be called on a tokio runtime; `listener` may be blocking or not.
    pub(crate) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener: TcpListener::from_std(listener)?, log: Throttle::default() })
    }

    /// The next connection. Loses none when it is dropped while it waits.
    pub(crate) async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // An answer is one write; a kernel that refuses costs us only time.
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    if let Some(held_back) = self.log.pass() {
                        tracing::warn!(target: "aios_metrics", %error, held_back, "can't accept connections");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether the client left before it was accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
