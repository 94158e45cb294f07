//! `/proc/diskstats`, `/proc/net/dev` and the small files of `/sys`.

use super::{whole, words};

/// A line of `/proc/diskstats`, as the kernel's `iostats` document numbers its fields.
#[derive(Debug, PartialEq)]
pub(in crate::system::linux) struct DiskLine<'a> {
    pub(in crate::system::linux) name: &'a [u8],
    pub(in crate::system::linux) reads: u64,
    pub(in crate::system::linux) sectors_read: u64,
    pub(in crate::system::linux) read_millis: u64,
    pub(in crate::system::linux) writes: u64,
    pub(in crate::system::linux) sectors_written: u64,
    pub(in crate::system::linux) write_millis: u64,
    pub(in crate::system::linux) in_progress: u64,
    pub(in crate::system::linux) busy_millis: u64,
}

/// The lines, 14 fields and more; none for one that is not as it should be.
pub(in crate::system::linux) fn disks(text: &[u8]) -> impl Iterator<Item = Option<DiskLine<'_>>> {
    lines(text).map(|line| {
        let mut fields = words(whole_line(line)?);
        let (_major, _minor) = (whole(fields.next()?)?, whole(fields.next()?)?);
        let name = fields.next()?;
        let mut numbers = [0; 10];
        for number in &mut numbers {
            *number = whole(fields.next()?)?;
        }
        let [
            reads,
            _,
            sectors_read,
            read_millis,
            writes,
            _,
            sectors_written,
            write_millis,
            in_progress,
            busy_millis,
        ] = numbers;
        Some(DiskLine {
            name,
            reads,
            sectors_read,
            read_millis,
            writes,
            sectors_written,
            write_millis,
            in_progress,
            busy_millis,
        })
    })
}

/// Bytes, packets, errors and packets dropped, in one direction.
pub(in crate::system::linux) type Counts = [u64; 4];

/// A line of `/proc/net/dev`: name, received, sent.
pub(in crate::system::linux) type Interface<'a> = (&'a [u8], Counts, Counts);

/// The lines below the two of the head; none for one that is not as it should be.
pub(in crate::system::linux) fn interfaces(text: &[u8]) -> impl Iterator<Item = Option<Interface<'_>>> {
    lines(text).filter(|line| !line.contains(&b'|')).map(|line| {
        let line = whole_line(line)?;
        // A name may hold a colon, of an alias; the figures don't.
        let colon = line.iter().rposition(|&byte| byte == b':')?;
        let name = line[..colon].trim_ascii();
        let mut fields = words(&line[colon + 1..]);
        let mut numbers = [0; 16];
        for number in &mut numbers {
            *number = whole(fields.next()?)?;
        }
        let counts = |at: usize| [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]];
        (!name.is_empty()).then(|| (name, counts(0), counts(8)))
    })
}

/// Thousandths of a degree: a whole number, maybe below zero.
pub(in crate::system::linux) fn millidegrees(text: &[u8]) -> Option<i64> {
    let mut words = words(text);
    let word = words.next()?;
    let number = match word.strip_prefix(b"-") {
        Some(digits) => -i64::try_from(whole(digits)?).ok()?,
        None => i64::try_from(whole(word)?).ok()?,
    };
    words.next().is_none().then_some(number)
}

/// How many CPUs a list such as `0-3,8` names.
pub(in crate::system::linux) fn cpu_list(text: &[u8]) -> Option<u64> {
    let mut words = words(text);
    let list = words.next()?;
    let count = list.split(|&byte| byte == b',').try_fold(0_u64, |count, range| {
        let mut ends = range.splitn(2, |&byte| byte == b'-');
        let first = whole(ends.next()?)?;
        let last = ends.next().map_or(Some(first), whole)?;
        count.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })?;
    words.next().is_none().then_some(count)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}

/// A line that has an end.
fn whole_line(line: &[u8]) -> Option<&[u8]> {
    Some(line).filter(|line| line.ends_with(b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_eleven_figures_or_more() {
        let text = b"   8       0 sda 100 5 2048 300 50 7 1024 200 3 400 500 1 2 3 4 5 6\n\
                     8 1 sda1 1 2 3 4\n8 2 sda2 1 2 x 4 5 6 7 8 9 10 11\n8 3 cut 1 2 3 4 5 6 7 8 9 10";
        let found: Vec<_> = disks(text).collect();
        assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, false]);
        let disk = found[0].as_ref().unwrap();
        assert_eq!(
            (disk.name, disk.reads, disk.sectors_read, disk.read_millis),
            (&b"sda"[..], 100, 2_048, 300)
        );
        assert_eq!((disk.writes, disk.sectors_written, disk.write_millis), (50, 1_024, 200));
        assert_eq!((disk.in_progress, disk.busy_millis), (3, 400));
    }

    #[test]
    fn an_interface_has_sixteen_figures() {
        let text = b"Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n\
                     eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  a:1: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n\
                     : 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n  lo: 1 2 3\n";
        let found: Vec<_> = interfaces(text).collect();
        assert_eq!(found[0], Some((&b"eth0"[..], [1, 2, 3, 4], [9, 10, 11, 12])));
        assert_eq!(found[1].unwrap().0, b"a:1");
        assert_eq!(found[2..], [None, None]);
    }

    #[test]
    fn temperatures_may_be_below_zero() {
        assert_eq!(millidegrees(b"45000\n"), Some(45_000));
        assert_eq!(millidegrees(b"-5500\n"), Some(-5_500));
        for text in ["", "45", "-\n", "warm\n", "--5\n", "1 2\n", "99999999999999999999\n"] {
            assert_eq!(millidegrees(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_list_of_cpus_is_counted() {
        assert_eq!(cpu_list(b"0\n"), Some(1));
        assert_eq!(cpu_list(b"0-63\n"), Some(64));
        assert_eq!(cpu_list(b"0-3,8,10-11\n"), Some(7));
        for text in ["", "\n", "0-", "0-\n", "3-0\n", "a\n", "0,\n", "-1\n", "0-18446744073709551615\n"] {
            assert_eq!(cpu_list(text.as_bytes()), None, "{text:?}");
        }
    }
}
