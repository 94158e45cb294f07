//! Which probes there are, where they read, and by which clock.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aios_metrics_core::{Clock, SystemClock};

use crate::names::ProbeSet;

/// What a [`Hardware`](crate::Hardware) is made of.
///
/// # Examples
///
/// ```
/// use aios_metrics_hw::{Hardware, HardwareOptions, ProbeName, ProbeSet, Roots};
///
/// let options = HardwareOptions::new()
///     .with_probes(ProbeSet::from_iter([ProbeName::Host]))
///     .with_roots(Roots::under("/srv/fixtures/machine-1"));
/// assert_eq!(Hardware::with_options(options).probes().len(), 1);
/// ```
#[derive(Clone)]
pub struct HardwareOptions {
    probes: ProbeSet,
    roots: Roots,
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

impl HardwareOptions {
    /// All probes, the running system, the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self {
            probes: ProbeSet::all(),
            roots: Roots::system(),
            clock: Arc::new(SystemClock),
            deadline: Duration::from_secs(5),
        }
    }

    /// Chooses the probes.
    #[must_use]
    pub fn with_probes(self, probes: ProbeSet) -> Self {
        Self { probes, ..self }
    }

    /// Chooses the file trees that Linux' probes read.
    #[must_use]
    pub fn with_roots(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }

    /// Chooses how long the reading of one probe may take before the probe counts as down and its
    /// figures as out of date; 5 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Chooses the clock that tells how long an interval of CPU use and a probe's reading was.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn probes(&self) -> &ProbeSet {
        &self.probes
    }

    // The probes of systems other than Linux read no files.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code))]
    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

impl Default for HardwareOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HardwareOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { probes, roots, deadline, clock: _ } = self;
        f.debug_struct("HardwareOptions")
            .field("probes", probes)
            .field("roots", roots)
            .field("deadline", deadline)
            .finish_non_exhaustive()
    }
}

/// Where the file trees of a Linux machine stand.
///
/// A machine can be a folder: a test points the probes at a tree that holds `proc/loadavg`,
/// `proc/self/stat` and so on. Other systems read no files, and take no notice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Roots {
    /// The `/proc` of the machine.
    pub proc: PathBuf,
    /// The `/sys` of the machine.
    pub sys: PathBuf,
    /// Its `/`, under which mount points are looked for.
    pub root: PathBuf,
}

impl Roots {
    /// The running system's own.
    #[must_use]
    pub fn system() -> Self {
        Self::under("/")
    }

    /// A machine in a folder: its `/proc` is `folder/proc`, its `/sys` `folder/sys`, and so on.
    #[must_use]
    pub fn under(folder: impl AsRef<Path>) -> Self {
        let root = folder.as_ref();
        Self { proc: root.join("proc"), sys: root.join("sys"), root: root.to_owned() }
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::system()
    }
}
