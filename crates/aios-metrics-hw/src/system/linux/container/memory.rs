//! Memory of a group and its limits.

use super::group::{Group, Version};
use super::tightest;
use crate::reading::ContainerReading;
use crate::system::linux::file::{File, Search, Unknown};
use crate::system::linux::parse::cgroup::{Limit, keyed, limit, number, v1_memory_limit};

/// The files of a group's memory.
pub(super) struct Memory {
    usage: File,
    stat: File,
    events: File,
    limits: Limits,
    /// The key of the file cache that was not used lately, in `stat`.
    inactive: &'static str,
}

enum Limits {
    /// `memory.limit_in_bytes`; `stat` tells the tightest of the groups around it.
    V1(File),
    /// `memory.max` of the group and of those around it.
    V2(Vec<File>),
}

impl Memory {
    pub(super) fn of(group: &Group) -> Self {
        let stat = group.file("memory.stat");
        match group.version {
            Version::V1 => Self {
                usage: group.file("memory.usage_in_bytes"),
                stat,
                events: group.file("memory.oom_control"),
                limits: Limits::V1(group.file("memory.limit_in_bytes")),
                inactive: "total_inactive_file ",
            },
            Version::V2 => Self {
                usage: group.file("memory.current"),
                stat,
                events: group.file("memory.events"),
                limits: Limits::V2(group.files("memory.max").collect()),
                inactive: "inactive_file ",
            },
        }
    }

    pub(super) fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
        if let Some(text) = search.open_if_there(&mut self.usage) {
            reading.memory_usage_bytes = search.figure("memory in use", number(text));
        }
        let stat = search.look(&mut self.stat);
        if let Ok(Some(text)) = stat {
            let inactive = search.figure(self.inactive, keyed(text, self.inactive.as_bytes()));
            // As the kubelet has it: the two are not read at one moment.
            let less = |(usage, inactive): (u64, u64)| usage.saturating_sub(inactive);
            reading.memory_working_set_bytes = reading.memory_usage_bytes.zip(inactive).map(less);
        }
        let around = match stat {
            Ok(Some(text)) if matches!(self.limits, Limits::V1(_)) => {
                let limit = keyed(text, b"hierarchical_memory_limit ").map(v1_memory_limit);
                search.figure("hierarchical_memory_limit", limit).ok_or(Unknown).map(Limit::at)
            }
            other => other.map(|_| None),
        };
        let limit = match &mut self.limits {
            Limits::V1(file) => tightest(search, [file], |text| number(text).map(v1_memory_limit))
                .and_then(|own| Ok(own.into_iter().chain(around?).min())),
            Limits::V2(files) => tightest(search, files, limit),
        };
        reading.memory_limit_bytes = limit.ok().flatten();
        if let Some(text) = search.open_if_there(&mut self.events) {
            // Kernels before 4.13 have the file and don't tell this.
            reading.oom_events = keyed(text, b"oom_kill ");
        }
    }
}
