//! How many distinct values there were: HyperLogLog (Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality
//! estimation algorithm", AofA 2007).
//!
//! Registers and coupons are a function of the set of values: merging is associative, commutative and idempotent to the byte.
//! The `HllSketch` of `datasketches` is not to the byte (its set lies in the order of its hash table, and its estimate follows
//! the history of updates), so the state is ours, in its terms, and it estimates: an image of its format is made of the state,
//! marked as out of order, so that it estimates from the registers alone (Apache DataSketches, "HLL Sketch: preamble format").

use crate::{
    codec::{Reader, put, put_bytes},
    error::DecodeError,
    value::Value,
};
use datasketches::hll::HllSketch;
use xxhash_rust::xxh3::xxh3_128;

/// Registers as a power of two.
pub const MIN_PRECISION: u8 = 8;
/// Registers as a power of two: 65,536, and as many bytes.
pub const MAX_PRECISION: u8 = 16;
/// Bits of a coupon that say which register.
const SLOT_BITS: u32 = 26;
/// Leading zeros that are told apart: the number of them and one must fit in the coupon's other six bits.
const MAX_ZEROS: u32 = 62;

/// An estimate's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distinct {
    precision: u8,
    held: Held,
}

#[derive(Debug, Clone, PartialEq)]
enum Held {
    /// Hashes of few values, ascending: register in 26 bits, leading zeros and one in 6.
    Coupons(Vec<u32>),
    /// A byte a register.
    Registers(Box<[u8]>),
}

impl Distinct {
    pub(crate) fn new(precision: u8) -> Self {
        Self {
            precision,
            held: Held::Coupons(Vec::new()),
        }
    }

    /// As many coupons as the set of `datasketches` holds before it goes over to registers.
    fn most_coupons(&self) -> usize {
        3 << (self.precision - 5)
    }

    pub(crate) fn add(&mut self, value: Value<'_>) {
        let hash = match value {
            Value::Null => return,
            Value::Int(value) | Value::Timestamp(value) => xxh3_128(&value.to_le_bytes()),
            Value::Float(value) => xxh3_128(&value.to_bits().to_le_bytes()),
            Value::Decimal(value) => xxh3_128(&value.to_le_bytes()),
            Value::Text(value) => xxh3_128(value),
            Value::Bool(value) => xxh3_128(&[u8::from(value)]),
        };
        let zeros = ((hash >> 64) as u64).leading_zeros().min(MAX_ZEROS);
        self.take((zeros + 1) << SLOT_BITS | hash as u32 & ((1 << SLOT_BITS) - 1));
    }

    fn take(&mut self, coupon: u32) {
        match &mut self.held {
            Held::Coupons(coupons) => {
                if let Err(at) = coupons.binary_search(&coupon) {
                    coupons.insert(at, coupon);
                    if coupons.len() > self.most_coupons() {
                        self.spread();
                    }
                }
            }
            Held::Registers(registers) => raise(registers, coupon),
        }
    }

    fn spread(&mut self) {
        if let Held::Coupons(coupons) = &self.held {
            let mut registers = vec![0; 1 << self.precision].into_boxed_slice();
            for coupon in coupons {
                raise(&mut registers, *coupon);
            }
            self.held = Held::Registers(registers);
        }
    }

    /// Of the same precision.
    pub(crate) fn merge(&mut self, other: &Self) {
        match &other.held {
            Held::Coupons(coupons) => {
                for coupon in coupons {
                    self.take(*coupon);
                }
            }
            Held::Registers(theirs) => {
                self.spread();
                if let Held::Registers(ours) = &mut self.held {
                    for (our, their) in ours.iter_mut().zip(theirs) {
                        *our = (*our).max(*their);
                    }
                }
            }
        }
    }

    pub(crate) fn estimate(&self) -> u64 {
        let image = match &self.held {
            Held::Coupons(coupons) if coupons.is_empty() => return 0,
            Held::Coupons(coupons) => self.image_of_set(coupons),
            Held::Registers(registers) => self.image_of_registers(registers),
        };
        let sketch = HllSketch::deserialize(&image).expect("an image of the documented format");
        sketch.composite_estimate().round() as u64
    }

    /// Preamble integers, serial version, family 7 (HLL), precision, size of the table, flags, unused, mode and type (HLL8).
    fn preamble(&self, integers: u8, table: u8, flags: u8, mode: u8) -> Vec<u8> {
        let hll8 = 2 << 2;
        vec![integers, 1, 7, self.precision, table, flags, 0, hll8 | mode]
    }

    fn image_of_set(&self, coupons: &[u32]) -> Vec<u8> {
        let (compact, set) = (8, 1);
        let mut image = self.preamble(3, self.precision - 3, compact, set);
        image.extend((coupons.len() as u32).to_le_bytes());
        image.extend(coupons.iter().flat_map(|coupon| coupon.to_le_bytes()));
        image
    }

    fn image_of_registers(&self, registers: &[u8]) -> Vec<u8> {
        let (out_of_order, array) = (16, 2);
        let mut image = self.preamble(10, 0, out_of_order, array);
        // The sums of 2^-register, of small and of large ones: exact, so in any order.
        let sum = |large: bool| -> f64 {
            let some = registers.iter().filter(|register| (**register >= 32) == large);
            some.map(|register| f64::from_bits((1_023 - u64::from(*register)) << 52))
                .sum()
        };
        image.extend(0_f64.to_le_bytes());
        // A sum of no floats is -0.
        image.extend((sum(false) + 0.0).to_le_bytes());
        image.extend((sum(true) + 0.0).to_le_bytes());
        let empty: u32 = registers.iter().map(|register| u32::from(*register == 0)).sum();
        image.extend(empty.to_le_bytes());
        image.extend(0_u32.to_le_bytes());
        image.extend_from_slice(registers);
        image
    }

    /// No fewer bytes than [`Self::encode`] makes.
    pub(crate) fn weight(&self) -> usize {
        8 + match &self.held {
            Held::Coupons(coupons) => 5 * coupons.len(),
            Held::Registers(registers) => registers.len(),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match &self.held {
            Held::Coupons(coupons) => {
                put(out, coupons.len() as u64 + 1);
                let mut last = 0;
                for coupon in coupons {
                    put(out, u64::from(coupon - last));
                    last = *coupon;
                }
            }
            Held::Registers(registers) => {
                put(out, 0);
                put_bytes(out, registers);
            }
        }
    }

    pub(crate) fn decode(precision: u8, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut read = Self::new(precision);
        let wrong = DecodeError::Damaged("a set of distinct values is none");
        let count = match input.get()? {
            0 => {
                let registers = input.get_bytes(1 << precision)?;
                if registers.len() != 1 << precision || registers.iter().any(|it| u32::from(*it) > MAX_ZEROS + 1) {
                    return Err(wrong);
                }
                read.held = Held::Registers(registers.into());
                return Ok(read);
            }
            more => more - 1,
        };
        if count > read.most_coupons() as u64 {
            return Err(wrong);
        }
        let (mut coupons, mut last) = (Vec::with_capacity(count as usize), 0_u32);
        for _ in 0..count {
            let step = input.get()?;
            last = match u32::try_from(step).ok().and_then(|step| last.checked_add(step)) {
                Some(next) if step > 0 && next >> SLOT_BITS > 0 => next,
                _ => return Err(wrong),
            };
            coupons.push(last);
        }
        read.held = Held::Coupons(coupons);
        Ok(read)
    }
}

fn raise(registers: &mut [u8], coupon: u32) {
    // As many registers as a power of two.
    let at = (coupon & ((1 << SLOT_BITS) - 1)) as usize & (registers.len() - 1);
    registers[at] = registers[at].max((coupon >> SLOT_BITS) as u8);
}
