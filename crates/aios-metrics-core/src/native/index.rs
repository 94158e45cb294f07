//! Which native bucket a value belongs to: bucket `i` of schema `s` ends at, and includes,
//! 2^(i * 2^-s)
//! ([definition](https://prometheus.io/docs/specs/native_histograms/#schema)).
//!
//! Every schema's bounds are among those of the finest, 256 in each power of two. So the index is
//! found there, from the bits of the value, and made coarser by a shift.

/// The finest schema: 2^8 buckets in each power of two.
pub(crate) const FINEST: i8 = 8;
/// The coarsest schema: a bucket for each sixteen powers of two.
pub(crate) const COARSEST: i8 = -4;

/// Buckets of the finest schema in a power of two.
const STEPS: usize = 1 << FINEST;
/// Bits of a float's fraction.
const FRACTION: u32 = f64::MANTISSA_DIGITS - 1;
const FRACTION_MASK: u64 = (1 << FRACTION) - 1;
/// Slots into which a power of two is cut: narrower than any bucket, so no more than one bound lies
/// in a slot.
const SLOTS: usize = 2 * STEPS;

/// The fractions of the largest floats that are not above 2^(i/256). No fraction is above the last.
static BOUNDS: [u64; STEPS + 1] = bounds();
/// How many of the bounds lie below the beginning of each slot.
static BELOW: [u16; SLOTS] = below();

/// The index of a value's bucket in the finest schema. The value is positive and not subnormal.
#[inline]
pub(crate) fn finest(value: f64) -> i32 {
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION) as i32 - (f64::MAX_EXP - 1);
    let fraction = bits & FRACTION_MASK;
    let below = usize::from(BELOW[fraction as usize >> (FRACTION - SLOTS.trailing_zeros())]);
    exponent * STEPS as i32 + below as i32 + i32::from(fraction > BOUNDS[below])
}

/// The index of the bucket in which bucket `index` lies when the schema is lower by `by`.
#[inline]
pub(crate) fn coarser(index: i32, by: u32) -> i32 {
    (index + (1 << by) - 1) >> by
}

/// The largest float in the bucket with this index in the finest schema.
pub(crate) fn bound(index: i32) -> f64 {
    let (exponent, step) = (index.div_euclid(STEPS as i32), index.rem_euclid(STEPS as i32));
    let exponent = (exponent + f64::MAX_EXP - 1) as u64;
    f64::from_bits(exponent << FRACTION | BOUNDS[step as usize])
}

/// One in the fixed-point numbers of the functions below, which have two bits before the point.
const ONE: u128 = 1 << 126;

const fn bounds() -> [u64; STEPS + 1] {
    let mut bounds = [u64::MAX; STEPS + 1];
    let mut step = 0;
    while step < STEPS {
        // Whatever bits the step has, so many roots of two are its factors.
        let (mut power, mut root, mut bit) = (ONE, 2 * ONE, STEPS >> 1);
        while bit > 0 {
            root = square_root(root);
            if step & bit > 0 {
                power = multiply(power, root);
            }
            bit >>= 1;
        }
        bounds[step] = (power >> (126 - FRACTION)) as u64 & FRACTION_MASK;
        step += 1;
    }
    bounds
}

const fn below() -> [u16; SLOTS] {
    let bounds = bounds();
    let mut below = [0; SLOTS];
    let (mut slot, mut count) = (0, 0);
    while slot < SLOTS {
        while bounds[count] < (slot as u64) << (FRACTION - SLOTS.trailing_zeros()) {
            count += 1;
        }
        below[slot] = count as u16;
        slot += 1;
    }
    below
}

/// The square root of a number from 1 to 2, rounded down.
const fn square_root(number: u128) -> u128 {
    let (mut root, mut bit) = (ONE, ONE >> 1);
    while bit > 0 {
        if multiply(root | bit, root | bit) <= number {
            root |= bit;
        }
        bit >>= 1;
    }
    root
}

/// The product of two numbers below 2, rounded down.
const fn multiply(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let low = (a & LOW) * (b & LOW);
    let middle = (a >> 64) * (b & LOW) + (low >> 64);
    let other = (a & LOW) * (b >> 64) + (middle & LOW);
    let high = (a >> 64) * (b >> 64) + (middle >> 64) + (other >> 64);
    high << 2 | (other & LOW) >> 62
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `base` to the power of 2^`squarings`, exactly; the lowest digit first.
    fn power(base: u64, squarings: u32) -> Vec<u32> {
        let mut number = vec![base as u32, (base >> 32) as u32];
        for _ in 0..squarings {
            let mut square = vec![0_u32; 2 * number.len()];
            for (i, &a) in number.iter().enumerate() {
                let mut carry = 0;
                for (j, &b) in number.iter().enumerate() {
                    let sum = u64::from(a) * u64::from(b) + u64::from(square[i + j]) + carry;
                    (square[i + j], carry) = (sum as u32, sum >> 32);
                }
                square[i + number.len()] = carry as u32;
            }
            number = square;
        }
        number
    }

    /// Whether `number` is at most 2^`exponent`.
    fn is_at_most(number: &[u32], exponent: i64) -> bool {
        let bits: Vec<usize> =
            (0..32 * number.len()).filter(|bit| number[bit / 32] >> (bit % 32) & 1 == 1).collect();
        let highest = *bits.last().expect("a number above 0") as i64;
        highest < exponent || (highest == exponent && bits.len() == 1)
    }

    /// Whether a value is at most 2^(index * 2^-schema), by whole numbers: both sides to the power of
    /// 2^schema, or of one when the schema is negative.
    fn is_within(value: f64, index: i32, schema: i8) -> bool {
        let bits = value.to_bits();
        let whole = bits & FRACTION_MASK | 1 << FRACTION;
        let exponent = (bits >> FRACTION) as i64 - 1_075;
        let squarings = u32::from(schema.max(0).unsigned_abs());
        let limit = i64::from(index) << schema.min(0).unsigned_abs();
        is_at_most(&power(whole, squarings), limit - (exponent << squarings))
    }

    fn index(value: f64, schema: i8) -> i32 {
        coarser(finest(value), (FINEST - schema).unsigned_abs().into())
    }

    #[test]
    fn bounds_are_exact() {
        for step in 1..STEPS as i32 {
            let bound = bound(step);
            assert!(is_within(bound, step, FINEST), "{step}");
            assert!(!is_within(bound.next_up(), step, FINEST), "{step}");
            assert_eq!((finest(bound), finest(bound.next_up())), (step, step + 1));
        }
    }

    #[test]
    fn powers_of_two_end_their_buckets() {
        for exponent in -1_000..=1_000 {
            let value = 2.0_f64.powi(exponent);
            assert_eq!((bound(256 * exponent), finest(value)), (value, 256 * exponent));
            assert_eq!(index(value, 0), exponent);
            assert_eq!((index(value.next_up(), 0), index(value.next_down(), 0)), (exponent + 1, exponent));
            assert_eq!(index(value, -4), exponent.div_euclid(16) + i32::from(exponent.rem_euclid(16) > 0));
        }
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(fraction: u64, exponent in -998_i32..998, schema in COARSEST..=FINEST) {
            let fraction = f64::from_bits(1.0_f64.to_bits() | fraction & FRACTION_MASK);
            let value = fraction * 2.0_f64.powi(exponent);
            let index = index(value, schema);
            prop_assert!(is_within(value, index, schema), "{} is not in {}", value, index);
            prop_assert!(!is_within(value, index - 1, schema), "{} is below {}", value, index);
        }

        #[test]
        fn coarser_in_two_steps_is_coarser_in_one(index in -300_000_i32..300_000, a in 0_u32..7, b in 0_u32..6) {
            prop_assert_eq!(coarser(coarser(index, a), b), coarser(index, a + b));
        }
    }
}
