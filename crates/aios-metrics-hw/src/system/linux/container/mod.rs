//! The container: the control group of this process, in hierarchies of version 1 and 2.

mod cpu;
mod group;
mod memory;

use std::path::PathBuf;
use std::sync::Arc;

use aios_metrics_core::Clock;

use self::cpu::{Limits, Usage};
use self::group::Groups;
use self::memory::Memory;
use super::file::{File, Search, Unknown};
use super::parse::cgroup::{Limit, limit, number, pressure};
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
            mountinfo: File::new(own.join("mountinfo")),
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
        if let Some(cgroup) = search.open(&mut self.cgroup) {
            if self.found.as_ref().is_none_or(|found| found.cgroup != cgroup) {
                self.found = search
                    .open(&mut self.mountinfo)
                    .map(|mountinfo| Found::new(cgroup, &Groups::find(cgroup, mountinfo, &self.root)));
                self.meter = Meter::default();
            }
            if let Some(found) = &mut self.found {
                found.read(&mut search, &mut reading);
            }
        }
        reading.cpu_percent =
            reading.cpu_seconds.and_then(|used| self.meter.percent(now, now.as_secs_f64(), used));
        Outcome { figures: Figures::Container(reading), problem: search.into_problem() }
    }
}

impl Found {
    fn new(cgroup: &[u8], groups: &Groups) -> Self {
        Self {
            cgroup: cgroup.to_owned(),
            usage: groups.usage.as_ref().map(Usage::of),
            limits: groups.cpu.as_ref().map(Limits::of),
            memory: groups.memory.as_ref().map(Memory::of),
            pids: groups.pids.as_ref().map(|group| Pids {
                current: group.file("pids.current"),
                max: group.files("pids.max").collect(),
            }),
            pressure: groups
                .unified
                .as_ref()
                .map(|group| ["cpu.pressure", "memory.pressure", "io.pressure"].map(|name| group.file(name))),
        }
    }

    fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
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
        if let Some(text) = search.open_if_there(&mut self.current) {
            reading.threads = search.figure("number of tasks", number(text));
        }
        reading.threads_max = tightest(search, &mut self.max, limit).ok().flatten();
    }
}

/// The lowest of the limits in these files. Unknown when one of them can't be read: the others may
/// be looser.
fn tightest<'a>(
    search: &mut Search<'a>,
    files: impl IntoIterator<Item = &'a mut File>,
    parse: fn(&[u8]) -> Option<Limit>,
) -> Result<Option<u64>, Unknown> {
    let mut lowest = Ok(None);
    for file in files {
        let limit = search
            .look(file)
            .and_then(|text| text.map(|text| search.figure("limit", parse(text)).ok_or(Unknown)).transpose());
        lowest = lowest.and_then(|lowest: Option<u64>| {
            let limit = limit?.and_then(Limit::at);
            Ok(lowest.into_iter().chain(limit).min())
        });
    }
    lowest
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
