//! Where the control group of this process is, in each hierarchy.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::system::linux::file::File;
use crate::system::linux::parse::cgroup::Membership;
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

    #[cfg(any(test, fuzzing))]
    pub(super) fn is_below(&self, root: &Path) -> bool {
        !self.levels.is_empty() && self.levels.iter().all(|level| level.starts_with(root))
    }

    /// A file of the group and of each group around it.
    pub(super) fn files<'a>(&'a self, name: &'a str) -> impl Iterator<Item = File> + 'a {
        self.levels.iter().map(move |level| File::new(level.join(name)))
    }
}

/// Where this process is in a hierarchy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Place {
    /// In its root, which is the machine itself and no container; or there is no such hierarchy.
    #[default]
    Root,
    Group(Group),
    /// In a group that can't be seen from here, or in the root: nothing tells which.
    Unseen,
}

impl Place {
    pub(super) fn group(&self) -> Option<&Group> {
        match self {
            Self::Group(group) => Some(group),
            Self::Root | Self::Unseen => None,
        }
    }
}

/// The places of this process by what they are for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Places {
    /// CPU time that was used.
    pub(super) usage: Place,
    /// Limits on CPU time.
    pub(super) cpu: Place,
    pub(super) memory: Place,
    pub(super) pids: Place,
    /// The group in v2's hierarchy, which has pressure.
    pub(super) unified: Place,
}

impl Places {
    /// From what `/proc/self/cgroup` and `mountinfo` tell; mount points are under `root`.
    pub(super) fn find(memberships: &[Membership<'_>], mountinfo: &[u8], root: &Path) -> Self {
        let unified = memberships.iter().find(|membership| membership.controllers.is_empty());
        let is_v2 = |mount: &Mount<'_>| mount.kind == b"cgroup2";
        let unified = place(Version::V2, unified, is_v2, mountinfo, root).unwrap_or_default();
        // A controller is in a v1 hierarchy of its own, or else in v2's.
        let of = |controller: &[u8]| {
            let own = memberships.iter().find(|membership| membership.is_of(controller));
            let fits = |mount: &Mount<'_>| mount.kind == b"cgroup" && mount.has_super_option(controller);
            place(Version::V1, own, fits, mountinfo, root).unwrap_or_else(|| unified.clone())
        };
        Self {
            usage: of(b"cpuacct"),
            cpu: of(b"cpu"),
            memory: of(b"memory"),
            pids: of(b"pids"),
            unified: unified.clone(),
        }
    }

    /// Whether a group is missing that figures other than pressure are read of: v1's containers see
    /// nothing of v2's hierarchy beside theirs.
    pub(super) fn has_unseen(&self) -> bool {
        [&self.usage, &self.cpu, &self.memory, &self.pids].into_iter().any(|place| *place == Place::Unseen)
    }
}

/// None when there is no such hierarchy.
fn place(
    version: Version,
    membership: Option<&Membership<'_>>,
    fits: impl Fn(&Mount<'_>) -> bool,
    mountinfo: &[u8],
    root: &Path,
) -> Option<Place> {
    let Some(membership) = membership else {
        // Each hierarchy that is mounted has a line in `/proc/self/cgroup`, which was cut off then.
        return mounts(mountinfo).any(|mount| fits(&mount)).then_some(Place::Unseen);
    };
    let Some(levels) = levels(membership.path, mountinfo, root, fits) else { return Some(Place::Unseen) };
    let is_root = match version {
        // Only the root has this file.
        Version::V1 => levels[0].join("release_agent").exists(),
        // Every group but the root has this file.
        Version::V2 => !levels[0].join("cgroup.events").exists(),
    };
    Some(if is_root { Place::Root } else { Place::Group(Group { version, levels }) })
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
        let own = Some(top.join(below)).filter(|own| !goes_up(below) && own.is_dir())?;
        Some(own.ancestors().take_while(|level| level.starts_with(&top)).map(Path::to_owned).collect())
    });
    // A container may have its own group at the usual place, and be told the machine's paths. With
    // `..` in one of the two, what is mounted is known to be another group.
    let only_place = || {
        let mount = mounts(mountinfo).find(&fits)?;
        let is_other = goes_up(path) || goes_up(Path::new(OsStr::from_bytes(mount.root)));
        folder(mount.point).filter(|top| !is_other && top.is_dir())
    };
    found.or_else(|| only_place().map(|top| vec![top]))
}

fn goes_up(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::system::linux::parse::cgroup::memberships;

    /// A v2 hierarchy with the groups `/a` and `/a/b`, mounted at `/cg`.
    fn machine(test: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("aios-groups-{test}-{}", std::process::id()));
        for group in ["cg/a/b", "cg/a", "cg"] {
            fs::create_dir_all(root.join(group)).unwrap();
            fs::write(root.join(group).join("cgroup.events"), "populated 1\n").unwrap();
        }
        root
    }

    fn find(root: &Path, path: &str, mounted: &str) -> Places {
        let cgroup = format!("0::{path}\n");
        let mountinfo = format!("24 23 0:23 {mounted} /cg rw - cgroup2 cgroup rw\n");
        Places::find(&memberships(cgroup.as_bytes()).unwrap(), mountinfo.as_bytes(), root)
    }

    #[test]
    fn the_group_is_where_its_mount_shows_it() {
        let root = machine("seen");
        let levels = |path, mounted| match find(&root, path, mounted).memory {
            Place::Group(group) => group.levels,
            place => panic!("{path} of {mounted}: {place:?}"),
        };
        let folders = |names: &[&str]| names.iter().map(|name| root.join(name)).collect::<Vec<_>>();
        assert_eq!(levels("/a/b", "/"), folders(&["cg/a/b", "cg/a", "cg"]));
        assert_eq!(levels("/x/a", "/x"), folders(&["cg/a", "cg"]));
        // The mount begins above this namespace, and shows the group all the same.
        assert_eq!(levels("/../a", "/.."), folders(&["cg/a", "cg"]));
        // The machine's path of a group that is mounted alone.
        assert_eq!(levels("/docker/abc", "/"), folders(&["cg"]));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_group_outside_of_what_is_mounted_is_not_its_neighbour() {
        let root = machine("unseen");
        for (path, mounted) in [("/../a", "/"), ("/a/../..", "/"), ("/", "/.."), ("/a", "/../..")] {
            assert_eq!(find(&root, path, mounted).memory, Place::Unseen, "{path} of {mounted}");
        }
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_hierarchy_without_a_mount_or_without_a_line_is_not_seen() {
        let nowhere = Path::new("/nowhere");
        let v1 = b"24 23 0:23 / /cg rw - cgroup cgroup rw,memory\n";
        let found =
            |cgroup: &[u8], mountinfo: &[u8]| Places::find(&memberships(cgroup).unwrap(), mountinfo, nowhere);
        assert_eq!(found(b"", b""), Places::default(), "a kernel without control groups");
        assert!(!found(b"", b"").has_unseen());
        assert_eq!(found(b"0::/\n", b"").memory, Place::Unseen);
        assert_eq!(found(b"", v1).memory, Place::Unseen);
        assert_eq!(found(b"", v1).pids, Place::Root);
        assert!(found(b"", v1).has_unseen());
    }
}
