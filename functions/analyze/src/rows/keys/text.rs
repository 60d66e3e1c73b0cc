//! Keys as text: for people, and for the hash that says which shard a key belongs to.

use super::{
    BadKey, KeyValue,
    read::{next, read_key},
};
use std::{borrow::Cow, fmt::Write as _};
use watershed_contract::Window;
use watershed_decode::check::exact_text;
use watershed_kinesis::hash_key;
use watershed_lake::{ColumnType, hex, windows::column};
use watershed_stream::codec::Reader;

/// The hash key of a key: the MD5 of the text of its first value, which is what a producer partitions the stream by whose windows are
/// grouped by it. Texts and bytes are as they are, decimals have all their digits, times are in ISO 8601. A key without columns, and a
/// null, hash as the empty text; bytes that are no key as themselves.
pub fn owner(key: &[u8]) -> u128 {
    if key.is_empty() {
        return hash_key(b"");
    }
    hash_key(&next(&mut Reader::new(key)).map_or(Cow::Borrowed(key), partition_key))
}

fn partition_key(value: KeyValue<'_>) -> Cow<'_, [u8]> {
    let owned = |text: String| Cow::Owned(text.into_bytes());
    match value {
        KeyValue::Null => Cow::Borrowed(b""),
        KeyValue::Bool(value) => owned(value.to_string()),
        KeyValue::Exact { value, kind } => owned(exact_text(value, kind)),
        KeyValue::Text(text) => Cow::Borrowed(text.as_bytes()),
        KeyValue::Binary(bytes) => Cow::Borrowed(bytes),
    }
}

/// The key as a JSON object of its columns, in their order: `{"site":"a","metric":null}`. Times are in ISO 8601, bytes are hexadecimal
/// digits (Iceberg specification, "JSON single-value serialization").
///
/// # Errors
/// The bytes are no key of the window.
pub fn key_json(window: &Window, key: &[u8]) -> Result<String, BadKey> {
    let values = read_key(key)?;
    let columns = &window.table.columns[column::COUNT..][..window.key.len()];
    if values.len() != columns.len() {
        return Err(BadKey);
    }
    let mut out = String::from("{");
    for (column, value) in columns.iter().zip(values) {
        let comma = if out.len() > 1 { "," } else { "" };
        // A column's name is `[a-z][a-z0-9_]*`: nothing to escape.
        write!(out, "{comma}\"{}\":{}", column.name, json(value)).expect("a text takes what is written to it");
    }
    out.push('}');
    Ok(out)
}

fn json(value: KeyValue<'_>) -> String {
    let text = |text: String| serde_json::Value::from(text).to_string();
    match value {
        KeyValue::Null => "null".into(),
        KeyValue::Bool(value) => value.to_string(),
        KeyValue::Exact {
            value,
            kind: kind @ (ColumnType::Long | ColumnType::Decimal { .. }),
        } => exact_text(value, kind),
        KeyValue::Exact { value, kind } => text(exact_text(value, kind)),
        KeyValue::Text(value) => text(value.into()),
        KeyValue::Binary(bytes) => text(hex(bytes)),
    }
}
