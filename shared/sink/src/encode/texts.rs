//! Strings: plainly, or as places in a dictionary.

use super::pages::Values;
use arrow_array::{Array, StringArray};
use parquet::{
    data_type::ByteArray,
    file::statistics::{Statistics, ValueStatistics},
};
use xxhash_rust::xxh3::xxh3_64;

/// The values of a page, and the dictionary of a column chunk.
pub struct Texts {
    dictionary: Option<Dictionary>,
    codes: Vec<u32>,
    plain: Vec<u8>,
    page: Option<Range>,
    chunk: Option<Range>,
    /// Bytes of a value that statistics keep.
    max_shown: usize,
}

/// Least and greatest value.
struct Range {
    min: Vec<u8>,
    max: Vec<u8>,
    /// Their first eight bytes as numbers, which compare as they do.
    heads: (u64, u64),
}

impl Texts {
    /// With a dictionary, or plain; statistics keep `max_shown` bytes of a value.
    pub fn new(has_dictionary: bool, max_shown: usize) -> Self {
        Self {
            dictionary: has_dictionary.then(Dictionary::new),
            codes: Vec::new(),
            plain: Vec::new(),
            page: None,
            chunk: None,
            max_shown,
        }
    }

    /// Adds values to the page; `to_dictionary` as long as the dictionary is not given up.
    pub fn push(&mut self, array: &StringArray, to_dictionary: bool) {
        let (values, offsets) = (array.value_data(), array.value_offsets());
        for (row, ends) in offsets.windows(2).enumerate() {
            if array.is_null(row) {
                continue;
            }
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            match &mut self.dictionary {
                Some(dictionary) if to_dictionary => {
                    let (code, is_new_in_page) = dictionary.code(values, start, end);
                    self.codes.push(code);
                    if is_new_in_page {
                        Range::widen(&mut self.page, &values[start..end]);
                    }
                }
                _ => {
                    Range::widen(&mut self.page, &values[start..end]);
                    append_plain(values, start, end, &mut self.plain);
                }
            }
        }
    }
}

/// Length and bytes.
#[inline]
fn append_plain(values: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    /// Most values are short: a copy of a fixed number of bytes is no call.
    const FIXED: usize = 32;
    let length = end - start;
    out.extend_from_slice(&(length as u32).to_le_bytes());
    match values[start..].first_chunk::<FIXED>() {
        Some(chunk) if length <= FIXED => {
            let end = out.len() + length;
            out.extend_from_slice(chunk);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&values[start..end]),
    }
}

impl Range {
    #[inline]
    fn widen(range: &mut Option<Self>, value: &[u8]) {
        let head = head(value);
        match range {
            Some(known) if known.heads.0 < head && head < known.heads.1 => {}
            Some(known) => known.compare(value, head),
            none => {
                *none = Some(Self {
                    min: value.to_vec(),
                    max: value.to_vec(),
                    heads: (head, head),
                });
            }
        }
    }

    fn compare(&mut self, value: &[u8], head: u64) {
        if value < &self.min[..] {
            self.min.clear();
            self.min.extend_from_slice(value);
            self.heads.0 = head;
        }
        if value > &self.max[..] {
            self.max.clear();
            self.max.extend_from_slice(value);
            self.heads.1 = head;
        }
    }

    /// Cut to so many bytes, the least downwards and the greatest upwards.
    fn shown(&self, bytes: usize) -> (Vec<u8>, Vec<u8>) {
        (below(&self.min, bytes), above(&self.max, bytes))
    }
}

/// The first eight bytes as a number, filled up with zeros.
#[inline]
fn head(value: &[u8]) -> u64 {
    match value.first_chunk() {
        Some(head) => u64::from_be_bytes(*head),
        None => value.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)) << ((8 - value.len()) * 8 % 64),
    }
}

/// The value, or a beginning of whole characters of at most so many bytes: never greater.
fn below(value: &[u8], bytes: usize) -> Vec<u8> {
    if value.len() <= bytes {
        return value.to_vec();
    }
    value[..boundary(value, bytes)].to_vec()
}

/// The value, or a beginning of it whose last character is the next one: never less. The whole value where there is no such.
fn above(value: &[u8], bytes: usize) -> Vec<u8> {
    if value.len() <= bytes {
        return value.to_vec();
    }
    let beginning = String::from_utf8_lossy(&value[..boundary(value, bytes)]);
    for (at, character) in beginning.char_indices().rev() {
        let next = char::from_u32(u32::from(character) + 1);
        if let Some(next) = next.filter(|next| next.len_utf8() == character.len_utf8()) {
            let mut cut = beginning.as_bytes()[..at].to_vec();
            cut.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            return cut;
        }
    }
    value.to_vec()
}

/// The last place at or before `bytes` where a character of UTF-8 ends.
fn boundary(value: &[u8], bytes: usize) -> usize {
    (0..=bytes)
        .rev()
        .find(|at| value[*at] & 0xc0 != 0x80)
        .unwrap_or_default()
}

impl Values for Texts {
    type Bound = Vec<u8>;

    fn codes(&self) -> &[u32] {
        &self.codes
    }

    fn plain(&self) -> &[u8] {
        &self.plain
    }

    fn range(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.page.as_ref().map(|page| page.shown(self.max_shown))
    }

    fn shown(&self, bound: &Vec<u8>) -> Vec<u8> {
        bound.clone()
    }

    fn end_page(&mut self) {
        self.codes.clear();
        self.plain.clear();
        if let Some(dictionary) = &mut self.dictionary {
            dictionary.page += 1;
        }
        for value in self.page.take().iter().flat_map(|page| [&page.min, &page.max]) {
            Range::widen(&mut self.chunk, value);
        }
    }

    fn dictionary(&self) -> Option<(u32, Vec<u8>)> {
        let dictionary = self.dictionary.as_ref()?;
        Some((dictionary.entries.len() as u32, dictionary.plain.clone()))
    }

    fn dictionary_bytes(&self) -> usize {
        self.dictionary.as_ref().map_or(0, |dictionary| dictionary.plain.len())
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let shown = self.chunk.as_ref().map(|chunk| chunk.shown(self.max_shown));
        let (min, max) = shown
            .map(|(min, max)| (ByteArray::from(min), ByteArray::from(max)))
            .unzip();
        let is_exact = |value: fn(&Range) -> &Vec<u8>| {
            self.chunk
                .as_ref()
                .is_some_and(|chunk| value(chunk).len() <= self.max_shown)
        };
        let statistics = ValueStatistics::new(min, max, None, Some(nulls), false)
            .with_min_is_exact(is_exact(|chunk| &chunk.min))
            .with_max_is_exact(is_exact(|chunk| &chunk.max));
        Statistics::ByteArray(statistics)
    }
}

/// Distinct values, in the order in which they came.
struct Dictionary {
    entries: Vec<Entry>,
    /// Length and bytes of each, as its page holds them.
    plain: Vec<u8>,
    /// Places in `entries`, or [`FREE`]; a power of two of them, at most half in use.
    table: Vec<u32>,
    /// The page that is being made.
    page: u32,
}

struct Entry {
    key: Key,
    /// Behind its bytes in `plain`.
    end: u32,
    /// The last page that has it.
    page: u32,
}

/// What tells values apart: up to 16 bytes as they are; of longer ones a digest, so that the bytes are compared only once.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    bytes: u128,
    length: u32,
}

const FREE: u32 = u32::MAX;
const FIRST_SLOTS: usize = 1 << 8;
const SHORT_BYTES: usize = 16;

impl Dictionary {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            plain: Vec::new(),
            table: vec![FREE; FIRST_SLOTS],
            page: 1,
        }
    }

    /// The place of the value, and whether the page has it for the first time.
    #[inline]
    fn code(&mut self, values: &[u8], start: usize, end: usize) -> (u32, bool) {
        let key = Key::of(values, start, end);
        let mask = self.table.len() - 1;
        let mut at = key.slot(mask);
        loop {
            let code = self.table[at & mask];
            if code == FREE {
                return (self.add(key, &values[start..end]), true);
            }
            let entry = &mut self.entries[code as usize];
            let is_it = entry.key == key
                && (end - start <= SHORT_BYTES
                    || self.plain[entry.end as usize - (end - start)..entry.end as usize] == values[start..end]);
            if is_it {
                return (code, std::mem::replace(&mut entry.page, self.page) != self.page);
            }
            at += 1;
        }
    }

    #[cold]
    fn add(&mut self, key: Key, value: &[u8]) -> u32 {
        let code = self.entries.len() as u32;
        append_plain(value, 0, value.len(), &mut self.plain);
        self.entries.push(Entry {
            key,
            end: self.plain.len() as u32,
            page: self.page,
        });
        if self.entries.len() * 2 > self.table.len() {
            self.table = vec![FREE; self.table.len() * 4];
            for code in 0..self.entries.len() {
                self.place(self.entries[code].key, code as u32);
            }
        } else {
            self.place(key, code);
        }
        code
    }

    fn place(&mut self, key: Key, code: u32) {
        let mask = self.table.len() - 1;
        let mut at = key.slot(mask);
        while self.table[at & mask] != FREE {
            at += 1;
        }
        self.table[at & mask] = code;
    }
}

impl Key {
    #[inline]
    fn of(values: &[u8], start: usize, end: usize) -> Self {
        let length = end - start;
        let bytes = if length > SHORT_BYTES {
            u128::from(xxh3_64(&values[start..end]))
        } else {
            match values[start..].first_chunk() {
                Some(bytes) if length == SHORT_BYTES => u128::from_le_bytes(*bytes),
                Some(bytes) => u128::from_le_bytes(*bytes) & ((1 << (length * 8)) - 1),
                None => {
                    let mut bytes = [0; SHORT_BYTES];
                    bytes[..length].copy_from_slice(&values[start..end]);
                    u128::from_le_bytes(bytes)
                }
            }
        };
        Self {
            bytes,
            length: length as u32,
        }
    }

    /// Where to look first: the halves, each changed by a constant, multiplied, and the product folded (Wang Yi, "wyhash").
    #[inline]
    fn slot(self, mask: usize) -> usize {
        let low = self.bytes as u64 ^ 0xa076_1d64_78bd_642f;
        let high = (self.bytes >> 64) as u64 ^ 0xe703_7ed1_a0b4_28db ^ u64::from(self.length);
        let product = u128::from(low) * u128::from(high);
        (product as u64 ^ (product >> 64) as u64) as usize & mask
    }
}
