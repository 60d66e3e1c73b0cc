//! What is read beside objects' rows: contracts, expressions, and objects that no contract matches.

use crate::{contracts, mode::MAX_OBJECT_BYTES, rows};
use arrow_array::{Array, ArrayRef, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use std::{io::Read, sync::Arc};
use watershed_contract::{Dataset, Format};
use watershed_decode::decompress;
use watershed_expression::Expression;
use watershed_lake::ColumnType;

/// Names of objects, some with a hint of what they hold.
const KEYS: [&str; 6] = [
    "a/b.csv",
    "a/2013/b.json",
    "b.jsonl.gz",
    "x.tsv",
    "x",
    "a/b=1/part-0.parquet",
];
/// A draft of more rows than that is of a sample.
const MAX_DRAFT_ROWS: usize = 10_000;

/// A draft is a contract, and refuses nothing of what it was made of.
pub fn infer(input: &[u8]) {
    let Some((selector, object)) = input.split_first() else {
        return;
    };
    if too_long(object) {
        return;
    }
    let key = KEYS[usize::from(*selector) % KEYS.len()];
    let Ok(draft) = watershed_infer::infer(object, key) else {
        return;
    };
    let yaml = draft.yaml();
    let datasets = watershed_contract::parse("draft.odcs.yaml", &yaml);
    let datasets = datasets.unwrap_or_else(|errors| panic!("a draft is no contract:\n{errors}\n{yaml}"));
    let [dataset] = datasets.as_slice() else {
        panic!("a draft is of one dataset:\n{yaml}")
    };
    drop(draft.report().to_string());
    let says_so = draft.notes.iter().any(|note| note.contains("are refused"));
    if draft.complete
        && draft.left_out == 0
        && !says_so
        && draft.rows < MAX_DRAFT_ROWS
        && dataset.format != Format::Parquet
    {
        whole(dataset, object, draft.rows, &yaml);
    }
}

fn whole(dataset: &Arc<Dataset>, object: &[u8], rows: usize, yaml: &str) {
    match rows::read(dataset, object) {
        Err(rows::Refused::Object(reject)) => panic!("{reject}, by the draft of the object:\n{yaml}"),
        Err(rows::Refused::Damaged) => {}
        Ok(found) => {
            assert!(
                found.rejected.is_empty(),
                "{:?}, by the draft of the object:\n{yaml}",
                found.rejected
            );
            assert_eq!(found.accepted, rows as u64, "rows of the object, by its draft:\n{yaml}");
        }
    }
}

fn too_long(object: &[u8]) -> bool {
    let Ok((_, text)) = decompress(object) else {
        return false;
    };
    let mut read = 0;
    let mut buffer = [0; 8 * 1024];
    let mut text = text.take(MAX_OBJECT_BYTES as u64 + 1);
    while let Ok(length @ 1..) = text.read(&mut buffer) {
        read += length;
    }
    read > MAX_OBJECT_BYTES
}

/// Whatever the text, it is a contract, or all that is wrong is told with lines that it has.
pub fn contract(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let lines = text.split(['\n', '\r']).count() + 1;
    match watershed_contract::parse("a.odcs.yaml", text) {
        Ok(datasets) => assert!(!datasets.is_empty(), "a contract has datasets"),
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            for diagnostic in errors.iter() {
                assert!(
                    diagnostic.line <= lines,
                    "line {} of {lines}: {diagnostic}",
                    diagnostic.line
                );
            }
        }
    }
}

/// What is said of a row for whose text there is no room.
const TOO_LONG: &str = "is too long a text";
/// Rows of a batch.
const ROWS: usize = 4;

/// An expression that is one prints as itself, and is worth for each row alone what it is worth for the batch.
pub fn expression(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(printed) = Expression::printed(text) {
        let again = Expression::printed(&printed);
        assert_eq!(again.as_ref(), Ok(&printed), "{text}");
    }
    let columns = columns();
    let names: Vec<(&str, ColumnType)> = columns.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    let arrays: Vec<ArrayRef> = columns.into_iter().map(|(.., array)| array).collect();
    let Ok(expression) = Expression::new(text, &names) else {
        return;
    };
    let all = expression.evaluate(&arrays, ROWS);
    assert_eq!(all.values.len(), ROWS, "{text}");
    assert!(
        all.failures
            .iter()
            .all(|failure| all.values.is_null(failure.row as usize)),
        "{text}"
    );
    // Text has room for all rows together.
    if all.failures.iter().any(|failure| failure.message.contains(TOO_LONG)) {
        return;
    }
    for row in 0..ROWS {
        let one: Vec<ArrayRef> = arrays.iter().map(|array| array.slice(row, 1)).collect();
        let one = expression.evaluate(&one, 1);
        assert_eq!(
            one.values.to_data(),
            all.values.slice(row, 1).to_data(),
            "row {row} of {text}"
        );
        let failed = all.failures.iter().find(|failure| failure.row as usize == row);
        assert_eq!(
            one.failures.first().map(|one| &one.message),
            failed.map(|all| &all.message),
            "row {row} of {text}"
        );
    }
}

fn columns() -> Vec<(&'static str, ColumnType, ArrayRef)> {
    let days = [Some(15_764), Some(i32::MAX), Some(-719_162), None];
    let stamps = [
        Some(1_362_095_999_000_000),
        Some(253_402_300_799_999_999),
        Some(-62_135_596_800_000_000),
        None,
    ];
    let texts = [Some("a-Größe"), Some(""), Some("2013-02-28"), None];
    let longs = [Some(7), Some(i64::MIN), Some(i64::MAX), None];
    let doubles = [Some(0.1), Some(-0.0), Some(1e308), None];
    vec![
        ("n", ColumnType::Long, Arc::new(Int64Array::from(longs.to_vec()))),
        ("x", ColumnType::Double, Arc::new(Float64Array::from(doubles.to_vec()))),
        ("s", ColumnType::String, Arc::new(StringArray::from(texts.to_vec()))),
        ("p", contracts::WIDE, contracts::decimals(ROWS)),
        ("d", ColumnType::Date, Arc::new(Date32Array::from(days.to_vec()))),
        (
            "t",
            ColumnType::Timestamp,
            Arc::new(TimestampMicrosecondArray::from(stamps.to_vec())),
        ),
    ]
}
