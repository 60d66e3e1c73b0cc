//! Rows as text: into files of tables, and out of them.

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_cast::{
    cast,
    display::{ArrayFormatter, FormatOptions},
};
use arrow_schema::SchemaRef;
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::{StagedFile, TableSpec, layout::split_uri};
use watershed_ports::memory::MemoryStore;
use watershed_sink::{FinishedFile, Sink, SinkSettings, arrow_schema};
use watershed_table::current::Current;

/// A row as text; `null` is null.
pub type Row = Vec<String>;

/// Rows as text, `null` for null, as a batch of the table.
pub fn batch<R: AsRef<[T]>, T: AsRef<str>>(spec: &TableSpec, rows: &[R]) -> RecordBatch {
    let schema = arrow_schema(spec);
    let column = |index: usize| -> ArrayRef {
        let texts = rows
            .iter()
            .map(|row| Some(row.as_ref()[index].as_ref()).filter(|text| *text != "null"));
        let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
        cast(&texts, schema.field(index).data_type()).unwrap()
    };
    RecordBatch::try_new(Arc::clone(&schema), (0..spec.columns.len()).map(column).collect()).unwrap()
}

/// The same back.
pub fn shown(batch: &RecordBatch) -> Vec<Row> {
    let options = FormatOptions::new().with_null("null");
    let columns = batch.columns().iter();
    let columns: Vec<_> = columns
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    let row = |row| columns.iter().map(|column| column.value(row).to_string()).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// Puts files of these batches under the prefix, an `s3://` address that ends with a slash. `said` stands in their footers.
pub fn stage(
    store: &MemoryStore,
    spec: &TableSpec,
    prefix: &str,
    said: &BTreeMap<String, String>,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Vec<StagedFile> {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::new(spec, said, SinkSettings::new(folder.path())).unwrap();
    let mut staged = Vec::new();
    let mut emit = |file: FinishedFile| {
        let uri = format!("{prefix}{}", file.path);
        let (bucket, key) = split_uri(&uri).unwrap();
        store.insert(bucket, key, std::fs::read(&file.local).unwrap());
        std::fs::remove_file(&file.local).unwrap();
        staged.push(file.staged());
        Ok(())
    };
    for batch in batches {
        sink.write(batch, &mut emit).unwrap();
    }
    sink.finish(&mut emit).unwrap();
    staged
}

/// The rows of a table, sorted: its columns that the schema has.
pub async fn rows(store: &MemoryStore, table: &Current, schema: &SchemaRef) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in table.files(store).await.unwrap() {
        let mut take = |batch: RecordBatch| {
            rows.extend(shown(&batch));
            Ok(())
        };
        let read = watershed_scan::read(store, file.uri(), file.bytes(), schema, &mut take);
        read.await.unwrap();
    }
    rows.sort();
    rows
}
