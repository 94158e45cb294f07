//! All places that are taken, and who gives one up when a newcomer finds none.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::seat::{Phase, Seat, State, Wish};
use crate::stats::{ConnectionStats, Rejection};

/// How long a client keeps its place before it may lose it to a newcomer.
///
/// A client that asks at once may still need a moment: to be run between connecting and sending, and for
/// what it sent to be noticed here. In a burst of honest ones each must have that moment, or the first are
/// cut off by the last.
const LEAST_STAY: Duration = Duration::from_millis(100);

/// A client that takes nothing of its answer for so long has stopped reading, as far as others that want
/// its place are concerned.
const STALLED: Duration = Duration::from_secs(1);

/// How long a client may wait for its answer and take it while others want its place: half of a usual
/// scrape's timeout.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

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

    /// Asks one client to leave, if there is one that has to:
    ///
    /// 1. that has owed us a request the longest, unless it has just come;
    /// 2. that has been idle the longest;
    /// 3. that has been busy with its answers the longest, if it has stopped reading or takes far too long.
    ///    It is cut off.
    ///
    /// While half of the places are those of clients that are on their way out, or have just come and owe us a
    /// request, nobody else has to go: one of these will be free in a moment. With fewer of them, newcomers
    /// would come in too slowly if they had to wait for these.
    pub(crate) fn make_room(&self) {
        let taken: Vec<_> =
            self.taken.iter().filter_map(Weak::upgrade).map(|seat| (seat.state(), seat)).collect();
        let longest = |phase| {
            let may_leave =
                move |state: &State| state.phase == phase && state.wish == Wish::Stay && !is_new(state);
            taken.iter().filter(move |(state, _)| may_leave(state)).min_by_key(|(state, _)| state.since)
        };
        let soon_free = taken.iter().filter(|(state, _)| is_new(state) || is_leaving(state)).count();
        let stuck =
            || taken.iter().filter(|(state, _)| holds_up(state)).min_by_key(|(state, _)| state.busy_since);

        let (seat, wish) = if let Some((_, seat)) = longest(Phase::Asking) {
            (seat, Wish::Leave)
        } else if 2 * soon_free >= taken.len() {
            return;
        } else if let Some((_, seat)) = longest(Phase::Idle) {
            (seat, Wish::Leave)
        } else if let Some((_, seat)) = stuck() {
            (seat, Wish::Cut)
        } else {
            return;
        };
        if seat.state().wish == Wish::Stay {
            seat.reject(Rejection::Replaced);
        }
        seat.want_back(wish);
    }

    /// Asks everybody to leave.
    pub(crate) fn clear(&self) {
        self.taken.iter().filter_map(Weak::upgrade).for_each(|seat| seat.want_back(Wish::Leave));
    }
}

/// Whether a client owes us its first request and has just come.
fn is_new(state: &State) -> bool {
    state.phase == Phase::Asking && state.came.elapsed() < LEAST_STAY
}

/// Whether a client goes as soon as its task gets to run.
fn is_leaving(state: &State) -> bool {
    state.wish == Wish::Cut || (state.wish == Wish::Leave && !state.is_busy())
}

/// Whether a client that is owed an answer has had its place for long enough.
fn holds_up(state: &State) -> bool {
    let has_stalled = state.phase == Phase::Answering && state.since.elapsed() >= STALLED;
    let takes_long = state.is_busy() && state.busy_since.elapsed() >= LONGEST_ANSWER;
    state.wish < Wish::Cut && (has_stalled || takes_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some clients by their names.
    #[derive(Default)]
    struct Clients {
        seats: Seats,
        here: Vec<(&'static str, Arc<Seat>)>,
    }

    impl Clients {
        fn come(&mut self, name: &'static str) -> &Seat {
            let seat = self.seats.take();
            self.here.push((name, seat));
            &self.here[self.here.len() - 1].1
        }

        /// Asks for room so often; who is told to leave does, at once. Who that is.
        fn leave(&mut self, times: usize) -> Vec<(&'static str, Wish)> {
            let mut left = Vec::new();
            for _ in 0..times {
                self.seats.make_room();
                let leaving = self.here.extract_if(.., |(_, seat)| seat.state().wish > Wish::Stay);
                left.extend(leaving.map(|(name, seat)| (name, seat.state().wish)));
            }
            left
        }
    }

    /// Lets this much time pass.
    async fn pass(time: Duration) {
        tokio::time::advance(time).await;
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_made_by_who_keeps_us_waiting_and_last_by_who_is_being_answered() {
        use Wish::{Cut, Leave};
        let mut clients = Clients::default();
        clients.come("idle").enter(Phase::Idle);
        clients.come("waiting").enter(Phase::Waiting);
        clients.come("answering").enter(Phase::Answering);
        pass(STALLED / 4).await;
        clients.come("silent");
        pass(STALLED / 4).await;
        clients.come("also silent");
        pass(LEAST_STAY).await;

        let order = [("silent", Leave), ("also silent", Leave), ("idle", Leave)];
        assert_eq!(clients.leave(9), order, "no answer is cut short");
        pass(STALLED).await;
        assert_eq!(clients.leave(9), [("answering", Cut)], "it has stopped reading");
        pass(LONGEST_ANSWER).await;
        assert_eq!(clients.leave(9), [("waiting", Cut)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_just_come_is_not_sent_away() {
        let mut clients = Clients::default();
        clients.come("new");
        assert_eq!(clients.leave(9), []);
        pass(LEAST_STAY).await;
        assert_eq!(clients.leave(9).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_begins_a_further_request_has_not_just_come() {
        let mut clients = Clients::default();
        clients.come("drips");
        pass(LEAST_STAY).await;
        clients.here[0].1.enter(Phase::Idle);
        clients.here[0].1.enter(Phase::Asking);
        assert_eq!(clients.leave(9).len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn silent_newcomers_push_each_other_out_and_no_scraper_that_pauses() {
        let mut clients = Clients::default();
        for _ in 0..4 {
            clients.come("scraper").enter(Phase::Idle);
        }
        for _ in 0..100 {
            (0..4).for_each(|_| _ = clients.come("silent"));
            assert_eq!(clients.leave(9), [], "they have just come");
            pass(LEAST_STAY).await;
            assert_eq!(clients.leave(4), [("silent", Wish::Leave); 4]);
        }
        // Where those who pause have most of the places, a newcomer does not wait for the one that is left.
        clients.come("silent");
        assert_eq!(clients.leave(1), [("scraper", Wish::Leave)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_sips_goes_later_than_one_that_stops() {
        let mut clients = Clients::default();
        clients.come("sips").enter(Phase::Answering);
        clients.come("stops").enter(Phase::Answering);
        let mut left = Vec::new();
        for tenth in 1..=60 {
            pass(STALLED / 10).await;
            clients.here.iter().filter(|(name, _)| *name == "sips").for_each(|(_, seat)| seat.moved());
            left.extend(clients.leave(1).into_iter().map(|(name, _)| (name, tenth)));
        }
        assert_eq!(left, [("stops", 10), ("sips", 50)]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_asked_to_leave_and_has_an_answer_to_take_may_still_be_cut_off() {
        let mut seats = Seats::default();
        let seat = seats.take();
        seat.enter(Phase::Idle);
        seats.make_room();
        seat.enter(Phase::Answering);
        seats.make_room();
        assert_eq!(seat.state().wish, Wish::Leave);
        pass(STALLED).await;
        seats.make_room();
        assert_eq!(seat.state().wish, Wish::Cut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_on_its_way_out_is_waited_for() {
        let mut seats = Seats::default();
        let (silent, idle) = (seats.take(), seats.take());
        pass(LEAST_STAY).await;
        idle.enter(Phase::Idle);
        (0..9).for_each(|_| seats.make_room());
        assert_eq!([silent, idle].map(|seat| seat.state().wish), [Wish::Leave, Wish::Stay]);
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
}
