//! The beginning of a TLS connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::seat::{Seat, Wish};

/// Shakes hands with a client.
///
/// `Ok(None)` when the server wanted its place back meanwhile, or it left without a word, as those
/// do who only look whether the port is open.
///
/// # Errors
///
/// When it takes longer than `limit`, or the two can't agree.
pub(in crate::web) async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    seat: &Seat,
    limit: Duration,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    let handshake = tokio::time::timeout(limit, TlsAcceptor::from(config).accept(stream));
    tokio::select! {
        biased;
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => Ok(Some(stream)),
            Ok(Err(error)) if is_gone(&error) => Ok(None),
            Ok(Err(error)) if is_not_tls(&error) => {
                Err(io::Error::new(error.kind(), "what the client says is not TLS, perhaps http instead of https"))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")),
        },
        () = seat.wanted_back(Wish::Leave) => Ok(None),
    }
}

/// Whether not even the form was that of TLS.
fn is_not_tls(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(error, Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)))
}

/// Whether the client broke the connection off, without telling why by an alert.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
