//! The families that the latest reading shows on the page.

use aios_metrics_core::{Collect, Descriptor, Kind, Snapshot};

use crate::hardware::Hardware;
use crate::names::ProbeName;
use crate::reading::Reading;

/// The families of the chosen probes, described once.
pub(crate) struct Page {
    figures: Vec<(Descriptor, Find)>,
    probe_up: Option<Descriptor>,
}

/// Finds a figure in a reading.
type Find = fn(&Reading) -> Option<f64>;

struct Figure {
    probe: ProbeName,
    kind: Kind,
    name: &'static str,
    help: &'static str,
    value: Find,
}

/// The `process_*` names and helps are those of Prometheus' client libraries, those of the loads its
/// node exporter's. That one's names for memory hold capitals, which `promtool check metrics`
/// complains about, so ours are other ones; both have none for a ratio of CPU use.
const FIGURES: &[Figure] = &[
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Counter,
        name: "process_cpu_seconds_total",
        help: "Total user and system CPU time spent in seconds.",
        value: |reading| reading.process.cpu_seconds,
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_cpu_usage_ratio",
        help: "CPU use since the last reading; 1 is one core fully used.",
        value: |reading| reading.process.cpu_percent.map(ratio),
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_resident_memory_bytes",
        help: "Resident memory size in bytes.",
        value: |reading| reading.process.resident_bytes.map(float),
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_virtual_memory_bytes",
        help: "Virtual memory size in bytes.",
        value: |reading| reading.process.virtual_bytes.map(float),
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_open_fds",
        help: "Number of open file descriptors.",
        value: |reading| reading.process.open_fds.map(float),
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_max_fds",
        help: "Maximum number of open file descriptors.",
        value: |reading| reading.process.max_fds.map(float),
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_start_time_seconds",
        help: "Start time of the process since unix epoch in seconds.",
        value: |reading| reading.process.start_time_seconds,
    },
    Figure {
        probe: ProbeName::Process,
        kind: Kind::Gauge,
        name: "process_threads",
        help: "Number of OS threads in the process.",
        value: |reading| reading.process.threads.map(float),
    },
    Figure {
        probe: ProbeName::Host,
        kind: Kind::Gauge,
        name: "node_load1",
        help: "1m load average.",
        value: |reading| reading.host.load1,
    },
    Figure {
        probe: ProbeName::Host,
        kind: Kind::Gauge,
        name: "node_load5",
        help: "5m load average.",
        value: |reading| reading.host.load5,
    },
    Figure {
        probe: ProbeName::Host,
        kind: Kind::Gauge,
        name: "node_load15",
        help: "15m load average.",
        value: |reading| reading.host.load15,
    },
    Figure {
        probe: ProbeName::Host,
        kind: Kind::Gauge,
        name: "node_cpu_usage_ratio",
        help: "CPU use since the last reading; 1 is all cores together fully used.",
        value: |reading| reading.host.cpu_percent.map(ratio),
    },
    Figure {
        probe: ProbeName::Host,
        kind: Kind::Gauge,
        name: "node_memory_total_bytes",
        help: "Memory that the system can use, in bytes.",
        value: |reading| reading.host.memory_total_bytes.map(float),
    },
    Figure {
        probe: ProbeName::Host,
        kind: Kind::Gauge,
        name: "node_memory_available_bytes",
        help: "Memory that programs can have without swapping, in bytes.",
        value: |reading| reading.host.memory_available_bytes.map(float),
    },
];

impl Page {
    pub(crate) fn new(probes: &[ProbeName]) -> Self {
        // The names are constants, and a test sees that each of them is accepted.
        let figures = FIGURES
            .iter()
            .filter(|figure| probes.contains(&figure.probe))
            .filter_map(|figure| Some((figure.descriptor()?, figure.value)))
            .collect();
        let help = "Whether the probe's last reading found all its figures (1) or not (0).";
        let probe_up = Descriptor::gauge("aios_metrics_probe_up", help, &["probe"]).ok();
        Self { figures, probe_up }
    }
}

impl Figure {
    fn descriptor(&self) -> Option<Descriptor> {
        match self.kind {
            Kind::Counter => Descriptor::counter(self.name, self.help, &[]).ok(),
            _ => Descriptor::gauge(self.name, self.help, &[]).ok(),
        }
    }
}

/// The page: `process_*` and `node_*` as far as they could be read, and `aios_metrics_probe_up`
/// for each probe that was read.
impl Collect for Hardware {
    fn describe(&self) -> Vec<Descriptor> {
        let page = self.page();
        page.figures.iter().map(|(descriptor, _)| descriptor).chain(&page.probe_up).cloned().collect()
    }

    fn collect(&self, snapshot: &mut Snapshot) {
        let (page, reading) = (self.page(), self.reading());
        for (descriptor, value) in &page.figures {
            let Some(value) = value(&reading) else { continue };
            let mut family = snapshot.family(descriptor);
            match descriptor.kind() {
                Kind::Counter => family.counter(&[], value),
                _ => family.gauge(&[], value),
            };
        }
        if let Some(probe_up) = &page.probe_up {
            let mut family = snapshot.family(probe_up);
            for status in &reading.probes {
                family.gauge(&[status.name.as_str()], f64::from(u8::from(status.is_up())));
            }
        }
    }
}

/// Pages tell ratios where documents tell percent.
fn ratio(percent: f64) -> f64 {
    percent / 100.0
}

/// Exact up to 2^53: 8 PiB.
fn float(figure: u64) -> f64 {
    figure as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_described() {
        let page = Page::new(ProbeName::ALL);
        assert_eq!(page.figures.len(), FIGURES.len());
        assert!(page.probe_up.is_some());
        let mut names: Vec<_> = page.figures.iter().map(|(d, _)| d.exposed_name()).collect();
        assert_eq!(names, FIGURES.iter().map(|figure| figure.name).collect::<Vec<_>>());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIGURES.len());
    }

    #[test]
    fn only_chosen_probes_are_described() {
        let page = Page::new(&[ProbeName::Host]);
        assert!(page.figures.iter().all(|(d, _)| d.name().starts_with("node_")));
        assert_eq!(page.figures.len(), 6);
    }
}
