//! What a probe is, and what one can find.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::names::ProbeName;
use crate::reading::{
    ContainerReading, DiskReading, FilesystemReading, GpuReading, HostReading, NetworkReading,
    ProcessReading, TemperatureReading,
};

/// Reads one group of figures of the system.
///
/// A probe may keep what it needs between readings. It may block: it is read outside of every lock
/// that a scrape or a document takes.
pub(crate) trait Probe: Send {
    /// Reads now.
    fn read(&mut self) -> Outcome;
}

/// The figures of one probe.
#[derive(Clone, Debug)]
pub(crate) enum Figures {
    Process(ProcessReading),
    Container(ContainerReading),
    Host(HostReading),
    Filesystems(Vec<FilesystemReading>),
    Disks(Vec<DiskReading>),
    Networks(Vec<NetworkReading>),
    Temperatures(Vec<TemperatureReading>),
    Gpus(Vec<GpuReading>),
}

impl Figures {
    /// What a probe has that found nothing.
    pub(crate) fn none(name: ProbeName) -> Self {
        match name {
            ProbeName::Process => Self::Process(ProcessReading::default()),
            ProbeName::Container => Self::Container(ContainerReading::unknown()),
            ProbeName::Host => Self::Host(HostReading::default()),
            ProbeName::Filesystem => Self::Filesystems(Vec::new()),
            ProbeName::Disk => Self::Disks(Vec::new()),
            ProbeName::Network => Self::Networks(Vec::new()),
            ProbeName::Temperature => Self::Temperatures(Vec::new()),
            ProbeName::Gpu => Self::Gpus(Vec::new()),
        }
    }
}

/// What a probe found: the figures that could be read, and the first thing that could not.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) figures: Figures,
    pub(crate) problem: Option<ProbeError>,
}

impl Outcome {
    /// Nothing could be read.
    pub(crate) fn nothing(name: ProbeName, problem: ProbeError) -> Self {
        Self { figures: Figures::none(name), problem: Some(problem) }
    }

    /// All figures could be read.
    #[cfg(test)]
    pub(crate) fn whole(figures: Figures) -> Self {
        Self { figures, problem: None }
    }
}

/// Why a figure is absent from a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProbeError {
    /// A file or folder could not be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// A file was read, and does not hold the figure in the form that was expected.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The figure that was looked for, by the kernel's name.
        figure: &'static str,
    },
    /// The system did not answer.
    Unanswered {
        /// What it was asked for.
        figure: &'static str,
    },
    /// The probe is being read, and has not come back in time; its figures are out of date.
    Overdue {
        /// The time that it had.
        deadline: Duration,
    },
    /// A library that the probe needs is not there or can't be used.
    Library {
        /// What it said.
        message: String,
    },
    /// This build can't read it.
    NotBuiltIn {
        /// What it would take.
        feature: &'static str,
    },
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, kind } => write!(f, "can't read {}: {kind}", path.display()),
            Self::Malformed { path, figure } => write!(f, "no {figure} in {}", path.display()),
            Self::Unanswered { figure } => write!(f, "the system does not tell the {figure}"),
            Self::Overdue { deadline } => write!(f, "no answer within {deadline:?}"),
            Self::Library { message } => f.write_str(message),
            Self::NotBuiltIn { feature } => write!(f, "this build lacks the feature `{feature}`"),
        }
    }
}

impl Error for ProbeError {}
