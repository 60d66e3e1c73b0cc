//! The sink as its callers see it: batches in, files out, read back by parquet's own reader.

// A test that cannot go on panics.
#![allow(clippy::unwrap_used)]

mod common;

use arrow_array::{cast::AsArray, types};
use common::{batch_of, run, run_with, settings, spec};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs::File};
use watershed_lake::{PartitionField, SortField, TableSpec, Transform};
use watershed_sink::{Sink, SinkError, SinkSettings, arrow_schema};

fn by(column: usize, transform: Transform, name: &str) -> PartitionField {
    PartitionField {
        column,
        transform,
        name: name.into(),
    }
}

fn arranged(partition: Vec<PartitionField>, sort: &[(usize, bool)]) -> TableSpec {
    let sort = sort.iter().map(|(column, descending)| SortField {
        column: *column,
        descending: *descending,
    });
    TableSpec {
        partition,
        sort: sort.collect(),
        ..spec()
    }
}

/// Every arrangement that the properties are tried on.
fn arrangements() -> Vec<TableSpec> {
    use common::column::*;
    vec![
        arranged(vec![], &[]),
        arranged(vec![by(DATE, Transform::Month, "date_month")], &[]),
        arranged(vec![], &[(LONG, false)]),
        arranged(vec![], &[(STRING, true), (DOUBLE, false)]),
        arranged(
            vec![
                by(STRING, Transform::Truncate(1), "s"),
                by(LONG, Transform::Bucket(3), "b"),
            ],
            &[(DECIMAL, true)],
        ),
        arranged(
            vec![by(STAMP, Transform::Hour, "hour")],
            &[(DATE, false), (STRING, false), (INT, true)],
        ),
        arranged(vec![by(BOOLEAN, Transform::Identity, "flag")], &[(TIME, true)]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// With next to no memory every batch is a run; with much, nothing is spilled. The rows are the same.
    #[test]
    fn no_row_is_lost_and_every_file_is_in_order(
        sizes in prop::collection::vec(0_usize..120, 0..80),
        seed in any::<u64>(),
        arrangement in 0_usize..7,
        memory_bytes in prop_oneof![Just(1_usize), Just(40_000), Just(64 << 20)],
        target_file_bytes in prop_oneof![Just(1_u64), Just(20_000), Just(1 << 30)],
    ) {
        let spec = &arrangements()[arrangement];
        let batches: Vec<_> = (0_u64..).zip(&sizes).map(|(n, rows)| batch_of(spec, *rows, seed ^ n)).collect();
        let set = |s: SinkSettings| SinkSettings { memory_bytes, target_file_bytes, row_group_rows: 500, ..s };
        let first = run_with(spec, &batches, set);
        let again = run_with(spec, &batches, set);
        prop_assert_eq!(&first.bytes, &again.bytes, "the same bytes when run twice");
        first.check(spec, &batches)?;
        if memory_bytes > 1 << 20 {
            prop_assert_eq!(first.report.spilled_bytes, 0);
        } else if memory_bytes == 1 && arrangement > 0 {
            prop_assert_eq!(first.report.spilled_bytes > 0, sizes.iter().any(|n| *n > 0));
        }
    }
}

/// More runs than are merged at a time, for each of three partitions and three passes.
#[test]
fn a_thousand_runs_are_merged_in_passes() {
    let spec = arranged(
        vec![by(common::column::LONG, Transform::Bucket(3), "b")],
        &[(common::column::INT, false)],
    );
    let batches: Vec<_> = (0..1_100).map(|n| batch_of(&spec, 7, n)).collect();
    let out = run_with(&spec, &batches, |s| SinkSettings { memory_bytes: 1, ..s });
    out.check(&spec, &batches).expect("all rows, in order");
    assert_eq!(out.report.files, 4, "three buckets and null");
}

#[test]
fn equal_rows_keep_the_order_of_the_input() {
    use common::column::{BOOLEAN, LONG};
    let spec = arranged(vec![by(BOOLEAN, Transform::Identity, "flag")], &[(BOOLEAN, false)]);
    let batches: Vec<_> = (0..70).map(|n| batch_of(&spec, 50, n)).collect();
    let expected = |flag: Option<bool>| {
        let rows = batches.iter().flat_map(|b| {
            let flags: Vec<_> = b.column(BOOLEAN).as_boolean().iter().collect();
            flags
                .into_iter()
                .zip(b.column(LONG).as_primitive::<types::Int64Type>())
                .collect::<Vec<_>>()
        });
        rows.filter(|(f, _)| *f == flag).map(|(_, v)| v).collect::<Vec<_>>()
    };
    for (memory_bytes, sort) in [(1, true), (64 << 20, true), (1, false), (64 << 20, false)] {
        let mut spec = spec.clone();
        if !sort {
            spec.sort.clear();
        }
        let out = run_with(&spec, &batches, |s| SinkSettings { memory_bytes, ..s });
        for (file, flag) in out.files.iter().zip([None, Some(false), Some(true)]) {
            let values: Vec<Option<i64>> = file
                .batches
                .iter()
                .flat_map(|b| b.column(LONG).as_primitive::<types::Int64Type>())
                .collect();
            assert_eq!(values, expected(flag), "{flag:?} {memory_bytes} {sort}");
        }
    }
}

#[test]
fn paths_name_the_partition_and_files_roll() {
    use common::column::{DATE, STRING};
    let spec = arranged(
        vec![
            by(DATE, Transform::Month, "date_month"),
            by(STRING, Transform::Truncate(1), "s"),
        ],
        &[],
    );
    let batches: Vec<_> = (0..4).map(|n| batch_of(&spec, 9_000, n)).collect();
    let out = run_with(&spec, &batches, |s| SinkSettings {
        target_file_bytes: 1,
        ..s
    });
    assert!(
        out.files[0]
            .path
            .starts_with("date_month=null/s=null/00000-00000.parquet"),
        "{}",
        out.files[0].path
    );
    assert!(
        out.files.iter().any(|f| f.path.contains("date_month=1970-01/s=b/")),
        "{:?}",
        out.paths()
    );
    let out = run_with(&arranged(vec![], &[]), &batches, |s| SinkSettings {
        target_file_bytes: 1,
        ..s
    });
    assert_eq!(out.paths()[..2], ["00000-00000.parquet", "00000-00001.parquet"]);
    assert_eq!(out.report.files as usize, out.files.len());
    assert!(out.files.len() > 4);
}

#[test]
fn the_footer_says_what_readers_need() {
    use common::column::{LONG, STRING};
    let spec = arranged(vec![], &[(LONG, false), (STRING, true)]);
    let out = run(&spec, &[batch_of(&spec, 30_000, 1)]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.parquet");
    std::fs::write(&path, &out.bytes[0]).unwrap();
    let options = parquet::file::serialized_reader::ReadOptionsBuilder::new()
        .with_page_index()
        .build();
    let reader = SerializedFileReader::new_with_options(File::open(&path).unwrap(), options).unwrap();
    let metadata = reader.metadata();
    let footer = metadata.file_metadata();
    assert_eq!(footer.created_by(), Some("watershed"));
    let entries: BTreeMap<_, _> = footer
        .key_value_metadata()
        .into_iter()
        .flatten()
        .map(|e| (&e.key[..], &e.value))
        .collect();
    assert_eq!(
        entries.keys().copied().collect::<Vec<_>>(),
        ["iceberg.schema", "source"]
    );
    assert!(
        entries["iceberg.schema"]
            .as_ref()
            .unwrap()
            .contains(r#"{"id":6,"name":"amount","required":false,"type":"decimal(20,2)"}"#)
    );
    for (field, column) in footer
        .schema_descr()
        .root_schema()
        .get_fields()
        .iter()
        .zip(&spec.columns)
    {
        assert_eq!(
            (field.get_basic_info().id(), field.name()),
            (column.id, &column.name[..])
        );
    }
    let sorting = metadata.row_group(0).sorting_columns().unwrap();
    assert_eq!(
        (sorting[0].column_idx, sorting[0].descending, sorting[0].nulls_first),
        (LONG as i32, false, true)
    );
    assert_eq!(
        (sorting[1].column_idx, sorting[1].descending, sorting[1].nulls_first),
        (STRING as i32, true, false)
    );
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
    for chunk in metadata.row_group(0).columns() {
        assert!(chunk.statistics().is_some(), "{}", chunk.column_path());
        assert!(matches!(chunk.compression(), parquet::basic::Compression::ZSTD(_)));
    }
}

#[test]
fn too_many_partitions_are_refused() {
    let spec = arranged(vec![by(common::column::LONG, Transform::Identity, "id")], &[]);
    let directory = tempfile::tempdir().unwrap();
    let limited = SinkSettings {
        max_partitions: 10,
        ..settings(directory.path())
    };
    let mut sink = Sink::new(&spec, &BTreeMap::new(), limited).unwrap();
    let error = sink.write(batch_of(&spec, 1_000, 1), &mut |_| Ok(())).unwrap_err();
    assert!(
        matches!(error, SinkError::TooManyPartitions { limit: 10, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("(id)"));
}

#[test]
fn nothing_is_left_behind() {
    let spec = arranged(
        vec![by(common::column::BOOLEAN, Transform::Identity, "f")],
        &[(common::column::LONG, false)],
    );
    let directory = tempfile::tempdir().unwrap();
    let scratch = directory.path().join("one/two");
    let set = || SinkSettings {
        memory_bytes: 1,
        ..settings(&scratch)
    };
    let mut sink = Sink::new(&spec, &BTreeMap::new(), set()).unwrap();
    sink.write(batch_of(&spec, 100, 1), &mut |_| Ok(())).unwrap();
    assert!(scratch.join("runs.scratch").exists());
    drop(sink);
    assert!(!scratch.exists(), "dropped half way");

    let mut sink = Sink::new(&spec, &BTreeMap::new(), set()).unwrap();
    sink.write(batch_of(&spec, 100, 1), &mut |_| Ok(())).unwrap();
    let mut count = 0;
    let error = sink.finish(&mut |file| {
        std::fs::remove_file(&file.local).unwrap();
        count += 1;
        if count == 2 {
            Err(SinkError::Emit("no room".into()))
        } else {
            Ok(())
        }
    });
    assert!(error.unwrap_err().to_string().contains("no room"));
    assert!(!scratch.exists(), "after an error");
    assert!(run(&spec, &[]).files.is_empty(), "no rows, no file");
}

#[test]
fn what_is_not_the_tables_is_refused() {
    let other = arrow_schema(&TableSpec {
        columns: spec().columns[..2].to_vec(),
        ..spec()
    });
    let directory = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(&spec(), &BTreeMap::new(), settings(directory.path())).unwrap();
    let error = sink
        .write(arrow_array::RecordBatch::new_empty(other), &mut |_| Ok(()))
        .unwrap_err();
    assert!(matches!(error, SinkError::Internal(_)));
    for bad in [
        arranged(vec![by(common::column::DOUBLE, Transform::Bucket(4), "x")], &[]),
        arranged(vec![by(common::column::DATE, Transform::Hour, "x")], &[]),
    ] {
        assert!(matches!(
            Sink::new(&bad, &BTreeMap::new(), settings(directory.path())),
            Err(SinkError::Internal(_))
        ));
    }
}
