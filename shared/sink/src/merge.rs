//! Merges the sorted runs of one partition.

use crate::{
    error::SinkError,
    key::{Head, Keys, Sorter},
    pending::TakeRows,
    scratch::{Scratch, Segment},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave_record_batch;
use std::cmp::Ordering;

/// Most runs that are merged at a time; each holds one chunk in memory.
pub const MAX_FAN_IN: usize = 32;

/// A sorted sequence of rows in one of the two scratch files.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its chunks, in order.
    pub segments: Vec<Segment>,
    /// Lies in the file of merged runs, not of first ones.
    pub merged: bool,
}

/// Both scratch files, and how their rows compare.
pub struct Merger<'a> {
    /// Runs as they came.
    pub first: &'a mut Scratch,
    /// Runs that were merged because there were too many; emptied after each partition.
    pub merged: &'a mut Scratch,
    /// The table's.
    pub schema: &'a SchemaRef,
    /// The sort order.
    pub sorter: &'a Sorter,
    /// Most bytes of a chunk that is written again.
    pub max_chunk_bytes: usize,
}

/// A run that is being read.
struct Cursor {
    run: Run,
    next_segment: usize,
    batch: RecordBatch,
    keys: Keys,
    row: usize,
    head: Head,
}

impl Merger<'_> {
    /// Gives the rows of all runs in order; among equal rows, those of an earlier run first.
    pub fn merge(&mut self, mut runs: Vec<Run>, take: &mut TakeRows<'_>) -> Result<(), SinkError> {
        // Each pass leaves at most a fan-in's part of the runs, so passes are few: a thousand runs take two.
        while runs.len() > MAX_FAN_IN {
            let mut left = runs.into_iter();
            let mut fewer: Vec<Run> = Vec::new();
            while fewer.len() + left.len() > MAX_FAN_IN && left.len() > 1 {
                let group = (fewer.len() + left.len() - MAX_FAN_IN + 1).min(MAX_FAN_IN);
                fewer.push(self.merge_to_scratch(left.by_ref().take(group).collect())?);
            }
            fewer.extend(left);
            runs = fewer;
        }
        self.merge_at_once(runs, take)?;
        if self.merged.length() > 0 {
            self.merged.clear()
        } else {
            Ok(())
        }
    }

    fn merge_to_scratch(&mut self, runs: Vec<Run>) -> Result<Run, SinkError> {
        let mut cursors = self.open(runs)?;
        let mut segments = Vec::new();
        while let Some(batch) = self.next(&mut cursors)? {
            self.merged.append(&batch, self.max_chunk_bytes, &mut segments)?;
        }
        Ok(Run { segments, merged: true })
    }

    fn merge_at_once(&mut self, runs: Vec<Run>, take: &mut TakeRows<'_>) -> Result<(), SinkError> {
        let mut cursors = self.open(runs)?;
        while let Some(batch) = self.next(&mut cursors)? {
            take(batch)?;
        }
        Ok(())
    }

    fn open(&mut self, runs: Vec<Run>) -> Result<Vec<Cursor>, SinkError> {
        let mut cursors = Vec::with_capacity(runs.len());
        for run in runs {
            if let Some((batch, keys)) = self.read(&run, 0)? {
                let head = keys.head(0);
                cursors.push(Cursor {
                    run,
                    next_segment: 1,
                    batch,
                    keys,
                    row: 0,
                    head,
                });
            }
        }
        Ok(cursors)
    }

    fn read(&mut self, run: &Run, segment: usize) -> Result<Option<(RecordBatch, Keys)>, SinkError> {
        let Some(segment) = run.segments.get(segment) else {
            return Ok(None);
        };
        let file = if run.merged {
            &mut *self.merged
        } else {
            &mut *self.first
        };
        let batch = file.read(*segment, self.schema)?;
        let keys = self.sorter.keys(&batch)?;
        Ok(Some((batch, keys)))
    }

    /// The next rows: until a chunk is used up, at most as many as the largest chunk has.
    fn next(&mut self, cursors: &mut Vec<Cursor>) -> Result<Option<RecordBatch>, SinkError> {
        let limit = cursors.iter().map(|cursor| cursor.batch.num_rows()).max().unwrap_or(0);
        // A heap of indexes into `cursors`, the least on top; ties go to the earlier run.
        let mut heap: Vec<usize> = (0..cursors.len()).collect();
        for at in (0..heap.len() / 2).rev() {
            sift_down(&mut heap, at, cursors);
        }
        let mut places = Vec::with_capacity(limit);
        let mut used_up = None;
        while let Some(top) = heap.first().copied() {
            let cursor = &mut cursors[top];
            places.push((top, cursor.row));
            cursor.row += 1;
            if cursor.row == cursor.batch.num_rows() {
                used_up = Some(top);
                break;
            }
            cursor.head = cursor.keys.head(cursor.row);
            if places.len() == limit {
                break;
            }
            sift_down(&mut heap, 0, cursors);
        }
        if places.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = cursors.iter().map(|cursor| &cursor.batch).collect();
        let out = interleave_record_batch(&batches, &places)?;
        if let Some(index) = used_up {
            self.refill(cursors, index)?;
        }
        Ok(Some(out))
    }

    fn refill(&mut self, cursors: &mut Vec<Cursor>, index: usize) -> Result<(), SinkError> {
        let cursor = &mut cursors[index];
        match self.read(&cursor.run, cursor.next_segment)? {
            Some((batch, keys)) => {
                cursor.next_segment += 1;
                (cursor.row, cursor.head) = (0, keys.head(0));
                (cursor.batch, cursor.keys) = (batch, keys);
            }
            None => {
                // Keeps the order of the others, which decides ties.
                cursors.remove(index);
            }
        }
        Ok(())
    }
}

fn sift_down(heap: &mut [usize], mut at: usize, cursors: &[Cursor]) {
    loop {
        let mut least = at;
        for child in [2 * at + 1, 2 * at + 2] {
            if child < heap.len() && compare(heap[child], heap[least], cursors) == Ordering::Less {
                least = child;
            }
        }
        if least == at {
            return;
        }
        heap.swap(at, least);
        at = least;
    }
}

fn compare(left: usize, right: usize, cursors: &[Cursor]) -> Ordering {
    let (a, b) = (&cursors[left], &cursors[right]);
    let rest = || a.keys.compare_rest(a.row, &b.keys, b.row);
    a.head.cmp(&b.head).then_with(rest).then(left.cmp(&right))
}
