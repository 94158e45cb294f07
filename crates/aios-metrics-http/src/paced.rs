//! A socket whose every wait for the client ends.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::limits::{FOREVER, Limits};
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
    /// The last bytes that came in.
    last: [u8; 3],
}

impl<S> Paced<S> {
    /// The time for the first request begins now.
    pub(crate) fn new(io: S, seat: Arc<Seat>, limits: &Limits) -> Self {
        let &Limits { header_timeout, idle_timeout, write_timeout, .. } = limits;
        let deadline = Box::pin(tokio::time::sleep(header_timeout));
        Self {
            io,
            seat,
            header_timeout,
            idle_timeout,
            write_timeout,
            deadline,
            is_writing: false,
            last: [0; 3],
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.seat.enter(phase);
        let limit = match phase {
            Phase::Asking => self.header_timeout,
            Phase::Idle => self.idle_timeout,
            Phase::Waiting | Phase::Answering => self.write_timeout,
        };
        self.deadline.as_mut().reset(Instant::now() + limit.min(FOREVER));
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

    /// The answer is out. A client that has sent more than whole heads has begun another request, or a
    /// body, which nobody here reads: either way it still owes us something.
    fn end_answer(&mut self) {
        if self.is_writing {
            self.is_writing = false;
            let is_whole = self.last == *b"\n\r\n" || self.last.ends_with(b"\n\n");
            self.enter(if is_whole { Phase::Idle } else { Phase::Asking });
        }
    }

    fn note_read(&mut self, bytes: &[u8]) {
        for byte in &bytes[bytes.len().saturating_sub(self.last.len())..] {
            self.last.rotate_left(1);
            self.last[2] = *byte;
        }
    }

    /// What came of a write.
    fn written(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match result {
            Poll::Pending => self.wait(cx),
            Poll::Ready(Ok(bytes)) if bytes > 0 => {
                self.seat.moved();
                result
            }
            _ => result,
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
        let bytes = &buf.filled()[before..];
        self.note_read(bytes);
        if !bytes.is_empty() && self.seat.phase() == Phase::Idle {
            self.enter(Phase::Asking);
        }
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.begin_answer();
        let result = Pin::new(&mut self.io).poll_write(cx, buf);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin_answer();
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write: the answer is out.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Poll::Ready(result) = Pin::new(&mut self.io).poll_flush(cx) else {
            return self.wait(cx);
        };
        self.end_answer();
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

    async fn ask(paced: &mut Paced<DuplexStream>, client: &mut DuplexStream, bytes: &[u8]) {
        client.write_all(bytes).await.unwrap();
        // One by one, so that the end of the head comes in pieces.
        for _ in bytes {
            paced.read_u8().await.unwrap();
        }
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
        ask(&mut paced, &mut client, b"ask\r\n\r\n").await;
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
        let (mut paced, mut client) = pair();
        ask(&mut paced, &mut client, b"ask\n\n").await;
        paced.write_all(b"answer").await.unwrap();
        paced.flush().await.unwrap();
        assert_eq!(seconds_until_timeout(Instant::now(), paced.read(&mut [0; 8])).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_part_of_the_next_request_has_no_more_time_when_it_comes_before_the_answer() {
        let (mut paced, mut client) = pair();
        ask(&mut paced, &mut client, b"ask\r\n\r\nand").await;
        paced.write_all(b"answer").await.unwrap();
        paced.flush().await.unwrap();
        assert_eq!(paced.seat.phase(), Phase::Asking);
        assert_eq!(seconds_until_timeout(Instant::now(), paced.read(&mut [0; 8])).await, 10);
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
