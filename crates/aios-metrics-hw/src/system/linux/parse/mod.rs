//! The files' formats, from proc(5). Every parser takes any bytes: what is not as the kernel writes
//! it gives no figure.
//!
//! The kernel ends each figure with a blank, a tab or a newline. One that ends with the text is
//! taken for cut off, and gives no figure either.

pub(super) mod cgroup;
#[cfg(any(test, fuzzing))]
pub(crate) mod check;
pub(super) mod devices;
pub(super) mod mounts;

use self::cgroup::Limit;

/// `USER_HZ`, in which the kernel tells times: 100 on every architecture that Rust has a Linux
/// target for, whatever the `HZ` that the kernel was built with.
pub(super) const TICKS_A_SECOND: f64 = 100.0;

/// Figures of `/proc/self/stat`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Stat {
    /// `utime` + `stime`.
    pub(super) cpu_ticks: Option<u64>,
    /// `num_threads`.
    pub(super) threads: Option<u64>,
    /// `starttime`, since the machine started.
    pub(super) start_ticks: Option<u64>,
    /// `vsize`.
    pub(super) virtual_bytes: Option<u64>,
    /// `minflt`.
    pub(super) minor_faults: Option<u64>,
    /// `majflt`.
    pub(super) major_faults: Option<u64>,
}

/// The command's name, the second field, may hold blanks, newlines and parentheses; what follows
/// it holds none, so the fields are counted from the last `)`.
pub(super) fn stat(text: &[u8]) -> Stat {
    let Some(end) = text.iter().rposition(|&byte| byte == b')') else { return Stat::default() };
    let mut fields = words(&text[end + 1..]);
    // Counted as in proc(5): the first field after the name is number 3, and each call goes on
    // after the field that it took.
    let mut next = 3;
    let mut field = |number: usize| {
        let skip = number - next;
        next = number + 1;
        fields.nth(skip).and_then(whole)
    };
    let (minor_faults, major_faults) = (field(10), field(12));
    let (user, system) = (field(14), field(15));
    Stat {
        minor_faults,
        major_faults,
        cpu_ticks: user.zip(system).and_then(|(user, system)| user.checked_add(system)),
        threads: field(20),
        start_ticks: field(22),
        virtual_bytes: field(23),
    }
}

/// A size from a line such as `VmRSS:     1760 kB`, in bytes; for `status` and `meminfo`.
pub(super) fn kilobytes(text: &[u8], key: &[u8]) -> Option<u64> {
    let mut fields = words(line(text, key)?);
    let size = fields.next().and_then(whole)?;
    (fields.next() == Some(b"kB")).then_some(size)?.checked_mul(1_024)
}

/// A soft limit in `/proc/self/limits`; the key comes with the blank after it.
pub(super) fn soft_limit(text: &[u8], key: &[u8]) -> Option<Limit> {
    match words(line(text, key)?).next()? {
        b"unlimited" => Some(Limit::Unlimited),
        number => whole(number).map(Limit::At),
    }
}

/// The mean loads of `/proc/loadavg` over 1, 5 and 15 minutes.
pub(super) fn loads(text: &[u8]) -> [Option<f64>; 3] {
    let mut fields = words(text);
    std::array::from_fn(|_| fields.next().and_then(decimal))
}

/// CPU time of all CPUs together since the machine started, in ticks: user, nice, system, idle,
/// iowait, irq, softirq, steal. Old kernels don't tell the last ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CpuTicks(pub(super) [Option<u64>; 8]);

/// A total that falls by more than this, 3 s, begins anew: so has the node exporter it.
const BACKWARDS: u64 = 300;

impl CpuTicks {
    /// These, and where they lie a little behind `last`, that: the kernel takes idle time back when
    /// it finds out that it was none, and for readers a counter that falls was reset.
    pub(super) fn onward_from(self, last: Self) -> Self {
        Self(std::array::from_fn(|mode| match (self.0[mode], last.0[mode]) {
            (Some(now), Some(last)) if now < last && last - now <= BACKWARDS => Some(last),
            (now, _) => now,
        }))
    }

    /// All time, and the part in which something ran.
    pub(super) fn whole_and_busy(&self) -> Option<(u64, u64)> {
        let sum = |ticks: &[Option<u64>]| {
            ticks.iter().flatten().try_fold(0_u64, |sum, ticks| sum.checked_add(*ticks))
        };
        let whole = sum(&self.0)?;
        // Idle and iowait.
        Some((whole, whole - sum(&self.0[3..5])?))
    }
}

/// The `cpu` line of `/proc/stat`. The two figures that may follow, for guests, are part of the
/// first two.
pub(super) fn cpu_ticks(text: &[u8]) -> Option<CpuTicks> {
    let mut ticks = [None; 8];
    let mut count = 0;
    for (field, ticks) in words(line(text, b"cpu ")?).zip(&mut ticks) {
        *ticks = Some(whole(field)?);
        count += 1;
    }
    (count >= 4).then_some(CpuTicks(ticks))
}

/// A figure of `/proc/self/io`; the key comes with its colon.
pub(super) fn io(text: &[u8], key: &[u8]) -> Option<u64> {
    words(line(text, key)?).next().and_then(whole)
}

/// When the machine started, `btime` of `/proc/stat`, in Unix seconds.
pub(super) fn boot_time(text: &[u8]) -> Option<u64> {
    words(line(text, b"btime ")?).next().and_then(whole)
}

/// What follows `key` at the beginning of a line, with the newline; none when the line has no end.
fn line<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(key))
        .filter(|rest| rest.ends_with(b"\n"))
}

/// The words of the text, each of which has an end.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().rposition(u8::is_ascii_whitespace).unwrap_or(0);
    text[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Digits only, at least one; none above 2^64.
fn whole(word: &[u8]) -> Option<u64> {
    let word = Some(word).filter(|word| !word.is_empty())?;
    word.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Digits and at most one point; std takes signs, exponents and names as well.
fn decimal(word: &[u8]) -> Option<f64> {
    let is_plain = word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let number: f64 = is_plain.then(|| std::str::from_utf8(word).ok()?.parse().ok())??;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAT: &str = "4242 (NAME) S 1 4242 4242 0 -1 4194304 9034 0 12 0 1500 250 3 4 20 0 8 0 \
                        114134 734003200 25600 18446744073709551615 1 1 0 0 0 0 0 0 0\n";

    #[test]
    fn the_fields_of_stat_are_found_behind_any_name() {
        for name in ["worker", "a b", ") (", "x) S 1 1 1 1 1", "two\nlines", "", "((", "))"] {
            let stat = stat(STAT.replace("NAME", name).as_bytes());
            let expected = Stat {
                cpu_ticks: Some(1_750),
                threads: Some(8),
                start_ticks: Some(114_134),
                virtual_bytes: Some(734_003_200),
                minor_faults: Some(9_034),
                major_faults: Some(12),
            };
            assert_eq!(stat, expected, "{name:?}");
        }
    }

    #[test]
    fn a_figure_that_may_be_cut_off_is_not_taken() {
        let whole = stat(STAT.as_bytes());
        for end in 0..STAT.len() {
            let cut = stat(&STAT.as_bytes()[..end]);
            assert!([None, whole.cpu_ticks].contains(&cut.cpu_ticks), "{end}");
            assert!([None, whole.threads].contains(&cut.threads), "{end}");
            assert!([None, whole.start_ticks].contains(&cut.start_ticks), "{end}");
            assert!([None, whole.virtual_bytes].contains(&cut.virtual_bytes), "{end}");
        }
        assert_eq!(kilobytes(b"VmRSS:\t 17", b"VmRSS:"), None);
        assert_eq!(kilobytes(b"VmRSS:\t 1760 kB", b"VmRSS:"), None);
        assert_eq!(loads(b"0.25 0.50 1.7"), [Some(0.25), Some(0.5), None]);
        assert_eq!(cpu_ticks(b"cpu  1 2 3 4 5"), None);
        assert_eq!(boot_time(b"btime 17000"), None);
        assert_eq!(io(b"read_bytes: 17", b"read_bytes:"), None);
    }

    #[test]
    fn sizes_need_their_unit_and_must_fit() {
        assert_eq!(kilobytes(b"Name:\tx\nVmRSS:\t    1760 kB\n", b"VmRSS:"), Some(1_802_240));
        for line in [
            "VmRSS:\n",
            "VmRSS: 12\n",
            "VmRSS: 12 MB\n",
            "VmRSS: -1 kB\n",
            "VmRSS: 18446744073709551615 kB\n",
            "VmRSS: 99999999999999999999 kB\n",
            "xVmRSS: 12 kB\n",
        ] {
            assert_eq!(kilobytes(line.as_bytes(), b"VmRSS:"), None, "{line:?}");
        }
    }

    #[test]
    fn the_limit_is_the_soft_one() {
        let limit = |soft| {
            let line = format!("Limit  Soft Limit  Hard Limit  Units\nMax open files  {soft}  4096  files\n");
            soft_limit(line.as_bytes(), b"Max open files ")
        };
        assert_eq!(limit("1024"), Some(Limit::At(1_024)));
        assert_eq!(limit("unlimited"), Some(Limit::Unlimited));
        assert_eq!(limit("many"), None);
        assert_eq!(soft_limit(b"Max open files\n", b"Max open files "), None);
    }

    #[test]
    fn loads_are_plain_numbers() {
        assert_eq!(loads(b"0.29 0.21 10.10 4/113 6032\n"), [Some(0.29), Some(0.21), Some(10.1)]);
        assert_eq!(loads(b"inf nan 1e3 4/113 6032\n"), [None; 3]);
        assert_eq!(loads(b"-1.0 . 1.0.0 4/113 6032\n"), [None; 3]);
        assert_eq!(loads(format!("{} 1 2 3\n", "9".repeat(400)).as_bytes()), [None, Some(1.0), Some(2.0)]);
    }

    #[test]
    fn waiting_for_a_disk_is_idle_and_guests_are_counted_once() {
        let text = b"cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 1 1 1\n";
        let sums = |text| cpu_ticks(text).and_then(|ticks| ticks.whole_and_busy());
        assert_eq!(sums(text), Some((621, 171)));
        assert_eq!(sums(b"cpu  1 2 3 4\n"), Some((10, 6)));
        assert_eq!(cpu_ticks(b"cpu  1 2 3\n"), None);
        assert_eq!(cpu_ticks(b"cpu0 1 2 3 4\n"), None);
        assert_eq!(sums(b"cpu  18446744073709551615 1 1 1\n"), None);
    }

    #[test]
    fn cpu_time_that_is_taken_back_waits_until_it_is_used_again() {
        let ticks =
            |idle, iowait| CpuTicks([Some(7), Some(0), Some(9), Some(idle), iowait, None, None, None]);
        let last = ticks(1_000, Some(50));
        assert_eq!(ticks(1_001, Some(49)).onward_from(last), ticks(1_001, Some(50)));
        assert_eq!(ticks(700, None).onward_from(last), ticks(1_000, None));
        assert_eq!(ticks(699, Some(60)).onward_from(last), ticks(699, Some(60)), "it began anew");
    }

    /// Random bytes seldom come near a format, so words of the formats are mixed in.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "cpu ",
            "some ",
            "total=",
            "max",
            "usage_usec ",
            "read_bytes:",
            "0::/",
            "/",
            " - ",
            "\\040",
            ":",
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 ",
            "btime ",
            "VmRSS:",
            "MemTotal:",
            "Max open files ",
            "kB",
            "unlimited",
            "(",
            ")",
            "\n",
            "\t",
            " ",
            "0",
            "7",
            "18446744073709551615",
            "1.5",
            ".",
            "-",
        ]);
        let word = prop_oneof![
            4 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ];
        prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic_or_make_up_a_number(text in text()) {
            check::any_text(&text);
        }

        #[test]
        fn whole_numbers_parse_back(number: u64) {
            prop_assert_eq!(whole(number.to_string().as_bytes()), Some(number));
        }
    }
}
