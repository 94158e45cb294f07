//! What the probes found, typed.

use crate::names::ProbeName;
use crate::probe::{Figures, Outcome, ProbeError};

/// What every probe found when it was read last.
///
/// A figure that could not be read, that the system does not have, or whose probe was not chosen
/// is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// This process.
    pub process: ProcessReading,
    /// The machine.
    pub host: HostReading,
    /// How each probe fared, by name; a probe that was not read yet is not there.
    pub probes: Vec<ProbeStatus>,
}

/// Figures of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ProcessReading {
    /// CPU time since the start, user and system, of all threads, in seconds. On Linux in steps
    /// of 0.01.
    pub cpu_seconds: Option<f64>,
    /// CPU use in percent of one core: 200 is two cores fully used.
    ///
    /// It is the mean since the last reading, or over up to 0.2 s more where readings follow each
    /// other faster than that; none until 0.2 s after the first one.
    pub cpu_percent: Option<f64>,
    /// Memory that is in RAM now, in bytes.
    pub resident_bytes: Option<u64>,
    /// Address space that is in use, in bytes.
    pub virtual_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// How many file descriptors may be open; none where there is no limit.
    pub max_fds: Option<u64>,
    /// When the process started, in seconds since the Unix epoch.
    pub start_time_seconds: Option<f64>,
    /// Threads of the operating system.
    pub threads: Option<u64>,
}

/// Figures of the machine, not of the container that the process may be in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct HostReading {
    /// Mean number of tasks that ran or waited to run, over one minute.
    pub load1: Option<f64>,
    /// The same over five minutes.
    pub load5: Option<f64>,
    /// The same over fifteen minutes.
    pub load15: Option<f64>,
    /// How much of all cores together was in use, 0 to 100, over the interval that
    /// [`ProcessReading::cpu_percent`] describes. Waiting for a disk is not use.
    pub cpu_percent: Option<f64>,
    /// Memory that the system can use, in bytes.
    pub memory_total_bytes: Option<u64>,
    /// Memory that programs can have without swapping, caches that can be given up included, in
    /// bytes.
    pub memory_available_bytes: Option<u64>,
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
    /// Puts what one probe found in the place of what it found before.
    pub(crate) fn store(&mut self, name: ProbeName, outcome: Outcome) {
        match outcome.figures {
            Figures::Process(process) => self.process = process,
            Figures::Host(host) => self.host = host,
        }
        let status = ProbeStatus { name, problem: outcome.problem };
        match self.probes.binary_search_by_key(&name, |status| status.name) {
            Ok(at) => self.probes[at] = status,
            Err(at) => self.probes.insert(at, status),
        }
    }
}
