//! The probes' names and sets of them, as configuration writes them.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The name of a probe.
///
/// Written and parsed in lower case: `process`, `container`, `host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ProbeName {
    /// This process: CPU time, memory, descriptors, threads.
    Process,
    /// The container: CPU, memory, tasks and pressure of the control group of this process.
    Container,
    /// The machine: load, CPU, memory.
    Host,
    /// The machine's file systems. One that does not answer holds this probe up.
    Filesystem,
    /// The machine's disks.
    Disk,
    /// The network interfaces.
    Network,
    /// The temperatures. A sensor that does not answer holds this probe up.
    Temperature,
    /// The GPUs. A driver that does not answer holds this probe up.
    ///
    /// Among [all](ProbeSet::all) only with the feature `gpu`; without it, it finds nothing.
    Gpu,
}

impl ProbeName {
    /// Every probe that this version knows, whether it is built in or not.
    pub const ALL: &'static [Self] = &[
        Self::Process,
        Self::Container,
        Self::Host,
        Self::Filesystem,
        Self::Disk,
        Self::Network,
        Self::Temperature,
        Self::Gpu,
    ];

    /// The name as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Container => "container",
            Self::Host => "host",
            Self::Filesystem => "filesystem",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Temperature => "temperature",
            Self::Gpu => "gpu",
        }
    }

    /// Whether a reading may wait for a device or a server for as long as that likes.
    ///
    /// Such a probe wants a thread of its own; the others ask the kernel for what it holds in
    /// memory.
    #[must_use]
    pub const fn may_hang(self) -> bool {
        matches!(self, Self::Filesystem | Self::Temperature | Self::Gpu)
    }

    /// Whether this build can read it.
    pub(crate) const fn is_built_in(self) -> bool {
        !matches!(self, Self::Gpu) || cfg!(feature = "gpu")
    }
}

impl fmt::Display for ProbeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProbeName {
    type Err = UnknownProbe;

    fn from_str(name: &str) -> Result<Self, UnknownProbe> {
        let known = Self::ALL.iter().find(|known| known.as_str() == name);
        known.copied().ok_or_else(|| UnknownProbe { name: name.to_owned() })
    }
}

/// A set of probes.
///
/// Parsed from names with commas between them; blanks around a name and empty names are passed
/// over, so that an empty string is the empty set. The default is [all](Self::all).
///
/// # Examples
///
/// ```
/// use aios_metrics_hw::{ProbeName, ProbeSet, UnknownProbe};
///
/// let set: ProbeSet = "host, process".parse()?;
/// assert_eq!(set.to_string(), "process,host");
///
/// let host = ProbeSet::from_names(["host"])?;
/// assert!(host.contains(ProbeName::Host) && !host.contains(ProbeName::Process));
/// # Ok::<(), UnknownProbe>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSet(BTreeSet<ProbeName>);

impl ProbeSet {
    /// Every probe of this build.
    #[must_use]
    pub fn all() -> Self {
        ProbeName::ALL.iter().copied().filter(|name| name.is_built_in()).collect()
    }

    /// The probes with these names.
    ///
    /// # Errors
    ///
    /// [`UnknownProbe`] for the first name that no probe has.
    pub fn from_names(names: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, UnknownProbe> {
        names.into_iter().map(|name| name.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the set holds `name`.
    #[must_use]
    pub fn contains(&self, name: ProbeName) -> bool {
        self.0.contains(&name)
    }

    /// The names, in the order of [`ProbeName::ALL`].
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ProbeName> {
        self.0.iter().copied()
    }
}

impl Default for ProbeSet {
    fn default() -> Self {
        Self::all()
    }
}

impl FromIterator<ProbeName> for ProbeSet {
    fn from_iter<I: IntoIterator<Item = ProbeName>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl FromStr for ProbeSet {
    type Err = UnknownProbe;

    fn from_str(names: &str) -> Result<Self, UnknownProbe> {
        Self::from_names(names.split(',').map(str::trim).filter(|name| !name.is_empty()))
    }
}

impl fmt::Display for ProbeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_names(f, self.iter(), ",")
    }
}

/// A name that no probe has.
///
/// Its message names it and the known ones.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownProbe {
    /// The name as given.
    pub name: String,
}

impl fmt::Display for UnknownProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown probe {:?}: the known probes are ", self.name)?;
        write_names(f, ProbeName::ALL.iter().copied(), ", ")
    }
}

impl Error for UnknownProbe {}

fn write_names(
    f: &mut fmt::Formatter<'_>,
    names: impl Iterator<Item = ProbeName>,
    between: &str,
) -> fmt::Result {
    for (i, name) in names.enumerate() {
        f.write_str(if i == 0 { "" } else { between })?;
        f.write_str(name.as_str())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for &name in ProbeName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert_eq!(ProbeSet::all().to_string().parse(), Ok(ProbeSet::all()));
    }

    #[test]
    fn the_empty_string_is_the_empty_set() {
        for text in ["", " ", ",", " , ,"] {
            assert_eq!(text.parse::<ProbeSet>().unwrap().iter().len(), 0, "{text:?}");
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_the_known_ones() {
        let error = "process, Host".parse::<ProbeSet>().unwrap_err();
        assert_eq!(error, UnknownProbe { name: "Host".to_owned() });
        assert_eq!(
            error.to_string(),
            "unknown probe \"Host\": the known probes are process, container, \
                                      host, filesystem, disk, network, temperature, gpu"
        );
    }
}
