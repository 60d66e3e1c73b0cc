//! The cells of one column, read one after the other: the loop that each value goes through.

use super::{Bad, ColumnParser, Text, length_bit, localised::Localised};
use crate::{
    block::{Block, Cell},
    reject::Violation,
};
use arrow_array::{ArrowPrimitiveType, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use std::{collections::BTreeSet, slice::ChunksExact};
use watershed_contract::NumberFormat;
use watershed_lake::ColumnType;

/// The cells of one column of a block.
pub struct Cells<'a> {
    block: &'a Block,
    field: Option<usize>,
    parser: &'a ColumnParser,
    index: u32,
}

impl<'a> Cells<'a> {
    /// Of the column `index` of the dataset, which stands in field `field` of the block.
    pub fn new(block: &'a Block, field: Option<usize>, parser: &'a ColumnParser, index: u32) -> Self {
        Self {
            block,
            field,
            parser,
            index,
        }
    }

    /// How their numbers are written.
    pub fn numbers_as(&self) -> &'a NumberFormat {
        &self.parser.rule.number
    }

    /// How many.
    pub fn rows(&self) -> usize {
        self.block.records.len()
    }

    /// Which column of the dataset.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The values' texts, trimmed; none where they are null.
    #[inline]
    pub fn texts(&self) -> Texts<'a> {
        let rule = &self.parser.rule;
        Texts {
            rows: self.block.rows(),
            bytes: &self.block.bytes,
            field: self.field,
            trim: rule.trim,
            empty_is_null: !matches!(self.parser.kind, ColumnType::String | ColumnType::Binary),
            null_lengths: self.parser.null_lengths,
            nulls: &rule.nulls,
        }
    }

    /// That the value of a row could not be read.
    #[cold]
    pub fn violation(&self, row: usize, bad: Bad) -> Violation {
        Violation {
            row: row as u32,
            column: Some(self.index),
            reason: bad.reason,
            message: bad.message,
        }
    }

    /// Numbers, whatever their format; `read` reads plain ones.
    #[inline]
    pub fn numbers<T: ArrowPrimitiveType>(
        &self,
        violations: &mut Vec<Violation>,
        read: impl Fn(Text<'_>) -> Result<T::Native, Bad>,
    ) -> PrimitiveArray<T> {
        let format = self.numbers_as();
        if format.is_plain() {
            return self.primitive(violations, read);
        }
        let localised = Localised::new(format);
        self.primitive(violations, |text| localised.read(text, &read))
    }

    /// Values of a fixed width.
    #[inline]
    pub fn primitive<T: ArrowPrimitiveType>(
        &self,
        violations: &mut Vec<Violation>,
        read: impl Fn(Text<'_>) -> Result<T::Native, Bad>,
    ) -> PrimitiveArray<T> {
        let mut values = vec![T::Native::default(); self.rows()];
        let mut nulls = Nulls::default();
        let mut texts = self.texts();
        for (row, value) in values.iter_mut().enumerate() {
            match texts.next().flatten().map(&read) {
                Some(Ok(read)) => *value = read,
                Some(Err(bad)) => {
                    violations.push(self.violation(row, bad));
                    nulls.push(row);
                }
                None => nulls.push(row),
            }
        }
        PrimitiveArray::new(ScalarBuffer::from(values), nulls.finish(self.rows()))
    }
}

/// See [`Cells::texts`]. What does not change from cell to cell stands beside the cells.
pub struct Texts<'a> {
    rows: ChunksExact<'a, Cell>,
    bytes: &'a [u8],
    field: Option<usize>,
    trim: bool,
    empty_is_null: bool,
    null_lengths: u64,
    nulls: &'a BTreeSet<String>,
}

impl<'a> Iterator for Texts<'a> {
    type Item = Option<Text<'a>>;

    // The loops over it are what reading is; a call a cell would be a fifth of their time.
    #[expect(clippy::inline_always)]
    #[inline(always)]
    fn next(&mut self) -> Option<Option<Text<'a>>> {
        let cells = self.rows.next()?;
        Some(self.field.and_then(|field| self.text(cells[field])))
    }
}

impl<'a> Texts<'a> {
    #[expect(clippy::inline_always)]
    #[inline(always)]
    fn text(&self, cell: Cell) -> Option<Text<'a>> {
        let (start, end) = cell.range()?;
        let text = Text {
            around: self.bytes,
            start,
            end,
        };
        let text = if self.trim { text.trimmed() } else { text };
        let is_null = if text.len() == 0 {
            self.empty_is_null || self.null_lengths & 1 != 0
        } else {
            self.null_lengths & length_bit(text.len()) != 0 && self.is_spelling(text.bytes())
        };
        (!is_null).then_some(text)
    }

    fn is_spelling(&self, text: &[u8]) -> bool {
        self.nulls.iter().any(|spelling| spelling.as_bytes() == text)
    }
}

/// The rows without a value: mostly none.
#[derive(Default)]
pub struct Nulls(Vec<u32>);

impl Nulls {
    /// Rows come in their order.
    #[inline]
    pub fn push(&mut self, row: usize) {
        self.0.push(row as u32);
    }

    /// Of so many rows.
    pub fn finish(self, rows: usize) -> Option<NullBuffer> {
        if self.0.is_empty() {
            return None;
        }
        let mut valid = BooleanBufferBuilder::new(rows);
        valid.append_n(rows, true);
        for row in &self.0 {
            valid.set_bit(*row as usize, false);
        }
        let valid: BooleanBuffer = valid.finish();
        Some(NullBuffer::new(valid))
    }
}
