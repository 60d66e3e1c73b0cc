//! Inputs made of inputs, the same ones every time.

/// Pieces that parsers trip over.
const PIECES: [&[u8]; 64] = [
    b"\"",
    b"\"\"",
    b"'",
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\\",
    b"#",
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"-0",
    b"1e400",
    b"1e-400",
    b"0x1",
    b"01",
    b"1_000",
    b"NaN",
    b"-Infinity",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"99999999999999999999999999999999999999",
    b"0.00000000000000000000000000000000000001",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"<",
    b">",
    b"</",
    b"/>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"?>",
    b"&",
    b"&amp;",
    b"&#0;",
    b"&#x110000;",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"2013-02-30",
    b"24:00:00",
    b"10000-01-01T00:00:00Z",
    b"\x1f\x8b",
    b"(",
];
/// Most copies of a part of the input in a row.
const MAX_COPIES: u64 = 64;
/// Changes that one mutation has at most.
const MAX_CHANGES: u64 = 6;
/// Longest mutation, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// First bytes of an input, which say how it is read: they change seldom.
const HEADER_BYTES: usize = 2;

/// Numbers that look random: xorshift64* (Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators, scrambled").
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// A row of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next one below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % bound
    }

    fn place(&mut self, length: usize) -> usize {
        self.below(length as u64 + 1) as usize
    }
}

/// `seed` with a few changes; `other` lends parts.
pub fn mutated(seed: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(MAX_CHANGES) {
        let (from, to) = range(&bytes, numbers);
        match numbers.below(9) {
            0 if from < bytes.len() => bytes[from] ^= 1 << numbers.below(8),
            1 if from < bytes.len() => bytes[from] = numbers.below(256) as u8,
            2 => drop(bytes.drain(from..to)),
            3 => bytes.truncate(from),
            4 => {
                let copies = 1 + numbers.below(MAX_COPIES) as usize;
                let part = bytes[from..to].repeat(copies);
                drop(bytes.splice(from..from, part));
            }
            5 => {
                let (begin, end) = range(other, numbers);
                drop(bytes.splice(from..from, other[begin..end].iter().copied()));
            }
            6 if numbers.below(8) == 0 => {
                for byte in bytes.iter_mut().take(HEADER_BYTES) {
                    *byte = numbers.below(256) as u8;
                }
            }
            _ => {
                let piece = PIECES[numbers.below(PIECES.len() as u64) as usize];
                let replaced = if numbers.below(2) == 0 {
                    from
                } else {
                    (from + piece.len()).min(bytes.len())
                };
                drop(bytes.splice(from..replaced, piece.iter().copied()));
            }
        }
        bytes.truncate(MAX_BYTES);
    }
    bytes
}

/// A part behind the header; mostly a short one.
fn range(bytes: &[u8], numbers: &mut Numbers) -> (usize, usize) {
    let header = HEADER_BYTES.min(bytes.len());
    let from = header + numbers.place(bytes.len() - header);
    let longest = if numbers.below(4) == 0 { bytes.len() } else { 16 };
    (from, from + numbers.place((bytes.len() - from).min(longest)))
}
