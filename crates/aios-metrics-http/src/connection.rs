//! The life of one connection.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::limits::{FOREVER, Limits};
use crate::paced::Paced;
use crate::seat::{Phase, Seat, Wish};
use crate::stats::Rejection;

/// Answers requests on `stream` until the client or the server has had enough.
///
/// When the server wants the place back, an answer that is under way is finished, unless that takes the
/// client too long; a client that only keeps us waiting is cut off.
pub(crate) async fn serve<S>(stream: S, seat: Arc<Seat>, router: Router, limits: &Limits)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Paced::new(stream, Arc::clone(&seat), limits));
    let router = TowerToHyperService::new(router);
    // Who has asked may have to wait for others: whose passwords are checked, whose page is being made.
    let service = service_fn(|request| {
        seat.enter(Phase::Waiting);
        router.call(request)
    });
    let mut connection = pin!(builder(limits).serve_connection(io, service));
    let ended = tokio::select! {
        // A request that has come in before the wish to see it go is answered.
        biased;
        ended = connection.as_mut() => Some(ended),
        () = async {
            seat.wanted_back(Wish::Leave).await;
            // Let the runtime look at its sockets once more: what the client has sent may wait there.
            tokio::task::yield_now().await;
        } => None,
    };
    let ended = match ended {
        None if seat.is_owed_an_answer() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                ended = connection => ended,
                () = seat.wanted_back(Wish::Cut) => Ok(()),
            }
        }
        None => Ok(()),
        Some(ended) => ended,
    };
    if let Err(error) = ended {
        seat.reject(error.is_parse().then_some(Rejection::Malformed));
        tracing::debug!(target: "aios_metrics", %error, "a connection ended early");
    }
}

fn builder(limits: &Limits) -> Builder {
    // A second line behind `Paced`: hyper's limit spans an answer, the pause and the next head.
    let waits = [limits.scrape_timeout, limits.write_timeout, limits.idle_timeout, limits.header_timeout];
    let all = waits.into_iter().fold(Duration::ZERO, Duration::saturating_add).min(FOREVER);
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(all).max_buf_size(limits.max_header_bytes);
    builder
}
