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
            let whole = disks(text).flatten().filter(|disk| is_whole(disk.name) && !is_spare(disk));
            readings.extend(whole.filter_map(reading));
            search.figure("disks", disks(text).all(|line| line.is_some()).then_some(()));
        }
        Outcome { figures: Figures::Disks(readings), problem: search.into_problem() }
    }
}

fn reading(disk: DiskLine<'_>) -> Option<DiskReading> {
    let seconds = |millis: u64| Some(millis as f64 / 1e3);
    Some(DiskReading {
        device: Arc::from(std::str::from_utf8(disk.name).ok()?),
        is_stacked: is_stacked(disk.name),
        reads: Some(disk.reads),
        read_bytes: disk.sectors_read.checked_mul(SECTOR)?,
        read_seconds: seconds(disk.read_millis),
        writes: Some(disk.writes),
        written_bytes: disk.sectors_written.checked_mul(SECTOR)?,
        write_seconds: seconds(disk.write_millis),
        in_progress: Some(disk.in_progress),
        busy_seconds: seconds(disk.busy_millis),
    })
}

/// Device mapper, RAID, bcache, DRBD and ZFS' volumes.
fn is_stacked(name: &[u8]) -> bool {
    [b"dm-".as_slice(), b"md", b"bcache", b"drbd", b"zd"]
        .iter()
        .any(|kind| name.strip_prefix(*kind).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit)))
}

/// The kernel makes sixteen of these ahead of their use.
fn is_spare(disk: &DiskLine<'_>) -> bool {
    disk.name.starts_with(b"nbd") && disk.reads == 0 && disk.writes == 0
}

/// Neither a part of a disk, nor memory, nor a file that stands for a disk.
pub(super) fn is_whole(name: &[u8]) -> bool {
    let end = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let (stem, number) = name.split_at(end);
    if number.is_empty() {
        return true;
    }
    match stem {
        b"ram" | b"zram" | b"loop" | b"fd" | b"sr" => false,
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
            "sda", "sdaa", "vda", "xvdb", "nvme0n1", "nvme10n2", "mmcblk0", "dm-0", "md127", "dasda",
            "pmem0", "nbd0", "bcache0", "drbd1", "zd16", "rbd0",
        ] {
            assert!(is_whole(name.as_bytes()), "{name}");
        }
        for name in
            ["sda1", "sdaa12", "vda2", "xvdb1", "hda3", "nvme0n1p1", "mmcblk0p2", "md0p1", "loop7", "ram0"]
                .into_iter()
                .chain(["zram0", "sr0", "fd0", "nbd0p1", "rbd0p2", "zd16p1"])
        {
            assert!(!is_whole(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_disk_that_is_made_of_others_is_counted_with_them() {
        for name in ["dm-0", "md127", "bcache0", "drbd1", "zd16"] {
            assert!(is_stacked(name.as_bytes()), "{name}");
        }
        for name in ["sda", "nvme0n1", "mmcblk0", "nbd0", "rbd0", "zda", "mda"] {
            assert!(!is_stacked(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn network_block_devices_are_shown_once_they_are_used() {
        let line = |name, reads| format!("43 0 {name} {reads} 0 8 1 0 0 0 0 0 1 1\n");
        let text = line("nbd0", 1) + &line("nbd1", 0) + &line("sda", 0);
        let names: Vec<_> = disks(text.as_bytes())
            .flatten()
            .filter(|disk| !is_spare(disk))
            .map(|disk| disk.name.to_owned())
            .collect();
        assert_eq!(names, [b"nbd0".as_slice(), b"sda"]);
    }
}
