//! A table with a column of every type, rows for it, and what must hold of the files.

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, RecordBatch, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow_row::{RowConverter, SortField as RowField};
use arrow_schema::SortOptions;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use std::{collections::BTreeMap, path::Path, sync::Arc};
use watershed_lake::{Column, ColumnType, TableName, TableSpec, layout::Zone};
use watershed_sink::{Sink, SinkReport, SinkSettings, arrow_schema};

/// Indexes of the columns.
#[allow(dead_code)] // Each test uses some.
pub mod column {
    pub const BOOLEAN: usize = 0;
    pub const INT: usize = 1;
    pub const LONG: usize = 2;
    pub const FLOAT: usize = 3;
    pub const DOUBLE: usize = 4;
    pub const DECIMAL: usize = 5;
    pub const DATE: usize = 6;
    pub const TIME: usize = 7;
    pub const STAMP: usize = 8;
    pub const STAMP_TZ: usize = 9;
    pub const STRING: usize = 10;
    pub const BINARY: usize = 11;
}

/// Neither partitioned nor sorted.
pub fn spec() -> TableSpec {
    use ColumnType as C;
    let columns = [
        ("flag", C::Boolean),
        ("small", C::Int),
        ("large", C::Long),
        ("single", C::Float),
        ("double", C::Double),
        (
            "amount",
            C::Decimal {
                precision: 20,
                scale: 2,
            },
        ),
        ("day", C::Date),
        ("time_of_day", C::Time),
        ("at", C::Timestamp),
        ("at_utc", C::TimestampTz),
        ("text", C::String),
        ("bytes", C::Binary),
    ];
    let column = |(id, (name, kind)): (i32, (&str, ColumnType))| Column {
        id,
        name: name.into(),
        kind,
        required: false,
        doc: None,
        fields: Vec::new(),
        classification: None,
        tags: vec![],
        searchable: false,
    };
    TableSpec {
        name: TableName::new("test", "rows").unwrap(),
        zone: Zone::Preprocessed,
        columns: (1..).zip(columns).map(column).collect(),
        partition: vec![],
        sort: vec![],
        doc: None,
        properties: BTreeMap::new(),
    }
}

/// Rows with nulls, extremes and repeated values; the same for the same seed.
pub fn batch_of(spec: &TableSpec, rows: usize, seed: u64) -> RecordBatch {
    let mut state = seed;
    // splitmix64
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut values = |limit: u64| -> Vec<Option<i64>> {
        (0..rows)
            .map(|_| {
                let draw = next();
                (draw % 9 != 0).then_some(((draw >> 8) % limit).cast_signed() - (limit / 3).cast_signed())
            })
            .collect()
    };
    let extreme = |v: i64| {
        if v == 0 {
            i64::MIN
        } else if v == 1 {
            i64::MAX
        } else {
            v
        }
    };
    let text = |v: i64| {
        ["", "a", "abc", "b", "bü", "日本", "zebra crossing at noon"][v.unsigned_abs() as usize % 7]
            .repeat(1 + v.unsigned_abs() as usize % 3)
    };
    let ints = |v: Vec<Option<i64>>| v.into_iter().map(|v| v.map(|v| v as i32));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(
            values(2)
                .into_iter()
                .map(|v| v.map(|v| v == 1))
                .collect::<BooleanArray>(),
        ),
        Arc::new(ints(values(1 << 33)).collect::<Int32Array>()),
        Arc::new(values(90).into_iter().map(|v| v.map(extreme)).collect::<Int64Array>()),
        Arc::new(
            values(50)
                .into_iter()
                .map(|v| v.map(|v| v as f32 / 4.0))
                .collect::<Float32Array>(),
        ),
        Arc::new(
            values(5)
                .into_iter()
                .map(|v| v.map(|v| if v == 3 { f64::NAN } else { v as f64 }))
                .collect::<Float64Array>(),
        ),
        Arc::new(
            values(1 << 40)
                .into_iter()
                .map(|v| {
                    v.map(|v| {
                        if v % 5 == 0 {
                            -i128::from(v) * 10_i128.pow(7)
                        } else {
                            i128::from(v)
                        }
                    })
                })
                .collect::<Decimal128Array>()
                .with_precision_and_scale(20, 2)
                .unwrap(),
        ),
        Arc::new(ints(values(150)).collect::<Date32Array>()),
        Arc::new(
            values(86_400_000_000)
                .into_iter()
                .map(|v| v.map(i64::abs))
                .collect::<Time64MicrosecondArray>(),
        ),
        Arc::new(
            values(40_000_000_000)
                .into_iter()
                .collect::<TimestampMicrosecondArray>(),
        ),
        Arc::new(
            values(1 << 50)
                .into_iter()
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        ),
        Arc::new(values(11).into_iter().map(|v| v.map(text)).collect::<StringArray>()),
        Arc::new(
            values(300)
                .into_iter()
                .map(|v| v.map(|v| v.to_le_bytes()[..(v.unsigned_abs() % 8) as usize].to_vec()))
                .collect::<BinaryArray>(),
        ),
    ];
    RecordBatch::try_new(arrow_schema(spec), columns).unwrap()
}

pub fn settings(scratch: &Path) -> SinkSettings {
    SinkSettings::new(scratch)
}

/// A file that the sink made, read back.
pub struct ReadFile {
    pub path: String,
    pub batches: Vec<RecordBatch>,
}

/// What a sink gave.
pub struct Outcome {
    pub report: SinkReport,
    pub files: Vec<ReadFile>,
    /// Each file's.
    pub bytes: Vec<Vec<u8>>,
}

#[allow(dead_code)] // Each test uses some.
impl Outcome {
    pub fn paths(&self) -> Vec<&str> {
        self.files.iter().map(|file| &file.path[..]).collect()
    }

    /// Rows in are rows out; a file holds one partition; within a file, the sort order.
    pub fn check(&self, spec: &TableSpec, input: &[RecordBatch]) -> Result<(), TestCaseError> {
        let output: Vec<RecordBatch> = self.files.iter().flat_map(|file| file.batches.clone()).collect();
        let all: Vec<_> = (0..spec.columns.len())
            .map(|column| (column, SortOptions::default()))
            .collect();
        let (mut had, mut has) = (keys(spec, input, &all), keys(spec, &output, &all));
        prop_assert_eq!(self.report.rows as usize, had.len());
        if spec.partition.is_empty() && spec.sort.is_empty() {
            prop_assert!(had == has, "the order of the input is kept");
        }
        had.sort();
        has.sort();
        prop_assert!(had == has, "rows in are rows out");
        let order: Vec<_> = spec
            .sort
            .iter()
            .map(|s| {
                (
                    s.column,
                    SortOptions {
                        descending: s.descending,
                        nulls_first: !s.descending,
                    },
                )
            })
            .collect();
        let mut paths: Vec<_> = self.paths();
        let mut folders = BTreeMap::new();
        for file in &self.files {
            prop_assert!(
                order.is_empty() || keys(spec, &file.batches, &order).is_sorted(),
                "{} is sorted",
                file.path
            );
            for (field, folder) in spec.partition.iter().zip(file.path.split('/')) {
                // Independent of the sink's own transforms: equal values lie in one folder.
                for batch in &file.batches {
                    let values = batch.column(field.column);
                    for key in keys(
                        spec,
                        std::slice::from_ref(batch),
                        &[(field.column, SortOptions::default())],
                    ) {
                        let place = folders.entry((field.name.clone(), key)).or_insert(folder);
                        prop_assert_eq!(*place, folder, "a value of {} lies in two places", field.name);
                    }
                    prop_assert_eq!(
                        folder.ends_with("=null"),
                        values.null_count() == values.len(),
                        "null is a partition"
                    );
                }
            }
        }
        paths.dedup();
        prop_assert_eq!(paths.len(), self.files.len());
        Ok(())
    }
}

fn keys(spec: &TableSpec, batches: &[RecordBatch], columns: &[(usize, SortOptions)]) -> Vec<Vec<u8>> {
    let schema = arrow_schema(spec);
    let fields = columns
        .iter()
        .map(|(c, o)| RowField::new_with_options(schema.field(*c).data_type().clone(), *o));
    let converter = RowConverter::new(fields.collect()).unwrap();
    let rows = batches.iter().flat_map(|batch| {
        let arrays: Vec<ArrayRef> = columns.iter().map(|(c, _)| batch.column(*c).clone()).collect();
        let rows = converter.convert_columns(&arrays).unwrap();
        rows.iter().map(|row| row.data().to_vec()).collect::<Vec<_>>()
    });
    rows.collect()
}

#[allow(dead_code)] // Each test uses some.
pub fn run(spec: &TableSpec, batches: &[RecordBatch]) -> Outcome {
    run_with(spec, batches, |settings| settings)
}

/// Runs a sink in a directory of its own and reads its files back.
pub fn run_with(spec: &TableSpec, batches: &[RecordBatch], set: impl FnOnce(SinkSettings) -> SinkSettings) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let scratch = directory.path().join("scratch");
    let provenance = BTreeMap::from([("source".to_string(), "s3://raw/key".to_string())]);
    let mut sink = Sink::new(spec, &provenance, set(settings(&scratch))).unwrap();
    let (mut files, mut bytes) = (vec![], vec![]);
    let mut emit = |file: watershed_sink::FinishedFile| {
        let content = std::fs::read(&file.local).unwrap();
        assert_eq!(content.len() as u64, file.bytes);
        std::fs::remove_file(&file.local).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(content.clone())).unwrap();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(|b| b.num_rows() as u64).sum::<u64>(), file.rows);
        files.push(ReadFile {
            path: file.path,
            batches,
        });
        bytes.push(content);
        Ok(())
    };
    for batch in batches {
        sink.write(batch.clone(), &mut emit).unwrap();
    }
    let report = sink.finish(&mut emit).unwrap();
    assert!(!scratch.exists(), "scratch is gone");
    Outcome { report, files, bytes }
}
