//! The values of one column, wherever they stand.

use crate::sample::Sample;
use arrow_array::{Array, ArrayRef};
use std::collections::HashSet;
use watershed_decode::{
    block::{Block, Cell, Record},
    parse::ColumnParser,
};

/// Spellings that may stand for null. The first ones do so in text as well.
pub const NULLS: [&str; 14] = [
    "NULL", "null", "Null", "\\N", "N/A", "n/a", "#N/A", "NA", "NaN", "nan", "None", "-", "--", "?",
];
/// How many of them stand for null in text: the others may be a value there (`NA` is Namibia).
pub const NULLS_OF_TEXT: usize = 7;
/// Different values that a candidate is tried on before all are.
const PROBE_VALUES: usize = 64;

/// One column of one or more objects.
pub struct Values<'a> {
    /// Name of the column.
    pub name: &'a str,
    /// The objects, and which field of their records it is; none: they lack it.
    pub parts: Vec<(&'a Sample, Option<usize>)>,
}

impl<'a> Values<'a> {
    /// Every value, trimmed; none where it is absent.
    pub fn texts(&self) -> impl Iterator<Item = Option<&'a [u8]>> + '_ {
        self.parts.iter().flat_map(|(sample, field)| {
            let block = &sample.block;
            let text = move |row| block.text(row, (*field)?).map(<[u8]>::trim_ascii);
            (sample.first_row..block.records.len()).map(text)
        })
    }

    /// Every value that is not empty nor spelt as null.
    pub fn values(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        let is_null = |text: &[u8]| text.is_empty() || NULLS.iter().any(|null| null.as_bytes() == text);
        self.texts().flatten().filter(move |text| !is_null(text))
    }

    /// The columns of all objects, and how many values could not be read.
    pub fn read(&self, parser: &ColumnParser) -> (Vec<ArrayRef>, usize) {
        let mut unread = 0;
        let read = |(sample, field): &(&Sample, Option<usize>)| {
            let mut violations = Vec::new();
            let array = parser.parse(&sample.block, *field, 0, &mut violations);
            unread += violations.iter().filter(|v| v.row as usize >= sample.first_row).count();
            array.slice(sample.first_row, array.len() - sample.first_row)
        };
        (self.parts.iter().map(read).collect(), unread)
    }

    /// Whether there are values in JSON's quotes, and values that are JSON themselves.
    pub fn quoted_and_nested(&self) -> (bool, bool) {
        let (mut quoted, mut nested) = (false, false);
        for (sample, field) in self.parts.iter().filter(|(sample, _)| sample.layout.is_json()) {
            let block = &sample.block;
            for cells in block.rows() {
                let Some((start, end)) = field.and_then(|field| cells[field].range()) else {
                    continue;
                };
                // What was unescaped stands behind the text; only strings are.
                let in_quotes = start >= sample.text_bytes || (start > 0 && block.bytes[start - 1] == b'"');
                quoted |= in_quotes;
                nested |= !in_quotes && matches!(block.bytes[start..end].first(), Some(b'{' | b'['));
            }
        }
        (quoted, nested)
    }
}

/// Some different values.
pub fn probe<'a>(values: &Values<'a>) -> Vec<&'a [u8]> {
    let (mut seen, mut probe) = (HashSet::new(), Vec::new());
    for value in values.values() {
        if probe.len() < PROBE_VALUES && seen.insert(value) {
            probe.push(value);
        }
    }
    probe
}

/// A block of one column.
pub fn block_of(values: &[&[u8]]) -> Block {
    let mut block = Block {
        width: 1,
        ..Block::default()
    };
    for value in values {
        let start = block.bytes.len();
        block.bytes.extend_from_slice(value);
        block.records.push(Record {
            start: start as u32,
            end: block.bytes.len() as u32,
        });
        block.cells.push(Cell::new(start, block.bytes.len()));
    }
    block
}
