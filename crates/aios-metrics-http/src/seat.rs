//! The places that connections take, and who gives one up when a newcomer finds none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It owes us the rest of a request, or its first byte.
    Asking,
    /// It is between two requests.
    Idle,
    /// It has asked, and has not got or not taken the whole of its answer.
    Answering,
}

/// One connection's place: how the server, the connection's task and its socket know of each
/// other.
#[derive(Debug)]
pub(crate) struct Seat {
    state: Mutex<State>,
    leave: Notify,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    since: Instant,
    asked_to_leave: bool,
}

impl Seat {
    /// A place for a client that has just come.
    pub(crate) fn new() -> Self {
        let state = State { phase: Phase::Asking, since: Instant::now(), asked_to_leave: false };
        Self { state: Mutex::new(state), leave: Notify::new() }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let mut state = self.state();
        state.phase = phase;
        state.since = Instant::now();
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
pub(crate) struct Seats(Vec<Weak<Seat>>);

impl Seats {
    /// Takes a place; it is free again when the seat is dropped.
    pub(crate) fn take(&mut self) -> Arc<Seat> {
        self.0.retain(|seat| seat.strong_count() > 0);
        let seat = Arc::new(Seat::new());
        self.0.push(Arc::downgrade(&seat));
        seat
    }

    /// Asks one client to leave: of those that owe us a request the one that has owed it the
    /// longest, else the one that has been idle the longest. An answer is never cut short.
    pub(crate) fn make_room(&self) {
        let waiting = self.0.iter().filter_map(Weak::upgrade).filter_map(|seat| {
            let State { phase, since, asked_to_leave } = *seat.state();
            (phase != Phase::Answering && !asked_to_leave).then_some(((phase, since), seat))
        });
        if let Some((_, seat)) = waiting.min_by_key(|(rank, _)| *rank) {
            seat.ask_to_leave();
        }
    }

    /// Asks everybody to leave.
    pub(crate) fn clear(&self) {
        self.0.iter().filter_map(Weak::upgrade).for_each(|seat| seat.ask_to_leave());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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

    #[tokio::test]
    async fn a_dropped_seat_is_forgotten() {
        let mut seats = Seats::default();
        for _ in 0..100 {
            drop(seats.take());
        }
        let _last = seats.take();
        assert_eq!(seats.0.len(), 1);
    }

    #[tokio::test]
    async fn who_was_asked_before_it_waits_leaves_too() {
        let mut seats = Seats::default();
        let seat = seats.take();
        seats.clear();
        seat.asked_to_leave().await;
    }
}
