//! The probes of `aios-metrics-hw`.

use std::sync::Arc;

use aios_metrics_core::{Documents, RegisterError, Registry};
use aios_metrics_hw::Hardware;

use crate::config::{ConfigError, ConfigProblem, MetricsConfig};

#[derive(Clone)]
pub(crate) struct Probes(Hardware);

impl Probes {
    pub(crate) const PRESENT: bool = true;

    pub(crate) fn new(config: &MetricsConfig) -> Result<Self, ConfigError> {
        let Some(names) = &config.probes else { return Ok(Self(Hardware::new())) };
        let given = || Some(names.join(","));
        Hardware::with_probes(names).map(Self).map_err(|error| {
            ConfigError::single(ConfigProblem::new("METRICS_PROBES", given(), &error.to_string()))
        })
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
