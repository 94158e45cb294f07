//! The disks: `/proc/diskstats`.

use std::sync::Arc;

use super::file::{File, Search};
use super::parse::devices::{DiskLine, disks};
use crate::options::Roots;
use crate::probe::{Figures, Outcome, Probe};
use crate::reading::DiskReading;

/// The unit of `diskstats`, whatever the disk's own sectors have.
const SECTOR: u64 = 512;

/// Reads figures of whole disks.
pub(crate) struct DiskProbe(File);

impl DiskProbe {
    pub(crate) fn new(roots: &Roots) -> Self {
        Self(File::new(roots.proc.join("diskstats")))
    }
}

impl Probe for DiskProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let mut readings = Vec::new();
        // A kernel without disks does not have it.
        if let Some(text) = search.open_if_there(&mut self.0) {
            readings.extend(disks(text).filter(|disk| is_whole(disk.name)).filter_map(reading));
            if disks(text).next().is_none() && !text.is_empty() {
                search.figure("disks", None::<()>);
            }
        }
        Outcome { figures: Figures::Disks(readings), problem: search.into_problem() }
    }
}

fn reading(disk: DiskLine<'_>) -> Option<DiskReading> {
    let seconds = |millis: u64| millis as f64 / 1e3;
    Some(DiskReading {
        device: Arc::from(std::str::from_utf8(disk.name).ok()?),
        is_stacked: disk.name.starts_with(b"dm-") || disk.name.starts_with(b"md"),
        reads: disk.reads,
        read_bytes: disk.sectors_read.checked_mul(SECTOR)?,
        read_seconds: seconds(disk.read_millis),
        writes: disk.writes,
        written_bytes: disk.sectors_written.checked_mul(SECTOR)?,
        write_seconds: seconds(disk.write_millis),
        in_progress: disk.in_progress,
        busy_seconds: seconds(disk.busy_millis),
    })
}

/// Neither a part of a disk, nor memory, nor a file that stands for a disk.
fn is_whole(name: &[u8]) -> bool {
    let end = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let (stem, number) = name.split_at(end);
    if number.is_empty() {
        return true;
    }
    match stem {
        b"ram" | b"zram" | b"loop" | b"fd" | b"sr" | b"nbd" => false,
        // `sda1`, `vdb2`, `xvda1`, `hda1`: letters after `d`.
        _ if [b"sd".as_slice(), b"hd", b"vd", b"xvd"].iter().any(|kind| is_lettered(stem, kind)) => false,
        // `nvme0n1p2`, `mmcblk0p1`, `md0p1`: a `p` between numbers.
        _ => !(stem.len() >= 2 && stem.ends_with(b"p") && stem[stem.len() - 2].is_ascii_digit()),
    }
}

fn is_lettered(stem: &[u8], kind: &[u8]) -> bool {
    stem.strip_prefix(kind).is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_disks_and_memory_are_told_from_disks() {
        for name in [
            "sda", "sdaa", "vda", "xvdb", "nvme0n1", "nvme10n2", "mmcblk0", "dm-0", "md127", "dasda", "pmem0",
        ] {
            assert!(is_whole(name.as_bytes()), "{name}");
        }
        for name in
            ["sda1", "sdaa12", "vda2", "xvdb1", "hda3", "nvme0n1p1", "mmcblk0p2", "md0p1", "loop7", "ram0"]
                .into_iter()
                .chain(["zram0", "sr0", "fd0"])
        {
            assert!(!is_whole(name.as_bytes()), "{name}");
        }
    }
}
