//! What the probes found, typed.

mod container;
mod devices;
mod gpu;
mod host;
mod process;

pub use container::{ContainerReading, CpuQuota, Pressure};
pub use devices::{DiskReading, FilesystemReading, NetworkReading, TemperatureReading, Traffic};
pub(crate) use gpu::AllGpus;
pub use gpu::GpuReading;
pub use host::{CpuTimes, HostReading};
pub use process::ProcessReading;

use crate::names::ProbeName;
use crate::probe::{Figures, Outcome, ProbeError};

/// What every probe found when it was read last.
///
/// A figure that could not be read, that the system does not have, or whose probe was not chosen
/// is `None`, or not in its list.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// This process.
    pub process: ProcessReading,
    /// The container.
    pub container: ContainerReading,
    /// The machine.
    pub host: HostReading,
    /// The file systems that are mounted.
    pub filesystems: Vec<FilesystemReading>,
    /// The disks.
    pub disks: Vec<DiskReading>,
    /// The network interfaces; in a container with a network of its own, the container's.
    pub networks: Vec<NetworkReading>,
    /// The temperatures.
    pub temperatures: Vec<TemperatureReading>,
    /// The GPUs and the MIG instances on them.
    pub gpus: Vec<GpuReading>,
    /// How each probe fared, by name; a probe that was not read yet is not there.
    pub probes: Vec<ProbeStatus>,
}

/// How a probe fared when it was read last.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProbeStatus {
    /// Which probe.
    pub name: ProbeName,
    /// The first thing that could not be read; other figures may be there all the same.
    pub problem: Option<ProbeError>,
}

impl ProbeStatus {
    /// Whether every figure could be read.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.problem.is_none()
    }
}

impl Reading {
    pub(crate) fn was_read(&self, name: ProbeName) -> bool {
        self.probes.iter().any(|status| status.name == name)
    }

    /// Whether a probe was read and did not find all its figures.
    pub(crate) fn is_down(&self, name: ProbeName) -> bool {
        self.probes.iter().any(|status| status.name == name && !status.is_up())
    }

    /// Puts what one probe found in the place of what it found before.
    pub(crate) fn store(&mut self, name: ProbeName, outcome: Outcome) {
        match outcome.figures {
            Figures::Process(process) => self.process = process,
            Figures::Container(container) => self.container = container,
            Figures::Host(host) => self.host = host,
            Figures::Filesystems(filesystems) => self.filesystems = filesystems,
            Figures::Disks(disks) => self.disks = disks,
            Figures::Networks(networks) => self.networks = networks,
            Figures::Temperatures(temperatures) => self.temperatures = temperatures,
            Figures::Gpus(gpus) => self.gpus = gpus,
        }
        let status = ProbeStatus { name, problem: outcome.problem };
        match self.probes.binary_search_by_key(&name, |status| status.name) {
            Ok(at) => self.probes[at] = status,
            Err(at) => self.probes.insert(at, status),
        }
    }
}
