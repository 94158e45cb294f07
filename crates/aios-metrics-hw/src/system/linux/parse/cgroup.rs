//! The files of control groups, from the kernel's `cgroup-v1` and `cgroup-v2` documents.

use super::{line, whole, words};

/// A limit, as files tell it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::system::linux) enum Limit {
    At(u64),
    Unlimited,
}

impl Limit {
    pub(in crate::system::linux) fn at(self) -> Option<u64> {
        match self {
            Self::At(limit) => Some(limit),
            Self::Unlimited => None,
        }
    }
}

/// The single number of a file such as `memory.current`.
pub(in crate::system::linux) fn number(text: &[u8]) -> Option<u64> {
    let mut words = words(text);
    let number = words.next().and_then(whole)?;
    words.next().is_none().then_some(number)
}

/// The number or `max` of a file such as `memory.max`.
pub(in crate::system::linux) fn limit(text: &[u8]) -> Option<Limit> {
    let mut words = words(text);
    let limit = match words.next()? {
        b"max" => Limit::Unlimited,
        word => Limit::At(whole(word)?),
    };
    words.next().is_none().then_some(limit)
}

/// `memory.limit_in_bytes` of v1 and the limits in its `memory.stat`: the largest number of whole
/// pages of an `i64`, or more, where there is none.
pub(in crate::system::linux) fn v1_memory_limit(bytes: u64) -> Limit {
    // Pages have up to 64 KiB.
    if bytes >= (i64::MAX as u64) - 0xffff { Limit::Unlimited } else { Limit::At(bytes) }
}

/// The quota of v1's `cpu.cfs_quota_us`: -1 where there is none.
pub(in crate::system::linux) fn v1_quota(text: &[u8]) -> Option<Limit> {
    if words(text).next()? == b"-1" {
        return Some(Limit::Unlimited);
    }
    number(text).filter(|quota| *quota > 0).map(Limit::At)
}

/// Quota and period of v2's `cpu.max`.
pub(in crate::system::linux) fn cpu_max(text: &[u8]) -> Option<(Limit, u64)> {
    let mut words = words(text);
    let quota = match words.next()? {
        b"max" => Limit::Unlimited,
        word => Limit::At(whole(word).filter(|quota| *quota > 0)?),
    };
    let period = words.next().and_then(whole).filter(|period| *period > 0)?;
    Some((quota, period))
}

/// The number behind a key of a file such as `cpu.stat`; the key comes with the blank after it.
pub(in crate::system::linux) fn keyed(text: &[u8], key: &[u8]) -> Option<u64> {
    number(line(text, key)?)
}

/// The `total` of a pressure file, in microseconds; `who` is `some ` or `full `.
pub(in crate::system::linux) fn pressure(text: &[u8], who: &[u8]) -> Option<u64> {
    words(line(text, who)?).find_map(|word| whole(word.strip_prefix(b"total=")?))
}

/// A line of `/proc/self/cgroup`: the group's path in the hierarchy of these controllers, of which
/// v2's names none.
#[derive(Debug, PartialEq)]
pub(in crate::system::linux) struct Membership<'a> {
    pub(in crate::system::linux) controllers: &'a [u8],
    pub(in crate::system::linux) path: &'a [u8],
}

impl Membership<'_> {
    pub(in crate::system::linux) fn is_of(&self, controller: &[u8]) -> bool {
        self.controllers.split(|&byte| byte == b',').any(|name| name == controller)
    }
}

/// The lines of `/proc/self/cgroup`. None when one is not as it should be: a group that is not told
/// must not pass for none. A kernel whose hierarchies were never mounted tells no line.
pub(in crate::system::linux) fn memberships(text: &[u8]) -> Option<Vec<Membership<'_>>> {
    let membership = |line| {
        let mut parts = <[u8]>::strip_suffix(line, b"\n")?.splitn(3, |&byte| byte == b':');
        whole(parts.next()?)?;
        let (controllers, path) = (parts.next()?, parts.next()?);
        path.starts_with(b"/").then_some(Membership { controllers, path })
    };
    text.split_inclusive(|&byte| byte == b'\n').map(membership).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_word_or_a_number_for_none() {
        assert_eq!(limit(b"max\n"), Some(Limit::Unlimited));
        assert_eq!(limit(b"1024\n"), Some(Limit::At(1_024)));
        for text in ["", "max", "1024", "many\n", "1 2\n", "-1\n", "18446744073709551616\n"] {
            assert_eq!(limit(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(v1_quota(b"-1\n"), Some(Limit::Unlimited));
        assert_eq!(v1_quota(b"150000\n"), Some(Limit::At(150_000)));
        assert_eq!(v1_quota(b"0\n"), None);
        assert_eq!(v1_memory_limit(9_223_372_036_854_771_712), Limit::Unlimited);
        assert_eq!(v1_memory_limit(9_223_372_036_854_710_272), Limit::Unlimited, "64 KiB pages");
        assert_eq!(v1_memory_limit(1 << 40), Limit::At(1 << 40));
        assert_eq!(cpu_max(b"max 100000\n"), Some((Limit::Unlimited, 100_000)));
        assert_eq!(cpu_max(b"150000 100000\n"), Some((Limit::At(150_000), 100_000)));
        for text in ["max\n", "max 0\n", "0 100000\n", "150000 1000", "x 1\n", "-1 100000\n"] {
            assert_eq!(cpu_max(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn pressure_is_the_total_of_its_line() {
        let text = b"some avg10=0.00 avg60=1.50 avg300=0.90 total=2500000\n\
                     full avg10=0.00 avg60=0.00 avg300=0.00 total=40\n";
        assert_eq!(pressure(text, b"some "), Some(2_500_000));
        assert_eq!(pressure(text, b"full "), Some(40));
        assert_eq!(pressure(b"some avg10=0.00\n", b"some "), None);
        assert_eq!(pressure(b"some total=\n", b"some "), None);
        assert_eq!(pressure(b"some avg10=0.00 total=25", b"some "), None);
    }

    #[test]
    fn a_path_may_hold_colons() {
        let text = b"12:cpu,cpuacct:/a:b/c\n1:name=systemd:/\n0::/user.slice\n";
        let found = memberships(text).unwrap();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"cpu,cpuacct", b"/a:b/c"), (b"name=systemd", b"/"), (b"", b"/user.slice")];
        assert_eq!(found.iter().map(|m| (m.controllers, m.path)).collect::<Vec<_>>(), expected);
        assert!(found[0].is_of(b"cpuacct") && !found[0].is_of(b"cpua") && !found[2].is_of(b"cpu"));
    }

    #[test]
    fn a_membership_that_is_cut_off_spoils_all() {
        assert_eq!(memberships(b""), Some(Vec::new()));
        for last in ["x:y:/\n", "3:z\n", "4:z:rel\n", "5:cut:/o", "\n"] {
            assert_eq!(memberships(format!("0::/a\n{last}").as_bytes()), None, "{last:?}");
        }
    }
}
