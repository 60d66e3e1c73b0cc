//! Other encodings than UTF-8: told by their marks, transcoded as they are read, and lengths told in the bytes that they had.
//!
//! What cannot be decoded becomes a byte that UTF-8 does not have, so that the row it stands in is refused, and nothing but that row.

use crate::reject::{ObjectReject, Reason};
use std::io::{self, Read};
use watershed_contract::Encoding;

/// Stands for a unit (a byte; of UTF-16 two) that is none of the encoding.
const UNDECODABLE: u8 = 0xff;
/// Stands for the last byte of UTF-16 that has an odd number of them.
const HALF_UNIT: u8 = 0xfe;
/// Bytes that are transcoded at a time.
const PIECE_BYTES: usize = 32 * 1024;
/// UTF-8 of a piece: three bytes at most for a byte of it, and what waited from the one before.
const TEXT_BYTES: usize = 3 * PIECE_BYTES + 64;
/// Characters of bytes 0x80 to 0x9f of windows-1252; NUL for the five that the code page leaves open (Unicode Consortium,
/// "CP1252.TXT"). All other bytes are those of ISO 8859-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“', '”', '•',
    '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];
/// Most bytes of a byte order mark.
pub const MAX_MARK_BYTES: usize = 4;

/// Byte order marks, the longer ones first.
const MARKS: [(&[u8], Option<Encoding>); 5] = [
    (b"\xff\xfe\0\0", None),
    (b"\0\0\xfe\xff", None),
    (b"\xef\xbb\xbf", Some(Encoding::Utf8)),
    (b"\xff\xfe", Some(Encoding::Utf16Le)),
    (b"\xfe\xff", Some(Encoding::Utf16Be)),
];

/// The encoding of an object that begins so and of which the contract says `stated`. Refuses one whose mark says another.
pub fn told(stated: Encoding, beginning: &[u8]) -> Result<Encoding, ObjectReject> {
    let marked = MARKS.iter().find(|(mark, _)| beginning.starts_with(mark));
    let refuse = |message: String| Err(ObjectReject::safe(Reason::Encoding, message));
    match (stated, marked.map(|(_, encoding)| *encoding)) {
        (_, Some(None)) => refuse("the object is UTF-32, which is not read: save it as UTF-8".into()),
        (Encoding::Utf16, Some(Some(found @ (Encoding::Utf16Le | Encoding::Utf16Be)))) => Ok(found),
        (Encoding::Utf16, None) if beginning.is_empty() => Ok(Encoding::Utf16Le),
        (Encoding::Utf16, None) => refuse(
            "the object has no byte order mark, which `encoding: utf-16` goes by: write `encoding: utf-16le` or \
             `encoding: utf-16be` in the contract"
                .into(),
        ),
        (stated, Some(Some(found))) if found != stated => {
            let found = match found {
                Encoding::Utf8 => "utf-8",
                _ => "utf-16",
            };
            refuse(format!(
                "the object begins with the byte order mark of {found}, the contract says {}: write `encoding: {found}` in \
                 the contract, or save the object as {}",
                stated.name(),
                stated.name()
            ))
        }
        (stated, _) => Ok(stated),
    }
}

/// UTF-16 without a mark, to look at: letters of Europe have a NUL byte each.
pub fn guessed(beginning: &[u8]) -> Option<Encoding> {
    match beginning.first_chunk::<4>()?.map(|byte| byte == 0) {
        [false, true, false, true] => Some(Encoding::Utf16Le),
        [true, false, true, false] => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// The character of a byte of windows-1252; none for the five that it leaves open.
#[inline]
pub fn windows_1252(byte: u8) -> Option<char> {
    let character = match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        byte => return Some(byte.into()),
    };
    (character != '\0').then_some(character)
}

/// Bytes that `text`, which was transcoded, had in the object.
pub fn source_length(encoding: Encoding, text: &[u8]) -> u64 {
    let of = |length: fn(u8) -> u64| text.iter().map(|byte| length(*byte)).sum();
    match encoding {
        Encoding::Utf8 => text.len() as u64,
        Encoding::Latin1 | Encoding::Windows1252 => of(|byte| u64::from(!is_continuation(byte))),
        Encoding::Utf16 | Encoding::Utf16Le | Encoding::Utf16Be => of(|byte| match byte {
            HALF_UNIT => 1,
            UNDECODABLE => 2,
            0xf0.. => 4,
            byte if is_continuation(byte) => 0,
            _ => 2,
        }),
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Reads text of another encoding as UTF-8.
pub struct Transcoder<R> {
    input: R,
    decoding: Decoding,
    /// What was read and not transcoded yet.
    piece: Vec<u8>,
    /// Transcoded, and given up to `given`.
    text: Box<[u8]>,
    filled: usize,
    given: usize,
    ended: bool,
    taken: u64,
}

/// How bytes become UTF-8. Our own few lines: a library of all encodings has tables of half a megabyte, which every cold start
/// would load.
pub struct Decoding(Kind);

enum Kind {
    Latin1,
    Windows1252,
    Utf16 {
        unit: fn([u8; 2]) -> u16,
        /// The first half of a surrogate pair, which waits for its second.
        high: Option<u16>,
    },
}

impl Decoding {
    /// Of that encoding, whose byte order is known; none: UTF-8 stays as it is.
    pub fn of(encoding: Encoding) -> Option<Self> {
        let utf16 = |unit| Kind::Utf16 { unit, high: None };
        match encoding {
            Encoding::Utf8 => None,
            Encoding::Latin1 => Some(Kind::Latin1),
            Encoding::Windows1252 => Some(Kind::Windows1252),
            Encoding::Utf16 | Encoding::Utf16Le => Some(utf16(u16::from_le_bytes)),
            Encoding::Utf16Be => Some(utf16(u16::from_be_bytes)),
        }
        .map(Self)
    }
}

impl<R: Read> Transcoder<R> {
    /// Of `input`, whose first bytes are `beginning`.
    pub fn new(beginning: Vec<u8>, input: R, decoding: Decoding) -> Self {
        Self {
            input,
            decoding,
            taken: beginning.len() as u64,
            piece: beginning,
            text: vec![0; TEXT_BYTES].into_boxed_slice(),
            filled: 0,
            given: 0,
            ended: false,
        }
    }

    /// Bytes that were read of the input.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Transcodes the next piece.
    fn refill(&mut self) -> io::Result<()> {
        let had = self.piece.len();
        self.piece.resize(PIECE_BYTES.max(had), 0);
        let read = self.input.read(&mut self.piece[had..]);
        self.piece.truncate(had + read.as_ref().map_or(0, |read| *read));
        let read = read?;
        self.ended = read == 0;
        self.taken += read as u64;
        (self.filled, self.given) = (0, 0);
        let mut out = Out {
            text: &mut self.text,
            filled: &mut self.filled,
        };
        match &mut self.decoding.0 {
            Kind::Latin1 => self.piece.drain(..).for_each(|byte| out.character(byte.into())),
            Kind::Windows1252 => self.piece.drain(..).for_each(|byte| out.windows1252(byte)),
            Kind::Utf16 { unit, high } => {
                let (units, half) = self.piece.as_chunks::<2>();
                for bytes in units {
                    out.utf16(unit(*bytes), high);
                }
                // Half a unit waits for its other half.
                self.piece = half.to_vec();
                if self.ended {
                    high.take().into_iter().for_each(|_| out.byte(UNDECODABLE));
                    self.piece.drain(..).for_each(|_| out.byte(HALF_UNIT));
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.filled && !self.ended {
            self.refill()?;
        }
        let length = buffer.len().min(self.filled - self.given);
        buffer[..length].copy_from_slice(&self.text[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

/// Takes what was transcoded; has room for all of a piece.
struct Out<'a> {
    text: &'a mut [u8],
    filled: &'a mut usize,
}

impl Out<'_> {
    fn byte(&mut self, byte: u8) {
        self.text[*self.filled] = byte;
        *self.filled += 1;
    }

    fn character(&mut self, character: char) {
        *self.filled += character.encode_utf8(&mut self.text[*self.filled..]).len();
    }

    fn windows1252(&mut self, byte: u8) {
        match windows_1252(byte) {
            Some(character) => self.character(character),
            None => self.byte(UNDECODABLE),
        }
    }

    /// Unicode 16, section 3.9: a surrogate that is not half of a pair is none of UTF-16.
    fn utf16(&mut self, unit: u16, high: &mut Option<u16>) {
        match (high.take(), unit) {
            (Some(first), 0xdc00..=0xdfff) => {
                let code = 0x1_0000 + (u32::from(first - 0xd800) << 10) + u32::from(unit - 0xdc00);
                self.character(char::from_u32(code).expect("a pair of surrogates is a character"));
                return;
            }
            (Some(_), _) => self.byte(UNDECODABLE),
            (None, _) => {}
        }
        match unit {
            0xd800..=0xdbff => *high = Some(unit),
            0xdc00..=0xdfff => self.byte(UNDECODABLE),
            unit => self.character(char::from_u32(unit.into()).expect("no surrogate is left")),
        }
    }
}
