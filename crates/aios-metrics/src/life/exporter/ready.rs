//! What `/readyz` says: whether documents have got out lately, where that was asked for.

use std::sync::Weak;
use std::time::Duration;

use crate::life::{lock, publisher};
use crate::metrics::Inner;

/// Not ready when a publisher runs and has delivered nothing for longer than `longest`.
///
/// Holds no lock while anything waits, and keeps nothing alive that its owner has let go of.
pub(super) fn check(inner: &Weak<Inner>, longest: Duration) -> Result<(), String> {
    let inner = inner.upgrade().ok_or_else(|| "the metrics have been dropped".to_owned())?;
    let publisher = lock(&inner.life.parts).publisher.as_ref().map(publisher::Publisher::control);
    match publisher.map(|publisher| publisher.silence()) {
        Some(silence) if silence > longest => {
            Err(format!("no document has been delivered for {} s", silence.as_secs()))
        }
        _ => Ok(()),
    }
}
