//! What a probe is, and what one can find.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::reading::{HostReading, ProcessReading};

/// Reads one group of figures of the system.
///
/// A probe may keep what it needs between readings. It may block: it is read outside of every lock
/// that a scrape or a document takes.
pub(crate) trait Probe: Send {
    /// Reads now.
    fn read(&mut self) -> Outcome;
}

/// The figures of one probe.
#[derive(Debug)]
pub(crate) enum Figures {
    Process(ProcessReading),
    Host(HostReading),
}

/// What a probe found: the figures that could be read, and the first thing that could not.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) figures: Figures,
    pub(crate) problem: Option<ProbeError>,
}

impl Outcome {
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
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, kind } => write!(f, "can't read {}: {kind}", path.display()),
            Self::Malformed { path, figure } => write!(f, "no {figure} in {}", path.display()),
            Self::Unanswered { figure } => write!(f, "the system does not tell the {figure}"),
        }
    }
}

impl Error for ProbeError {}
