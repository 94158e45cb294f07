//! What holds for every parser, on any text: none panics, and no number is made up.
//!
//! For tests and for fuzzing.

use std::collections::BTreeSet;

use super::cgroup::Limit;
use super::{boot_time, cpu_ticks, io, kilobytes, loads, soft_limit, stat};
use super::{cgroup, devices, mounts};
use crate::system::linux::container;
use crate::system::linux::disk::is_whole;
use crate::system::linux::filesystem::is_of_a_disk;
use crate::system::linux::network::is_inner;

/// Runs every parser on the text.
///
/// # Panics
///
/// When a parser gives a number that doesn't stand in the text.
pub(crate) fn any_text(text: &[u8]) {
    let numbers = Numbers::of(text);
    let known =
        |number: Option<u64>| assert!(number.is_none_or(|n| numbers.has(n)), "{number:?} was made up");

    let stat = stat(text);
    for number in [stat.threads, stat.start_ticks, stat.virtual_bytes, stat.minor_faults, stat.major_faults] {
        known(number);
    }
    assert!(stat.cpu_ticks.is_none_or(|sum| numbers.has_sum(sum)), "{stat:?}");
    let size = kilobytes(text, b"VmRSS:");
    assert!(size.is_none_or(|bytes| bytes.is_multiple_of(1_024)));
    known(size.map(|bytes| bytes / 1_024));
    known(soft_limit(text, b"Max open files ").and_then(Limit::at));
    for load in loads(text).into_iter().flatten() {
        assert!(load.is_finite() && load >= 0.0, "{load}");
        let word = |word: &[u8]| std::str::from_utf8(word).is_ok_and(|word| word.parse() == Ok(load));
        assert!(text.split(u8::is_ascii_whitespace).any(word), "{load} was made up");
    }
    if let Some(ticks) = cpu_ticks(text) {
        ticks.0.into_iter().for_each(known);
        assert!(ticks.whole_and_busy().is_none_or(|(whole, busy)| busy <= whole));
    }
    known(boot_time(text));
    known(io(text, b"read_bytes:"));

    known(cgroup::number(text));
    known(cgroup::limit(text).and_then(Limit::at));
    known(cgroup::v1_quota(text).and_then(Limit::at));
    known(cgroup::pressure(text, b"some "));
    known(cgroup::keyed(text, b"usage_usec "));
    if let Some((quota, period)) = cgroup::cpu_max(text) {
        known(quota.at());
        known(Some(period));
        assert!(period > 0 && quota != Limit::At(0));
    }
    // The text is both files at once, whichever of its lines fit.
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    let memberships: Vec<_> = lines.filter_map(cgroup::memberships).flatten().collect();
    container::check_places(&memberships, text);
    for membership in cgroup::memberships(text).into_iter().flatten() {
        assert!(membership.path.starts_with(b"/"));
        assert!(!membership.controllers.contains(&b':'), "{membership:?}");
    }

    for mount in mounts::mounts(text) {
        assert!(mount.root.starts_with(b"/") && mount.point.starts_with(b"/"));
        assert!(!mount.kind.is_empty() && !mount.source.is_empty());
        assert!(!is_of_a_disk(&mount) || !mount.point.starts_with(b"/proc/"), "{mount:?}");
        for field in [mount.root, mount.point, mount.source] {
            let unescaped = mounts::unescaped(field);
            let escapes = field.iter().filter(|&&byte| byte == b'\\').count();
            assert!(unescaped.len() <= field.len() && unescaped.len() + 3 * escapes >= field.len());
        }
    }
    for disk in devices::disks(text).flatten() {
        assert!(!disk.name.is_empty());
        let is_numbered = disk.name.last().is_some_and(u8::is_ascii_digit);
        assert!(!is_numbered || !is_whole(&[disk.name, b"p1"].concat()), "{disk:?}");
        is_whole(disk.name);
        let read = [disk.reads, disk.sectors_read, disk.read_millis];
        let written = [disk.writes, disk.sectors_written, disk.write_millis];
        let other = [disk.in_progress, disk.busy_millis];
        [&read[..], &written, &other].into_iter().flatten().for_each(|&number| known(Some(number)));
    }
    for (name, received, sent) in devices::interfaces(text).flatten() {
        assert!(!name.is_empty());
        assert!(is_inner(&[b"veth", name].concat()));
        is_inner(name);
        received.into_iter().chain(sent).for_each(|number| known(Some(number)));
    }
    known(devices::millidegrees(text).map(i64::unsigned_abs));
    if let Some(count) = devices::cpu_list(text) {
        // Each range has at most one CPU more than its last one says.
        let most = numbers.0.iter().fold(0_u128, |sum, &n| sum + u128::from(n) + 1);
        assert!(count > 0 && u128::from(count) <= most, "{count} CPUs");
    }
}

/// The numbers in a text, whatever they stand for.
struct Numbers(Vec<u64>);

impl Numbers {
    fn of(text: &[u8]) -> Self {
        // A number at the very end may be cut off.
        let ended = text.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
        let runs = text[..ended].split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty());
        Self(runs.filter_map(|run| std::str::from_utf8(run).ok()?.parse().ok()).collect())
    }

    fn has(&self, number: u64) -> bool {
        self.0.contains(&number)
    }

    /// Whether two of them add up to this.
    fn has_sum(&self, sum: u64) -> bool {
        let all: BTreeSet<u64> = self.0.iter().copied().collect();
        all.iter().any(|&n| sum.checked_sub(n).is_some_and(|other| all.contains(&other)))
    }
}
