//! The probes of `aios-metrics-hw`.

use std::sync::Arc;

use aios_metrics_core::{Documents, RegisterError, Registry};
#[cfg(any(feature = "http", feature = "redis"))]
use aios_metrics_hw::ProbeName;
use aios_metrics_hw::{Hardware, ProbeSet, UnknownProbe};

use crate::config::MetricsConfig;

#[derive(Clone)]
pub(crate) struct Probes(Hardware);

impl Probes {
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

    /// The probes by the threads that they are to be read on.
    #[cfg(any(feature = "http", feature = "redis"))]
    pub(crate) fn groups(&self) -> Vec<Group> {
        let (slow, quick): (Vec<_>, Vec<_>) = self.0.probes().partition(|probe| probe.may_hang());
        let quick = Some(("sampler", quick)).filter(|(_, quick)| !quick.is_empty());
        let slow = slow.into_iter().map(|probe| (probe.as_str(), vec![probe]));
        let groups = quick.into_iter().chain(slow);
        groups.map(|(name, probes)| Group { name, hardware: self.0.clone(), probes }).collect()
    }
}

/// Probes that are read one after the other.
#[cfg(any(feature = "http", feature = "redis"))]
pub(crate) struct Group {
    name: &'static str,
    hardware: Hardware,
    probes: Vec<ProbeName>,
}

#[cfg(any(feature = "http", feature = "redis"))]
impl Group {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn refresh(&self) {
        for probe in &self.probes {
            self.hardware.refresh_probe(*probe);
        }
    }
}

#[cfg(all(test, any(feature = "http", feature = "redis")))]
mod tests {
    use super::*;

    fn groups(config: &MetricsConfig) -> Vec<(&'static str, Vec<ProbeName>)> {
        Probes::new(config).groups().into_iter().map(|group| (group.name, group.probes)).collect()
    }

    #[test]
    fn a_probe_that_may_hang_has_a_thread_of_its_own() {
        let groups = groups(&MetricsConfig::default());
        let (name, quick) = &groups[0];
        assert_eq!(*name, "sampler");
        assert!(quick.contains(&ProbeName::Process) && quick.iter().all(|probe| !probe.may_hang()));
        for (name, probes) in &groups[1..] {
            assert_eq!(probes.len(), 1, "{probes:?}");
            assert!(probes[0].may_hang() && probes[0].as_str() == *name, "{probes:?} on {name}");
        }
        let read: Vec<ProbeName> = groups.into_iter().flat_map(|(_, probes)| probes).collect();
        assert!(ProbeSet::all().iter().all(|probe| read.iter().filter(|read| **read == probe).count() == 1));
    }

    #[test]
    fn there_is_no_thread_without_a_probe() {
        let only_slow = MetricsConfig::default().with_probes(["temperature"]);
        assert_eq!(groups(&only_slow), [("temperature", vec![ProbeName::Temperature])]);
        let only_quick = MetricsConfig::default().with_probes(["host"]);
        assert_eq!(groups(&only_quick), [("sampler", vec![ProbeName::Host])]);
        assert!(groups(&MetricsConfig::default().with_probes([""; 0])).is_empty());
    }
}
