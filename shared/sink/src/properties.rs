//! How a data file is encoded, and what stands in its footer.

use crate::{
    SinkSettings, dictionary,
    error::SinkError,
    schema::{self, iceberg_schema_json},
};
use arrow_array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use arrow_schema::DataType;
use parquet::{
    basic::{Compression, ZstdLevel},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion},
    },
    schema::types::ColumnPath,
};
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::TableSpec;

/// `created_by` of every file: no version, so that the same rows give the same bytes after an upgrade that changes nothing.
const CREATED_BY: &str = "watershed";
/// Bytes of a string that statistics and the page index keep.
const STATISTICS_BYTES: usize = 64;
/// Rows of a page at most: what the page index can skip.
const PAGE_ROWS: usize = 20_000;
/// A dictionary that grows beyond this is given up.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Uncompressed bytes of a page at most.
const PAGE_BYTES: usize = 1 << 20;

/// What all files of a sink share.
pub struct Footer {
    base: WriterPropertiesBuilder,
    row_group_rows: usize,
    decided: Option<WriterProperties>,
}

impl Footer {
    /// Errors: a zstd level that does not exist.
    pub fn new(
        spec: &TableSpec,
        provenance: &BTreeMap<String, String>,
        settings: &SinkSettings,
    ) -> Result<Self, SinkError> {
        let level = ZstdLevel::try_new(settings.zstd_level)
            .map_err(|e| SinkError::Internal(format!("zstd level {}: {e}", settings.zstd_level)))?;
        let mut entries: Vec<KeyValue> = provenance
            .iter()
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
            .collect();
        entries.push(KeyValue::new("iceberg.schema".into(), iceberg_schema_json(spec)));
        let base = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_1_0)
            .set_created_by(CREATED_BY.into())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_statistics_truncate_length(Some(STATISTICS_BYTES))
            .set_column_index_truncate_length(Some(STATISTICS_BYTES))
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_max_row_group_row_count(Some(settings.row_group_rows))
            .set_max_row_group_bytes(Some(settings.memory_bytes))
            .set_sorting_columns(sorting(spec))
            .set_key_value_metadata(Some(entries));
        Ok(Self {
            base,
            row_group_rows: settings.row_group_rows,
            decided: None,
        })
    }

    /// For a file that begins with these rows. The first file of some size decides for all.
    pub fn properties(&mut self, sample: &RecordBatch) -> Result<WriterProperties, SinkError> {
        if let Some(decided) = &self.decided {
            return Ok(decided.clone());
        }
        if sample.num_rows() < dictionary::MIN_SAMPLE_ROWS {
            // The writer falls back where a dictionary gets too large; there is nothing better to go by.
            return Ok(self.base.clone().build());
        }
        let mut builder = self.base.clone();
        for (field, array) in sample.schema().fields().iter().zip(sample.columns()) {
            for (path, values) in leaves(vec![field.name().clone()], array) {
                // Of a list each row has several, or none.
                let rows = self.row_group_rows.saturating_mul(values.len()) / sample.num_rows();
                if values.len() >= dictionary::MIN_SAMPLE_ROWS && !dictionary::pays(&values, rows, DICTIONARY_BYTES)? {
                    builder = builder.set_column_dictionary_enabled(ColumnPath::new(path), false);
                }
            }
        }
        Ok(self.decided.insert(builder.build()).clone())
    }
}

/// The Parquet columns that an array is, by their paths (Apache Parquet format, "Nested Types").
fn leaves(path: Vec<String>, array: &ArrayRef) -> Vec<(Vec<String>, ArrayRef)> {
    let below = |steps: &[&str]| {
        path.iter()
            .map(String::as_str)
            .chain(steps.iter().copied())
            .map(Into::into)
            .collect()
    };
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let all = fields.iter().zip(columns);
            all.flat_map(|(field, column)| leaves(below(&[field.name()]), column))
                .collect()
        }
        DataType::List(element) => {
            let list = array.as_list::<i32>();
            let (start, end) = (
                list.value_offsets()[0] as usize,
                list.value_offsets()[list.len()] as usize,
            );
            leaves(
                below(&["list", element.name()]),
                &list.values().slice(start, end - start),
            )
        }
        _ => vec![(path, Arc::clone(array))],
    }
}

fn sorting(spec: &TableSpec) -> Option<Vec<SortingColumn>> {
    let column = |sort: &watershed_lake::SortField| SortingColumn {
        column_idx: spec.columns[..sort.column].iter().map(schema::leaves).sum::<usize>() as i32,
        descending: sort.descending,
        nulls_first: !sort.descending,
    };
    (!spec.sort.is_empty()).then(|| spec.sort.iter().map(column).collect())
}
