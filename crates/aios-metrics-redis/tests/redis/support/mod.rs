//! What the tests against a real Redis share.

#[cfg(feature = "tls")]
pub(crate) mod certificates;
pub(crate) mod proxy;
mod published;
pub(crate) mod server;

use std::time::{Duration, Instant};

pub(crate) use published::{KEY, Published, S, assert_complete, at, deliver, fast, sequences};

/// Waits until `condition` holds, looking every few milliseconds.
///
/// # Panics
///
/// After 30 s, naming `what`.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited 30 s for this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
