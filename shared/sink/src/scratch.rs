//! Rows that wait on the local disk.

use crate::{codec, error::SinkError, pending::row_bytes};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

/// Where some rows lie in a [`Scratch`].
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    offset: u64,
    bytes: usize,
}

/// A file that is written at its end, read anywhere, and gone when dropped.
pub struct Scratch {
    path: PathBuf,
    file: File,
    length: u64,
    buffer: Vec<u8>,
}

impl Scratch {
    /// An empty one; a file that an earlier process left there is overwritten.
    pub fn create(path: PathBuf) -> Result<Self, SinkError> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        let file = file.map_err(SinkError::io(&path))?;
        Ok(Self {
            path,
            file,
            length: 0,
            buffer: Vec::new(),
        })
    }

    /// Bytes in it.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Writes the rows at the end, and adds to `segments` where: one segment, or several where they would have more than
    /// `max_bytes` in memory.
    pub fn append(
        &mut self,
        batch: &RecordBatch,
        max_bytes: usize,
        segments: &mut Vec<Segment>,
    ) -> Result<(), SinkError> {
        let rows = batch.num_rows();
        if rows > 1 && row_bytes(batch) > max_bytes {
            // Half of the rows each time: as deep as the logarithm of a chunk's rows.
            self.append(&batch.slice(0, rows / 2), max_bytes, segments)?;
            return self.append(&batch.slice(rows / 2, rows - rows / 2), max_bytes, segments);
        }
        self.buffer.clear();
        codec::encode(batch, &mut self.buffer)?;
        segments.push(Segment {
            offset: self.length,
            bytes: self.buffer.len(),
        });
        let written = self
            .file
            .seek(SeekFrom::Start(self.length))
            .and_then(|_| self.file.write_all(&self.buffer));
        written.map_err(SinkError::io(&self.path))?;
        self.length += self.buffer.len() as u64;
        Ok(())
    }

    /// Reads rows back.
    pub fn read(&mut self, segment: Segment, schema: &SchemaRef) -> Result<RecordBatch, SinkError> {
        self.buffer.resize(segment.bytes, 0);
        let read = self
            .file
            .seek(SeekFrom::Start(segment.offset))
            .and_then(|_| self.file.read_exact(&mut self.buffer));
        read.map_err(SinkError::io(&self.path))?;
        codec::decode(&self.buffer, schema)
    }

    /// Empties it; segments of before are void.
    pub fn clear(&mut self) -> Result<(), SinkError> {
        self.length = 0;
        self.file.set_len(0).map_err(SinkError::io(&self.path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell, and the next sink in this directory overwrites it.
        let _ = std::fs::remove_file(&self.path);
    }
}
