//! Memory of a group and its limits.

use super::group::{Group, Version};
use super::read;
use crate::reading::ContainerReading;
use crate::system::linux::file::{File, Search, Unknown};
use crate::system::linux::parse::cgroup::{Limit, keyed, limit, number, v1_memory_limit};

/// The files of a group's memory.
pub(super) struct Memory {
    version: Version,
    stat: File,
    events: File,
    /// The group itself and those around it, as far as they can be seen.
    levels: Vec<Level>,
}

struct Level {
    usage: File,
    limit: File,
}

/// None where there is no such limit or file.
type Figure = Result<Option<u64>, Unknown>;

impl Memory {
    pub(super) fn of(group: &Group) -> Self {
        let (usage, limit, events) = match group.version {
            Version::V1 => ("memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control"),
            Version::V2 => ("memory.current", "memory.max", "memory.events"),
        };
        let levels = group.files(usage).zip(group.files(limit));
        Self {
            version: group.version,
            stat: group.file("memory.stat"),
            events: group.file(events),
            levels: levels.map(|(usage, limit)| Level { usage, limit }).collect(),
        }
    }

    pub(super) fn read<'a>(&'a mut self, search: &mut Search<'a>, reading: &mut ContainerReading) {
        let mut room = Room { limit: Ok(None), free: Ok(None) };
        let (mut own, mut outermost) = (None, Ok(None));
        for Level { usage, limit } in &mut self.levels {
            outermost = read(search, usage, "memory in use", number);
            own.get_or_insert(outermost);
            room.narrow(read_limit(self.version, search, limit), outermost);
        }
        reading.memory_usage_bytes = own.and_then(|usage| usage.ok().flatten());

        let stat = search.look(&mut self.stat);
        if let Ok(Some(text)) = stat {
            let key = match self.version {
                Version::V1 => "total_inactive_file ",
                Version::V2 => "inactive_file ",
            };
            let inactive = search.figure(key, keyed(text, key.as_bytes()));
            // As the kubelet has it: the two are not read at one moment.
            let less = |(usage, inactive): (u64, u64)| usage.saturating_sub(inactive);
            reading.memory_working_set_bytes = reading.memory_usage_bytes.zip(inactive).map(less);
        }
        if let Version::V1 = self.version {
            room.narrow(hidden_limit(search, stat, room.limit), outermost);
        }
        reading.memory_limit_bytes = room.limit.ok().flatten();
        reading.is_memory_limit_unknown = room.limit.is_err();
        reading.memory_free_bytes = room.free.ok().flatten();

        if let Some(text) = search.open_if_there(&mut self.events) {
            // Kernels before 4.13 have the file and don't tell this.
            reading.oom_events = keyed(text, b"oom_kill ");
        }
    }
}

/// What a group may have, by the limits of those around it too.
struct Room {
    limit: Figure,
    /// The least that is left of a limit: neighbours in an outer group use of its limit as well.
    free: Figure,
}

impl Room {
    /// Takes in a limit, and what is used of it.
    fn narrow(&mut self, limit: Figure, usage: Figure) {
        let free = match limit {
            Ok(Some(limit)) => match usage {
                // Use may be over the limit for a moment, while the kernel makes room.
                Ok(Some(usage)) => Ok(Some(limit.saturating_sub(usage))),
                Ok(None) | Err(Unknown) => Err(Unknown),
            },
            none => none,
        };
        self.limit = least(self.limit, limit);
        self.free = least(self.free, free);
    }
}

/// Unknown when one of the two is: it may be the lower one.
fn least(one: Figure, other: Figure) -> Figure {
    Ok(one?.into_iter().chain(other?).min())
}

fn read_limit<'a>(version: Version, search: &mut Search<'a>, file: &'a mut File) -> Figure {
    let parse: fn(&[u8]) -> Option<Limit> = match version {
        Version::V1 => |text| number(text).map(v1_memory_limit),
        Version::V2 => limit,
    };
    Ok(read(search, file, "limit", parse)?.and_then(Limit::at))
}

/// The limit of a group that can't be seen, where it is tighter than those that can: version 1 tells
/// the tightest of all in `stat`.
fn hidden_limit<'a>(
    search: &mut Search<'a>,
    stat: Result<Option<&'a [u8]>, Unknown>,
    visible: Figure,
) -> Figure {
    let Some(text) = stat? else { return Ok(None) };
    let limit = keyed(text, b"hierarchical_memory_limit ").map(v1_memory_limit);
    let limit = search.figure("hierarchical_memory_limit", limit).ok_or(Unknown)?.at();
    let visible = visible?;
    Ok(limit.filter(|limit| visible.is_none_or(|visible| *limit < visible)))
}
