//! What is encoded here is read back by the `parquet` crate: values, statistics and page index, with pages, dictionaries and row
//! groups of a few values.

use super::*;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, TimestampMicrosecondArray, cast::AsArray, types::Int64Type,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::{
    arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    basic::{Compression, Encoding, ZstdLevel},
    data_type::ByteArray,
    file::{
        metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData},
        page_index::column_index::ColumnIndexMetaData,
        properties::EnabledStatistics,
        statistics::Statistics,
    },
};
use proptest::prelude::*;

const SHOWN_BYTES: usize = 6;

fn properties(has_dictionary: bool) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_enabled(has_dictionary)
        .set_dictionary_page_size_limit(60)
        .set_data_page_row_count_limit(7)
        .set_data_page_size_limit(90)
        .set_statistics_truncate_length(Some(SHOWN_BYTES))
        .set_column_index_truncate_length(Some(SHOWN_BYTES))
        .set_max_row_group_row_count(Some(40))
        .set_max_row_group_bytes(Some(1 << 20))
        .build()
}

#[derive(Debug, Clone)]
struct Row {
    id: i64,
    small: Option<i32>,
    text: Option<String>,
    truth: Option<bool>,
    items: Option<Vec<i64>>,
}

fn row() -> impl Strategy<Value = Row> {
    let number = prop_oneof![3 => -3_i64..4, 1 => any::<i64>()];
    let text = prop_oneof![3 => "[ab]{0,3}", 1 => "\\PC{0,30}", 1 => Just("\u{10ffff}".repeat(4)), 1 => "[ab]{14,40}"];
    let small = prop_oneof![3 => -3_i32..4, 1 => any::<i32>()];
    let optional = (
        prop::option::weighted(0.7, small),
        prop::option::weighted(0.7, text),
        any::<Option<bool>>(),
        any::<Option<Vec<i64>>>(),
    );
    (number, optional).prop_map(|(id, (small, text, truth, items))| Row {
        id,
        small,
        text,
        truth,
        items: items.map(|items| items.into_iter().take(3).collect()),
    })
}

/// A column of every way that there is, some of it required.
fn batch(rows: &[Row]) -> RecordBatch {
    let small = || rows.iter().map(|row| row.small);
    let wide = |precision: u8, scale| {
        let values = small()
            .map(|value| value.map(|value| i128::from(value) % 1_000_000))
            .collect::<Decimal128Array>();
        Arc::new(values.with_precision_and_scale(precision, scale).unwrap()) as ArrayRef
    };
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        rows.iter()
            .map(|row| row.items.as_ref().map(|items| items.iter().map(|item| Some(*item)))),
    );
    let columns: Vec<(&str, bool, ArrayRef)> = vec![
        (
            "id",
            false,
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id))),
        ),
        ("small", true, Arc::new(small().collect::<Int32Array>())),
        ("items", true, Arc::new(lists)),
        ("day", true, Arc::new(small().collect::<Date32Array>())),
        (
            "at",
            false,
            Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.id)).with_timezone("UTC")),
        ),
        ("cents", true, wide(9, 2)),
        ("more", true, wide(18, 4)),
        ("wide", true, wide(38, 4)),
        (
            "text",
            true,
            Arc::new(rows.iter().map(|row| row.text.clone()).collect::<StringArray>()),
        ),
        (
            "word",
            false,
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|row| row.text.clone().unwrap_or_default()),
            )),
        ),
        (
            "truth",
            true,
            Arc::new(rows.iter().map(|row| row.truth).collect::<BooleanArray>()),
        ),
        (
            "real",
            true,
            Arc::new(small().map(|value| value.map(f64::from)).collect::<Float64Array>()),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, nullable, array)| Field::new(*name, array.data_type().clone(), *nullable))
        .collect();
    assert!(
        fields
            .iter()
            .any(|field| *field.data_type() == DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))
    );
    RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns.into_iter().map(|column| column.2).collect(),
    )
    .unwrap()
}

/// The rows of a file, a row group each, and its metadata.
fn read(file: File) -> (Vec<RecordBatch>, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let metadata = Arc::clone(builder.metadata());
    let batches = builder
        .with_batch_size(1_000)
        .build()
        .unwrap()
        .collect::<Result<Vec<_>, _>>();
    (batches.unwrap(), metadata)
}

/// That the statistics say of the chunk what its values are, and the page index of each page.
fn is_true_of(chunk: &ColumnChunkMetaData, index: &ColumnIndexMetaData, pages: &[ArrayRef]) {
    let nulls: usize = pages.iter().map(Array::null_count).sum();
    assert_eq!(chunk.statistics().unwrap().null_count_opt(), Some(nulls as u64));
    for (at, page) in pages.iter().enumerate() {
        assert_eq!(index.null_count(at), Some(page.null_count() as i64));
        assert_eq!(index.is_null_page(at), page.null_count() == page.len());
    }
    match (chunk.statistics().unwrap(), index) {
        (Statistics::Int64(all), ColumnIndexMetaData::INT64(index)) => {
            let values = |page: &ArrayRef| page.as_primitive::<Int64Type>().iter().flatten().collect::<Vec<_>>();
            let every: Vec<i64> = pages.iter().flat_map(values).collect();
            assert_eq!((all.min_opt(), all.max_opt()), (every.iter().min(), every.iter().max()));
            for (at, page) in pages.iter().enumerate() {
                let values = values(page);
                assert_eq!(
                    (index.min_value(at), index.max_value(at)),
                    (values.iter().min(), values.iter().max())
                );
            }
        }
        (Statistics::ByteArray(all), ColumnIndexMetaData::BYTE_ARRAY(index)) => {
            let values = |page: &ArrayRef| {
                let texts = page.as_string::<i32>().iter().flatten();
                texts.map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>()
            };
            let every: Vec<Vec<u8>> = pages.iter().flat_map(values).collect();
            let (min, max) = (every.iter().min(), every.iter().max());
            assert!(all.min_opt().map(ByteArray::data) <= min.map(|min| &min[..]));
            assert!(all.max_opt().map(ByteArray::data) >= max.map(|max| &max[..]));
            assert_eq!(all.min_opt().is_some(), min.is_some());
            assert!(!all.min_is_exact() || all.min_opt().map(ByteArray::data) == min.map(|min| &min[..]));
            assert!(!all.max_is_exact() || all.max_opt().map(ByteArray::data) == max.map(|max| &max[..]));
            assert!(all.min_opt().is_none_or(|min| min.len() <= SHOWN_BYTES));
            for (at, page) in pages.iter().enumerate() {
                for value in values(page) {
                    assert!(index.min_value(at).unwrap() <= &value[..] && &value[..] <= index.max_value(at).unwrap());
                }
            }
        }
        (statistics, _) => panic!("{statistics:?} is not what was asked for"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read(rows in proptest::collection::vec(row(), 1..120), cuts in proptest::collection::vec(1_usize..50, 1..5), has_dictionary: bool) {
        let all = batch(&rows);
        let file = tempfile::tempfile().unwrap();
        let mut writer = FileWriter::new(file.try_clone().unwrap(), all.schema(), properties(has_dictionary)).unwrap();
        let mut at = 0;
        for cut in cuts.iter().cycle() {
            let length = (*cut).min(all.num_rows() - at);
            writer.write(&all.slice(at, length)).unwrap();
            at += length;
            if at == all.num_rows() {
                break;
            }
        }
        let bytes = writer.finish().unwrap();
        prop_assert_eq!(file.metadata().unwrap().len(), bytes);

        let (batches, metadata) = read(file);
        let mut read = 0;
        for batch in &batches {
            let expected = all.slice(read, batch.num_rows());
            prop_assert_eq!(batch.columns(), expected.columns());
            read += batch.num_rows();
        }
        prop_assert_eq!(read, all.num_rows());

        let mut first = 0;
        for (group, chunks) in metadata.row_groups().iter().enumerate() {
            prop_assert!(chunks.num_rows() <= 40);
            for name in ["id", "text", "word"] {
                let column = all.schema().index_of(name).unwrap();
                let leaf = chunks.columns().iter().position(|chunk| chunk.column_path().string() == name).unwrap();
                let locations = metadata.offset_index().unwrap()[group][leaf].page_locations();
                let ends = locations[1..].iter().map(|page| page.first_row_index).chain([chunks.num_rows()]);
                let pages: Vec<ArrayRef> = locations.iter().zip(ends).map(|(page, end)| {
                    let start = page.first_row_index as usize;
                    assert!(start < end as usize && end as usize - start <= 7);
                    all.column(column).slice(first + start, end as usize - start)
                }).collect();
                is_true_of(chunks.column(leaf), &metadata.column_index().unwrap()[group][leaf], &pages);
                if !has_dictionary {
                    prop_assert!(chunks.column(leaf).dictionary_page_offset().is_none());
                }
            }
            first += chunks.num_rows() as usize;
        }
    }
}

#[test]
fn a_dictionary_is_given_up_when_it_grows_too_large() {
    let rows: Vec<Row> = (0..38)
        .map(|id| Row {
            id,
            small: None,
            text: Some(format!("a text {}", id / 2)),
            truth: None,
            items: None,
        })
        .collect();
    let all = batch(&rows);
    let file = tempfile::tempfile().unwrap();
    let mut writer = FileWriter::new(file.try_clone().unwrap(), all.schema(), properties(true)).unwrap();
    writer.write(&all).unwrap();
    writer.finish().unwrap();
    let (batches, metadata) = read(file);
    assert_eq!(batches[0].columns(), all.columns());
    let text = metadata
        .row_group(0)
        .columns()
        .iter()
        .find(|chunk| chunk.column_path().string() == "text")
        .unwrap();
    let encodings = text.page_encoding_stats_mask().unwrap();
    assert!(text.dictionary_page_offset().is_some());
    assert!(encodings.is_set(Encoding::RLE_DICTIONARY) && encodings.is_set(Encoding::PLAIN));
}
