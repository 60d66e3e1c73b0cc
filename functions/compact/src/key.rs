//! The rows that have a key: which files may hold them, and the rows of a batch that do not.
//!
//! Values of a key are personal: no message says them.

use arrow_array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray,
    cast::AsArray,
    types::{Decimal128Type, Int64Type},
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_row::{OwnedRow, RowConverter, SortField};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::filter::filter_record_batch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::{Column, TableSpec};
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::arrow_schema;
use watershed_table::current::{Bound, LiveFile};

/// Columns and the values that a row has of all of them, as JSON: texts, numbers, true or false.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub BTreeMap<String, Value>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A key of a table.
pub struct Matcher {
    /// The key's columns.
    columns: Vec<Column>,
    schema: SchemaRef,
    bounds: Vec<Option<Bound>>,
    converter: RowConverter,
    row: OwnedRow,
}

impl Matcher {
    /// Of a table that has these columns.
    ///
    /// Errors: a fault where the key has no column, one that the table has not, or a value that is none of its type.
    pub fn new(spec: &TableSpec, columns: &[Column], key: &Key) -> Result<Self, PortError> {
        let fault = |what: String| PortError::fault(format!("the key of rows of {}: {what}", spec.name));
        let (mut of_key, mut texts) = (Vec::new(), Vec::new());
        for (name, value) in &key.0 {
            let column = columns
                .iter()
                .find(|column| column.name == *name && !column.kind.is_nested());
            let column = column.ok_or_else(|| fault(format!("the table has no plain column `{name}`")))?;
            of_key.push(column.clone());
            texts.push(match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(is) => is.to_string(),
                _ => return Err(fault(format!("`{name}` is no text, number, true or false"))),
            });
        }
        if of_key.is_empty() {
            return Err(fault("it has no column".into()));
        }
        let schema = arrow_schema(&TableSpec {
            columns: of_key.clone(),
            partition: Vec::new(),
            sort: Vec::new(),
            ..spec.clone()
        });
        let value = |(at, text): (usize, String)| {
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
            // What the crate says has the value in it.
            cast_with_options(&text, schema.field(at).data_type(), &options)
                .map_err(|_| fault(format!("the value of `{}` is no {}", of_key[at].name, of_key[at].kind)))
        };
        let values = texts
            .into_iter()
            .enumerate()
            .map(value)
            .collect::<Result<Vec<_>, _>>()?;
        let fields = schema.fields().iter();
        let fields = fields.map(|field| SortField::new(field.data_type().clone()));
        let bug = |error: ArrowError| fault(error.to_string());
        let converter = RowConverter::new(fields.collect()).map_err(bug)?;
        let row = converter.convert_columns(&values).map_err(bug)?.row(0).owned();
        Ok(Self {
            bounds: values.iter().map(bound).collect(),
            columns: of_key,
            schema,
            converter,
            row,
        })
    }

    /// Whether the file's bounds leave room for such a row.
    pub fn may_be_in(&self, file: &LiveFile) -> bool {
        self.columns.iter().zip(&self.bounds).all(|(column, value)| {
            let known = value.as_ref().zip(file.bounds(column.id));
            known.is_none_or(|(value, (lower, upper))| lower <= *value && *value <= upper)
        })
    }

    /// Which rows of a batch have the key. Its columns are looked for by name.
    fn matches(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let column = |column: &Column| {
            let found = batch.column_by_name(&column.name).map(Arc::clone);
            found.ok_or_else(|| ArrowError::SchemaError(format!("no column `{}`", column.name)))
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let rows = self.converter.convert_columns(&columns)?;
        Ok(rows.iter().map(|row| Some(row == self.row.row())).collect())
    }

    /// The batch without such rows.
    pub fn without(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let matches = self.matches(batch)?;
        if matches.true_count() == 0 {
            return Ok(batch.clone());
        }
        let stays: BooleanArray = matches.iter().map(|has| Some(has != Some(true))).collect();
        filter_record_batch(batch, &stays)
    }

    /// Whether the file has such a row. Only the key's columns are read, and nothing where its bounds say that it has none.
    pub async fn is_in(&self, store: &dyn ObjectStore, file: &LiveFile) -> Result<bool, PortError> {
        let mut found = false;
        if self.may_be_in(file) {
            let mut take = |batch: RecordBatch| {
                let matches = self.matches(&batch);
                let matches = matches.map_err(|error| PortError::fault(format!("{}: {error}", file.uri())))?;
                found |= matches.true_count() > 0;
                Ok(())
            };
            watershed_scan::read(store, file.uri(), file.bytes(), &self.schema, &mut take).await?;
        }
        Ok(found)
    }
}

/// The only value of the array as files' bounds have it; none: they have none of its type.
fn bound(value: &ArrayRef) -> Option<Bound> {
    match value.data_type() {
        DataType::Utf8 => Some(Bound::Text(value.as_string::<i32>().value(0).into())),
        DataType::Decimal128(..) => Some(Bound::Number(value.as_primitive::<Decimal128Type>().value(0))),
        DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(..) => {
            let number = arrow_cast::cast(value, &DataType::Int64).ok()?;
            Some(Bound::Number(number.as_primitive::<Int64Type>().value(0).into()))
        }
        _ => None,
    }
}
