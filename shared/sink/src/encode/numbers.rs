//! Numbers of 32 or 64 bits: plainly, or as places in a dictionary.

use super::pages::Values;
use parquet::file::statistics::Statistics;

/// A number as Parquet stores it.
pub trait Number: Copy + Ord + Default {
    /// Its size.
    const BYTES: usize;

    /// As it is stored.
    fn append_to(values: &[Self], out: &mut Vec<u8>);
    /// All bits that differ.
    fn bits(self) -> u64;
    /// Of a column chunk.
    fn statistics(range: Option<(Self, Self)>, nulls: u64) -> Statistics;
}

macro_rules! number {
    ($native:ty, $statistics:path) => {
        impl Number for $native {
            const BYTES: usize = size_of::<$native>();

            fn append_to(values: &[Self], out: &mut Vec<u8>) {
                let start = out.len();
                out.resize(start + values.len() * Self::BYTES, 0);
                for (bytes, value) in out[start..].chunks_exact_mut(Self::BYTES).zip(values) {
                    bytes.copy_from_slice(&value.to_le_bytes());
                }
            }

            fn bits(self) -> u64 {
                self.cast_unsigned().into()
            }

            fn statistics(range: Option<(Self, Self)>, nulls: u64) -> Statistics {
                let (min, max) = range.unzip();
                $statistics(min, max, None, Some(nulls), false)
            }
        }
    };
}
number!(i32, Statistics::int32);
number!(i64, Statistics::int64);

/// The values of a page, and the dictionary of a column chunk.
pub struct Numbers<N> {
    dictionary: Option<Dictionary<N>>,
    /// Places in the dictionary, while there is one to add to.
    codes: Vec<u32>,
    plain: Vec<u8>,
    page: Option<(N, N)>,
    chunk: Option<(N, N)>,
}

impl<N: Number> Numbers<N> {
    /// With a dictionary, or plain.
    pub fn new(has_dictionary: bool) -> Self {
        Self {
            dictionary: has_dictionary.then(Dictionary::new),
            codes: Vec::new(),
            plain: Vec::new(),
            page: None,
            chunk: None,
        }
    }

    /// Adds values to the page; `to_dictionary` as long as the dictionary is not given up.
    pub fn push(&mut self, values: &[N], to_dictionary: bool) {
        let Some((first, rest)) = values.split_first() else {
            return;
        };
        let (mut min, mut max) = self.page.unwrap_or((*first, *first));
        min = min.min(*first);
        max = max.max(*first);
        for value in rest {
            min = min.min(*value);
            max = max.max(*value);
        }
        self.page = Some((min, max));
        match &mut self.dictionary {
            Some(dictionary) if to_dictionary => dictionary.encode(values, &mut self.codes),
            _ => N::append_to(values, &mut self.plain),
        }
    }
}

impl<N: Number> Values for Numbers<N> {
    type Bound = N;

    fn codes(&self) -> &[u32] {
        &self.codes
    }

    fn plain(&self) -> &[u8] {
        &self.plain
    }

    fn range(&self) -> Option<(N, N)> {
        self.page
    }

    fn shown(&self, bound: &N) -> Vec<u8> {
        let mut bytes = Vec::new();
        N::append_to(&[*bound], &mut bytes);
        bytes
    }

    fn end_page(&mut self) {
        self.codes.clear();
        self.plain.clear();
        self.chunk = match (self.chunk, self.page.take()) {
            (Some(chunk), Some(page)) => Some((chunk.0.min(page.0), chunk.1.max(page.1))),
            (chunk, page) => chunk.or(page),
        };
    }

    fn dictionary(&self) -> Option<(u32, Vec<u8>)> {
        let values = &self.dictionary.as_ref()?.values;
        let mut bytes = Vec::new();
        N::append_to(values, &mut bytes);
        Some((values.len() as u32, bytes))
    }

    fn dictionary_bytes(&self) -> usize {
        self.dictionary
            .as_ref()
            .map_or(0, |dictionary| dictionary.values.len() * N::BYTES)
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        N::statistics(self.chunk, nulls)
    }
}

/// Distinct values, in the order in which they came.
struct Dictionary<N> {
    values: Vec<N>,
    /// A value and its place in `values`, or [`FREE`]; a power of two of them, at most half in use.
    table: Vec<(N, u32)>,
}

const FREE: u32 = u32::MAX;
const FIRST_SLOTS: usize = 1 << 10;

impl<N: Number> Dictionary<N> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            table: vec![(N::default(), FREE); FIRST_SLOTS],
        }
    }

    fn encode(&mut self, values: &[N], codes: &mut Vec<u32>) {
        codes.reserve(values.len());
        for value in values {
            codes.push(self.code(*value));
        }
    }

    #[inline]
    fn code(&mut self, value: N) -> u32 {
        let mask = self.table.len() - 1;
        let mut at = slot(value, mask);
        loop {
            let (known, code) = self.table[at & mask];
            if code == FREE {
                return self.add(value);
            }
            if known == value {
                return code;
            }
            at += 1;
        }
    }

    #[cold]
    fn add(&mut self, value: N) -> u32 {
        let code = self.values.len() as u32;
        self.values.push(value);
        if self.values.len() * 2 > self.table.len() {
            let slots = self.table.len() * 4;
            self.table = vec![(N::default(), FREE); slots];
            for code in 0..self.values.len() {
                self.place(self.values[code], code as u32);
            }
        } else {
            self.place(value, code);
        }
        code
    }

    fn place(&mut self, value: N, code: u32) {
        let mask = self.table.len() - 1;
        let mut at = slot(value, mask);
        while self.table[at & mask].1 != FREE {
            at += 1;
        }
        self.table[at & mask] = (value, code);
    }
}

/// Where to look first: the upper bits of a product with the golden ratio (Knuth, "The Art of Computer Programming", 6.4).
#[inline]
fn slot<N: Number>(value: N, mask: usize) -> usize {
    (value.bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask
}
