//! A socket whose every wait for the client ends.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::limits::Limits;
use crate::seat::{Phase, Seat};
use crate::stats::Rejection;

/// Passes reads and writes on, follows in which phase the connection is, and fails with
/// [`io::ErrorKind::TimedOut`] when the phase lasts longer than its limit.
///
/// hyper's own limit runs from the end of one request to the end of the next head, so it can't be
/// short for a client that never asks and long for one that asks once a minute; and it knows no
/// limit for a client that doesn't read.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    io: S,
    seat: Arc<Seat>,
    header_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Whether a part of an answer has been written and the whole has not: the seat's phase is that
    /// of answering before, when the request is there and the answer isn't.
    is_writing: bool,
}

impl<S> Paced<S> {
    /// The time for the first request begins now.
    pub(crate) fn new(io: S, seat: Arc<Seat>, limits: &Limits) -> Self {
        let &Limits { header_timeout, idle_timeout, write_timeout, .. } = limits;
        let deadline = Box::pin(tokio::time::sleep(header_timeout));
        Self { io, seat, header_timeout, idle_timeout, write_timeout, deadline, is_writing: false }
    }

    fn enter(&mut self, phase: Phase) {
        self.seat.enter(phase);
        let limit = match phase {
            Phase::Asking => self.header_timeout,
            Phase::Idle => self.idle_timeout,
            Phase::Waiting | Phase::Answering => self.write_timeout,
        };
        // A limit beyond what the clock can hold is no limit; `far` is what tokio sleeps then.
        let far = Duration::from_secs(86_400 * 365 * 30);
        self.deadline.as_mut().reset(Instant::now() + limit.min(far));
    }

    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let phase = self.seat.phase();
        if phase == Phase::Waiting {
            // It is us who take time, and what makes the answer has a limit of its own.
            return Poll::Pending;
        }
        ready!(self.deadline.as_mut().poll(cx));
        self.seat.reject(match phase {
            Phase::Asking => Some(Rejection::RequestTimeout),
            Phase::Answering => Some(Rejection::ResponseTimeout),
            Phase::Idle | Phase::Waiting => None,
        });
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn begin_answer(&mut self) {
        if !self.is_writing {
            self.is_writing = true;
            self.enter(Phase::Answering);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Poll::Ready(result) = Pin::new(&mut self.io).poll_read(cx, buf) else {
            return self.wait(cx);
        };
        if buf.filled().len() > before && self.seat.phase() == Phase::Idle {
            self.enter(Phase::Asking);
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.begin_answer();
        match Pin::new(&mut self.io).poll_write(cx, buf) {
            Poll::Pending => self.wait(cx),
            ready => ready,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin_answer();
        match Pin::new(&mut self.io).poll_write_vectored(cx, bufs) {
            Poll::Pending => self.wait(cx),
            ready => ready,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write: the answer is out.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(result) = Pin::new(&mut self.io).poll_flush(cx) else {
            return self.wait(cx);
        };
        if self.is_writing {
            self.is_writing = false;
            self.enter(Phase::Idle);
        }
        Poll::Ready(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.io).poll_shutdown(cx) {
            Poll::Pending => self.wait(cx),
            ready => ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    fn pair() -> (Paced<DuplexStream>, DuplexStream) {
        let limits = Limits::default()
            .with_header_timeout(Duration::from_secs(10))
            .with_idle_timeout(Duration::from_secs(75))
            .with_write_timeout(Duration::from_secs(60));
        let (near, far) = tokio::io::duplex(16);
        (Paced::new(near, Arc::new(Seat::new(None)), &limits), far)
    }

    async fn seconds_until_timeout(started: Instant, end: impl Future<Output = io::Result<usize>>) -> u64 {
        assert_eq!(end.await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        started.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_after_connecting_ends_with_the_header_timeout() {
        let (mut paced, _client) = pair();
        assert_eq!(seconds_until_timeout(Instant::now(), paced.read(&mut [0; 8])).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_in_gets_no_more_time_than_one_that_does_not() {
        let (mut paced, mut client) = pair();
        let started = Instant::now();
        let drip = async {
            loop {
                client.write_all(b"x").await.unwrap();
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        };
        let read = async {
            loop {
                paced.read_u8().await?;
            }
        };
        let seconds = seconds_until_timeout(started, read);
        tokio::select! { seconds = seconds => assert_eq!(seconds, 10), () = drip => {} }
    }

    #[tokio::test(start_paused = true)]
    async fn between_requests_the_idle_timeout_holds_until_the_next_byte() {
        let (mut paced, mut client) = pair();
        client.write_all(b"ask").await.unwrap();
        paced.read_exact(&mut [0; 3]).await.unwrap();
        paced.write_all(b"answer").await.unwrap();
        assert_eq!(paced.seat.phase(), Phase::Answering);
        paced.flush().await.unwrap();
        assert_eq!(paced.seat.phase(), Phase::Idle);

        tokio::time::advance(Duration::from_secs(70)).await;
        client.write_all(b"a").await.unwrap();
        paced.read_u8().await.unwrap();
        assert_eq!(paced.seat.phase(), Phase::Asking);
        assert_eq!(seconds_until_timeout(Instant::now(), paced.read(&mut [0; 8])).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_with_the_idle_timeout() {
        let (mut paced, _client) = pair();
        paced.write_all(b"answer").await.unwrap();
        paced.flush().await.unwrap();
        assert_eq!(seconds_until_timeout(Instant::now(), paced.read(&mut [0; 8])).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_sips_has_the_write_timeout_for_the_whole_answer() {
        let (mut paced, mut client) = pair();
        let started = Instant::now();
        let sip = async {
            loop {
                client.read_exact(&mut [0]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(7)).await;
            }
        };
        let write = async {
            paced.write_all(&[b'x'; 100]).await?;
            Ok(0)
        };
        let seconds = seconds_until_timeout(started, write);
        tokio::select! { seconds = seconds => assert_eq!(seconds, 60), () = sip => {} }
    }
}
