//! The machine: `loadavg`, `stat` and `meminfo` of `/proc`, and which CPUs are on.

use std::sync::Arc;

use aios_metrics_core::Clock;

use super::file::{File, Search};
use super::parse::{self, CpuTicks, TICKS_A_SECOND};
use crate::meter::Meter;
use crate::options::Roots;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::{CpuTimes, HostReading};

/// Reads figures of the machine; it keeps no file open.
pub(crate) struct HostProbe {
    load: File,
    cpu: File,
    online: File,
    memory: File,
    /// CPU time as it was told last.
    ticks: Option<CpuTicks>,
    clock: Arc<dyn Clock>,
    meter: Meter,
}

impl HostProbe {
    pub(crate) fn new(roots: &Roots, clock: Arc<dyn Clock>) -> Self {
        let proc = &roots.proc;
        Self {
            load: File::new(proc.join("loadavg")),
            // The line of all CPUs together is the first and has less than 256 bytes.
            cpu: File::beginning_of(proc.join("stat"), 512),
            online: File::new(roots.sys.join("devices/system/cpu/online")),
            memory: File::new(proc.join("meminfo")),
            ticks: None,
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
            let ticks = search.figure("CPU time", parse::cpu_ticks(text));
            let ticks = ticks.map(|ticks| self.ticks.map_or(ticks, |last| ticks.onward_from(last)));
            reading.cpu_times = ticks.as_ref().and_then(cpu_times);
            reading.cpu_percent = ticks
                .and_then(|ticks| ticks.whole_and_busy())
                .and_then(|(whole, busy)| self.meter.percent(now, whole as f64, busy as f64))
                .map(|percent| percent.min(100.0));
            self.ticks = ticks.or(self.ticks);
        }
        if let Some(text) = search.open_if_there(&mut self.online) {
            reading.cpus = search.figure("list of CPUs", parse::devices::cpu_list(text));
        }
        if let Some(text) = search.open(&mut self.memory) {
            let mut size = |key: &'static str| search.figure(key, parse::kilobytes(text, key.as_bytes()));
            reading.memory_total_bytes = size("MemTotal:");
            reading.memory_available_bytes = size("MemAvailable:");
            reading.memory_free_bytes = size("MemFree:");
            // A kernel may be built without what these tell.
            let size = |key: &str| parse::kilobytes(text, key.as_bytes());
            reading.memory_buffers_bytes = size("Buffers:");
            reading.memory_cached_bytes = size("Cached:");
            reading.swap_total_bytes = size("SwapTotal:");
            reading.swap_free_bytes = size("SwapFree:");
        }

        Outcome { figures: Figures::Host(reading), problem: search.into_problem() }
    }
}

fn cpu_times(ticks: &CpuTicks) -> Option<CpuTimes> {
    let [user, nice, system, idle, iowait, irq, softirq, steal] =
        ticks.0.map(|ticks| ticks.map(|ticks| ticks as f64 / TICKS_A_SECOND));
    Some(CpuTimes { user: user?, nice: nice?, system: system?, idle: idle?, iowait, irq, softirq, steal })
}
