//! One password at a time through bcrypt, and few that wait for it.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// Passwords that are being checked or wait for it. At the usual cost the last of them waits about a
/// second.
const PLACES: usize = 16;

/// How many of the places one client may have, so that it takes several to fill them.
const PLACES_OF_A_CLIENT: usize = 4;

/// The queue to bcrypt. It is slow by design: without a bound, a few clients with wrong passwords
/// would keep all cores at work.
#[derive(Debug)]
pub(super) struct Passwords {
    places: Arc<Mutex<Vec<Option<IpAddr>>>>,
    turn: Arc<Semaphore>,
}

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Passwords {
    /// Waits for the turn of this client, then runs `check` on a thread for blocking work. Who leaves
    /// before its turn gives up its place.
    ///
    /// # Errors
    ///
    /// [`Busy`], at once.
    pub(super) async fn check(
        &self,
        client: Option<IpAddr>,
        check: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<bool, Busy> {
        let place = self.take_place(client.map(network))?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| Busy)?;
        // Place and turn go with the work, which goes on when nobody waits for it any more.
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            check()
        });
        // It fails when the runtime ends before it began.
        work.await.map_err(|_| Busy)
    }

    fn take_place(&self, client: Option<IpAddr>) -> Result<Place, Busy> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = places.iter().filter(|taken| client.is_some() && **taken == client).count();
        if places.len() >= PLACES || of_client >= PLACES_OF_A_CLIENT {
            return Err(Busy);
        }
        places.push(client);
        Ok(Place { places: Arc::clone(&self.places), client })
    }
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
    places: Arc<Mutex<Vec<Option<IpAddr>>>>,
    client: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(i) = places.iter().position(|taken| *taken == self.client) {
            places.swap_remove(i);
        }
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
        let mut waiting: Vec<_> = (0..PLACES).map(|i| tokio::spawn(start(address(i as u8 / 4)))).collect();
        while passwords.places.lock().unwrap().len() < PLACES {
            tokio::task::yield_now().await;
        }
        let at_once = Duration::from_secs(5);
        for client in [address(9), None] {
            assert_eq!(timeout(at_once, start(client)).await, Ok(Err(Busy)));
        }

        // One that has not had its turn leaves: its place is free, for others than the greedy.
        let left = waiting.pop().unwrap();
        left.abort();
        assert!(left.await.unwrap_err().is_cancelled());
        assert_eq!(timeout(at_once, start(address(0))).await, Ok(Err(Busy)));
        waiting.push(tokio::spawn(start(address(9))));
        for _ in &waiting {
            go.send(()).unwrap();
        }
        for check in waiting {
            assert_eq!(check.await.unwrap(), Ok(true));
        }
        assert_eq!(*passwords.places.lock().unwrap(), []);
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
