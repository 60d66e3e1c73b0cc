//! Personal data: what the contract wants hidden is hidden before a row leaves this crate, accepted or refused.

use crate::{
    arrays,
    block::{Block, Cell},
    fields::FieldMap,
    nested,
};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, cast::AsArray};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, sync::Arc};
use watershed_contract::{Dataset, Personal};
use watershed_lake::hex;

/// Stands for every value of a redacted column, and for every hidden value in quarantine.
pub const REDACTED: &str = "[redacted]";
/// Stands for the bytes of a refused row that could not be split into its columns.
pub const WITHHELD: &str = "[withheld: the dataset has personal columns, and the row could not be split into its columns; \
     the object has it at this offset]";

/// Key of the hashes: HMAC-SHA-256 (RFC 2104, RFC 6234). Never printed.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

impl HashKey {
    /// Of bytes of any length; 32 or more that nobody can guess.
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// 64 hexadecimal digits.
    pub fn hash(&self, value: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(value);
        hex(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(***)")
    }
}

/// The contract wants hashes, and there is no key to make them with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the contract has hashed columns, and there is no hash key")]
pub struct MissingHashKey;

/// What is done with the personal columns of a dataset.
#[derive(Debug)]
pub struct Treatment {
    columns: Vec<Personal>,
    key: Option<HashKey>,
    is_private: bool,
}

impl Treatment {
    /// Of a dataset; the key is needed where it has hashed columns.
    pub fn new(dataset: &Dataset, key: Option<HashKey>) -> Result<Self, MissingHashKey> {
        if dataset.needs_hash_key() && key.is_none() {
            return Err(MissingHashKey);
        }
        Ok(Self::with_key(dataset, key))
    }

    /// The same with columns that were added.
    #[must_use]
    pub fn extended(&self, dataset: &Dataset) -> Self {
        Self::with_key(dataset, self.key.clone())
    }

    fn with_key(dataset: &Dataset, key: Option<HashKey>) -> Self {
        Self {
            columns: dataset.columns.iter().map(|rule| rule.personal).collect(),
            key,
            is_private: dataset.is_private(),
        }
    }

    /// True where no value of the source may be shown without a look at its column.
    pub fn is_private(&self) -> bool {
        self.is_private
    }

    /// True where values of the column may not be shown.
    pub fn hides(&self, column: usize) -> bool {
        self.columns[column] != Personal::Keep
    }

    /// The rows as they may be written.
    pub fn apply(&self, batch: RecordBatch) -> RecordBatch {
        if self.columns.iter().all(|personal| *personal == Personal::Keep) {
            return batch;
        }
        let (schema, columns, _) = batch.into_parts();
        let treated = columns.into_iter().zip(&self.columns);
        let columns = treated
            .map(|(column, personal)| self.column(column, *personal))
            .collect();
        RecordBatch::try_new(schema, columns).expect("texts in place of texts, nulls where they were")
    }

    fn column(&self, column: ArrayRef, personal: Personal) -> ArrayRef {
        let texts = |change: &dyn Fn(&str) -> String| -> ArrayRef {
            let changed = column.as_string::<i32>().iter().map(|value| value.map(change));
            Arc::new(changed.collect::<StringArray>())
        };
        match (personal, &self.key) {
            (Personal::Hash, Some(key)) => texts(&|value| key.hash(value.as_bytes())),
            (Personal::Hash | Personal::Redact, _) => texts(&|_| REDACTED.into()),
            (Personal::Keep | Personal::Drop, _) => column,
        }
    }

    /// A refused row of text as it may be shown: its columns as one line of JSON, hidden values redacted.
    pub fn shown_row(&self, block: &Block, row: usize, fields: &FieldMap, dataset: &Dataset) -> Vec<u8> {
        let cells = &block.cells[row * block.width..(row + 1) * block.width];
        if cells.iter().all(|cell| *cell == Cell::ABSENT) {
            return WITHHELD.into();
        }
        let values = dataset
            .columns
            .iter()
            .zip(fields)
            .enumerate()
            .filter(|(_, (rule, _))| rule.is_read())
            .map(|(column, (rule, field))| {
                let text = field.and_then(|field| block.text(row, field));
                let text = text.map(|text| String::from_utf8_lossy(text).into_owned());
                (rule.source.as_str(), text, self.hides(column))
            });
        line(values)
    }
}

/// A row of typed columns as one line of JSON, where it has no text of its own; those that are hidden, redacted.
pub fn typed_line(batch: &RecordBatch, row: usize, is_hidden: impl Fn(usize) -> bool) -> Vec<u8> {
    let schema = batch.schema_ref();
    let columns = schema.fields().iter().zip(batch.columns()).enumerate();
    line(columns.map(|(at, (field, column))| {
        let text = || arrays::text(column, row).or_else(|| nested::json(column, row));
        let shown = || text().unwrap_or_else(|| format!("({})", column.data_type()));
        (field.name().as_str(), column.is_valid(row).then(shown), is_hidden(at))
    }))
}

/// Names and values as one line of JSON; values that are hidden, redacted.
pub fn line<'a>(values: impl Iterator<Item = (&'a str, Option<String>, bool)>) -> Vec<u8> {
    let mut out = String::from("{");
    for (name, value, hidden) in values {
        if out.len() > 1 {
            out.push_str(", ");
        }
        out.push_str(&json_text(name));
        out.push_str(": ");
        match value {
            None => out.push_str("null"),
            Some(_) if hidden => out.push_str(&json_text(REDACTED)),
            Some(value) => out.push_str(&json_text(&value)),
        }
    }
    out.push('}');
    out.into_bytes()
}

/// A string of JSON (RFC 8259, section 7).
pub(crate) fn json_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_hmac_sha_256() {
        // RFC 4231, test case 2.
        let hash = HashKey::new(b"Jefe").hash(b"what do ya want for nothing?");
        assert_eq!(hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert_eq!(format!("{:?}", HashKey::new(b"Jefe")), "HashKey(***)");
    }

    #[test]
    fn a_line_is_json() {
        let values = [
            ("a", Some("x\"\\\n".to_string()), false),
            ("ssn", Some("078-05-1120".into()), true),
            ("c", None, true),
        ];
        let line = String::from_utf8(line(values.into_iter())).unwrap();
        assert_eq!(line, r#"{"a": "x\"\\\u000a", "ssn": "[redacted]", "c": null}"#);
    }
}
