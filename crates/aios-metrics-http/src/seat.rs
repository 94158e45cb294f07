//! The place that a connection takes: how the server, the connection's task and its socket know of
//! each other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aios_metrics_core::InFlight;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::stats::{ConnectionStats, Rejection};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It owes us the rest of a request, or its first byte.
    Asking,
    /// It is between two requests.
    Idle,
    /// It waits for us to make an answer.
    Waiting,
    /// It has not taken the whole of an answer.
    Answering,
}

impl Phase {
    /// Whether we owe the client an answer, or the rest of one.
    fn is_busy(self) -> bool {
        matches!(self, Self::Waiting | Self::Answering)
    }
}

/// How much the server wants a place back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// Not at all.
    Stay,
    /// When the answer that is under way is out.
    Leave,
    /// At once.
    Cut,
}

/// One connection's place.
#[derive(Debug)]
pub(crate) struct Seat {
    state: Mutex<State>,
    wished: Notify,
    stats: Option<ConnectionStats>,
    _open: Option<InFlight>,
}

/// How it is with a place at some moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// When the client came.
    pub(crate) came: Instant,
    /// When the phase began; of an answer, when the client last took a part of it.
    pub(crate) since: Instant,
    /// Since when it has been owed answers without a [`PAUSE`]: who sends one request behind the other
    /// does not begin anew with each.
    pub(crate) busy_since: Instant,
    /// When it was last owed nothing any more.
    calm_since: Instant,
    pub(crate) wish: Wish,
}

/// A scraper leaves us alone between two requests for far longer.
const PAUSE: Duration = Duration::from_millis(100);

impl State {
    pub(crate) fn is_busy(&self) -> bool {
        self.phase.is_busy()
    }
}

impl Seat {
    /// A place for a client that has just come.
    pub(crate) fn new(stats: Option<ConnectionStats>) -> Self {
        let (phase, now, wish) = (Phase::Asking, Instant::now(), Wish::Stay);
        let state = State { phase, came: now, since: now, busy_since: now, calm_since: now, wish };
        let open = stats.as_ref().and_then(ConnectionStats::opened);
        Self { state: Mutex::new(state), wished: Notify::new(), stats, _open: open }
    }

    pub(crate) fn state(&self) -> State {
        *self.lock()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.lock().phase
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let now = Instant::now();
        let mut state = self.lock();
        match (state.phase.is_busy(), phase.is_busy()) {
            (true, false) => state.calm_since = now,
            (false, true) if now - state.calm_since >= PAUSE => state.busy_since = now,
            _ => {}
        }
        (state.phase, state.since) = (phase, now);
    }

    /// The client has taken a part of an answer.
    pub(crate) fn moved(&self) {
        self.lock().since = Instant::now();
    }

    /// Whether we owe the client an answer, or the rest of one.
    pub(crate) fn is_owed_an_answer(&self) -> bool {
        self.phase().is_busy()
    }

    /// Counts that the connection is ended; `None` for the end of an idle one, which is usual.
    pub(crate) fn reject(&self, rejection: impl Into<Option<Rejection>>) {
        if let (Some(stats), Some(rejection)) = (&self.stats, rejection.into()) {
            stats.rejected(rejection);
        }
    }

    /// Tells that the server wants the place back.
    pub(crate) fn want_back(&self, wish: Wish) {
        let mut state = self.lock();
        state.wish = state.wish.max(wish);
        drop(state);
        self.wished.notify_one();
    }

    /// Waits until the server wants the place back, and at least so much. For one waiter.
    pub(crate) async fn wanted_back(&self, least: Wish) {
        while self.lock().wish < least {
            self.wished.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_was_asked_before_it_waits_leaves_too() {
        let seat = Seat::new(None);
        seat.want_back(Wish::Leave);
        seat.wanted_back(Wish::Leave).await;
        seat.want_back(Wish::Cut);
        seat.wanted_back(Wish::Cut).await;
        // A smaller wish takes nothing back.
        seat.want_back(Wish::Leave);
        seat.wanted_back(Wish::Cut).await;
    }

    #[tokio::test(start_paused = true)]
    async fn requests_behind_each_other_are_one_time_of_being_busy() {
        let seat = Seat::new(None);
        let begin = Instant::now();
        for _ in 0..10 {
            for phase in [Phase::Waiting, Phase::Answering, Phase::Idle, Phase::Asking] {
                seat.enter(phase);
                tokio::time::advance(if phase.is_busy() { PAUSE } else { PAUSE / 4 }).await;
            }
        }
        seat.enter(Phase::Waiting);
        assert_eq!(seat.state().busy_since, begin);
        seat.enter(Phase::Idle);
        tokio::time::advance(PAUSE).await;
        seat.enter(Phase::Waiting);
        assert_eq!(seat.state().busy_since, Instant::now());
    }
}
