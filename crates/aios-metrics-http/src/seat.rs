//! The places that connections take, and who gives one up when a newcomer finds none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use aios_metrics_core::InFlight;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::stats::{ConnectionStats, Rejection};

/// How long a client keeps its place before it may lose it to a newcomer.
///
/// A client that asks at once may still need a moment: to be run between connecting and sending, and for
/// what it sent to be noticed here. In a burst of honest ones each must have that moment, or the first are
/// cut off by the last.
const LEAST_STAY: Duration = Duration::from_millis(100);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// One connection's place: how the server, the connection's task and its socket know of each
/// other.
#[derive(Debug)]
pub(crate) struct Seat {
    state: Mutex<State>,
    leave: Notify,
    stats: Option<ConnectionStats>,
    _open: Option<InFlight>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    since: Instant,
    asked_to_leave: bool,
}

impl Seat {
    /// A place for a client that has just come.
    pub(crate) fn new(stats: Option<ConnectionStats>) -> Self {
        let state = State { phase: Phase::Asking, since: Instant::now(), asked_to_leave: false };
        let open = stats.as_ref().and_then(ConnectionStats::opened);
        Self { state: Mutex::new(state), leave: Notify::new(), stats, _open: open }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let mut state = self.state();
        state.phase = phase;
        state.since = Instant::now();
    }

    /// Whether we owe the client an answer, or the rest of one.
    pub(crate) fn is_owed_an_answer(&self) -> bool {
        matches!(self.phase(), Phase::Waiting | Phase::Answering)
    }

    /// Counts that the connection is ended; `None` for the end of an idle one, which is usual.
    pub(crate) fn reject(&self, rejection: impl Into<Option<Rejection>>) {
        if let (Some(stats), Some(rejection)) = (&self.stats, rejection.into()) {
            stats.rejected(rejection);
        }
    }

    /// Waits until the server wants the place back. For one waiter.
    pub(crate) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    fn ask_to_leave(&self) {
        self.state().asked_to_leave = true;
        self.leave.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All places that are taken.
#[derive(Debug, Default)]
pub(crate) struct Seats {
    taken: Vec<Weak<Seat>>,
    stats: Option<ConnectionStats>,
}

impl Seats {
    /// No place is taken yet.
    pub(crate) fn new(stats: Option<ConnectionStats>) -> Self {
        Self { taken: Vec::new(), stats }
    }

    /// Takes a place; it is free again when the seat is dropped.
    pub(crate) fn take(&mut self) -> Arc<Seat> {
        self.taken.retain(|seat| seat.strong_count() > 0);
        let seat = Arc::new(Seat::new(self.stats.clone()));
        self.taken.push(Arc::downgrade(&seat));
        seat
    }

    /// Asks one client to leave: of those that owe us a request the one that has owed it the
    /// longest, else the one that has been idle the longest. An answer is never cut short, and nobody
    /// leaves who has just come.
    pub(crate) fn make_room(&self) {
        let waiting = self.taken.iter().filter_map(Weak::upgrade).filter_map(|seat| {
            let State { phase, since, asked_to_leave } = *seat.state();
            let may_leave = match phase {
                Phase::Asking => since.elapsed() >= LEAST_STAY,
                Phase::Idle => true,
                Phase::Waiting | Phase::Answering => false,
            };
            (may_leave && !asked_to_leave).then_some(((phase, since), seat))
        });
        if let Some((_, seat)) = waiting.min_by_key(|(rank, _)| *rank) {
            seat.reject(Rejection::Replaced);
            seat.ask_to_leave();
        }
    }

    /// Asks everybody to leave.
    pub(crate) fn clear(&self) {
        self.taken.iter().filter_map(Weak::upgrade).for_each(|seat| seat.ask_to_leave());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(seat: &Seat) -> bool {
        seat.state().asked_to_leave
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_made_by_who_keeps_us_waiting_and_never_by_who_is_being_answered() {
        let mut seats = Seats::default();
        let tick = || tokio::time::advance(Duration::from_secs(1));
        let (idle, answering) = (seats.take(), seats.take());
        idle.enter(Phase::Idle);
        answering.enter(Phase::Answering);
        tick().await;
        let silent = seats.take();
        tick().await;
        let newer = seats.take();
        tick().await;

        let mut order = Vec::new();
        for _ in 0..4 {
            seats.make_room();
            order.push([&silent, &newer, &idle, &answering].map(|seat| asked(seat)));
        }
        assert_eq!(order[0], [true, false, false, false]);
        assert_eq!(order[1], [true, true, false, false]);
        assert_eq!(order[2], [true, true, true, false]);
        assert_eq!(order[3], order[2]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_just_come_is_not_sent_away() {
        let mut seats = Seats::default();
        let newest = seats.take();
        seats.make_room();
        assert!(!asked(&newest));
        tokio::time::advance(LEAST_STAY).await;
        seats.make_room();
        assert!(asked(&newest));
    }

    #[tokio::test]
    async fn a_dropped_seat_is_forgotten() {
        let mut seats = Seats::default();
        for _ in 0..100 {
            drop(seats.take());
        }
        let _last = seats.take();
        assert_eq!(seats.taken.len(), 1);
    }

    #[tokio::test]
    async fn who_was_asked_before_it_waits_leaves_too() {
        let mut seats = Seats::default();
        let seat = seats.take();
        seats.clear();
        seat.asked_to_leave().await;
    }
}
