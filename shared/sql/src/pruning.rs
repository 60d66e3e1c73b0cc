//! What manifests say of files, as the engine wants to hear it.

use datafusion::{
    arrow::array::{ArrayRef, BooleanArray, UInt64Array},
    common::{
        Column as Named, ColumnStatistics, ScalarValue, Statistics, pruning::PruningStatistics, stats::Precision,
    },
};
use std::{collections::HashSet, sync::Arc};
use watershed_lake::{Column, ColumnType};
use watershed_table::current::{Bound, LiveFile};

/// Files by the bounds of their columns.
pub(crate) struct Bounds<'a> {
    pub(crate) columns: &'a [Column],
    pub(crate) files: &'a [&'a LiveFile],
}

/// A bound as a value of its column; null: it is not known.
fn value(column: &Column, bound: Option<Bound>) -> Option<ScalarValue> {
    let text = |text: Option<String>| ScalarValue::Utf8View(text);
    let number = match bound {
        None => None,
        Some(Bound::Number(number)) => Some(number),
        Some(Bound::Text(found)) => return (column.kind == ColumnType::String).then(|| text(Some(found))),
    };
    // A bound that its column cannot have is none.
    let long = || number.and_then(|number| number.try_into().ok());
    let int = || number.and_then(|number| number.try_into().ok());
    Some(match column.kind {
        ColumnType::Int => ScalarValue::Int32(int()),
        ColumnType::Long => ScalarValue::Int64(long()),
        ColumnType::Date => ScalarValue::Date32(int()),
        ColumnType::Time => ScalarValue::Time64Microsecond(long()),
        ColumnType::Timestamp => ScalarValue::TimestampMicrosecond(long(), None),
        ColumnType::TimestampTz => ScalarValue::TimestampMicrosecond(long(), Some("UTC".into())),
        ColumnType::Decimal { precision, scale } => ScalarValue::Decimal128(number, precision, scale.cast_signed()),
        ColumnType::String => text(None),
        _ => return None,
    })
}

impl Bounds<'_> {
    fn column(&self, name: &Named) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name.name)
    }

    fn values(&self, name: &Named, which: impl Fn((Bound, Bound)) -> Bound) -> Option<ArrayRef> {
        let column = self.column(name)?;
        let values = self
            .files
            .iter()
            .map(|file| value(column, file.bounds(column.id).map(&which)));
        ScalarValue::iter_to_array(values.collect::<Option<Vec<_>>>()?).ok()
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, name: &Named) -> Option<ArrayRef> {
        self.values(name, |(low, _)| low)
    }

    fn max_values(&self, name: &Named) -> Option<ArrayRef> {
        self.values(name, |(_, high)| high)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, name: &Named) -> Option<ArrayRef> {
        let column = self.column(name)?;
        let nulls = self.files.iter().map(|file| file.nulls(column.id));
        Some(Arc::new(nulls.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.files.iter().map(|file| file.rows());
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    fn contained(&self, _: &Named, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// What all of these files have together. Bounds of texts are cut short, and those of a column that a file does not know of are none: they
/// help to plan, and are no answers.
pub(crate) fn statistics(columns: &[Column], files: &[&LiveFile]) -> Statistics {
    let rows: u64 = files.iter().map(|file| file.rows()).sum();
    let bytes: u64 = files.iter().map(|file| file.bytes()).sum();
    let of = |column: &Column| {
        let nulls = files.iter().map(|file| file.nulls(column.id)).sum::<Option<u64>>();
        let null_count = nulls.map_or(Precision::Absent, |nulls| Precision::Exact(nulls as usize));
        let bounds = files
            .iter()
            .map(|file| file.bounds(column.id))
            .collect::<Option<Vec<_>>>();
        let (low, high) = bounds.unwrap_or_default().into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let known = |bound: Option<Bound>| match value(column, bound) {
            Some(value) if !value.is_null() => Precision::Inexact(value),
            _ => Precision::Absent,
        };
        ColumnStatistics {
            null_count,
            min_value: known(low.into_iter().min()),
            max_value: known(high.into_iter().max()),
            ..ColumnStatistics::new_unknown()
        }
    };
    Statistics {
        num_rows: Precision::Exact(rows as usize),
        total_byte_size: Precision::Inexact(bytes as usize),
        column_statistics: columns.iter().map(of).collect(),
    }
}
