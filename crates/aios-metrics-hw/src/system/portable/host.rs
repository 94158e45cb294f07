//! The machine, as `sysinfo` sees it.

use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::Clock;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, MemoryRefreshKind, System};

use crate::probe::{Figures, Outcome, Probe, ProbeError};
use crate::reading::HostReading;

/// Reads figures of the machine.
pub(crate) struct HostProbe {
    system: Option<System>,
    clock: Arc<dyn Clock>,
    /// When CPU use was read last, and what it was then.
    cpu: Option<(Duration, Option<f64>)>,
}

impl HostProbe {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { system: System::new().ok(), clock, cpu: None }
    }

    fn figures(&mut self) -> Option<HostReading> {
        let now = self.clock.monotonic();
        let system = self.system.as_mut()?;
        system.refresh_memory_specifics(MemoryRefreshKind::everything());
        let cpu_percent = match self.cpu {
            // The crate does not look again so soon.
            Some((before, percent)) if now.saturating_sub(before) < MINIMUM_CPU_UPDATE_INTERVAL => percent,
            before => {
                system.refresh_cpu_usage();
                // The first answer is of no interval.
                let percent = before.map(|_| f64::from(system.global_cpu_usage()));
                self.cpu = Some((now, percent));
                percent
            }
        };
        // On Windows the crate derives loads that have no meaning before it ran for a while.
        let load = if cfg!(windows) { None } else { System::load_average().ok() };
        Some(HostReading {
            load1: load.as_ref().map(|load| load.one),
            load5: load.as_ref().map(|load| load.five),
            load15: load.as_ref().map(|load| load.fifteen),
            cpus: Some(system.cpus().len() as u64).filter(|count| *count > 0),
            cpu_percent,
            memory_total_bytes: known(system.total_memory()),
            memory_available_bytes: known(system.available_memory()),
            memory_free_bytes: known(system.free_memory()),
            swap_total_bytes: Some(system.total_swap()),
            swap_free_bytes: Some(system.free_swap()),
            ..HostReading::default()
        })
    }
}

impl Probe for HostProbe {
    fn read(&mut self) -> Outcome {
        let figures = self.figures();
        let has_memory = figures.is_some_and(|figures| figures.memory_total_bytes.is_some());
        let problem = (!has_memory).then_some(ProbeError::Unanswered { figure: "size of memory" });
        Outcome { figures: Figures::Host(figures.unwrap_or_default()), problem }
    }
}

/// The crate's way to say that it does not know is 0.
fn known(bytes: u64) -> Option<u64> {
    (bytes > 0).then_some(bytes)
}
