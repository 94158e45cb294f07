//! One password at a time through bcrypt, and few that wait for it.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};

/// Passwords that are being checked or wait for it. At the usual cost the last of them waits about a
/// second.
const PLACES: usize = 16;

/// How many of the places one client may have, so that it takes several to fill them.
const PLACES_OF_A_CLIENT: usize = 4;

/// The queue to bcrypt. It is slow by design: without a bound, a few clients with wrong passwords
/// would keep all cores at work.
#[derive(Debug)]
pub(super) struct Passwords {
    queue: Arc<Mutex<Queue>>,
    turn: Arc<Semaphore>,
}

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Default for Passwords {
    fn default() -> Self {
        Self { queue: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Passwords {
    /// Waits for the turn of this client, then runs `check` on a thread for blocking work. Who leaves
    /// before its turn gives up its place.
    ///
    /// # Errors
    ///
    /// [`Busy`], at once, or when a client that has fewer places needs this one.
    pub(super) async fn check(
        &self,
        client: Option<IpAddr>,
        check: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<bool, Busy> {
        let (number, displaced) = lock(&self.queue).enter(client.map(network))?;
        let place = Place { queue: Arc::clone(&self.queue), number };
        let turn = tokio::select! {
            biased;
            _ = displaced => return Err(Busy),
            turn = Arc::clone(&self.turn).acquire_owned() => turn.map_err(|_| Busy)?,
        };
        lock(&self.queue).begin(number)?;
        // Place and turn go with the work, which goes on when nobody waits for it any more.
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            check()
        });
        // It fails when the runtime ends before it began.
        work.await.map_err(|_| Busy)
    }
}

/// Who has the places, in the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    places: Vec<Taken>,
    next: u64,
}

#[derive(Debug)]
struct Taken {
    number: u64,
    /// All those whose address is not known count as one client.
    client: Option<IpAddr>,
    /// Dropped when another client gets the place; `None` once it is this one's turn.
    waits: Option<oneshot::Sender<Infallible>>,
}

impl Queue {
    /// Takes a place for `client`: its number, and what tells that it was lost to another.
    fn enter(&mut self, client: Option<IpAddr>) -> Result<(u64, oneshot::Receiver<Infallible>), Busy> {
        let own = self.places_of(client);
        if client.is_some() && own >= PLACES_OF_A_CLIENT {
            return Err(Busy);
        }
        if self.places.len() >= PLACES {
            let waiting = self.places.iter().enumerate().filter(|(_, taken)| taken.waits.is_some());
            // Of those with the most places the one that came last.
            let (most, last) =
                waiting.map(|(i, taken)| (self.places_of(taken.client), i)).max().ok_or(Busy)?;
            if most <= own + 1 {
                return Err(Busy);
            }
            self.places.remove(last);
        }
        let (waits, displaced) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.places.push(Taken { number, client, waits: Some(waits) });
        Ok((number, displaced))
    }

    /// It is this one's turn, unless it has lost its place just now.
    fn begin(&mut self, number: u64) -> Result<(), Busy> {
        let place = self.places.iter_mut().find(|taken| taken.number == number).ok_or(Busy)?;
        place.waits = None;
        Ok(())
    }

    fn leave(&mut self, number: u64) {
        self.places.retain(|taken| taken.number != number);
    }

    fn places_of(&self, client: Option<IpAddr>) -> usize {
        self.places.iter().filter(|taken| taken.client == client).count()
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts as one client: who has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

/// A place in the queue, free again when it is dropped.
struct Place {
    queue: Arc<Mutex<Queue>>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.queue).leave(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::time::timeout;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[tokio::test]
    async fn one_runs_and_few_wait() {
        let passwords = Arc::new(Passwords::default());
        let (go, gone) = mpsc::channel::<()>();
        let gone = Arc::new(Mutex::new(gone));
        let running = Arc::new(AtomicUsize::new(0));
        let start = |client: Option<IpAddr>| {
            let (passwords, gone, running) =
                (Arc::clone(&passwords), Arc::clone(&gone), Arc::clone(&running));
            async move {
                passwords
                    .check(client, move || {
                        assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
                        let told = gone.lock().unwrap().recv().is_ok();
                        running.fetch_sub(1, Ordering::SeqCst);
                        told
                    })
                    .await
            }
        };
        let mut waiting: Vec<_> = (0..PLACES).map(|i| tokio::spawn(start(address(i as u8)))).collect();
        while running.load(Ordering::SeqCst) == 0 || lock(&passwords.queue).places.len() < PLACES {
            tokio::task::yield_now().await;
        }
        let at_once = Duration::from_secs(5);
        for client in [address(99), None] {
            assert_eq!(timeout(at_once, start(client)).await, Ok(Err(Busy)));
        }

        // One that has not had its turn leaves: its place is free.
        let left = waiting.pop().unwrap();
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        waiting.push(tokio::spawn(start(address(0))));
        while lock(&passwords.queue).places.len() < PLACES {
            tokio::task::yield_now().await;
        }

        // One has two places: its newer one goes to who has none.
        let displaced = waiting.pop().unwrap();
        waiting.push(tokio::spawn(start(None)));
        assert_eq!(timeout(at_once, displaced).await.unwrap().unwrap(), Err(Busy));
        for _ in &waiting {
            go.send(()).unwrap();
        }
        for check in waiting {
            assert_eq!(check.await.unwrap(), Ok(true));
        }
        assert!(lock(&passwords.queue).places.is_empty());
    }

    #[test]
    fn places_go_to_those_who_have_fewest() {
        let mut queue = Queue::default();
        let mut held = Vec::new();
        // One whose address is known has four places at most, and the others all that are left.
        for client in [address(1); 5].into_iter().chain([None; 13]) {
            held.push(queue.enter(client));
        }
        let refused: Vec<_> = (0..held.len()).filter(|i| held[*i].is_err()).collect();
        assert_eq!(refused, [4, 17]);
        let first = held[5].as_ref().unwrap().0;
        queue.begin(first).unwrap();

        for expected in [16, 15, 14] {
            queue.enter(address(2)).unwrap();
            let (_, displaced) = held[expected].as_mut().unwrap();
            assert!(displaced.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
        }
        assert_eq!([None, address(1), address(2)].map(|client| queue.places_of(client)), [9, 4, 3]);
        for client in 3..=14 {
            assert!(queue.enter(address(client)).is_ok(), "{client}");
        }
        assert!(queue.enter(address(15)).is_ok());
        assert_eq!(queue.places.len(), PLACES);
        assert!(queue.enter(None).is_err());
        assert!(queue.begin(first).is_ok(), "whose turn it is keeps its place");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_client() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1:2:3:4"), of("2001:db8::ffff:2:3:5"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
