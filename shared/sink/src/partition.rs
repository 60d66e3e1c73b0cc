//! Which partition each row falls into.

use crate::{
    error::SinkError,
    key::{PartitionKey, PartitionKeys, PartitionValues},
};
use arrow_array::{RecordBatch, UInt32Array};
use arrow_row::Rows;
use arrow_schema::Schema;
use arrow_select::take::take_record_batch;
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};
use watershed_lake::TableSpec;

/// Rows `start..start + rows` of a batch, all of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Number of the partition, in order of first appearance.
    pub partition: usize,
    /// First row.
    pub start: usize,
    /// How many.
    pub rows: usize,
}

/// Numbers the partitions of a table in the order in which they appear.
pub struct Partitioner {
    keys: PartitionKeys,
    limit: usize,
    numbers: HashMap<Box<[u8]>, u32, BuildHasherDefault<KeyHasher>>,
    known: Vec<PartitionKey>,
    // Scratch of `split`, kept between batches.
    rows: Rows,
    of_row: Vec<u32>,
    counts: Vec<u32>,
}

impl Partitioner {
    /// None where the table is not partitioned.
    pub fn new(spec: &TableSpec, schema: &Schema, limit: usize) -> Result<Option<Self>, SinkError> {
        let Some(keys) = PartitionKeys::new(spec, schema)? else {
            return Ok(None);
        };
        let rows = keys.empty();
        Ok(Some(Self {
            keys,
            limit,
            numbers: HashMap::default(),
            known: Vec::new(),
            rows,
            of_row: Vec::new(),
            counts: Vec::new(),
        }))
    }

    /// The rows of a batch with those of a partition next to each other, in the order they came, and the spans.
    pub fn split(&mut self, batch: RecordBatch) -> Result<(RecordBatch, Vec<Span>), SinkError> {
        let touched = self.number(&batch)?;
        if let [partition] = touched[..] {
            self.counts[partition] = 0;
            let rows = batch.num_rows();
            return Ok((
                batch,
                vec![Span {
                    partition,
                    start: 0,
                    rows,
                }],
            ));
        }
        let mut start = 0;
        let mut spans = Vec::with_capacity(touched.len());
        for partition in touched {
            let rows = std::mem::replace(&mut self.counts[partition], start as u32) as usize;
            spans.push(Span { partition, start, rows });
            start += rows;
        }
        let mut order = vec![0_u32; batch.num_rows()];
        for (row, partition) in (0..).zip(&self.of_row) {
            let slot = &mut self.counts[*partition as usize];
            order[*slot as usize] = row;
            *slot += 1;
        }
        for span in &spans {
            self.counts[span.partition] = 0;
        }
        Ok((take_record_batch(&batch, &UInt32Array::from(order))?, spans))
    }

    /// Fills `of_row` and `counts`; the partitions that occur, in order of first appearance in the batch.
    fn number(&mut self, batch: &RecordBatch) -> Result<Vec<usize>, SinkError> {
        self.keys.convert(batch, &mut self.rows)?;
        self.of_row.clear();
        let mut touched = Vec::new();
        let mut last: (&[u8], u32) = (&[], 0);
        for row in &self.rows {
            // Neighbours mostly share a partition.
            if row.data() != last.0 || last.0.is_empty() {
                let number = if let Some(number) = self.numbers.get(row.data()) {
                    *number
                } else {
                    let number = self.known.len();
                    if number == self.limit {
                        return Err(SinkError::TooManyPartitions {
                            limit: self.limit,
                            fields: self.keys.names(),
                        });
                    }
                    self.numbers.insert(row.data().into(), number as u32);
                    self.known.push(row.owned());
                    self.counts.push(0);
                    number as u32
                };
                last = (row.data(), number);
            }
            let count = &mut self.counts[last.1 as usize];
            if *count == 0 {
                touched.push(last.1 as usize);
            }
            *count += 1;
            self.of_row.push(last.1);
        }
        Ok(touched)
    }

    /// The numbers of all partitions, in the order of their values (nulls first), each with its values in words.
    pub fn ordered(&self) -> Result<Vec<(usize, PartitionValues)>, SinkError> {
        let mut numbers: Vec<usize> = (0..self.known.len()).collect();
        numbers.sort_unstable_by(|a, b| self.known[*a].cmp(&self.known[*b]));
        numbers
            .into_iter()
            .map(|number| Ok((number, self.keys.values(self.known[number].row())?)))
            .collect()
    }
}

/// XXH3 in one shot: keys are short.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }
}
