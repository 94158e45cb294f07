//! The families that the latest reading shows on the page.

mod container;
mod gpu;
mod host;
mod process;

use aios_metrics_core::{Collect, Descriptor, FamilySamples, Kind, Snapshot};

use crate::hardware::Hardware;
use crate::names::ProbeName;
use crate::reading::Reading;

/// The families of the chosen probes, described once.
pub(crate) struct Page {
    figures: Vec<(Descriptor, Find)>,
    probe_up: Option<Descriptor>,
}

/// A family that can be found in a reading.
struct Figure {
    kind: Kind,
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    find: Find,
}

/// Finds the samples of a family in a reading.
#[derive(Clone, Copy)]
enum Find {
    One(fn(&Reading) -> Option<f64>),
    Many(fn(&Reading, &mut Samples<'_>)),
}

/// Takes the samples that were found.
struct Samples<'s> {
    descriptor: &'s Descriptor,
    /// Taken when the family begins, which is with its first sample: without any it is left out.
    snapshot: Option<&'s mut Snapshot>,
    family: Option<FamilySamples<'s>>,
}

impl<'s> Samples<'s> {
    fn new(descriptor: &'s Descriptor, snapshot: &'s mut Snapshot) -> Self {
        Self { descriptor, snapshot: Some(snapshot), family: None }
    }

    /// Adds a sample, if its value is known.
    fn known(&mut self, labels: &[&str], value: Option<f64>) {
        let Some(value) = value else { return };
        if let Some(snapshot) = self.snapshot.take() {
            self.family = Some(snapshot.family(self.descriptor));
        }
        let Some(family) = &mut self.family else { return };
        match self.descriptor.kind() {
            Kind::Counter => family.counter(labels, value),
            _ => family.gauge(labels, value),
        };
    }
}

/// The families of each probe.
fn figures(probe: ProbeName) -> &'static [Figure] {
    match probe {
        ProbeName::Process => process::FIGURES,
        ProbeName::Container => container::FIGURES,
        ProbeName::Host => host::HOST,
        ProbeName::Filesystem => host::FILESYSTEM,
        ProbeName::Disk => host::DISK,
        ProbeName::Network => host::NETWORK,
        ProbeName::Temperature => host::TEMPERATURE,
        ProbeName::Gpu => gpu::FIGURES,
    }
}

impl Page {
    pub(crate) fn new(probes: &[ProbeName]) -> Self {
        // The names are constants, and a test sees that each of them is accepted.
        let figures = probes
            .iter()
            .flat_map(|&probe| figures(probe))
            .filter_map(|figure| Some((figure.descriptor()?, figure.find)))
            .collect();
        let help = "Whether the probe's last reading found all its figures (1) or not (0).";
        let probe_up = Descriptor::gauge("aios_metrics_probe_up", help, &["probe"]).ok();
        Self { figures, probe_up }
    }
}

impl Figure {
    const fn counter(name: &'static str, help: &'static str, find: fn(&Reading) -> Option<f64>) -> Self {
        Self { kind: Kind::Counter, name, help, labels: &[], find: Find::One(find) }
    }

    const fn gauge(name: &'static str, help: &'static str, find: fn(&Reading) -> Option<f64>) -> Self {
        Self { kind: Kind::Gauge, name, help, labels: &[], find: Find::One(find) }
    }

    const fn counters(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        find: fn(&Reading, &mut Samples<'_>),
    ) -> Self {
        Self { kind: Kind::Counter, name, help, labels, find: Find::Many(find) }
    }

    const fn gauges(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
        find: fn(&Reading, &mut Samples<'_>),
    ) -> Self {
        Self { kind: Kind::Gauge, name, help, labels, find: Find::Many(find) }
    }

    fn descriptor(&self) -> Option<Descriptor> {
        match self.kind {
            Kind::Counter => Descriptor::counter(self.name, self.help, self.labels).ok(),
            _ => Descriptor::gauge(self.name, self.help, self.labels).ok(),
        }
    }
}

/// The page: `process_*`, `container_*`, `node_*` and `gpu_*` as far as they could be read, and
/// `aios_metrics_probe_up` for each probe that was read.
impl Collect for Hardware {
    fn describe(&self) -> Vec<Descriptor> {
        let page = self.page();
        page.figures.iter().map(|(descriptor, _)| descriptor).chain(&page.probe_up).cloned().collect()
    }

    fn collect(&self, snapshot: &mut Snapshot) {
        let (page, reading) = (self.page(), self.latest());
        for (descriptor, find) in &page.figures {
            let mut samples = Samples::new(descriptor, snapshot);
            match find {
                Find::One(find) => samples.known(&[], find(&reading)),
                Find::Many(find) => find(&reading, &mut samples),
            }
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
    use aios_metrics_core::{PrometheusText, Registry};

    use super::*;

    #[test]
    fn every_family_is_described() {
        let page = Page::new(ProbeName::ALL);
        let all: Vec<_> = ProbeName::ALL.iter().flat_map(|&probe| figures(probe)).collect();
        assert!(page.probe_up.is_some());
        let mut names: Vec<_> = page.figures.iter().map(|(d, _)| d.exposed_name()).collect();
        assert_eq!(names, all.iter().map(|figure| figure.name).collect::<Vec<_>>());
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }

    /// A sample of every family there is.
    struct Everything(Vec<Descriptor>);

    impl Collect for Everything {
        fn describe(&self) -> Vec<Descriptor> {
            self.0.clone()
        }

        fn collect(&self, snapshot: &mut Snapshot) {
            for descriptor in &self.0 {
                let labels = vec!["x"; descriptor.label_count()];
                Samples::new(descriptor, snapshot).known(&labels, Some(1.5));
            }
        }
    }

    #[test]
    fn promtool_has_nothing_to_say_of_any_family() {
        use std::io::Write;
        use std::process::{Command, Stdio};

        let page = Page::new(ProbeName::ALL);
        let all = page.figures.iter().map(|(descriptor, _)| descriptor).chain(&page.probe_up).cloned();
        let registry = Registry::new();
        registry.register(Everything(all.collect())).unwrap();
        let mut text = Vec::new();
        registry.encode(&PrometheusText, &mut text);
        let samples = String::from_utf8_lossy(&text).lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(samples, page.figures.len() + 1);

        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut promtool = promtool.expect("promtool is needed: install the Debian package `prometheus`");
        promtool.stdin.take().unwrap().write_all(&text).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }

    #[test]
    fn only_chosen_probes_are_described() {
        let page = Page::new(&[ProbeName::Host]);
        assert!(page.figures.iter().all(|(d, _)| d.name().starts_with("node_")));
        assert_eq!(page.figures.len(), host::HOST.len());
    }
}
