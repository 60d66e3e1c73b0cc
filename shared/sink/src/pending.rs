//! Rows in memory that wait for their order: one run.

use crate::{
    error::SinkError,
    key::{Head, Keys, Sorter},
    partition::Span,
};
use arrow_array::{Array, RecordBatch, cast::AsArray};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::{concat::concat_batches, interleave::interleave_record_batch};

/// Most rows of a batch that leaves the order: large enough to amortise the work per column, small enough for the cache.
pub const MAX_CHUNK_ROWS: usize = 8_192;
/// Memory that ordering takes per row beside the row: an [`Entry`] and a key of usual length.
const SORT_BYTES_PER_ROW: usize = size_of::<Entry>() + 32;

/// What takes rows in their final order.
pub type TakeRows<'a> = dyn FnMut(RecordBatch) -> Result<(), SinkError> + 'a;

/// Batches in memory, and where the rows of each partition lie in them.
pub struct Pending {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// By number of partition: index into `batches`, first row, rows.
    pieces: Vec<Vec<Piece>>,
    bytes: usize,
    rows: usize,
}

#[derive(Clone, Copy)]
struct Piece {
    batch: u32,
    start: u32,
    rows: u32,
}

/// A row that is to be sorted.
#[derive(Clone, Copy)]
struct Entry {
    head: Head,
    slice: u32,
    row: u32,
}

impl Pending {
    /// Nothing yet.
    pub fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            batches: Vec::new(),
            pieces: Vec::new(),
            bytes: 0,
            rows: 0,
        }
    }

    /// Adds a batch whose rows lie as `spans` says.
    pub fn push(&mut self, batch: RecordBatch, spans: &[Span], sorted: bool) {
        let index = self.batches.len() as u32;
        for span in spans {
            if self.pieces.len() <= span.partition {
                self.pieces.resize_with(span.partition + 1, Vec::new);
            }
            let piece = Piece {
                batch: index,
                start: span.start as u32,
                rows: span.rows as u32,
            };
            self.pieces[span.partition].push(piece);
        }
        // What the batch keeps alive, though it may be a slice of something larger.
        self.bytes += batch.get_array_memory_size() + spans.len() * size_of::<Piece>();
        self.bytes += if sorted {
            batch.num_rows() * SORT_BYTES_PER_ROW
        } else {
            0
        };
        self.rows += batch.num_rows();
        self.batches.push(batch);
    }

    /// Memory held, and needed to order it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Numbers of partitions that have appeared, with rows or without.
    pub fn partitions(&self) -> usize {
        self.pieces.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Rows that take about `bytes` of memory, from one to [`MAX_CHUNK_ROWS`].
    pub fn rows_in(&self, bytes: usize) -> usize {
        (bytes.saturating_mul(self.rows) / self.bytes.max(1)).clamp(1, MAX_CHUNK_ROWS)
    }

    /// Gives the rows of a partition in order, at most `chunk_rows` at a time.
    pub fn drain(
        &self,
        partition: usize,
        sorter: Option<&Sorter>,
        chunk_rows: usize,
        take: &mut TakeRows<'_>,
    ) -> Result<(), SinkError> {
        let Some(pieces) = self.pieces.get(partition).filter(|pieces| !pieces.is_empty()) else {
            return Ok(());
        };
        let slices: Vec<RecordBatch> = pieces
            .iter()
            .map(|p| self.batches[p.batch as usize].slice(p.start as usize, p.rows as usize))
            .collect();
        match sorter {
            Some(sorter) => drain_sorted(&slices, sorter, chunk_rows, take),
            None => self.drain_as_is(&slices, chunk_rows, take),
        }
    }

    fn drain_as_is(&self, slices: &[RecordBatch], chunk_rows: usize, take: &mut TakeRows<'_>) -> Result<(), SinkError> {
        let mut waiting: Vec<RecordBatch> = Vec::new();
        let mut rows = 0;
        for slice in slices {
            let mut start = 0;
            while start < slice.num_rows() {
                let more = (slice.num_rows() - start).min(chunk_rows - rows);
                waiting.push(slice.slice(start, more));
                (start, rows) = (start + more, rows + more);
                if rows == chunk_rows {
                    take(concat_batches(&self.schema, &waiting)?)?;
                    waiting.clear();
                    rows = 0;
                }
            }
        }
        if rows > 0 {
            take(concat_batches(&self.schema, &waiting)?)
        } else {
            Ok(())
        }
    }

    /// Forgets the rows, keeps the memory of the index.
    pub fn clear(&mut self) {
        self.batches.clear();
        self.pieces.iter_mut().for_each(Vec::clear);
        self.bytes = 0;
        self.rows = 0;
    }
}

fn drain_sorted(
    slices: &[RecordBatch],
    sorter: &Sorter,
    chunk_rows: usize,
    take: &mut TakeRows<'_>,
) -> Result<(), SinkError> {
    let keys: Vec<Keys> = slices
        .iter()
        .map(|slice| sorter.keys(slice))
        .collect::<Result<_, _>>()?;
    let mut entries = Vec::with_capacity(slices.iter().map(RecordBatch::num_rows).sum());
    for ((index, slice), keys) in (0_u32..).zip(slices).zip(&keys) {
        entries.extend((0..slice.num_rows()).map(|row| Entry {
            head: keys.head(row),
            slice: index,
            row: row as u32,
        }));
    }
    // Stable, because equal keys keep the order of their places.
    entries.sort_unstable_by(|a, b| {
        let rest = || keys[a.slice as usize].compare_rest(a.row as usize, &keys[b.slice as usize], b.row as usize);
        a.head
            .cmp(&b.head)
            .then_with(rest)
            .then_with(|| (a.slice, a.row).cmp(&(b.slice, b.row)))
    });
    drop(keys);
    let slices: Vec<&RecordBatch> = slices.iter().collect();
    for chunk in entries.chunks(chunk_rows) {
        let places: Vec<(usize, usize)> = chunk.iter().map(|e| (e.slice as usize, e.row as usize)).collect();
        take(interleave_record_batch(&slices, &places)?)?;
    }
    Ok(())
}

/// Bytes of the values of a batch that hold its rows, not of the buffers that they are slices of.
pub fn row_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|array| value_bytes(array)).sum()
}

fn value_bytes(array: &dyn Array) -> usize {
    match array.data_type() {
        DataType::Utf8 => {
            let offsets = array.as_string::<i32>().offsets();
            (offsets[array.len()] - offsets[0]) as usize + array.len() * size_of::<i32>()
        }
        DataType::Binary => {
            let offsets = array.as_binary::<i32>().offsets();
            (offsets[array.len()] - offsets[0]) as usize + array.len() * size_of::<i32>()
        }
        DataType::Boolean => array.len().div_ceil(8),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|field| value_bytes(field)).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.offsets();
            let (start, end) = (offsets[0] as usize, offsets[array.len()] as usize);
            value_bytes(&list.values().slice(start, end - start)) + array.len() * size_of::<i32>()
        }
        other => other.primitive_width().unwrap_or(0) * array.len(),
    }
}
