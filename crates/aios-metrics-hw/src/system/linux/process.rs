//! This process: `stat`, `status`, `limits`, `io` and `fd` of `/proc/self`, and what the kernel counts
//! of its use of resources.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aios_metrics_core::Clock;
use nix::sys::resource::{UsageWho, getrusage};

use super::file::{File, Search};
use super::parse::cgroup::Limit;
use super::parse::{self, TICKS_A_SECOND};
use crate::meter::Meter;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::ProcessReading;

/// Reads figures of this process; it keeps no file open.
pub(crate) struct ProcessProbe {
    stat: File,
    status: File,
    limits: File,
    io: File,
    host_stat: File,
    fds: PathBuf,
    /// Whether the tree is the kernel's and not a copy: listing `fd` then lists one descriptor
    /// more, its own.
    is_live: bool,
    /// When the machine started, in Unix seconds. The kernel works it out anew at each reading, so
    /// that it moves when the clock is set; it is read once to make the process' start stand still.
    boot: Option<u64>,
    clock: Arc<dyn Clock>,
    meter: Meter,
}

impl ProcessProbe {
    pub(crate) fn new(proc: &Path, clock: Arc<dyn Clock>) -> Self {
        let own = proc.join("self");
        Self {
            stat: File::new(own.join("stat")),
            status: File::new(own.join("status")),
            limits: File::new(own.join("limits")),
            io: File::new(own.join("io")),
            host_stat: File::new(proc.join("stat")),
            fds: own.join("fd"),
            is_live: is_procfs(proc),
            boot: None,
            clock,
            meter: Meter::default(),
        }
    }
}

impl Probe for ProcessProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let mut reading = ProcessReading::default();
        let now = self.clock.monotonic();

        if let Some(text) = search.open(&mut self.stat) {
            let stat = parse::stat(text);
            reading.cpu_seconds = search.figure("CPU time", stat.cpu_ticks).map(seconds);
            reading.threads = search.figure("number of threads", stat.threads);
            reading.virtual_bytes = search.figure("virtual memory size", stat.virtual_bytes);
            reading.minor_page_faults = search.figure("page faults", stat.minor_faults);
            reading.major_page_faults = search.figure("page faults", stat.major_faults);
            if let Some(ticks) = search.figure("start time", stat.start_ticks) {
                if self.boot.is_none() {
                    let text = search.open(&mut self.host_stat);
                    self.boot = text.and_then(|text| search.figure("btime", parse::boot_time(text)));
                }
                reading.start_time_seconds = self.boot.map(|boot| boot as f64 + seconds(ticks));
            }
        }
        reading.cpu_percent =
            reading.cpu_seconds.and_then(|used| self.meter.percent(now, now.as_secs_f64(), used));
        // `stat` has the resident size in pages, and of 6.x kernels only an estimate.
        if let Some(text) = search.open(&mut self.status) {
            reading.resident_bytes = search.figure("VmRSS", parse::kilobytes(text, b"VmRSS:"));
        }
        if let Some(text) = search.open(&mut self.limits) {
            let mut limit = |name: &'static str, key| {
                search.figure(name, parse::soft_limit(text, key)).and_then(Limit::at)
            };
            reading.max_fds = limit("Max open files", b"Max open files ");
            reading.max_virtual_bytes = limit("Max address space", b"Max address space ");
        }
        // A kernel may be built without it.
        if let Some(text) = search.open_if_there(&mut self.io) {
            reading.storage_read_bytes = search.figure("read_bytes", parse::io(text, b"read_bytes:"));
            reading.storage_written_bytes = search.figure("write_bytes", parse::io(text, b"write_bytes:"));
        }
        if self.is_live {
            [reading.voluntary_context_switches, reading.involuntary_context_switches] = context_switches();
        }
        reading.open_fds = search.answer(&self.fds, count_fds(&self.fds, self.is_live));

        Outcome { figures: Figures::Process(reading), problem: search.into_problem() }
    }
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_A_SECOND
}

/// Of all threads, also of those that ended. Files tell them thread by thread, of the living only.
fn context_switches() -> [Option<u64>; 2] {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return [None; 2] };
    [usage.voluntary_context_switches(), usage.involuntary_context_switches()]
        .map(|count| u64::try_from(count).ok())
}

/// From 6.2 on the kernel tells the number as the folder's size, at a cost that does not grow with
/// it; older ones say 0.
fn count_fds(folder: &Path, is_live: bool) -> io::Result<u64> {
    if is_live {
        let size = fs::metadata(folder)?.len();
        if size > 0 {
            return Ok(size);
        }
    }
    let listed = fs::read_dir(folder)?.try_fold(0_u64, |count, entry| entry.map(|_| count + 1))?;
    Ok(listed.saturating_sub(u64::from(is_live)))
}

/// The kernel numbers the root of a procfs 1 and gives it no size; a folder of a disk or of a
/// tmpfs with anything in it has one.
fn is_procfs(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|folder| folder.ino() == 1 && folder.len() == 0)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_running_system_is_told_from_a_copy() {
        assert!(is_procfs(Path::new("/proc")));
        assert!(!is_procfs(Path::new("/proc/self")));
        assert!(!is_procfs(Path::new("/")));
        assert!(!is_procfs(Path::new("/nowhere")));
    }

    #[test]
    fn both_ways_of_counting_descriptors_agree() {
        // Of a child, as the count of this process moves with other tests; of one that has
        // answered, so that it has opened what it needs.
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.as_mut().unwrap().write_all(b"?").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let folder = PathBuf::from(format!("/proc/{}/fd", child.id()));
        let listed = count_fds(&folder, false).unwrap();
        let told = count_fds(&folder, true).unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        // Before 6.2 the kernel does not tell, and the way for the running system takes one off.
        assert!(told == listed || told == listed - 1, "{told} against {listed}");
        assert!(listed >= 3, "cat has its input, output and errors");
    }
}
