//! `/proc/self/mountinfo`, from proc(5).

use super::words;

/// A node with hundreds of containers has thousands of mounts, and an overlay's line alone can take
/// 4 KiB.
pub(in crate::system::linux) const LONGEST: u64 = 16 << 20;

/// A line of `mountinfo`, with the kernel's escapes still in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::system::linux) struct Mount<'a> {
    /// The numbers of the device, `major:minor`.
    pub(in crate::system::linux) number: &'a [u8],
    /// What of the file system is mounted here.
    pub(in crate::system::linux) root: &'a [u8],
    pub(in crate::system::linux) point: &'a [u8],
    pub(in crate::system::linux) options: &'a [u8],
    pub(in crate::system::linux) kind: &'a [u8],
    pub(in crate::system::linux) source: &'a [u8],
    pub(in crate::system::linux) super_options: &'a [u8],
}

/// The lines that are as they should be.
pub(in crate::system::linux) fn mounts(text: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = words(line.ends_with(b"\n").then_some(line)?);
        let (_id, _parent) = (fields.next()?, fields.next()?);
        let (number, root, point, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        // Any number of fields for the propagation of mounts, then a mark.
        fields.find(|field| *field == b"-")?;
        let (kind, source) = (fields.next()?, fields.next()?);
        let super_options = fields.next().unwrap_or_default();
        let is_whole = root.starts_with(b"/") && point.starts_with(b"/");
        is_whole.then_some(Mount { number, root, point, options, kind, source, super_options })
    })
}

impl Mount<'_> {
    /// Whether one of the file system's own options is `name`.
    pub(in crate::system::linux) fn has_super_option(&self, name: &[u8]) -> bool {
        self.super_options.split(|&byte| byte == b',').any(|option| option == name)
    }

    /// Whether this place or the whole file system takes no writes. A kernel that found errors on a
    /// disk tells it of the file system only, and from 6.15 on by a word of its own.
    pub(in crate::system::linux) fn is_read_only(&self) -> bool {
        let is_read_only_here = self.options.split(|&byte| byte == b',').any(|option| option == b"ro");
        is_read_only_here || self.has_super_option(b"ro") || self.has_super_option(b"emergency_ro")
    }
}

/// The text that the kernel wrote with `\040` for a blank, and so on.
pub(in crate::system::linux) fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = || match after {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] if byte == b'\\' => {
                Some((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'))
            }
            _ => None,
        };
        match escape() {
            Some(escaped) => {
                text.push(escaped);
                rest = &after[3..];
            }
            None => {
                text.push(byte);
                rest = after;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_are_passed_over() {
        let text = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n\
                     37 35 0:22 / /sys ro - sysfs sysfs rw\n\
                     38 35 0:23 / /cut rw - tmpfs tm\n39 1 1:1 / no\n40 1 1:1 rel /x rw - a b c\n41 1 8:1 / /last rw - e";
        let found: Vec<_> = mounts(text).collect();
        assert_eq!(found.len(), 3);
        assert_eq!(
            (found[0].number, found[0].root, found[0].point),
            (&b"98:0"[..], &b"/mnt1"[..], &b"/mnt2"[..])
        );
        assert_eq!((found[0].kind, found[0].source), (&b"ext3"[..], &b"/dev/root"[..]));
        assert!(found[0].has_super_option(b"errors=continue") && !found[0].has_super_option(b"errors"));
        assert!(!found[0].is_read_only() && found[1].is_read_only());
        assert_eq!(found[2].point, b"/cut");
    }

    #[test]
    fn escapes_are_octal() {
        assert_eq!(unescaped(b"/a\\040b\\134\\011c"), b"/a b\\\tc");
        assert_eq!(unescaped(b"/a\\04"), b"/a\\04");
        assert_eq!(unescaped(b"\\999\\777"), b"\\999\\777");
    }
}
