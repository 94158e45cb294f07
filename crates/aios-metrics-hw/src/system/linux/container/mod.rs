//! The container: the control group of this process, in hierarchies of version 1 and 2.

mod cpu;
mod group;
mod memory;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aios_metrics_core::Clock;

use self::cpu::{Limits, Usage};
use self::group::{Place, Places};
use self::memory::Memory;
use super::file::{File, Search, Unknown};
#[cfg(any(test, fuzzing))]
use super::parse::cgroup::Membership;
use super::parse::cgroup::{Limit, limit, memberships, number, pressure};
use super::parse::mounts;
use crate::meter::Meter;
use crate::options::Roots;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::{ContainerReading, Pressure};

/// Reads figures of the control group; it keeps no file open.
pub(crate) struct ContainerProbe {
    cgroup: File,
    mountinfo: File,
    root: PathBuf,
    found: Option<Found>,
    clock: Arc<dyn Clock>,
    meter: Meter,
}

/// The group's files, and the text of `/proc/self/cgroup` by which they were found. Looking for
/// them takes longer than reading them where there are many mounts.
struct Found {
    cgroup: Vec<u8>,
    places: Places,
    usage: Option<Usage>,
    limits: Option<Limits>,
    memory: Option<Memory>,
    pids: Option<Pids>,
    pressure: Option<[File; 3]>,
}

struct Pids {
    current: File,
    max: Vec<File>,
}

impl ContainerProbe {
    pub(crate) fn new(roots: &Roots, clock: Arc<dyn Clock>) -> Self {
        let own = roots.proc.join("self");
        Self {
            cgroup: File::new(own.join("cgroup")),
            mountinfo: File::up_to(own.join("mountinfo"), mounts::LONGEST),
            root: roots.root.clone(),
            found: None,
            clock,
            meter: Meter::default(),
        }
    }
}

impl Probe for ContainerProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let mut reading = ContainerReading::default();
        let now = self.clock.monotonic();
        match search.look(&mut self.cgroup) {
            Ok(Some(cgroup)) => {
                if self.found.as_ref().is_none_or(|found| found.is_out_of_date(cgroup)) {
                    let found = Found::find(&mut search, cgroup, &mut self.mountinfo, &self.root);
                    let usage =
                        |found: &Option<Found>| found.as_ref().map(|found| found.places.usage.clone());
                    if usage(&found) != usage(&self.found) {
                        self.meter = Meter::default();
                    }
                    self.found = found;
                }
                match &mut self.found {
                    Some(found) => found.read(&mut search, &mut reading),
                    None => reading = ContainerReading::unknown(),
                }
            }
            // A kernel without control groups has no containers.
            Ok(None) => self.found = None,
            Err(Unknown) => reading = ContainerReading::unknown(),
        }
        reading.cpu_percent =
            reading.cpu_seconds.and_then(|used| self.meter.percent(now, now.as_secs_f64(), used));
        Outcome { figures: Figures::Container(reading), problem: search.into_problem() }
    }
}

impl Found {
    fn find<'a>(
        search: &mut Search<'a>,
        cgroup: &[u8],
        mountinfo: &'a mut File,
        root: &Path,
    ) -> Option<Self> {
        let memberships = search.figure("control groups", memberships(cgroup))?;
        let places = Places::find(&memberships, search.open(mountinfo)?, root);
        search.figure("mount of the control group", (!places.has_unseen()).then_some(()));
        let Places { usage, cpu, memory, pids, unified } = &places;
        Some(Self {
            cgroup: cgroup.to_owned(),
            usage: usage.group().map(Usage::of),
            limits: cpu.group().map(Limits::of),
            memory: memory.group().map(Memory::of),
            pids: pids.group().map(|group| Pids {
                current: group.file("pids.current"),
                max: group.files("pids.max").collect(),
            }),
            pressure: unified
                .group()
                .map(|group| ["cpu.pressure", "memory.pressure", "io.pressure"].map(|name| group.file(name))),
            places,
        })
    }

    /// What can't be seen may be mounted later.
    fn is_out_of_date(&self, cgroup: &[u8]) -> bool {
        self.cgroup != cgroup || self.places.has_unseen()
    }

    fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
        reading.has_cpu_group = self.places.usage != Place::Root;
        reading.is_memory_limit_unknown = self.places.memory == Place::Unseen;
        if let Some(usage) = &mut self.usage {
            usage.read(search, reading);
        }
        if let Some(limits) = &mut self.limits {
            limits.read(search, reading);
        }
        if let Some(memory) = &mut self.memory {
            memory.read(search, reading);
        }
        if let Some(pids) = &mut self.pids {
            pids.read(search, reading);
        }
        if let Some(files) = &mut self.pressure {
            let [cpu, memory, io] = files;
            reading.cpu_pressure = read_pressure(search, cpu);
            reading.memory_pressure = read_pressure(search, memory);
            reading.io_pressure = read_pressure(search, io);
        }
    }
}

impl Pids {
    fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
        reading.threads = read(search, &mut self.current, "number of tasks", number).ok().flatten();
        // Of one that can't be read the others may be looser.
        let limits: Result<Vec<_>, Unknown> =
            self.max.iter_mut().map(|file| read(search, file, "limit", limit)).collect();
        let tightest = |limits: Vec<_>| limits.into_iter().flatten().filter_map(Limit::at).min();
        reading.threads_max = limits.ok().and_then(tightest);
    }
}

/// A figure of a file that need not be there.
fn read<'a, T>(
    search: &mut Search<'a>,
    file: &'a mut File,
    name: &'static str,
    parse: fn(&[u8]) -> Option<T>,
) -> Result<Option<T>, Unknown> {
    let Some(text) = search.look(file)? else { return Ok(None) };
    search.figure(name, parse(text)).ok_or(Unknown).map(Some)
}

/// That groups are looked for below the root only, whatever the two texts hold.
#[cfg(any(test, fuzzing))]
pub(super) fn check_places(memberships: &[Membership<'_>], mountinfo: &[u8]) {
    let root = Path::new("/proc/self");
    let Places { usage, cpu, memory, pids, unified } = Places::find(memberships, mountinfo, root);
    for group in [usage, cpu, memory, pids, unified].iter().filter_map(Place::group) {
        assert!(group.is_below(root), "{group:?}");
    }
}

fn read_pressure<'a>(search: &mut Search<'a>, file: &'a mut File) -> Pressure {
    let Some(text) = search.open_if_there(file) else { return Pressure::default() };
    let seconds = |micros| micros as f64 / 1e6;
    Pressure {
        waiting_seconds: search.figure("some", pressure(text, b"some ")).map(seconds),
        // Before 5.13 the kernel does not tell this of the CPU.
        stalled_seconds: pressure(text, b"full ").map(seconds),
    }
}
