//! Native buckets: spans of neighbours, and the counts in them as differences.

use super::wire::{message, sint, uint, varint, zigzag};

/// Empty buckets that a span carries along; a longer gap takes a new span, which costs more.
const CARRIED: i32 = 2;

/// Writes the buckets of one side, by index and ascending: the spans as field `field`, the counts, as
/// differences to the one before, as the field behind it.
pub(super) fn write_native<I: Iterator<Item = (i32, u64)>>(
    field: u32,
    buckets: impl Fn() -> I,
    out: &mut Vec<u8>,
) {
    if buckets().next().is_none() {
        return;
    }
    let mut spans = buckets().map(|(index, _)| (index, index + 1)).peekable();
    let mut before = 0;
    while let Some((start, mut end)) = spans.next() {
        while let Some((_, further)) = spans.next_if(|(next, _)| next - end <= CARRIED) {
            end = further;
        }
        message(field, out, |out| {
            sint(1, (start - before).into(), out);
            uint(2, (end - start) as u64, out);
        });
        before = end;
    }
    message(field + 1, out, |out| {
        let (mut last, mut end) = (0, None);
        let mut put = |count: u64| {
            varint(zigzag((count as i64).wrapping_sub(std::mem::replace(&mut last, count as i64))), out);
        };
        for (index, count) in buckets() {
            let gap = end.map_or(0, |end| index - end);
            if gap <= CARRIED {
                (0..gap).for_each(|_| put(0));
            }
            put(count);
            end = Some(index + 1);
        }
    });
}
