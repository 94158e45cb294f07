//! The machine: `loadavg`, `stat` and `meminfo` of `/proc`.

use std::path::Path;
use std::sync::Arc;

use aios_metrics_core::Clock;

use super::file::{File, Search};
use super::parse;
use crate::meter::Meter;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::HostReading;

/// Reads figures of the machine; it keeps no file open.
pub(crate) struct HostProbe {
    load: File,
    cpu: File,
    memory: File,
    clock: Arc<dyn Clock>,
    meter: Meter,
}

impl HostProbe {
    pub(crate) fn new(proc: &Path, clock: Arc<dyn Clock>) -> Self {
        Self {
            load: File::new(proc.join("loadavg")),
            // The line of all CPUs together is the first and has less than 256 bytes.
            cpu: File::beginning_of(proc.join("stat"), 512),
            memory: File::new(proc.join("meminfo")),
            clock,
            meter: Meter::default(),
        }
    }
}

impl Probe for HostProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let mut reading = HostReading::default();
        let now = self.clock.monotonic();

        if let Some(text) = search.open(&mut self.load) {
            let [one, five, fifteen] = parse::loads(text);
            reading.load1 = search.figure("load over 1 minute", one);
            reading.load5 = search.figure("load over 5 minutes", five);
            reading.load15 = search.figure("load over 15 minutes", fifteen);
        }
        if let Some(text) = search.open(&mut self.cpu) {
            reading.cpu_percent = search
                .figure("CPU time", parse::cpu_times(text))
                .and_then(|times| self.meter.percent(now, times.whole as f64, times.busy as f64));
        }
        if let Some(text) = search.open(&mut self.memory) {
            reading.memory_total_bytes = search.figure("MemTotal", parse::kilobytes(text, b"MemTotal:"));
            reading.memory_available_bytes =
                search.figure("MemAvailable", parse::kilobytes(text, b"MemAvailable:"));
        }

        Outcome { figures: Figures::Host(reading), problem: search.into_problem() }
    }
}
