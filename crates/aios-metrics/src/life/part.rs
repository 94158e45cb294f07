//! A background thread that can be told to end and waited for.

use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::error::StartError;

/// A background thread. Dropping this tells it to end.
pub(crate) struct Part {
    thread: JoinHandle<()>,
    /// Nothing is ever sent: it is disconnected when the thread ends.
    ended: Receiver<()>,
    /// Disconnected when the thread is to end.
    keep_on: Option<Sender<()>>,
}

/// What becomes of the blocking threads of a part's runtime when the part ends.
#[cfg(any(feature = "http", feature = "redis"))]
#[cfg_attr(not(all(feature = "http", feature = "redis")), allow(dead_code, reason = "each part has its own"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockingThreads {
    /// They do our work: the part ends when they have.
    Joined,
    /// They wait for the system, as a name lookup does, and must not hold up the end.
    Left,
}

impl Part {
    /// Starts a thread that runs `run`, which ends when its channel is disconnected.
    pub(crate) fn start(
        name: &'static str,
        run: impl FnOnce(Receiver<()>) + Send + 'static,
    ) -> Result<Self, StartError> {
        let (alive, ended) = bounded(0);
        let (keep_on, told) = bounded(0);
        let body = move || {
            let _alive: Sender<()> = alive;
            run(told);
        };
        let thread = Builder::new()
            .name(format!("aios-metrics-{name}"))
            .spawn(body)
            .map_err(|source| StartError::Thread { part: name, source })?;
        Ok(Self { thread, ended, keep_on: Some(keep_on) })
    }

    /// Starts a thread that runs `run` on a runtime of its own. What it waits for tells it to end.
    ///
    /// The runtime is made here: where the system has no descriptors for it, the caller hears of it.
    #[cfg(any(feature = "http", feature = "redis"))]
    pub(crate) fn start_async<F: Future<Output = ()>>(
        name: &'static str,
        run: impl FnOnce() -> F + Send + 'static,
        blocking: BlockingThreads,
    ) -> Result<Self, StartError> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        if blocking == BlockingThreads::Joined {
            builder.thread_name(format!("aios-metrics-{name}"));
        }
        let runtime = builder.enable_all().build();
        let runtime = runtime.map_err(|source| StartError::Thread { part: name, source })?;
        Self::start(name, move |_| {
            runtime.block_on(async move { run().await });
            match blocking {
                BlockingThreads::Joined => drop(runtime),
                BlockingThreads::Left => runtime.shutdown_background(),
            }
        })
    }

    /// Tells the thread to end, without waiting.
    pub(crate) fn tell_to_end(&mut self) {
        self.keep_on = None;
    }

    /// Tells the thread to end and waits until it has, or until `deadline`; past that it is left
    /// to itself.
    pub(crate) fn join(mut self, deadline: Instant) -> bool {
        self.tell_to_end();
        let ended =
            !matches!(self.ended.recv_deadline(deadline), Err(crossbeam_channel::RecvTimeoutError::Timeout));
        // Past the channel's end the thread has nothing left to do, so this does not block.
        ended && self.thread.join().is_ok()
    }
}
