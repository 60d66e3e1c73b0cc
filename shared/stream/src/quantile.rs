//! Quantiles with a bound on their relative error: UDDSketch (Epicoco, Melle, Cafaro, Pulimeno, Morleo, "UDDSketch: Accurate
//! Tracking of Quantiles in Data Streams", IEEE Access 8, 2020), which is DDSketch (Masson, Rim, Lee, VLDB 2019) that, where it
//! has too many buckets, joins them all in pairs.
//!
//! The state is a function of the multiset of values: counts of buckets add up, and how often pairs were joined is the least
//! that brings the buckets of all values under the bound, which no part of them needs more often. So merging is associative and
//! commutative to the byte. Of the sketches of `datasketches`, KLL and REQ toss coins, seeded anew in each process, and a
//! t-digest hangs on the order of merging.
//!
//! Buckets are found without a logarithm, whose last bit differs between machines: by the exponent and a cubic polynomial of the
//! fraction, as in DataDog's `CubicallyInterpolatedMapping`, at 1 % more buckets.

use crate::{
    codec::{Reader, put, put_signed},
    error::DecodeError,
};

/// The smallest relative error that can be asked for.
pub const MIN_ACCURACY: f64 = 0.001;
/// The largest relative error that can be asked for.
pub const MAX_ACCURACY: f64 = 0.1;
/// Quantiles that one aggregate gives.
pub const MAX_QUANTILES: usize = 32;
/// Buckets that hold values. At an error of 1 % these are values from 1 to 28,000 without a gap.
pub const MAX_BUCKETS: usize = 512;
/// Pairs joined as often as this leave two buckets of each sign at the smallest error, of all floats.
const MAX_LEVEL: u8 = 20;
/// Coefficients of the polynomial that stands for the binary logarithm of 1 + s.
const CUBIC: [f64; 3] = [6.0 / 35.0, -3.0 / 5.0, 10.0 / 7.0];
/// Times that the range of a fraction is halved to find it from its polynomial: to the last bit of a float.
const HALVINGS: u32 = 53;
/// Bytes of a bucket at most: its place as the distance from the one before, and its count.
const BUCKET_BYTES: usize = 5 + 10;

/// Where values fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mapping {
    /// Buckets while a value doubles.
    buckets: f64,
}

impl Mapping {
    /// Of a relative error between the bounds above.
    pub(crate) fn new(accuracy: f64) -> Self {
        // The logarithm of (1 + a) / (1 - a) as its series, to be the same everywhere.
        let square = accuracy * accuracy;
        let series = (0..16)
            .rev()
            .fold(0.0, |sum, at| sum * square + 1.0 / f64::from(2 * at + 1));
        let width = 2.0 * accuracy * series;
        // The polynomial is at most 0.7 times as steep as the natural logarithm asks for.
        Self { buckets: 0.7 / width }
    }

    /// Of a positive number.
    #[inline]
    fn bucket(self, magnitude: f64) -> i32 {
        // A subnormal float is made a normal one.
        let (value, lowered) = if magnitude < f64::MIN_POSITIVE {
            (magnitude * 2_f64.powi(64), 64)
        } else {
            (magnitude, 0)
        };
        let bits = value.to_bits();
        let exponent = (bits >> 52) as i32 - 1_023 - lowered;
        let fraction = f64::from_bits(bits & ((1 << 52) - 1) | 1_f64.to_bits()) - 1.0;
        ((f64::from(exponent) + polynomial(fraction)) * self.buckets).floor() as i32
    }

    /// Where the bucket begins.
    fn edge(self, bucket: i64) -> f64 {
        let place = bucket as f64 / self.buckets;
        let exponent = place.floor();
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if polynomial(middle) <= place - exponent {
                low = middle;
            } else {
                high = middle;
            }
        }
        let half = exponent as i32 / 2;
        (1.0 + low) * 2_f64.powi(half) * 2_f64.powi(exponent as i32 - half)
    }
}

#[inline]
fn polynomial(fraction: f64) -> f64 {
    ((CUBIC[0] * fraction + CUBIC[1]) * fraction + CUBIC[2]) * fraction
}

/// The state: counts of buckets, ascending.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantiles {
    /// How often pairs of buckets were joined.
    level: u8,
    negative: Vec<(i32, u64)>,
    zeros: u64,
    positive: Vec<(i32, u64)>,
    least: f64,
    largest: f64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self {
            level: 0,
            negative: Vec::new(),
            zeros: 0,
            positive: Vec::new(),
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
        }
    }
}

impl Quantiles {
    /// Of a number; an infinity counts as the largest float.
    pub(crate) fn add(&mut self, mapping: Mapping, value: f64) {
        let value = value.clamp(f64::MIN, f64::MAX);
        self.least = self.least.min(value);
        self.largest = self.largest.max(value);
        if value == 0.0 {
            self.zeros += 1;
            return;
        }
        let bucket = mapping.bucket(value.abs()) >> self.level;
        let side = if value > 0.0 {
            &mut self.positive
        } else {
            &mut self.negative
        };
        match side.binary_search_by_key(&bucket, |it| it.0) {
            Ok(at) => side[at].1 += 1,
            Err(at) => {
                side.insert(at, (bucket, 1));
                self.shrink();
            }
        }
    }

    fn buckets(&self) -> usize {
        self.negative.len() + self.positive.len()
    }

    fn shrink(&mut self) {
        while self.buckets() > MAX_BUCKETS && self.level < MAX_LEVEL {
            self.rise(self.level + 1);
        }
    }

    fn rise(&mut self, level: u8) {
        let steps = level.saturating_sub(self.level);
        if steps == 0 {
            return;
        }
        for side in [&mut self.negative, &mut self.positive] {
            for it in side.iter_mut() {
                it.0 >>= steps;
            }
            side.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                kept.1 = kept.1.saturating_add(if same { next.1 } else { 0 });
                same
            });
        }
        self.level = level;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        let level = self.level.max(other.level);
        self.rise(level);
        let shift = level - other.level;
        self.least = self.least.min(other.least);
        self.largest = self.largest.max(other.largest);
        self.zeros = self.zeros.saturating_add(other.zeros);
        join(&mut self.negative, &other.negative, shift);
        join(&mut self.positive, &other.positive, shift);
        self.shrink();
    }

    fn count(&self) -> u64 {
        let sides = self.negative.iter().chain(&self.positive).map(|it| it.1);
        sides.fold(self.zeros, u64::saturating_add)
    }

    /// The value of rank `p · (n - 1)`, rounded down, for each probability; empty where there is no value.
    pub(crate) fn quantiles(&self, mapping: Mapping, probabilities: &[f64]) -> Vec<f64> {
        let count = self.count();
        if count == 0 {
            return Vec::new();
        }
        let ranks = probabilities.iter().map(|p| (p * (count - 1) as f64) as u64);
        ranks.map(|rank| self.value_at(mapping, rank)).collect()
    }

    fn value_at(&self, mapping: Mapping, rank: u64) -> f64 {
        let negative = self.negative.iter().rev().map(|it| (-self.middle(mapping, it.0), it.1));
        let zeros = (self.zeros > 0).then_some((0.0, self.zeros));
        let positive = self.positive.iter().map(|it| (self.middle(mapping, it.0), it.1));
        let mut below = 0;
        for (value, count) in negative.chain(zeros).chain(positive) {
            below = u64::saturating_add(below, count);
            if below > rank {
                return value.clamp(self.least, self.largest);
            }
        }
        self.largest
    }

    /// The value whose relative distance from both ends of the bucket is the same.
    fn middle(&self, mapping: Mapping, bucket: i32) -> f64 {
        let first = i64::from(bucket) << self.level;
        let (low, high) = (mapping.edge(first), mapping.edge(first + (1 << self.level)));
        // As 2·l·h / (l + h), of large numbers too.
        2.0 * low / (1.0 + low / high)
    }

    /// No fewer bytes than [`Self::encode`] makes.
    pub(crate) fn weight(&self) -> usize {
        40 + BUCKET_BYTES * self.buckets()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.level);
        put(out, self.zeros);
        for side in [&self.negative, &self.positive] {
            put(out, side.len() as u64);
            let mut last = 0;
            for (bucket, count) in side {
                put_signed(out, i64::from(*bucket) - last);
                put(out, *count);
                last = i64::from(*bucket);
            }
        }
        if self.zeros > 0 || self.buckets() > 0 {
            out.extend_from_slice(&self.least.to_le_bytes());
            out.extend_from_slice(&self.largest.to_le_bytes());
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut read = Self {
            level: input.byte()?,
            zeros: input.get()?,
            negative: decode_side(input)?,
            positive: decode_side(input)?,
            ..Self::default()
        };
        let counts = read.negative.iter().chain(&read.positive).map(|it| it.1);
        let count = counts.chain([read.zeros]).try_fold(0_u64, u64::checked_add);
        if read.level > MAX_LEVEL || read.buckets() > MAX_BUCKETS || count.is_none() {
            return Err(DecodeError::Damaged("quantiles have too many buckets"));
        }
        if count != Some(0) {
            (read.least, read.largest) = (f64::from_le_bytes(input.fixed()?), f64::from_le_bytes(input.fixed()?));
            if !read.least.is_finite() || !read.largest.is_finite() || read.least > read.largest {
                return Err(DecodeError::Damaged("quantiles have no range"));
            }
        }
        Ok(read)
    }
}

fn decode_side(input: &mut Reader<'_>) -> Result<Vec<(i32, u64)>, DecodeError> {
    let count = input.get_length(MAX_BUCKETS)?;
    let mut side: Vec<(i32, u64)> = Vec::with_capacity(count);
    for _ in 0..count {
        let last = side.last().map(|it| it.0);
        let bucket = i64::from(last.unwrap_or(0)).checked_add(input.get_signed()?);
        let bucket = bucket.and_then(|bucket| i32::try_from(bucket).ok());
        match (bucket, input.get()?) {
            (Some(bucket), count @ 1..) if last.is_none_or(|last| last < bucket) => side.push((bucket, count)),
            _ => return Err(DecodeError::Damaged("buckets of quantiles are out of order")),
        }
    }
    Ok(side)
}

/// Adds the counts of the other, whose buckets are to be joined as often as `shift` first.
fn join(ours: &mut Vec<(i32, u64)>, theirs: &[(i32, u64)], shift: u8) {
    let mut joined: Vec<(i32, u64)> = Vec::with_capacity(ours.len() + theirs.len());
    let mut left = ours.iter().copied().peekable();
    let mut right = theirs.iter().map(|it| (it.0 >> shift, it.1)).peekable();
    loop {
        let next = match (left.peek(), right.peek()) {
            (Some(our), Some(their)) if our.0 <= their.0 => left.next(),
            (Some(_), None) => left.next(),
            _ => right.next(),
        };
        match (next, joined.last_mut()) {
            (None, _) => break,
            (Some((bucket, count)), Some(last)) if last.0 == bucket => last.1 = last.1.saturating_add(count),
            (Some(it), _) => joined.push(it),
        }
    }
    *ours = joined;
}
