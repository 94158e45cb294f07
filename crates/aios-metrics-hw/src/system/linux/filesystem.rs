//! The file systems that are mounted: `mountinfo`, and what each says of its room.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{StatVfs, statvfs};

use super::file::{File, Search, is_absence};
use super::parse::mounts::{self, Mount, mounts, unescaped};
use crate::options::Roots;
use crate::probe::{Figures, Outcome, Probe, ProbeError};
use crate::reading::FilesystemReading;

/// More are not looked at, so that a page stays a page on a machine with thousands of volumes.
const MOST: usize = 128;

/// File systems that hold no files of anybody: the kernel's own, memory, and read-only images. An
/// `autofs` would be mounted by being asked.
const OF_NO_DISK: [&[u8]; 30] = [
    b"autofs",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"devtmpfs",
    b"efivarfs",
    b"fuse.lxcfs",
    b"fusectl",
    b"hugetlbfs",
    b"iso9660",
    b"mqueue",
    b"nsfs",
    b"proc",
    b"procfs",
    b"pstore",
    b"ramfs",
    b"rootfs",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"squashfs",
    b"sysfs",
    b"tmpfs",
    b"tracefs",
    b"fuse.gvfsd-fuse",
    b"fuse.portal",
];

/// Asks each file system once, wherever it is mounted.
pub(crate) struct FilesystemProbe {
    mountinfo: File,
    root: PathBuf,
    ask: Ask,
}

/// Asks the file system at a path for its room; it may hang.
type Ask = Box<dyn Fn(&Path) -> io::Result<StatVfs> + Send>;

impl FilesystemProbe {
    pub(crate) fn new(roots: &Roots) -> Self {
        Self {
            mountinfo: File::up_to(roots.proc.join("self/mountinfo"), mounts::LONGEST),
            root: roots.root.clone(),
            ask: Box::new(|path| Ok(statvfs(path)?)),
        }
    }
}

impl Probe for FilesystemProbe {
    fn read(&mut self) -> Outcome {
        let mut search = Search::new();
        let mut filesystems = Vec::new();
        let mut problem = None;
        if let Some(text) = search.open(&mut self.mountinfo) {
            let mut seen = HashSet::new();
            let of_disks = mounts(text).filter(is_of_a_disk).filter(|mount| seen.insert(identity(mount)));
            for mount in of_disks.take(MOST) {
                let point = unescaped(mount.point);
                let place = Path::new(OsStr::from_bytes(&point)).strip_prefix("/");
                let path = place.map_or_else(|_| self.root.clone(), |place| self.root.join(place));
                match (self.ask)(&path) {
                    Ok(room) => filesystems.extend(filesystem(&mount, &point, &room)),
                    // It was unmounted meanwhile, or only the machine's root can see it.
                    Err(error) if is_absence(&error) => {}
                    Err(error) => {
                        problem.get_or_insert(ProbeError::Unreadable { path, kind: error.kind() });
                    }
                }
            }
        }
        Outcome { figures: Figures::Filesystems(filesystems), problem: search.into_problem().or(problem) }
    }
}

/// An overlay is shown where it is the root, as in containers: those of other containers, which a
/// machine sees too, lie on disks that are shown.
pub(super) fn is_of_a_disk(mount: &Mount<'_>) -> bool {
    let is_hidden =
        [b"/proc/".as_slice(), b"/sys/", b"/dev/"].iter().any(|tree| mount.point.starts_with(tree));
    let counts = match mount.kind {
        b"overlay" => mount.point == b"/",
        kind => !OF_NO_DISK.contains(&kind),
    };
    counts && !is_hidden
}

/// A device is told by its name: btrfs has another number for each of its volumes.
fn identity<'a>(mount: &Mount<'a>) -> &'a [u8] {
    if mount.source.starts_with(b"/dev/") { mount.source } else { mount.number }
}

/// None when it has no size, like the kernel's own ones that are not listed above.
fn filesystem(mount: &Mount<'_>, point: &[u8], room: &StatVfs) -> Option<FilesystemReading> {
    let bytes = |blocks: u64| blocks.checked_mul(room.f_frsize);
    let text = |bytes: &[u8]| Arc::from(String::from_utf8_lossy(bytes));
    Some(FilesystemReading {
        device: text(&unescaped(mount.source)),
        mount_point: text(point),
        kind: text(mount.kind),
        size_bytes: bytes(room.f_blocks).filter(|size| *size > 0)?,
        free_bytes: Some(bytes(room.f_bfree)?),
        available_bytes: bytes(room.f_bavail)?,
        files: Some(room.f_files),
        files_free: Some(room.f_ffree),
        is_read_only: mount.is_read_only(),
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::fs;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use aios_metrics_core::{Clock, ManualClock};

    use super::*;
    use crate::system::linux::host::HostProbe;
    use crate::{Hardware, HardwareOptions, ProbeName};

    /// A file system of `blocks` KiB.
    fn room(blocks: u64) -> StatVfs {
        let mut room = statvfs(Path::new("/proc")).unwrap();
        (room.f_frsize, room.f_blocks, room.f_bfree, room.f_bavail) = (1_024, blocks, blocks / 2, blocks / 4);
        (room.f_files, room.f_ffree) = (10, 9);
        room
    }

    fn probe(
        name: &str,
        mountinfo: &str,
        ask: impl Fn(&Path) -> io::Result<StatVfs> + Send + 'static,
    ) -> FilesystemProbe {
        let file = std::env::temp_dir().join(format!("aios-mounts-{name}-{}", std::process::id()));
        fs::write(&file, mountinfo).unwrap();
        let mountinfo = File::up_to(file, mounts::LONGEST);
        FilesystemProbe { mountinfo, root: PathBuf::from("/machine"), ask: Box::new(ask) }
    }

    /// Reads once; the file is gone afterwards.
    fn read(mut probe: FilesystemProbe) -> (Vec<FilesystemReading>, Option<ProbeError>) {
        let outcome = probe.read();
        fs::remove_file(probe.mountinfo.path()).unwrap();
        let Figures::Filesystems(filesystems) = outcome.figures else { panic!("of another probe") };
        (filesystems, outcome.problem)
    }

    #[test]
    fn a_device_is_told_once_and_the_kernels_own_are_not() {
        let mountinfo = "1 0 0:21 / /proc rw - proc proc rw\n\
             2 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
             3 2 8:1 /etc /mnt/again rw - ext4 /dev/sda1 rw\n\
             4 2 0:40 / /data\\040disk ro,nosuid - btrfs /dev/sdb rw\n\
             10 2 8:32 / /var rw,relatime - ext4 /dev/sdc ro,errors=remount-ro\n\
             11 2 8:48 / /home rw,relatime - ext4 /dev/sdd rw,emergency_ro\n\
             5 2 0:41 /vol /vol rw - btrfs /dev/sdb rw\n\
             6 2 0:50 / /srv rw - nfs4 server:/export rw\n\
             7 2 0:60 / /run rw - tmpfs tmpfs rw\n\
             8 2 0:70 / /net rw - autofs systemd-1 rw\n\
             9 2 0:80 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n";
        let (found, problem) = read(probe("once", mountinfo, |path| {
            Ok(room(if path == Path::new("/machine/data disk") { 8 } else { 4_096 }))
        }));
        assert_eq!(problem, None);
        let places: Vec<_> = found.iter().map(|found| (&*found.device, &*found.mount_point)).collect();
        let expected = [
            ("/dev/sda1", "/"),
            ("/dev/sdb", "/data disk"),
            ("/dev/sdc", "/var"),
            ("/dev/sdd", "/home"),
            ("server:/export", "/srv"),
        ];
        assert_eq!(places, expected);
        assert_eq!(
            (found[1].size_bytes, found[1].free_bytes, found[1].available_bytes),
            (8_192, Some(4_096), 2_048)
        );
        // After errors the place is still told to take writes.
        let is_read_only: Vec<_> = found.iter().map(|found| found.is_read_only).collect();
        assert_eq!(is_read_only, [false, true, true, true, false]);
        assert_eq!((&*found[4].kind, found[4].files, found[4].files_free), ("nfs4", Some(10), Some(9)));
    }

    #[test]
    fn a_root_that_is_an_overlay_is_the_containers_own() {
        let mountinfo = "1 0 0:21 / / rw - overlay overlay rw\n2 1 8:1 / /etc/hosts rw - ext4 /dev/sda1 rw\n";
        let (found, _) = read(probe("overlay", mountinfo, |_| Ok(room(4))));
        assert_eq!(found.iter().map(|found| &*found.kind).collect::<Vec<_>>(), ["overlay", "ext4"]);
    }

    #[test]
    fn a_node_full_of_containers_has_a_long_mountinfo() {
        let layers = "/var/lib/containerd/snapshots/1234/fs:".repeat(80);
        let mut mountinfo = String::new();
        for at in 0..400 {
            writeln!(mountinfo, "{at} 1 0:{at} / /run/{at}/rootfs rw - overlay overlay rw,lowerdir={layers}")
                .unwrap();
        }
        mountinfo += "900 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
        assert!(mountinfo.len() > 1 << 20, "{}", mountinfo.len());
        let (found, problem) = read(probe("long", &mountinfo, |_| Ok(room(4))));
        assert_eq!((found.len(), problem), (1, None));
    }

    #[test]
    fn a_server_that_does_not_answer_is_marked_down_and_holds_up_no_other_probe() {
        let (entered, has_entered) = channel();
        let (release, go_on) = channel::<()>();
        let probe = probe("hangs", "6 2 0:50 / /srv rw - nfs4 server:/export rw\n", move |_| {
            entered.send(()).unwrap();
            go_on.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(room(4))
        });
        let file = probe.mountinfo.path().to_owned();
        let clock = Arc::new(ManualClock::new());
        let options = HardwareOptions::new()
            .with_clock(Arc::clone(&clock) as Arc<dyn Clock>)
            .with_deadline(Duration::from_secs(5));
        let host: Box<dyn Probe> = Box::new(HostProbe::new(&Roots::system(), options.clock()));
        let probes = [(ProbeName::Host, host), (ProbeName::Filesystem, Box::new(probe))];
        let hardware = Hardware::from_probes(probes.into_iter(), &options);
        let hung = thread::spawn({
            let hardware = hardware.clone();
            move || hardware.refresh_probe(ProbeName::Filesystem)
        });
        has_entered.recv().unwrap();
        clock.advance(Duration::from_secs(6));
        hardware.refresh();
        let overdue = hardware.reading();
        assert!(!overdue.is_down(ProbeName::Host) && overdue.host.load1.is_some(), "{overdue:?}");
        assert!(overdue.is_down(ProbeName::Filesystem) && overdue.filesystems.is_empty());
        release.send(()).unwrap();
        hung.join().unwrap();
        assert!(!hardware.reading().is_down(ProbeName::Filesystem));
        assert_eq!(hardware.reading().filesystems.len(), 1);
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn hundreds_of_mounts_are_cut_and_one_that_fails_spoils_no_other() {
        let mut mountinfo = String::new();
        for at in 0..900 {
            writeln!(mountinfo, "{at} 1 7:{at} / /vol/{at} rw,relatime shared:{at} - xfs /dev/d{at} rw")
                .unwrap();
        }
        let (found, problem) = read(probe("many", &mountinfo, |path| match path.to_str() {
            Some("/machine/vol/3") => Err(io::ErrorKind::PermissionDenied.into()),
            Some("/machine/vol/4") => Err(io::ErrorKind::NotFound.into()),
            Some("/machine/vol/5") => Ok(room(0)),
            Some("/machine/vol/6") => Ok(room(u64::MAX)),
            _ => Ok(room(4)),
        }));
        assert_eq!(found.len(), MOST - 4);
        assert_eq!(problem.unwrap().to_string(), "can't read /machine/vol/3: permission denied");
    }
}
