//! Rows of a window's table.

use super::{
    anomalies::revision,
    cells::{self, Cell},
    keys::{BadKey, KeyValue, read_key},
    micros,
};
use arrow_array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, builder::BinaryBuilder,
};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;
use watershed_contract::Window;
use watershed_lake::{ColumnType, TableSpec, hex, windows::column};
use watershed_stream::{Firing, Kind, Output, Scalar};

/// Rows of a batch at most.
pub const MAX_BATCH_FIRINGS: usize = 4_096;
/// Bytes of partial results after which a batch ends. The outputs are made of those, so they are no more.
pub const MAX_BATCH_PARTIAL_BYTES: usize = 16 << 20;

/// The firings as batches of the window's table, in their order. They are cut by [`MAX_BATCH_FIRINGS`] and
/// [`MAX_BATCH_PARTIAL_BYTES`], so that the same firings give the same batches. `data` is the dataset's own table, `schema` that of
/// [`Window::table`].
///
/// A firing that retracts has no outputs.
///
/// # Errors
/// A key or an output is none of the window's: they are of another contract.
pub fn windows<'f>(
    window: &'f Window,
    data: &'f TableSpec,
    firings: &'f [Firing],
    schema: &'f SchemaRef,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + 'f {
    let mut rest = firings;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        Some(Cut::of(window, &mut rest).batch(window, data, schema))
    })
}

/// As many firings as a batch has, and their partial results.
struct Cut<'f> {
    firings: &'f [Firing],
    partials: BinaryBuilder,
}

impl<'f> Cut<'f> {
    /// The next ones: `rest` is what is left.
    fn of(window: &Window, rest: &mut &'f [Firing]) -> Self {
        let mut partials = BinaryBuilder::new();
        let (mut rows, mut bytes) = (0, 0);
        for firing in rest.iter().take(MAX_BATCH_FIRINGS) {
            let partial = firing.partial.encode(&window.spec);
            partials.append_value(&partial);
            (rows, bytes) = (rows + 1, bytes + partial.len());
            if bytes >= MAX_BATCH_PARTIAL_BYTES {
                break;
            }
        }
        let (firings, behind) = rest.split_at(rows);
        *rest = behind;
        Self { firings, partials }
    }

    fn batch(self, window: &Window, data: &TableSpec, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        let firings = self.firings;
        let mut columns = self.fixed();
        let behind = |at: usize| {
            let missing = || ArrowError::SchemaError(format!("the table of {} has {} columns", window.name, at));
            schema.fields().get(at).ok_or_else(missing)
        };
        let keys = keys(window, firings)?;
        for place in 0..window.key.len() {
            let cells: Vec<Cell<'_>> = keys.iter().map(|cells| cells[place]).collect();
            columns.push(cells::column(behind(column::COUNT + place)?, &cells)?);
        }
        let outputs: Vec<Option<Vec<Output>>> = firings
            .iter()
            .map(|firing| (firing.kind != Kind::Retracted).then(|| firing.partial.outputs(&window.spec)))
            .collect();
        for (at, output) in (column::COUNT + window.key.len()..).zip(&window.outputs) {
            let kind = input_kind(window, data, output.aggregate);
            let cells: Vec<Cell<'_>> = outputs
                .iter()
                .map(|outputs| match outputs {
                    None => Cell::Null,
                    Some(outputs) => cell(&outputs[output.aggregate], output.quantile, kind),
                })
                .collect();
            columns.push(cells::column(behind(at)?, &cells)?);
        }
        RecordBatch::try_new(Arc::clone(schema), columns)
    }

    /// The columns that every window has, in the order of `watershed_lake::windows::column`.
    fn fixed(mut self) -> Vec<ArrayRef> {
        let firings = self.firings;
        let times = |of: fn(&Firing) -> i64| -> ArrayRef {
            let times = firings.iter().map(|firing| micros(of(firing)));
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
        };
        let kinds = firings.iter().map(|firing| word(firing.kind));
        let ids = firings.iter().map(|firing| hex(&firing.id().to_be_bytes()));
        let shards = firings.iter().map(|firing| &*firing.origin.shard);
        let revisions = firings.iter().map(|firing| revision(firing.revision));
        let born = firings.iter().map(|firing| firing.origin.born as i64);
        vec![
            times(|firing| firing.start_ms),
            times(|firing| firing.end_ms),
            Arc::new(StringArray::from_iter_values(kinds)),
            Arc::new(Int32Array::from_iter_values(revisions)),
            Arc::new(StringArray::from_iter_values(ids)),
            Arc::new(StringArray::from_iter_values(shards)),
            Arc::new(Int64Array::from_iter_values(born)),
            times(|firing| firing.due_ms),
            Arc::new(self.partials.finish()),
        ]
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Early => "early",
        Kind::Final => "final",
        Kind::Correction => "correction",
        Kind::Evicted => "evicted",
        Kind::Retracted => "retracted",
    }
}

/// Of each firing the values of the key's columns.
fn keys<'f>(window: &Window, firings: &'f [Firing]) -> Result<Vec<Vec<Cell<'f>>>, BadKey> {
    let kinds = &window.table.columns[column::COUNT..][..window.key.len()];
    let of = |firing: &'f Firing| {
        let values = read_key(&firing.key)?;
        if values.len() != kinds.len() {
            return Err(BadKey);
        }
        let cells = kinds.iter().zip(values).map(|(column, value)| match value {
            KeyValue::Null => Ok(Cell::Null),
            KeyValue::Bool(value) => Ok(Cell::Bool(value)),
            KeyValue::Exact { value, kind } if is_one(kind, column.kind) => Ok(Cell::Exact(value)),
            KeyValue::Exact { .. } => Err(BadKey),
            KeyValue::Text(text) => Ok(Cell::Bytes(text.as_bytes())),
            KeyValue::Binary(bytes) => Ok(Cell::Bytes(bytes)),
        });
        cells.collect()
    };
    firings.iter().map(of).collect()
}

/// Whether a key's value of that kind is one of the column.
fn is_one(kind: ColumnType, of: ColumnType) -> bool {
    match (kind, of) {
        (ColumnType::Decimal { scale, .. }, ColumnType::Decimal { scale: other, .. }) => scale == other,
        (ColumnType::Long, ColumnType::Int) => true,
        _ => kind == of,
    }
}

/// Type of the column that is aggregated. Records are of none, and have no value to be shown.
fn input_kind(window: &Window, data: &TableSpec, aggregate: usize) -> ColumnType {
    let input = window.spec.input_of(aggregate).map(|input| window.inputs[input]);
    input.map_or(ColumnType::Long, |column| data.columns[column].kind)
}

fn cell(output: &Output, quantile: Option<usize>, kind: ColumnType) -> Cell<'_> {
    match output {
        Output::Null | Output::Overflow => Cell::Null,
        Output::Integer(value) | Output::Decimal(value) => Cell::Exact(*value),
        Output::Float(value) => Cell::Float(*value),
        Output::Quantiles(values) => {
            let value = quantile.and_then(|at| values.get(at));
            value.map_or(Cell::Null, |value| Cell::Float(*value))
        }
        Output::Top(values) => Cell::Top(values, kind),
        Output::Scalar(Scalar::Bool(value)) => Cell::Bool(*value),
        Output::Scalar(Scalar::Int(value) | Scalar::Timestamp(value)) => Cell::Exact((*value).into()),
        Output::Scalar(Scalar::Decimal(value)) => Cell::Exact(*value),
        Output::Scalar(Scalar::Float(value)) => Cell::Float(*value),
        Output::Scalar(Scalar::Text(text)) => Cell::Bytes(text),
    }
}

#[cfg(test)]
mod tests;
