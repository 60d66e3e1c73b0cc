//! Strings, bytes and booleans.

use super::{
    Bad, Text,
    cells::{Cells, Nulls},
};
use crate::reject::Violation;
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use std::{collections::BTreeSet, sync::Arc};
use watershed_contract::Case;

/// Values of variable length, one behind the other.
struct Bytes {
    offsets: Vec<i32>,
    values: Vec<u8>,
    nulls: Nulls,
}

impl Bytes {
    fn new(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            values: Vec::with_capacity(rows * 8),
            nulls: Nulls::default(),
        }
    }

    #[inline]
    fn append(&mut self, value: Option<Text<'_>>) {
        match value {
            Some(text) => self.copy(text),
            None => self.nulls.push(self.offsets.len() - 1),
        }
        self.end();
    }

    /// Most values are short: to copy a fixed number of bytes and drop what is too much is one instruction or two, where a copy
    /// of exactly as many is a call.
    #[inline]
    fn copy(&mut self, text: Text<'_>) {
        const FIXED: usize = 32;
        match text.around[text.start..].first_chunk::<FIXED>() {
            Some(chunk) if text.len() <= FIXED => {
                let end = self.values.len() + text.len();
                self.values.extend_from_slice(chunk);
                self.values.truncate(end);
            }
            _ => self.values.extend_from_slice(text.bytes()),
        }
    }

    #[inline]
    fn end(&mut self) {
        self.offsets.push(self.values.len() as i32);
    }

    fn finish(self) -> (OffsetBuffer<i32>, Buffer, Option<NullBuffer>) {
        let rows = self.offsets.len() - 1;
        (
            OffsetBuffer::new(ScalarBuffer::from(self.offsets)),
            Buffer::from_vec(self.values),
            self.nulls.finish(rows),
        )
    }
}

/// Every value is UTF-8: blocks with other bytes were looked through before.
pub fn strings(cells: &Cells<'_>, case: Case, violations: &mut Vec<Violation>) -> ArrayRef {
    let mut out = Bytes::new(cells.rows());
    for text in cells.texts() {
        match (case, text) {
            (_, None) => out.append(None),
            (Case::Keep, text) => out.append(text),
            (Case::Upper, Some(text)) => {
                changed(&mut out.values, text.bytes(), u8::to_ascii_uppercase, str::to_uppercase);
                out.end();
            }
            (Case::Lower, Some(text)) => {
                changed(&mut out.values, text.bytes(), u8::to_ascii_lowercase, str::to_lowercase);
                out.end();
            }
        }
    }
    let rows = cells.rows();
    let (offsets, values, nulls) = out.finish();
    match StringArray::try_new(offsets, values, nulls) {
        Ok(array) => Arc::new(array),
        Err(error) => {
            // Cannot be: see above. Were it to be, no row of the block would be let through.
            violations
                .extend((0..rows).map(|row| cells.violation(row, Bad::not_a("UTF-8", error.to_string().as_bytes()))));
            Arc::new(StringArray::new_null(rows))
        }
    }
}

fn changed(out: &mut Vec<u8>, text: &[u8], ascii: fn(&u8) -> u8, unicode: fn(&str) -> String) {
    match std::str::from_utf8(text) {
        Ok(text) if !text.is_ascii() => out.extend_from_slice(unicode(text).as_bytes()),
        _ => out.extend(text.iter().map(ascii)),
    }
}

/// The bytes as they stand.
pub fn binaries(cells: &Cells<'_>) -> ArrayRef {
    let mut out = Bytes::new(cells.rows());
    for text in cells.texts() {
        out.append(text);
    }
    let (offsets, values, nulls) = out.finish();
    Arc::new(BinaryArray::new(offsets, values, nulls))
}

/// Spellings of true and of false, whatever their case.
pub fn booleans(
    cells: &Cells<'_>,
    (yes, no): &(BTreeSet<String>, BTreeSet<String>),
    violations: &mut Vec<Violation>,
) -> ArrayRef {
    let is_one_of = |spellings: &BTreeSet<String>, text: &[u8]| {
        spellings
            .iter()
            .any(|spelling| spelling.as_bytes().eq_ignore_ascii_case(text))
    };
    let mut values = BooleanBufferBuilder::new(cells.rows());
    let mut nulls = Nulls::default();
    for (row, text) in cells.texts().enumerate() {
        let value = match text.map(Text::bytes) {
            None => None,
            Some(text) if is_one_of(yes, text) => Some(true),
            Some(text) if is_one_of(no, text) => Some(false),
            Some(text) => {
                let spellings: Vec<&str> = yes.iter().chain(no).map(String::as_str).collect();
                let what = format!("a boolean: write one of {}", spellings.join(", "));
                violations.push(cells.violation(row, Bad::not_a(&what, text)));
                None
            }
        };
        values.append(value.unwrap_or_default());
        if value.is_none() {
            nulls.push(row);
        }
    }
    Arc::new(BooleanArray::new(values.finish(), nulls.finish(cells.rows())))
}
