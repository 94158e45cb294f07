//! Many short texts into one long buffer.

#![allow(unsafe_code)]

/// Appends to a vector. Short texts are copied by words that overlap, where
/// [`Vec::extend_from_slice`] would call a function for each.
pub(crate) struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

/// What is made room for when there is none left.
const LEAST: usize = 1_024;

impl<'o> Writer<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Appends a text.
    #[inline]
    pub(crate) fn put(&mut self, text: &[u8]) {
        let (at, len) = (self.out.len(), text.len());
        if self.out.capacity() - at < len {
            self.make_room(len);
        }
        // SAFETY: there is room for `len` bytes behind the first `at`, and a text that others lend us does
        // not lie in our own vector.
        unsafe {
            copy(text.as_ptr(), self.out.as_mut_ptr().add(at), len);
            self.out.set_len(at + len);
        }
    }

    /// Appends a byte.
    #[inline]
    pub(crate) fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }

    #[cold]
    fn make_room(&mut self, len: usize) {
        self.out.reserve(len.max(LEAST));
    }
}

/// Copies `len` bytes.
///
/// # Safety
///
/// `from` is to `len` bytes, `to` to room for as many, and they don't overlap.
#[inline]
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    macro_rules! word {
        ($word:ty, $at:expr) => {
            to.add($at).cast::<$word>().write_unaligned(from.add($at).cast::<$word>().read_unaligned())
        };
    }
    // SAFETY: every word lies within the first `len` bytes.
    unsafe {
        if len > 128 {
            std::ptr::copy_nonoverlapping(from, to, len);
        } else if len >= 16 {
            // Pairs from both ends. In a loop the compiler would see a call again.
            if len > 32 {
                word!(u128, 16);
                word!(u128, len - 32);
                if len > 64 {
                    word!(u128, 32);
                    word!(u128, 48);
                    word!(u128, len - 64);
                    word!(u128, len - 48);
                }
            }
            word!(u128, 0);
            word!(u128, len - 16);
        } else if len >= 8 {
            word!(u64, 0);
            word!(u64, len - 8);
        } else if len >= 4 {
            word!(u32, 0);
            word!(u32, len - 4);
        } else if len >= 2 {
            word!(u16, 0);
            word!(u16, len - 2);
        } else if len == 1 {
            *to = *from;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Writer;

    #[test]
    fn texts_of_every_length_stand_one_behind_the_other() {
        let text: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        let mut writer = Writer::new(&mut out);
        for len in (0..100).chain([1_000, 3]) {
            for start in [0, 1, 7] {
                writer.put(&text[start..][..len.min(1_000 - start)]);
                expected.extend_from_slice(&text[start..][..len.min(1_000 - start)]);
            }
            writer.put_byte(len as u8);
            expected.push(len as u8);
        }
        assert_eq!(out, expected);
    }
}
