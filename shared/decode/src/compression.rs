//! Compression, told by the first bytes and not by the name.

use crate::reject::{DecodeError, ObjectReject, Reason};
use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// How an object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not.
    Plain,
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
}

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Bytes read at a time.
const BUFFER_BYTES: usize = 128 * 1024;
/// Largest window that a zstd frame may ask for, as a power of two: 128 MiB (RFC 8878 recommends to support 8 MiB).
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// What zstd says of a frame that asks for more (error code 16, `frameParameter_windowTooLarge`).
const ZSTD_WINDOW_TOO_LARGE: &str = "Frame requires too much memory";

/// Longest of the beginnings below.
pub const MAX_MAGIC_BYTES: usize = 6;

/// The first bytes of an object say what other than text it is.
const OTHER_FORMATS: [(&[u8], &str); 12] = [
    (b"PK\x03\x04", "a ZIP archive (or an Excel workbook)"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"PAR1", "a Parquet file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x04\x22\x4d\x18", "an LZ4 frame"),
    (b"\x7fELF", "a program"),
    (b"ARROW1", "an Arrow file"),
];

/// What a beginning other than the expected text is, if it is known.
pub fn known_format(beginning: &[u8]) -> Option<&'static str> {
    OTHER_FORMATS
        .iter()
        .find(|(magic, _)| beginning.starts_with(magic))
        .map(|(_, name)| *name)
}

impl Compression {
    /// Of an object that begins so.
    pub fn of(beginning: &[u8]) -> Self {
        if beginning.starts_with(GZIP_MAGIC) {
            Self::Gzip
        } else if beginning.starts_with(ZSTD_MAGIC) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

/// The decompressed bytes of `input`.
pub fn decompress<'a>(input: impl Read + Send + 'a) -> io::Result<(Compression, Box<dyn Read + Send + 'a>)> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let mut beginning = Vec::with_capacity(ZSTD_MAGIC.len());
    (&mut input).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut beginning)?;
    let whole = BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(beginning.clone()).chain(input));
    let compression = Compression::of(&beginning);
    let text: Box<dyn Read + Send + 'a> = match compression {
        Compression::Gzip => Box::new(Members(Some(GzDecoder::new(whole)))),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(whole)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
        Compression::Plain => Box::new(whole),
    };
    Ok((compression, text))
}

/// The members of a gzip stream, one behind the other. What is behind one of them is another, or no gzip.
struct Members<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let next = member.get_mut().fill_buf()?.first().copied();
            if next.is_some_and(|byte| byte != GZIP_MAGIC[0]) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, BehindGzip));
            }
            self.0 = next
                .and(self.0.take())
                .map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Something stands behind the last member.
#[derive(Debug, thiserror::Error)]
#[error("bytes behind its end are no gzip")]
struct BehindGzip;

/// Tells a damaged stream from input that could not be read. Errors of the input itself are of other kinds than the ones that
/// decompressors give ([`io::ErrorKind::InvalidData`], [`io::ErrorKind::InvalidInput`], [`io::ErrorKind::UnexpectedEof`], and zstd's
/// [`io::ErrorKind::Other`]).
pub fn read_error(compression: Compression, offset: u64, error: io::Error) -> DecodeError {
    let name = match compression {
        Compression::Plain => return DecodeError::Input(error),
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    };
    if compression == Compression::Zstd && error.to_string().contains(ZSTD_WINDOW_TOO_LARGE) {
        let most = 1_u64 << (ZSTD_WINDOW_LOG_MAX - 20);
        let message = format!(
            "the zstd stream asks for a window of more than {most} MiB of memory: compress it with --long={ZSTD_WINDOW_LOG_MAX} or less"
        );
        return ObjectReject::new(Reason::Limit, message).into();
    }
    let (reason, what) = match error.kind() {
        io::ErrorKind::UnexpectedEof => (Reason::Truncated, "ends in the middle"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            (Reason::Corrupt, "is damaged")
        }
        _ => return DecodeError::Input(error),
    };
    DecodeError::Object(ObjectReject::new(
        reason,
        format!("the {name} stream {what}, after {offset} decompressed bytes ({error}): send the object again, whole"),
    ))
}
