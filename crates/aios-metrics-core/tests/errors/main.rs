//! What bad input gets: every message names the thing, the value and what was expected, and nothing
//! is recorded or lost on the way.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod collectors;
mod limits;
#[path = "../support/log.rs"]
mod log;
mod registering;
mod updating;

use std::fmt::Display;

use aios_metrics_core::{PrometheusText, RegisterError, Registry, UpdateError};

pub(crate) fn page(registry: &Registry) -> String {
    let mut page = Vec::new();
    registry.encode(&PrometheusText, &mut page);
    String::from_utf8(page).unwrap()
}

#[track_caller]
pub(crate) fn says<T>(result: Result<T, impl Display>, expected: &str) {
    let error = result.err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some(expected));
}

#[test]
fn errors_carry_data_and_their_cause() {
    let registry = Registry::new();
    registry.register_gauge("workers", "", &["pool"]).unwrap();
    let error = registry.set_gauge("workers", 1.0, &[]).unwrap_err();
    assert!(matches!(&error, UpdateError::Labels(cause) if cause.to_string() == error.to_string()));
    let error = registry.register_gauge("a b", "", &[]).unwrap_err();
    assert_eq!(error, RegisterError::MetricName { name: "a b".to_owned() });
    fn is_an_error<T: std::error::Error + Send + Sync + 'static>(_: &T) {}
    is_an_error(&error);
}
