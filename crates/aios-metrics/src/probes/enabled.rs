//! The probes of `aios-metrics-hw`.

use std::sync::Arc;

use aios_metrics_core::{Documents, RegisterError, Registry};
use aios_metrics_hw::{Hardware, ProbeName};

use crate::config::{ConfigError, ConfigProblem, MetricsConfig};

#[derive(Clone)]
pub(crate) struct Probes(Hardware);

impl Probes {
    pub(crate) const PRESENT: bool = true;

    pub(crate) fn new(config: &MetricsConfig) -> Result<Self, ConfigError> {
        let Some(names) = &config.probes else { return Ok(Self(Hardware::new())) };
        Hardware::with_probes(names).map(Self).map_err(|_unknown| {
            let known: Vec<&str> = ProbeName::ALL.iter().map(|name| name.as_str()).collect();
            let expected = format!("names of probes, separated by commas: {}", known.join(", "));
            ConfigError::single(ConfigProblem::new("METRICS_PROBES", Some(names.join(",")), &expected))
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
