//! CPU time of a group, its limits and how often they held it back.

use super::group::{Group, Version};
use crate::reading::{ContainerReading, CpuQuota};
use crate::system::linux::file::{File, Search, Unknown};
use crate::system::linux::parse::TICKS_A_SECOND;
use crate::system::linux::parse::cgroup::{cpu_max, keyed, number, v1_quota};

/// CPU time used.
pub(super) enum Usage {
    /// `cpuacct.usage` in nanoseconds and `cpuacct.stat` in ticks.
    V1 { usage: File, stat: File },
    /// `cpu.stat`, in microseconds.
    V2(File),
}

impl Usage {
    pub(super) fn of(group: &Group) -> Self {
        match group.version {
            Version::V1 => Self::V1 { usage: group.file("cpuacct.usage"), stat: group.file("cpuacct.stat") },
            Version::V2 => Self::V2(group.file("cpu.stat")),
        }
    }

    pub(super) fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
        match self {
            Self::V1 { usage, stat } => {
                if let Some(text) = search.open_if_there(usage) {
                    reading.cpu_seconds =
                        search.figure("CPU time", number(text)).map(|nanos| nanos as f64 / 1e9);
                }
                if let Some(text) = search.open_if_there(stat) {
                    let mut seconds = |key: &'static str| {
                        search
                            .figure(key, keyed(text, key.as_bytes()))
                            .map(|ticks| ticks as f64 / TICKS_A_SECOND)
                    };
                    reading.cpu_user_seconds = seconds("user ");
                    reading.cpu_system_seconds = seconds("system ");
                }
            }
            Self::V2(stat) => {
                if let Some(text) = search.open_if_there(stat) {
                    let mut seconds = |key: &'static str| {
                        search.figure(key, keyed(text, key.as_bytes())).map(|micros| micros as f64 / 1e6)
                    };
                    reading.cpu_seconds = seconds("usage_usec ");
                    reading.cpu_user_seconds = seconds("user_usec ");
                    reading.cpu_system_seconds = seconds("system_usec ");
                }
            }
        }
    }
}

/// The limits of a group and of those around it, the group itself first, and how often its own held
/// it back.
pub(super) struct Limits {
    quotas: Vec<Quota>,
    stat: File,
}

enum Quota {
    /// `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
    V1 { quota: File, period: File },
    /// `cpu.max`, which the root does not have.
    V2(File),
}

impl Limits {
    pub(super) fn of(group: &Group) -> Self {
        let quotas = match group.version {
            Version::V1 => group
                .files("cpu.cfs_quota_us")
                .zip(group.files("cpu.cfs_period_us"))
                .map(|(quota, period)| Quota::V1 { quota, period })
                .collect(),
            Version::V2 => group.files("cpu.max").map(Quota::V2).collect(),
        };
        Self { quotas, stat: group.file("cpu.stat") }
    }

    pub(super) fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
        let quotas: Vec<_> = self.quotas.iter_mut().map(|level| level.read(search)).collect();
        let has_own = matches!(quotas.first(), Some(Ok(Some(_))));
        // Of one that can't be read the others may be looser.
        let limits: Result<Vec<_>, Unknown> = quotas.into_iter().collect();
        let tightest = |limits: Vec<Option<CpuQuota>>| {
            limits.into_iter().flatten().min_by(|one, other| one.cores().total_cmp(&other.cores()))
        };
        reading.cpu_quota = limits.ok().and_then(tightest);

        let Some(text) = search.open_if_there(&mut self.stat) else { return };
        // A group without the controller has a `cpu.stat` that tells its CPU time only.
        reading.cpu_periods = keyed(text, b"nr_periods ");
        reading.cpu_throttled_periods = keyed(text, b"nr_throttled ");
        let (v1, v2) = (keyed(text, b"throttled_time "), keyed(text, b"throttled_usec "));
        reading.cpu_throttled_seconds =
            v1.map(|nanos| nanos as f64 / 1e9).or(v2.map(|micros| micros as f64 / 1e6));
        if has_own {
            search.figure("nr_periods", reading.cpu_periods);
            search.figure("nr_throttled", reading.cpu_throttled_periods);
            search.figure("throttled time", reading.cpu_throttled_seconds);
        }
    }
}

impl Quota {
    /// None where there is no limit.
    fn read<'a>(&'a mut self, search: &mut Search<'a>) -> Result<Option<CpuQuota>, Unknown> {
        let (quota, period) = match self {
            Self::V1 { quota, period } => {
                let Some(text) = search.look(quota)? else { return Ok(None) };
                let quota = search.figure("CPU quota", v1_quota(text)).ok_or(Unknown)?;
                let Some(text) = search.look(period)? else { return Ok(None) };
                let period = number(text).filter(|period| *period > 0);
                (quota, search.figure("CPU period", period).ok_or(Unknown)?)
            }
            Self::V2(max) => {
                let Some(text) = search.look(max)? else { return Ok(None) };
                search.figure("CPU quota", cpu_max(text)).ok_or(Unknown)?
            }
        };
        Ok(quota.at().map(|quota_micros| CpuQuota { quota_micros, period_micros: period }))
    }
}
