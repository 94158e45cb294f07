//! The probes of `aios-metrics-hw`.

use std::sync::Arc;

use aios_metrics_core::{Documents, RegisterError, Registry};
use aios_metrics_hw::{Hardware, ProbeSet, UnknownProbe};

use crate::config::MetricsConfig;

#[derive(Clone)]
pub(crate) struct Probes(Hardware);

impl Probes {
    pub(crate) const PRESENT: bool = true;

    /// Whether each of the names is that of a probe; else what was expected.
    pub(crate) fn check(names: &[String]) -> Result<(), String> {
        let listed = |error: UnknownProbe| format!("names of probes, separated by commas; {error}");
        ProbeSet::from_names(names).map(drop).map_err(listed)
    }

    /// The configuration has been checked.
    pub(crate) fn new(config: &MetricsConfig) -> Self {
        let chosen = config.probes.as_ref().and_then(|names| Hardware::with_probes(names).ok());
        Self(chosen.unwrap_or_default())
    }

    pub(crate) fn register(&self, registry: &Registry) -> Result<(), RegisterError> {
        registry.register(self.0.clone())
    }

    pub(crate) fn add_to(&self, documents: Documents) -> Documents {
        documents.with_section(Arc::new(self.0.clone()))
    }

    pub(crate) fn refresh(&self) {
        self.0.refresh();
    }
}
