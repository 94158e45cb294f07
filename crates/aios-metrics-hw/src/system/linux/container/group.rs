//! Where the control group of this process is, in each hierarchy.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::system::linux::file::File;
use crate::system::linux::parse::cgroup::{Membership, memberships};
use crate::system::linux::parse::mounts::{Mount, mounts, unescaped};

/// A group of one hierarchy, and the groups around it as far as they can be seen from here.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) version: Version,
    /// From the group itself outwards.
    levels: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Group {
    /// A file of the group itself.
    pub(super) fn file(&self, name: &str) -> File {
        File::new(self.levels[0].join(name))
    }

    /// A file of the group and of each group around it.
    pub(super) fn files<'a>(&'a self, name: &'a str) -> impl Iterator<Item = File> + 'a {
        self.levels.iter().map(move |level| File::new(level.join(name)))
    }
}

/// The groups of this process by what they are for. None where it is in the root of the hierarchy,
/// which is the machine itself and no container.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Groups {
    /// CPU time that was used.
    pub(super) usage: Option<Group>,
    /// Limits on CPU time.
    pub(super) cpu: Option<Group>,
    pub(super) memory: Option<Group>,
    pub(super) pids: Option<Group>,
    /// The group in v2's hierarchy, which has pressure.
    pub(super) unified: Option<Group>,
}

impl Groups {
    /// From the texts of `/proc/self/cgroup` and `mountinfo`; mount points are under `root`.
    pub(super) fn find(cgroup: &[u8], mountinfo: &[u8], root: &Path) -> Self {
        let unified = memberships(cgroup)
            .find(|membership| membership.controllers.is_empty())
            .and_then(|membership| unified(&membership, mountinfo, root));
        // A controller is in a v1 hierarchy of its own, or else in v2's.
        let group = |controller: &[u8]| {
            let mut all = memberships(cgroup);
            let mut in_v1 = all
                .by_ref()
                .filter(|m| m.controllers.split(|&byte| byte == b',').any(|name| name == controller));
            match in_v1.next() {
                Some(membership) => v1(&membership, controller, mountinfo, root),
                None => unified.clone(),
            }
        };
        Self {
            usage: group(b"cpuacct"),
            cpu: group(b"cpu"),
            memory: group(b"memory"),
            pids: group(b"pids"),
            unified: unified.clone(),
        }
    }
}

fn unified(membership: &Membership<'_>, mountinfo: &[u8], root: &Path) -> Option<Group> {
    let fits = |mount: &Mount<'_>| mount.kind == b"cgroup2";
    let levels = levels(membership.path, mountinfo, root, fits)?;
    // Every group but the root has this file.
    levels[0].join("cgroup.events").exists().then_some(Group { version: Version::V2, levels })
}

fn v1(membership: &Membership<'_>, controller: &[u8], mountinfo: &[u8], root: &Path) -> Option<Group> {
    let fits = |mount: &Mount<'_>| mount.kind == b"cgroup" && mount.has_super_option(controller);
    let levels = levels(membership.path, mountinfo, root, fits)?;
    // Only the root has this file.
    (!levels[0].join("release_agent").exists()).then_some(Group { version: Version::V1, levels })
}

/// The folders of the group at `path` and of those around it, by the first mount where they are.
fn levels(
    path: &[u8],
    mountinfo: &[u8],
    root: &Path,
    fits: impl Fn(&Mount<'_>) -> bool,
) -> Option<Vec<PathBuf>> {
    let path = Path::new(OsStr::from_bytes(path));
    let folder = |point: &[u8]| {
        let point = unescaped(point);
        Some(root.join(Path::new(OsStr::from_bytes(&point)).strip_prefix("/").ok()?))
    };
    let found = mounts(mountinfo).filter(&fits).find_map(|mount| {
        let (top, mounted) = (folder(mount.point)?, unescaped(mount.root));
        let below = path.strip_prefix(OsStr::from_bytes(&mounted)).ok()?;
        // `..` leads out of what is mounted, and out of what this namespace may see.
        let is_inside = below.components().all(|part| matches!(part, Component::Normal(_)));
        let own = Some(top.join(below)).filter(|own| is_inside && own.is_dir())?;
        Some(own.ancestors().take_while(|level| level.starts_with(&top)).map(Path::to_owned).collect())
    });
    // A container may have its own group at the usual place, and be told the machine's paths.
    let only_place = || mounts(mountinfo).find(&fits).and_then(|mount| folder(mount.point));
    found.or_else(|| only_place().filter(|top| top.is_dir()).map(|top| vec![top]))
}
