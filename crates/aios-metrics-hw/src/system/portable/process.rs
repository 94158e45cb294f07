//! This process, as `sysinfo` sees it.

use std::sync::Arc;

use aios_metrics_core::Clock;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

use crate::meter::Meter;
use crate::probe::{Figures, Outcome, Probe, ProbeError};
use crate::reading::ProcessReading;

/// Reads figures of this process only: looking at all processes costs milliseconds.
pub(crate) struct ProcessProbe {
    system: Option<System>,
    clock: Arc<dyn Clock>,
    meter: Meter,
}

impl ProcessProbe {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { system: System::new().ok(), clock, meter: Meter::default() }
    }

    fn figures(&mut self) -> Option<ProcessReading> {
        let (system, pid) = (self.system.as_mut()?, sysinfo::get_current_pid().ok()?);
        let now = self.clock.monotonic();
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
        let process = system.process(pid)?;
        let cpu_seconds = process.accumulated_cpu_time() as f64 / 1_000.0;
        Some(ProcessReading {
            cpu_seconds: Some(cpu_seconds),
            cpu_percent: self.meter.percent(now, now.as_secs_f64(), cpu_seconds),
            resident_bytes: Some(process.memory()),
            virtual_bytes: Some(process.virtual_memory()),
            open_fds: process.open_files().map(|count| count as u64),
            max_fds: process.open_files_limit().map(|limit| limit as u64),
            start_time_seconds: Some(process.start_time() as f64),
            threads: process.tasks().map(|tasks| tasks.len() as u64),
            ..ProcessReading::default()
        })
    }
}

impl Probe for ProcessProbe {
    fn read(&mut self) -> Outcome {
        let figures = self.figures();
        let problem = figures.is_none().then_some(ProbeError::Unanswered { figure: "state of this process" });
        Outcome { figures: Figures::Process(figures.unwrap_or_default()), problem }
    }
}
