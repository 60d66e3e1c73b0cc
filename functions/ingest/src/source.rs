//! The input of a job, whatever its format.

use std::{
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use watershed_contract::{Dataset, Format};
use watershed_decode::{
    Decoded, Standardiser,
    block::Block,
    blocks::{self, Blocks},
    compression::read_error,
    decompress,
    drift::Unknown,
    parquet_source::ParquetReader,
    reject::DecodeError,
};

/// Reads an object's rows.
pub enum Source<'a> {
    /// Text of any format, and the block that it is read into.
    Text(Box<dyn Blocks + Send + 'a>, Block),
    /// Parquet, spooled to disk.
    Parquet(Box<ParquetReader>),
}

impl<'a> Source<'a> {
    /// Opens `input` as the contract says. Parquet is read from its end, so it goes to the folder `scratch` first.
    pub fn open(input: &'a mut Preview, dataset: &Dataset, scratch: &Path) -> Result<Self, DecodeError> {
        let (compression, mut text) = decompress(input).map_err(DecodeError::Input)?;
        if dataset.format != Format::Parquet {
            let reader = blocks::open(text, compression, dataset)?.expect("every other format is text");
            return Ok(Self::Text(reader, Block::default()));
        }
        let mut spool = tempfile::tempfile_in(scratch).map_err(DecodeError::Input)?;
        let mut copied = 0;
        let spooled = copy(&mut text, &mut spool, &mut copied);
        spooled.map_err(|error| read_error(compression, copied, error))?;
        spool.seek(SeekFrom::Start(0)).map_err(DecodeError::Input)?;
        Ok(Self::Parquet(Box::new(ParquetReader::open(spool, dataset)?)))
    }

    /// Columns to be added that the source names for all its records. They are read, behind those of the dataset.
    pub fn named(&self) -> Vec<Unknown> {
        match self {
            Self::Text(reader, _) => reader.named(),
            Self::Parquet(reader) => reader.named().to_vec(),
        }
    }

    /// Columns to be added that records were met with up to now. They were not read.
    pub fn met(&self) -> &[String] {
        match self {
            Self::Text(reader, _) => reader.met(),
            Self::Parquet(_) => &[],
        }
    }

    /// Columns of the dataset that nothing was read of up to now.
    pub fn missing(&self) -> Vec<usize> {
        match self {
            Self::Text(reader, _) => reader.missing(),
            Self::Parquet(reader) => reader.missing(),
        }
    }

    /// The next rows; none at the end.
    pub fn read(&mut self, standardiser: &mut Standardiser) -> Result<Option<Decoded>, DecodeError> {
        match self {
            Self::Text(reader, block) => {
                if !reader.read(block)? {
                    return Ok(None);
                }
                standardiser.text(block, reader.fields()).map(Some)
            }
            Self::Parquet(reader) => reader.read(standardiser),
        }
    }
}

fn copy(from: &mut impl Read, to: &mut impl io::Write, copied: &mut u64) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
        *copied += read as u64;
    }
}

/// The input as it passes, and its beginning, for the case that it is refused.
pub struct Preview {
    input: Box<dyn Read + Send>,
    beginning: Vec<u8>,
    limit: usize,
    bytes: Counter,
}

/// Bytes that were read, told while they are.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// So far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Preview {
    /// Keeps the first `limit` bytes.
    pub fn new(input: Box<dyn Read + Send>, limit: usize) -> Self {
        Self {
            input,
            beginning: Vec::new(),
            limit,
            bytes: Counter::default(),
        }
    }

    /// Its first bytes.
    pub fn beginning(&self) -> &[u8] {
        &self.beginning
    }

    /// Bytes read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.bytes()
    }

    /// The same, for whoever has lent it.
    pub fn counter(&self) -> Counter {
        self.bytes.clone()
    }
}

impl Read for Preview {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let wanted = (self.limit - self.beginning.len()).min(read);
        self.beginning.extend_from_slice(&buffer[..wanted]);
        self.bytes.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
