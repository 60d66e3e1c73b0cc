//! Sums without rounding: the same bytes in whatever order the summands come, and however they were split and merged.
//!
//! A fixed-point number in two's complement, wide enough for every float and its square (Kulisch and Miranker, "The Arithmetic
//! of the Digital Computer: A New Approach", SIAM Review 28, 1986), of which only the limbs that summands touched are held.
//! Which those are hangs on the summands and not on their order: there is one limb of headroom, which 2^62 summands cannot
//! fill, so that it never grows because of a sum.

use crate::{
    big::Big,
    codec::{MAX_VARINT_BYTES, Reader, put, put_signed},
    error::DecodeError,
};

/// Bits below the point: the square of the smallest float is 2^-2148.
const FRACTION_BITS: u32 = 2_176;
/// The limb of 2^0. A limb has 64 bits.
const UNIT_LIMB: usize = FRACTION_BITS as usize / 64;
/// One behind the highest limb: squares of floats reach 2^2048, those of decimals 2^254, and a limb of headroom.
const MAX_LIMBS: usize = UNIT_LIMB + 34;
/// Limbs that need no allocation: those of a square, with the headroom.
const INLINE_LIMBS: usize = 4;
/// Explicit bits of a float's fraction.
const MANTISSA_BITS: u32 = 52;

/// An exact sum.
#[derive(Clone, Debug)]
pub(crate) struct ExactSum {
    limbs: Limbs,
    /// Which limb the first is.
    low: u8,
    length: u8,
    infinite: u8,
}

#[derive(Clone, Debug)]
enum Limbs {
    Inline([u64; INLINE_LIMBS]),
    Spilled(Box<[u64]>),
}

/// An infinity was among the summands.
const PLUS_INFINITY: u8 = 1;
const MINUS_INFINITY: u8 = 2;

/// What was summed up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Total {
    /// Infinite, or NaN where infinities of both signs met.
    Unbounded(f64),
    /// A number.
    Finite(Big),
}

impl Default for ExactSum {
    fn default() -> Self {
        Self {
            limbs: Limbs::Inline([0; INLINE_LIMBS]),
            low: 0,
            length: 0,
            infinite: 0,
        }
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        (self.low, self.infinite) == (other.low, other.infinite) && self.used() == other.used()
    }
}

impl ExactSum {
    pub(crate) fn add_integer(&mut self, value: i128) {
        self.add(value.unsigned_abs(), FRACTION_BITS, value < 0);
    }

    pub(crate) fn add_integer_square(&mut self, value: i128) {
        let magnitude = value.unsigned_abs();
        let (high, low) = (magnitude >> 64, magnitude & u128::from(u64::MAX));
        self.add(low * low, FRACTION_BITS, false);
        // (h·2^64 + l)² = h²·2^128 + h·l·2^65 + l²
        self.add(high * low, FRACTION_BITS + 65, false);
        self.add(high * high, FRACTION_BITS + 128, false);
    }

    /// Of a number or an infinity.
    pub(crate) fn add_float(&mut self, value: f64) {
        if !value.is_finite() {
            self.infinite |= if value > 0.0 { PLUS_INFINITY } else { MINUS_INFINITY };
            return;
        }
        let (mantissa, bit) = parts(value);
        self.add(u128::from(mantissa), bit, value < 0.0);
    }

    /// Of a number or an infinity.
    pub(crate) fn add_float_square(&mut self, value: f64) {
        if !value.is_finite() {
            self.infinite |= PLUS_INFINITY;
            return;
        }
        let (mantissa, bit) = parts(value);
        let mantissa = u128::from(mantissa);
        self.add(mantissa * mantissa, 2 * bit - FRACTION_BITS, false);
    }

    /// `magnitude · 2^(bit - FRACTION_BITS)`.
    #[inline]
    fn add(&mut self, magnitude: u128, bit: u32, negative: bool) {
        if magnitude == 0 {
            return;
        }
        let (limb, shift) = (bit as usize / 64, bit % 64);
        let low = magnitude << shift;
        let over = if shift == 0 {
            0
        } else {
            (magnitude >> (128 - shift)) as u64
        };
        let parts = [low as u64, (low >> 64) as u64, over];
        let width = parts.iter().rposition(|part| *part != 0).map_or(1, |last| last + 1);
        self.reach(limb, limb + width + 1);
        let at = limb - usize::from(self.low);
        let limbs = &mut self.used_mut()[at..];
        if negative {
            subtract(limbs, &parts[..width]);
        } else {
            add(limbs, &parts[..width]);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.infinite |= other.infinite;
        if other.length == 0 {
            return;
        }
        let (low, high) = (usize::from(other.low), usize::from(other.low + other.length));
        self.reach(low, high);
        let at = low - usize::from(self.low);
        let limbs = &mut self.used_mut()[at..];
        // What is negative goes on with ones above its own limbs.
        let parts = other.used().iter().copied().chain(std::iter::repeat(other.sign()));
        let mut carry = false;
        for (limb, part) in limbs.iter_mut().zip(parts) {
            (*limb, carry) = limb.carrying_add(part, carry);
        }
    }

    /// Limbs `low..high` are held, the highest of them as headroom.
    #[inline]
    fn reach(&mut self, low: usize, high: usize) {
        let (from, to) = (usize::from(self.low), usize::from(self.low + self.length));
        if low < from || high > to || self.length == 0 {
            self.grow(low, high);
        }
    }

    #[cold]
    fn grow(&mut self, low: usize, high: usize) {
        let (from, to) = (usize::from(self.low), usize::from(self.low + self.length));
        let (first, end) = if self.length == 0 {
            (low, high)
        } else {
            (low.min(from), high.max(to))
        };
        let mut limbs = vec![0; end - first];
        if self.length > 0 {
            limbs[from - first..to - first].copy_from_slice(self.used());
            limbs[to - first..].fill(self.sign());
        }
        *self = Self::of(first, &limbs, self.infinite);
    }

    fn of(low: usize, limbs: &[u64], infinite: u8) -> Self {
        let mut inline = [0; INLINE_LIMBS];
        let held = match inline.get_mut(..limbs.len()) {
            Some(room) => {
                room.copy_from_slice(limbs);
                Limbs::Inline(inline)
            }
            None => Limbs::Spilled(limbs.into()),
        };
        Self {
            limbs: held,
            low: low as u8,
            length: limbs.len() as u8,
            infinite,
        }
    }

    /// What stands in all limbs above those that are held.
    fn sign(&self) -> u64 {
        self.used().last().map_or(0, |top| ((*top as i64) >> 63) as u64)
    }

    #[inline]
    fn used(&self) -> &[u64] {
        match &self.limbs {
            Limbs::Inline(limbs) => &limbs[..usize::from(self.length)],
            Limbs::Spilled(limbs) => limbs,
        }
    }

    #[inline]
    fn used_mut(&mut self) -> &mut [u64] {
        match &mut self.limbs {
            Limbs::Inline(limbs) => &mut limbs[..usize::from(self.length)],
            Limbs::Spilled(limbs) => limbs,
        }
    }

    pub(crate) fn total(&self) -> Total {
        match self.infinite {
            0 => Total::Finite(Big::from_twos_complement(
                self.used(),
                64 * (i32::from(self.low) - UNIT_LIMB as i32),
            )),
            PLUS_INFINITY => Total::Unbounded(f64::INFINITY),
            MINUS_INFINITY => Total::Unbounded(f64::NEG_INFINITY),
            _ => Total::Unbounded(f64::NAN),
        }
    }

    /// No fewer bytes than [`Self::encode`] makes.
    pub(crate) fn weight(&self) -> usize {
        4 + MAX_VARINT_BYTES * usize::from(self.length)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.infinite);
        out.push(self.length);
        if let [lower @ .., top] = self.used() {
            out.push(self.low);
            // Limbs below the point have no short form.
            for (at, limb) in (usize::from(self.low)..).zip(lower) {
                if at < UNIT_LIMB {
                    out.extend_from_slice(&limb.to_le_bytes());
                } else {
                    put(out, *limb);
                }
            }
            put_signed(out, *top as i64);
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (infinite, length) = (input.byte()?, usize::from(input.byte()?));
        if infinite > (PLUS_INFINITY | MINUS_INFINITY) {
            return Err(DecodeError::Damaged("a sum has unknown flags"));
        }
        if length == 0 {
            return Ok(Self {
                infinite,
                ..Self::default()
            });
        }
        let low = usize::from(input.byte()?);
        if length < 2 || low + length > MAX_LIMBS {
            return Err(DecodeError::Damaged("a sum is too wide"));
        }
        let mut limbs = Vec::with_capacity(length);
        for at in low..low + length - 1 {
            limbs.push(if at < UNIT_LIMB {
                u64::from_le_bytes(input.fixed()?)
            } else {
                input.get()?
            });
        }
        limbs.push(input.get_signed()? as u64);
        Ok(Self::of(low, &limbs, infinite))
    }
}

/// Mantissa and where its lowest bit lies.
#[inline]
fn parts(value: f64) -> (u64, u32) {
    let bits = value.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as u32 & 0x7ff;
    let fraction = bits & ((1 << MANTISSA_BITS) - 1);
    // The lowest bit of the smallest normal float, and of all below, is 2^-1074.
    let least = FRACTION_BITS - 1_074;
    match exponent {
        0 => (fraction, least),
        _ => (fraction | 1 << MANTISSA_BITS, least + exponent - 1),
    }
}

/// Modulo 2^(64 · limbs).
#[inline]
fn add(limbs: &mut [u64], summand: &[u64]) {
    let (near, above) = limbs.split_at_mut(summand.len());
    let mut carry = false;
    for (limb, part) in near.iter_mut().zip(summand) {
        (*limb, carry) = limb.carrying_add(*part, carry);
    }
    for limb in above {
        if !carry {
            break;
        }
        (*limb, carry) = limb.overflowing_add(1);
    }
}

/// Modulo 2^(64 · limbs).
#[inline]
fn subtract(limbs: &mut [u64], subtrahend: &[u64]) {
    let (near, above) = limbs.split_at_mut(subtrahend.len());
    let mut borrow = false;
    for (limb, part) in near.iter_mut().zip(subtrahend) {
        (*limb, borrow) = limb.borrowing_sub(*part, borrow);
    }
    for limb in above {
        if !borrow {
            break;
        }
        (*limb, borrow) = limb.overflowing_sub(1);
    }
}
