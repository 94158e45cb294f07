//! Without the feature `hw` nothing is read.

use aios_metrics_core::{Documents, RegisterError, Registry};

use crate::config::MetricsConfig;

#[derive(Clone)]
pub(crate) struct Probes;

impl Probes {
    pub(crate) fn check(_names: &[String]) -> Result<(), String> {
        Ok(())
    }

    pub(crate) fn new(config: &MetricsConfig) -> Self {
        if config.probes.is_some() {
            tracing::warn!(
                target: "aios_metrics",
                "probes are configured, but this build has no feature `hw`: no hardware is read"
            );
        }
        Self
    }

    pub(crate) fn register(&self, _registry: &Registry) -> Result<(), RegisterError> {
        Ok(())
    }

    pub(crate) fn add_to(&self, documents: Documents) -> Documents {
        documents
    }

    pub(crate) fn refresh(&self) {}

    #[cfg(any(feature = "http", feature = "redis"))]
    pub(crate) fn groups(&self) -> Vec<Group> {
        Vec::new()
    }
}

/// There is none.
#[cfg(any(feature = "http", feature = "redis"))]
pub(crate) enum Group {}

#[cfg(any(feature = "http", feature = "redis"))]
impl Group {
    pub(crate) fn name(&self) -> &'static str {
        match *self {}
    }

    pub(crate) fn refresh(&self) {
        match *self {}
    }
}
