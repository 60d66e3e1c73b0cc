//! Hostile Parquet, and what becomes of it.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, outcome, run};
use std::sync::Arc;

const COLUMNS: &str = "    properties:\n      - {name: a, logicalType: string}\n";

#[test]
fn parquet_of_instants_that_no_microsecond_counts() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampMillisecondArray};
    let instants = [i64::MAX, 0, i64::MIN, 253_402_300_800_000];
    let local: ArrayRef = Arc::new(TimestampMillisecondArray::from(instants.to_vec()));
    let millis: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, i64::MAX / 2, 0, 0]).with_timezone("UTC"));
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(0..4));
    let batch = RecordBatch::try_from_iter([("n", n), ("s", local), ("m", millis)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let contract = dataset(
        "format: parquet",
        "    properties:\n      - {name: n, logicalType: integer}\n      - {name: s, logicalType: timestamp, physicalType: TIMESTAMP_NTZ}\n\
         \x20     - {name: m, logicalType: timestamp, physicalType: TIMESTAMP_TZ}\n",
    );
    assert_eq!(outcome(&contract, &bytes).0, "0 | overflow overflow overflow overflow");
    let first = batch.slice(1, 1);
    let mut whole = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut whole, batch.schema(), None).unwrap();
    writer.write(&first).unwrap();
    writer.close().unwrap();
    assert_eq!(outcome(&contract, &whole).0, "0 | overflow");
}

#[test]
fn parquet_that_lies() {
    let contract = dataset("format: parquet", COLUMNS);
    let texts: arrow_array::ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["x", "y"]));
    let batch = arrow_array::RecordBatch::try_from_iter([("a", texts)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(outcome(&contract, &bytes).0, "2 |");
    // Cut anywhere, or with any byte of it changed: it is read, or refused.
    for at in 0..bytes.len() {
        assert!(
            outcome(&contract, &bytes[..at])
                .0
                .starts_with(if at == 0 { "" } else { "! " }),
            "{at}"
        );
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        run(&contract, &changed).unwrap();
    }
    assert_eq!(outcome(&contract, b"PAR1PAR1").0, "! truncated");
    let huge = [b"PAR1".as_slice(), &[0xff, 0xff, 0xff, 0x7f], b"PAR1"].concat();
    assert_eq!(outcome(&contract, &huge).0, "! truncated");
}

#[test]
fn a_page_that_claims_two_gigabytes_is_not_given_them() {
    let contract = dataset("format: parquet", COLUMNS);
    let text = "x".repeat(100_000);
    let texts: arrow_array::ArrayRef = Arc::new(arrow_array::StringArray::from(vec![text.as_str()]));
    let batch = arrow_array::RecordBatch::try_from_iter([("a", texts)]).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(outcome(&contract, &bytes).0, "1 |");
    // The page's header: its type, and how large it is, as a zigzag number of seven bits a byte.
    assert_eq!(bytes[4..7], [0x15, 0x00, 0x15]);
    let size = bytes[7..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let mut huge = bytes.clone();
    huge.splice(7..7 + size, [0xfe, 0xff, 0xff, 0x8f, 0x01]);
    let (told, report) = outcome(&contract, &huge);
    assert_eq!(told, "! limit");
    assert!(report.object.unwrap().message.starts_with("column `a` has a page of "));
}
