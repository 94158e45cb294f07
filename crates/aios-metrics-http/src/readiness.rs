//! Whether the service may be sent work: a question that somebody else answers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Check = dyn Fn() -> Result<(), String> + Send + Sync;

/// What `/readyz` asks; without a check everything is ready that answers at all.
#[derive(Clone, Default)]
pub(crate) struct Readiness(Option<Arc<Check>>);

impl Readiness {
    pub(crate) fn new(check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(check)))
    }

    /// Why it is not ready, if it isn't.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Some(check) = &self.0 else { return Ok(()) };
        // It is the user's code; a panic in it must not cost the connection.
        catch_unwind(AssertUnwindSafe(|| check()))
            .unwrap_or_else(|_| Err("the check of readiness failed; the service's log tells how".to_owned()))
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.0.as_ref().map(|_| "check")).finish()
    }
}
