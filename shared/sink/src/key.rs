//! Rows as bytes that compare like the rows: the order of partitions, and the sort order within one.

use crate::{error::SinkError, transform};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::{OwnedRow, Row, RowConverter, Rows, SortField};
use arrow_schema::{Schema, SortOptions};
use std::cmp::Ordering;
use watershed_lake::{PartitionField, TableSpec};

/// Bytes of a key that compare without touching it.
const HEAD_BYTES: usize = size_of::<u128>();

/// Sort keys of some rows.
pub struct Keys {
    rows: Rows,
}

/// The beginning of a key, zeros after its end. Where heads are equal and a key is longer, [`Keys::compare_rest`] decides.
/// No key is the beginning of another (arrow-row's encoding), so the zeros decide nothing wrongly.
pub type Head = u128;

impl Keys {
    /// The first bytes of the key of `row`.
    pub fn head(&self, row: usize) -> Head {
        let bytes = self.rows.row(row).data();
        let mut head = [0; HEAD_BYTES];
        let length = bytes.len().min(HEAD_BYTES);
        head[..length].copy_from_slice(&bytes[..length]);
        u128::from_be_bytes(head)
    }

    /// Order of two rows whose heads are equal.
    pub fn compare_rest(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        self.rows.row(row).data().cmp(other.rows.row(other_row).data())
    }
}

/// Makes sort keys: nulls first where ascending, last where descending.
pub struct Sorter {
    columns: Vec<usize>,
    converter: RowConverter,
}

impl Sorter {
    /// None where the table has no sort order.
    pub fn new(spec: &TableSpec, schema: &Schema) -> Result<Option<Self>, SinkError> {
        if spec.sort.is_empty() {
            return Ok(None);
        }
        let fields = spec.sort.iter().map(|sort| {
            let options = SortOptions {
                descending: sort.descending,
                nulls_first: !sort.descending,
            };
            SortField::new_with_options(schema.field(sort.column).data_type().clone(), options)
        });
        let converter = RowConverter::new(fields.collect())?;
        Ok(Some(Self {
            columns: spec.sort.iter().map(|sort| sort.column).collect(),
            converter,
        }))
    }

    /// Keys of the rows of a batch.
    pub fn keys(&self, batch: &RecordBatch) -> Result<Keys, SinkError> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|index| batch.column(*index).clone()).collect();
        Ok(Keys {
            rows: self.converter.convert_columns(&columns)?,
        })
    }
}

/// Makes partition keys.
pub struct PartitionKeys {
    fields: Vec<PartitionField>,
    converter: RowConverter,
}

impl PartitionKeys {
    /// None where the table is not partitioned. Errors: a transform that is not defined for its column.
    pub fn new(spec: &TableSpec, schema: &Schema) -> Result<Option<Self>, SinkError> {
        if spec.partition.is_empty() {
            return Ok(None);
        }
        let mut fields = Vec::new();
        for field in &spec.partition {
            let column = &spec.columns[field.column];
            if !transform::applies(field.transform, column.kind) {
                let (name, kind, transform) = (&column.name, column.kind, field.transform);
                return Err(SinkError::Internal(format!(
                    "{transform} is not defined for column {name} of type {kind}"
                )));
            }
            let empty = arrow_array::new_empty_array(schema.field(field.column).data_type());
            fields.push(SortField::new(
                transform::apply(field.transform, &empty)?.data_type().clone(),
            ));
        }
        Ok(Some(Self {
            fields: spec.partition.clone(),
            converter: RowConverter::new(fields)?,
        }))
    }

    /// Replaces `rows` by the keys of the rows of a batch.
    pub fn convert(&self, batch: &RecordBatch, rows: &mut Rows) -> Result<(), SinkError> {
        let values: Result<Vec<_>, _> = self
            .fields
            .iter()
            .map(|field| transform::apply(field.transform, batch.column(field.column)))
            .collect();
        rows.clear();
        Ok(self.converter.append(rows, &values?)?)
    }

    /// No keys, for [`Self::convert`].
    pub fn empty(&self) -> Rows {
        self.converter.empty_rows(0, 0)
    }

    /// A partition's values in words, by field name.
    pub fn values(&self, key: Row<'_>) -> Result<PartitionValues, SinkError> {
        let arrays = self.converter.convert_rows([key])?;
        let named = self.fields.iter().zip(&arrays).map(|(field, array)| {
            Ok((
                field.name.clone(),
                crate::human::partition_value(array, 0, field.transform)?,
            ))
        });
        named.collect()
    }

    /// Names of the partition fields, for messages.
    pub fn names(&self) -> String {
        self.fields
            .iter()
            .map(|field| field.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A partition's values in words, each with its field's name, in the order of the partition spec.
pub type PartitionValues = Vec<(String, String)>;

/// The key of one partition.
pub type PartitionKey = OwnedRow;
