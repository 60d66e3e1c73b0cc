//! Bytes of a state: little endian, exact, with zeros left out.

/// First bytes of every state.
pub const MAGIC: [u8; 4] = *b"WSAD";
/// Format of what follows. Another number, another format.
pub const VERSION: u8 = 1;
/// Of the checksum at the end.
const CHECKSUM_BYTES: usize = 8;

/// A state cannot be read. Begin again with a new detector: what is lost is what was learnt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Not written by `encode`.
    #[error("these bytes are no state of an anomaly detector: they do not begin with `WSAD`")]
    Foreign,
    /// Written by another version of this library.
    #[error("the state has format {found}, this library reads format {VERSION}: begin with a new detector")]
    Version {
        /// The one that is there.
        found: u8,
    },
    /// Cut off or changed.
    #[error("the state of {bytes} bytes is damaged: begin with a new detector, or with an older state")]
    Damaged {
        /// How long it is.
        bytes: usize,
    },
}

/// Something in a state cannot be.
#[derive(Debug)]
pub struct Damage;

/// Writes a state.
pub struct Writer(Vec<u8>);

impl Writer {
    pub fn new() -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        Self(bytes)
    }

    pub fn finish(mut self) -> Vec<u8> {
        let sum = checksum(&self.0);
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }

    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn f32(&mut self, value: f32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn f64(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A bit for each value that is not zero, then those values.
    pub fn sparse_f32(&mut self, values: &[f32]) {
        self.bits(values.iter().map(|value| *value != 0.0));
        values
            .iter()
            .filter(|value| **value != 0.0)
            .for_each(|value| self.f32(*value));
    }

    /// The same for bytes.
    pub fn sparse_u8(&mut self, values: &[u8]) {
        self.bits(values.iter().map(|value| *value != 0));
        self.0.extend(values.iter().filter(|value| **value != 0));
    }

    fn bits(&mut self, set: impl Iterator<Item = bool>) {
        for (at, set) in set.enumerate() {
            if at % 8 == 0 {
                self.0.push(0);
            }
            if set {
                *self.0.last_mut().expect("pushed at the first bit") |= 1 << (at % 8);
            }
        }
    }
}

/// Reads a state; every read says whether it can be.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Over what lies between the version and the checksum.
    pub fn new(bytes: &'a [u8]) -> Result<Self, StateError> {
        let Some(rest) = bytes.strip_prefix(&MAGIC) else {
            return Err(StateError::Foreign);
        };
        let damaged = StateError::Damaged { bytes: bytes.len() };
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(damaged.clone())?;
        match rest.first() {
            Some(&VERSION) => {}
            Some(&found) => return Err(StateError::Version { found }),
            None => return Err(damaged),
        }
        let content = body.get(MAGIC.len() + 1..).ok_or(damaged.clone())?;
        if checksum(body) == u64::from_le_bytes(*sum) {
            Ok(Self(content))
        } else {
            Err(damaged)
        }
    }

    /// Nothing is left?
    pub fn done(self) -> Result<(), Damage> {
        if self.0.is_empty() { Ok(()) } else { Err(Damage) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Damage)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, Damage> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub fn u64(&mut self) -> Result<u64, Damage> {
        self.take().map(u64::from_le_bytes)
    }

    pub fn f32(&mut self) -> Result<f32, Damage> {
        let value = self.take().map(f32::from_le_bytes)?;
        if value.is_finite() { Ok(value) } else { Err(Damage) }
    }

    pub fn f64(&mut self) -> Result<f64, Damage> {
        let value = self.take().map(f64::from_le_bytes)?;
        if value.is_finite() { Ok(value) } else { Err(Damage) }
    }

    /// Counts, weights and deviations are not negative.
    pub fn positive_f32(&mut self) -> Result<f32, Damage> {
        self.f32()
            .and_then(|value| if value >= 0.0 { Ok(value) } else { Err(Damage) })
    }

    pub fn positive_f64(&mut self) -> Result<f64, Damage> {
        self.f64()
            .and_then(|value| if value >= 0.0 { Ok(value) } else { Err(Damage) })
    }

    /// What [`Writer::sparse_f32`] wrote of values that are not negative.
    pub fn sparse_f32<const N: usize>(&mut self) -> Result<[f32; N], Damage> {
        let set = self.bits::<N>()?;
        let mut values = [0.0; N];
        for (value, _) in values.iter_mut().zip(set).filter(|(_, set)| *set) {
            *value = self.positive_f32()?;
        }
        Ok(values)
    }

    /// What [`Writer::sparse_u8`] wrote.
    pub fn sparse_u8<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let set = self.bits::<N>()?;
        let mut values = [0; N];
        for (value, _) in values.iter_mut().zip(set).filter(|(_, set)| *set) {
            *value = self.u8()?;
        }
        Ok(values)
    }

    fn bits<const N: usize>(&mut self) -> Result<[bool; N], Damage> {
        let mut set = [false; N];
        for eight in set.chunks_mut(8) {
            let byte = self.u8()?;
            for (bit, set) in eight.iter_mut().enumerate() {
                *set = byte >> bit & 1 == 1;
            }
        }
        Ok(set)
    }
}

/// FNV-1a of 64 bits: not against malice, but against what was cut off or torn.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
