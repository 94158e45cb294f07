//! Protobuf's wire format ([specification](https://protobuf.dev/programming-guides/encoding/)):
//! fields, appended to a buffer.

/// How a field's value is laid down.
#[derive(Clone, Copy)]
enum Type {
    Varint = 0,
    Fixed64 = 1,
    Delimited = 2,
}

fn tag(field: u32, wire: Type, out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | wire as u32), out);
}

/// Seven bits in each byte, the lowest first; all bytes but the last have the highest bit set.
#[inline]
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Small numbers of either sign in few bytes: 0, -1, 1, -2, ...
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// A `uint32`, a `uint64`, or an `enum` or `int` that isn't negative.
#[inline]
pub(super) fn uint(field: u32, value: u64, out: &mut Vec<u8>) {
    tag(field, Type::Varint, out);
    varint(value, out);
}

/// A `sint32` or a `sint64`.
pub(super) fn sint(field: u32, value: i64, out: &mut Vec<u8>) {
    uint(field, zigzag(value), out);
}

/// A `double`.
#[inline]
pub(super) fn double(field: u32, value: f64, out: &mut Vec<u8>) {
    tag(field, Type::Fixed64, out);
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

/// A `string`.
#[inline]
pub(super) fn string(field: u32, value: &[u8], out: &mut Vec<u8>) {
    tag(field, Type::Delimited, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// A message, or whatever else stands behind its length: what `write` appends.
#[inline]
pub(super) fn message(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    tag(field, Type::Delimited, out);
    delimited(out, write);
}

/// What `write` appends, behind its length.
///
/// Most lengths take one byte, for which room is left. Where a length takes more, what was written
/// moves on: one copy of memory is cheaper than to add up all lengths beforehand.
#[inline]
pub(super) fn delimited(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len() - at - 1;
    match u8::try_from(len) {
        Ok(len) if len < 0x80 => out[at] = len,
        _ => put_long_length(at, len, out),
    }
}

fn put_long_length(at: usize, len: usize, out: &mut Vec<u8>) {
    // The length is written at the end, where it also makes the room that it needs, less one byte.
    let end = out.len();
    varint(len as u64, out);
    let width = out.len() - end;
    let mut length = [0; 10];
    length[..width].copy_from_slice(&out[end..]);
    out.pop();
    out.copy_within(at + 1..end, at + width);
    out[at..at + width].copy_from_slice(&length[..width]);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = b"before".to_vec();
        write(&mut out);
        out.split_off(6)
    }

    #[test]
    fn numbers_are_laid_down_as_the_specification_shows() {
        assert_eq!(written(|out| uint(1, 150, out)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|out| uint(16, 0, out)), [0x80, 0x01, 0]);
        assert_eq!(written(|out| varint(u64::MAX, out)).len(), 10);
        assert_eq!(written(|out| string(2, b"testing", out)), b"\x12\x07testing");
        assert_eq!(written(|out| double(1, 1.0, out)), [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        for (value, expected) in
            [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)]
        {
            assert_eq!(zigzag(value), expected);
        }
    }

    #[test]
    fn a_length_of_any_width_stands_before_what_it_measures() {
        for len in [0, 1, 127, 128, 129, 16_383, 16_384, 2_097_151, 2_097_152] {
            let body: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut expected = Vec::new();
            varint(len, &mut expected);
            expected.extend_from_slice(&body);
            assert_eq!(written(|out| delimited(out, |out| out.extend_from_slice(&body))), expected, "{len}");
        }
    }
}
