//! What the tests against a real Redis share.

pub(crate) mod redis;

use std::time::{Duration, Instant};

/// Waits until `condition` holds, looking every few milliseconds.
///
/// # Panics
///
/// After 20 s, naming `what`.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited 20 s for this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
