//! Overlapping requests for the same thing share one making of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Makings that go on at the same time, each on a blocking thread of the runtime: a large one does
/// not hold up a small one, and the service loses two cores at most.
pub(crate) const WORKERS: usize = 2;

/// A making that takes longer hangs, as far as others are concerned: it counts among the [`WORKERS`] no
/// more.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(1);

/// Makings that go on at the same time, those included that hang: more than there are keys which are
/// always admitted, so that even if these hang, all of them, there is a thread for another.
const MOST_WORKERS: usize = 16;

/// Has values made, each for everybody who asked for its key before the making began.
///
/// Who asks while a value is being made waits for the next one, together with all who come until
/// that begins: what anybody gets is as of a moment after they asked. A key is made once at a time.
/// What nobody waits for any more is not made.
pub(crate) struct SingleFlight<K, V>(Arc<Shared<K, V>>);

struct Shared<K, V> {
    make: Box<dyn Fn(&K) -> V + Send + Sync>,
    most: usize,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    /// In the order in which they were first asked for.
    waiting: VecDeque<Flight<K, V>>,
    /// The keys that are being made, and since when.
    flying: Vec<(K, Instant)>,
    workers: usize,
}

struct Flight<K, V> {
    key: K,
    passengers: Vec<oneshot::Sender<V>>,
}

/// Whether a key is refused when too many others are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Never: there are few keys of its sort.
    Always,
    /// When as many as there may be are waited for or being made.
    IfThereIsRoom,
}

/// As many different keys as there may be are waited for or being made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl<K, V> SingleFlight<K, V>
where
    K: Clone + PartialEq + Send + 'static,
    V: Clone + Send + 'static,
{
    /// `make` is called on blocking threads and must not panic. At most `most` different keys, and
    /// those that are always admitted, are waited for or made at the same time.
    pub(crate) fn new(most: usize, make: impl Fn(&K) -> V + Send + Sync + 'static) -> Self {
        let state = State { waiting: VecDeque::new(), flying: Vec::new(), workers: 0 };
        Self(Arc::new(Shared { make: Box::new(make), most, state: Mutex::new(state) }))
    }

    /// Asks for the value of `key`, which will come through the receiver; dropping that is enough to
    /// want it no more. Needs a tokio runtime, and does not wait.
    pub(crate) fn ask(&self, key: K, admission: Admission) -> Result<oneshot::Receiver<V>, Busy> {
        let (passenger, value) = oneshot::channel();
        let mut state = self.0.state();
        match state.waiting.iter_mut().find(|flight| flight.key == key) {
            Some(flight) => flight.board(passenger),
            None => {
                if admission == Admission::IfThereIsRoom && !state.has_room(self.0.most) {
                    return Err(Busy);
                }
                state.waiting.push_back(Flight { key, passengers: vec![passenger] });
            }
        }
        self.start_worker(state);
        Ok(value)
    }

    /// Has what waits made although others hang, for those who have waited for [`HANGS_AFTER`].
    pub(crate) fn go_round_what_hangs(&self) {
        self.start_worker(self.0.state());
    }

    fn start_worker(&self, mut state: MutexGuard<'_, State<K, V>>) {
        if state.needs_worker() {
            state.workers += 1;
            drop(state);
            let mut worker = Worker { shared: Arc::clone(&self.0), retired: false };
            tokio::task::spawn_blocking(move || worker.run());
        }
    }
}

impl<K, V> Shared<K, V> {
    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: PartialEq, V> State<K, V> {
    /// Whether fewer keys than `most` are wanted, those left alone that nobody wants any more.
    fn has_room(&mut self, most: usize) -> bool {
        if self.waiting.len() + self.flying.len() >= most {
            self.waiting.retain_mut(Flight::is_wanted);
        }
        self.waiting.len() + self.flying.len() < most
    }

    fn needs_worker(&self) -> bool {
        let hanging = self.flying.iter().filter(|(_, since)| since.elapsed() >= HANGS_AFTER).count();
        self.workers < (WORKERS + hanging).min(MOST_WORKERS) && self.next().is_some()
    }

    /// The first that waits and isn't being made already.
    fn next(&self) -> Option<usize> {
        let is_flying = |key: &K| self.flying.iter().any(|(flying, _)| flying == key);
        self.waiting.iter().position(|flight| !is_flying(&flight.key))
    }
}

impl<K, V> Flight<K, V> {
    /// Takes one more. Those who have left are forgotten before the list grows, which it does where more than
    /// half of it are still there: while a making hangs it stays within four times those.
    fn board(&mut self, passenger: oneshot::Sender<V>) {
        if self.passengers.len() == self.passengers.capacity() {
            self.is_wanted();
            self.passengers.reserve(self.passengers.len() + 1);
        }
        self.passengers.push(passenger);
    }

    /// Forgets who has left.
    fn is_wanted(&mut self) -> bool {
        self.passengers.retain(|passenger| !passenger.is_closed());
        !self.passengers.is_empty()
    }
}

/// Makes what waits until nothing does.
struct Worker<K, V> {
    shared: Arc<Shared<K, V>>,
    retired: bool,
}

impl<K: Clone + PartialEq, V: Clone> Worker<K, V> {
    fn run(&mut self) {
        while let Some(mut flight) = self.take() {
            if flight.is_wanted() {
                let value = (self.shared.make)(&flight.key);
                for passenger in flight.passengers {
                    // One who has left meanwhile takes nothing.
                    let _ = passenger.send(value.clone());
                }
            }
            self.shared.state().flying.retain(|(key, _)| *key != flight.key);
        }
    }

    /// The next flight to be made; without one the worker is done, which must be known before
    /// anybody else can ask.
    fn take(&mut self) -> Option<Flight<K, V>> {
        let mut state = self.shared.state();
        let flight = state.next().and_then(|at| state.waiting.remove(at));
        match &flight {
            Some(flight) => state.flying.push((flight.key.clone(), Instant::now())),
            None => {
                state.workers -= 1;
                self.retired = true;
            }
        }
        flight
    }
}

impl<K, V> Drop for Worker<K, V> {
    /// A runtime that shuts down drops a worker that never ran.
    fn drop(&mut self) {
        if !self.retired {
            self.shared.state().workers -= 1;
        }
    }
}

impl<K, V> fmt::Debug for SingleFlight<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").field("most", &self.0.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const ROOM: Admission = Admission::IfThereIsRoom;
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Flights whose makings tell that they have begun and end when they are given a value.
    fn held(most: usize) -> (SingleFlight<char, u32>, mpsc::Receiver<char>, mpsc::Sender<u32>) {
        let (begin, begun) = mpsc::channel();
        let (give, values) = mpsc::channel();
        let values = Mutex::new(values);
        let make = move |key: &char| {
            begin.send(*key).unwrap();
            values.lock().unwrap().recv_timeout(DEADLINE).unwrap()
        };
        (SingleFlight::new(most, make), begun, give)
    }

    #[tokio::test]
    async fn who_comes_while_it_is_made_shares_the_next() {
        let (flights, begun, give) = held(8);
        let first = flights.ask('a', ROOM).unwrap();
        assert_eq!(begun.recv_timeout(DEADLINE), Ok('a'));
        let late: Vec<_> = (0..100).map(|_| flights.ask('a', ROOM).unwrap()).collect();
        assert!(begun.try_recv().is_err(), "a key is made once at a time");

        give.send(1).unwrap();
        assert_eq!(first.await, Ok(1));
        give.send(2).unwrap();
        for late in late {
            assert_eq!(late.await, Ok(2));
        }
        assert_eq!(begun.try_iter().collect::<String>(), "a");
    }

    #[tokio::test]
    async fn different_keys_are_made_beside_each_other_and_past_the_most_refused() {
        let (flights, begun, give) = held(3);
        let a = flights.ask('a', ROOM).unwrap();
        let b = flights.ask('b', ROOM).unwrap();
        let mut both = [begun.recv_timeout(DEADLINE).unwrap(), begun.recv_timeout(DEADLINE).unwrap()];
        both.sort_unstable();
        assert_eq!(both, ['a', 'b']);
        let c = flights.ask('c', ROOM).unwrap();
        assert_eq!(flights.ask('d', ROOM).unwrap_err(), Busy);
        let also_c = flights.ask('c', ROOM).expect("to share costs nothing");

        drop(c);
        assert_eq!(flights.ask('d', ROOM).unwrap_err(), Busy, "the other one still wants c");
        drop(also_c);
        let d = flights.ask('d', ROOM).expect("nobody wants c any more");
        let e = flights.ask('e', Admission::Always).expect("it is never refused");
        for value in 1..=4 {
            give.send(value).unwrap();
        }
        let values = [a.await.unwrap(), b.await.unwrap(), d.await.unwrap(), e.await.unwrap()];
        assert_eq!(values.iter().sum::<u32>(), 10);
        let mut rest: Vec<char> = begun.try_iter().collect();
        rest.sort_unstable();
        assert_eq!(rest, ['d', 'e']);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_made_and_takes_no_place() {
        let (flights, begun, give) = held(3);
        let (a, b) = (flights.ask('a', ROOM).unwrap(), flights.ask('b', ROOM).unwrap());
        begun.recv_timeout(DEADLINE).unwrap();
        begun.recv_timeout(DEADLINE).unwrap();
        drop(flights.ask('c', ROOM).unwrap());
        let d = flights.ask('d', ROOM).unwrap();
        for _ in 0..3 {
            give.send(7).unwrap();
        }
        assert_eq!((a.await, b.await, d.await), (Ok(7), Ok(7), Ok(7)));
        assert_eq!(begun.try_iter().collect::<String>(), "d");
    }

    #[tokio::test(start_paused = true)]
    async fn makings_that_hang_hold_up_no_other() {
        let (flights, begun, give) = held(MOST_WORKERS);
        let both_begin = || [(); WORKERS].map(|()| begun.recv_timeout(DEADLINE).unwrap());
        let keys: Vec<char> = ('a'..).take(MOST_WORKERS).collect();
        let mut hanging = Vec::new();
        for pair in keys.chunks(WORKERS) {
            hanging.extend(pair.iter().map(|key| flights.ask(*key, Admission::Always).unwrap()));
            if pair[0] != 'a' {
                flights.go_round_what_hangs();
                assert!(begun.try_recv().is_err(), "those before have not taken long enough to hang");
                tokio::time::advance(HANGS_AFTER).await;
                pair.iter().for_each(|_| flights.go_round_what_hangs());
            }
            let mut begun = both_begin();
            begun.sort_unstable();
            assert_eq!(begun, pair);
        }
        tokio::time::advance(HANGS_AFTER).await;
        let last = flights.ask('z', Admission::Always).unwrap();
        flights.go_round_what_hangs();
        assert!(begun.try_recv().is_err(), "there is an end to it");
        (0..=MOST_WORKERS).for_each(|_| give.send(1).unwrap());
        assert_eq!(last.await, Ok(1));
    }

    #[tokio::test]
    async fn who_has_left_is_forgotten_however_long_a_making_takes() {
        let (flights, begun, give) = held(8);
        let first = flights.ask('a', ROOM).unwrap();
        begun.recv_timeout(DEADLINE).unwrap();
        let patient: Vec<_> = (0..10).map(|_| flights.ask('a', ROOM).unwrap()).collect();
        for _ in 0..10_000 {
            drop(flights.ask('a', ROOM).unwrap());
            let list = flights.0.state().waiting[0].passengers.capacity();
            assert!(list <= 4 * (patient.len() + 1), "{list} places for {}", patient.len() + 1);
        }
        give.send(1).unwrap();
        give.send(2).unwrap();
        assert_eq!(first.await, Ok(1));
        for patient in patient {
            assert_eq!(patient.await, Ok(2));
        }
    }

    #[test]
    fn it_outlives_a_runtime_that_never_ran_its_worker() {
        let (flights, _begun, give) = held(8);
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.max_blocking_threads(1).build().unwrap()
        };
        let first = runtime();
        let (block, blocked) = mpsc::channel::<()>();
        first.spawn_blocking(move || blocked.recv_timeout(DEADLINE));
        let entered = first.enter();
        let lost = flights.ask('a', ROOM).unwrap();
        drop(entered);
        first.shutdown_background();
        drop(block);

        give.send(1).unwrap();
        give.send(2).unwrap();
        let second = runtime();
        let found = second.block_on(async { flights.ask('a', ROOM).unwrap().await });
        assert!(found.is_ok());
        drop(lost);
    }
}
