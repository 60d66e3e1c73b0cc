//! Text to typed columns, one column of a block at a time.

mod calendar;
mod cells;
mod digits;
mod localised;
mod names;
mod number;
pub(crate) mod temporal;
mod text;
mod units;

use crate::{
    block::Block,
    nested::Shape,
    reject::{Reason, Violation},
};
use arrow_array::{
    ArrayRef,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use cells::Cells;
use std::sync::Arc;
use watershed_contract::ColumnRule;
use watershed_lake::{Column, ColumnType};

/// A value that could not be read.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    reason: Reason,
    message: String,
}

impl Bad {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// `text` is not a `what`.
    fn not_a(what: &str, text: &[u8]) -> Self {
        Self::new(Reason::Type, format!("{} is not {what}", crate::reject::shown(text)))
    }
}

/// A value's text where it stands in the block: what is around it makes loads of a fixed width possible.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    around: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Text<'a> {
    /// Of all these bytes.
    fn whole(bytes: &'a [u8]) -> Self {
        Self {
            around: bytes,
            start: 0,
            end: bytes.len(),
        }
    }

    #[inline]
    fn bytes(self) -> &'a [u8] {
        &self.around[self.start..self.end]
    }

    #[inline]
    fn len(self) -> usize {
        self.end - self.start
    }

    /// Its bytes `from..to`.
    #[inline]
    fn part(self, from: usize, to: usize) -> Self {
        debug_assert!(from <= to && to <= self.len(), "a part lies inside");
        Self {
            start: self.start + from,
            end: self.start + to,
            ..self
        }
    }

    /// Without ASCII white space at both ends.
    #[inline]
    fn trimmed(self) -> Self {
        match self.bytes() {
            [first, .., last] if *first > b' ' && *last > b' ' => self,
            bytes => {
                let start = self.start + (bytes.len() - bytes.trim_ascii_start().len());
                Self {
                    start,
                    end: start + bytes.trim_ascii().len(),
                    ..self
                }
            }
        }
    }
}

/// Reads the cells of one column.
#[derive(Debug, Clone)]
pub struct ColumnParser {
    rule: ColumnRule,
    kind: ColumnType,
    /// Bit `n` is set where a null spelling has `n` bytes (the last bit: as many or more), so that most values need no comparison.
    null_lengths: u64,
    /// Of a struct or list.
    shape: Option<Shape>,
}

impl ColumnParser {
    /// Of a column with that rule.
    pub fn of(rule: &ColumnRule, column: &Column) -> Self {
        Self {
            shape: Shape::of(rule, column),
            ..Self::new(rule, column.kind)
        }
    }

    /// Of a column with that rule and type, which is no nested one.
    pub fn new(rule: &ColumnRule, kind: ColumnType) -> Self {
        let null_lengths = rule
            .nulls
            .iter()
            .fold(0, |bits, spelling| bits | length_bit(spelling.len()));
        Self {
            rule: rule.clone(),
            kind,
            null_lengths,
            shape: None,
        }
    }

    /// The column `index` of the dataset, from field `field` of the block; a field that the source lacks gives nulls. What could
    /// not be read is null, and a violation.
    pub fn parse(&self, block: &Block, field: Option<usize>, index: u32, violations: &mut Vec<Violation>) -> ArrayRef {
        let cells = Cells::new(block, field, self, index);
        if let Some(units) = &self.rule.number.units
            && let Some(converted) = units::parse(&cells, units, self.kind, violations)
        {
            return converted;
        }
        match self.kind {
            ColumnType::Boolean => text::booleans(&cells, &self.rule.booleans, violations),
            ColumnType::Int => Arc::new(cells.numbers::<Int32Type>(violations, |text| {
                number::integer(text)?
                    .try_into()
                    .map_err(|_| number::too_large(text.bytes(), "int"))
            })),
            ColumnType::Long => Arc::new(cells.numbers::<Int64Type>(violations, number::integer)),
            ColumnType::Float => {
                Arc::new(cells.numbers::<Float32Type>(violations, |text| number::float32(text.bytes())))
            }
            ColumnType::Double => {
                Arc::new(cells.numbers::<Float64Type>(violations, |text| number::float64(text.bytes())))
            }
            ColumnType::Decimal { precision, scale } => {
                let decimals = number::Decimals::new(precision, scale);
                let array = cells.numbers::<Decimal128Type>(violations, |text| decimals.read(text));
                let typed = array.with_precision_and_scale(precision, scale as i8);
                Arc::new(typed.expect("the contract checked precision and scale"))
            }
            ColumnType::Date => {
                let format = &self.rule.temporal;
                Arc::new(cells.primitive::<Date32Type>(violations, |text| temporal::date(text.bytes(), format)))
            }
            ColumnType::Time => {
                let format = &self.rule.temporal;
                Arc::new(
                    cells.primitive::<Time64MicrosecondType>(violations, |text| temporal::time(text.bytes(), format)),
                )
            }
            ColumnType::Timestamp => {
                let format = &self.rule.temporal;
                Arc::new(
                    cells.primitive::<TimestampMicrosecondType>(violations, |text| {
                        temporal::local(text.bytes(), format)
                    }),
                )
            }
            ColumnType::TimestampTz => {
                let format = &self.rule.temporal;
                let array =
                    cells.primitive::<TimestampMicrosecondType>(violations, |text| temporal::utc(text.bytes(), format));
                Arc::new(array.with_timezone("UTC"))
            }
            ColumnType::String => text::strings(&cells, self.rule.case, violations),
            ColumnType::Binary => text::binaries(&cells),
            ColumnType::Struct | ColumnType::List => self.nested(&cells, violations),
        }
    }

    fn nested(&self, cells: &Cells<'_>, violations: &mut Vec<Violation>) -> ArrayRef {
        let shape = self
            .shape
            .as_ref()
            .expect("the parser of a nested column was made of the column");
        let roots: Vec<u32> = (0..cells.rows() as u32).collect();
        let mut found = Vec::new();
        let texts = cells.texts().map(|text| text.map(Text::bytes));
        let array = shape.read(texts, &roots, &mut found);
        violations.extend(found.into_iter().map(|found| found.violation(cells.index())));
        array
    }

    /// How a struct or list is read.
    pub fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// The texts of a field of the block; none where they are null.
    pub fn texts<'b>(&'b self, block: &'b Block, field: usize) -> impl Iterator<Item = Option<&'b [u8]>> {
        Cells::new(block, Some(field), self, 0)
            .texts()
            .map(|text| text.map(Text::bytes))
    }

    /// Whether values are of another unit than the column.
    pub fn converts(&self) -> bool {
        self.rule.number.units.is_some()
    }
}

#[inline]
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}
