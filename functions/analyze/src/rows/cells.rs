//! Values of all kinds as columns of a table.

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Decimal128Array, Int64Array, ListArray, PrimitiveArray,
    StringArray, StructArray,
    types::{
        Date32Type, Decimal128Type, DecimalType, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use std::sync::Arc;
use watershed_decode::check::exact_text;
use watershed_lake::{ColumnType, hex};
use watershed_stream::TopValue;

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// None.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer, or a decimal or time in its column's own unit.
    Exact(i128),
    /// A float.
    Float(f64),
    /// Text or bytes.
    Bytes(&'a [u8]),
    /// Frequent values, of a column of that type.
    Top(&'a [TopValue], ColumnType),
}

/// The column. A decimal of more digits than it has is null.
///
/// # Errors
/// A value is none of the column's type.
pub(super) fn column(field: &Field, cells: &[Cell<'_>]) -> Result<ArrayRef, ArrowError> {
    let wrong = |cell: &Cell<'_>| {
        let (name, kind) = (field.name(), field.data_type());
        ArrowError::SchemaError(format!("{cell:?} in column {name}, which is of type {kind}"))
    };
    Ok(match field.data_type() {
        DataType::Boolean => Arc::new(collect::<BooleanArray, _>(cells, wrong, |cell| match cell {
            Cell::Bool(value) => Some(value),
            _ => None,
        })?),
        DataType::Int32 => Arc::new(exact::<Int32Type>(cells, wrong)?),
        DataType::Int64 => Arc::new(exact::<Int64Type>(cells, wrong)?),
        DataType::Date32 => Arc::new(exact::<Date32Type>(cells, wrong)?),
        DataType::Time64(TimeUnit::Microsecond) => Arc::new(exact::<Time64MicrosecondType>(cells, wrong)?),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(exact::<TimestampMicrosecondType>(cells, wrong)?.with_timezone_opt(zone.clone()))
        }
        DataType::Decimal128(precision, scale) => Arc::new(decimals(cells, wrong, *precision, *scale)?),
        DataType::Float32 => Arc::new(collect::<PrimitiveArray<Float32Type>, _>(cells, wrong, |cell| {
            float(cell).map(|value| value as f32)
        })?),
        DataType::Float64 => Arc::new(collect::<PrimitiveArray<Float64Type>, _>(cells, wrong, float)?),
        DataType::Utf8 => Arc::new(collect::<StringArray, _>(cells, wrong, |cell| match cell {
            Cell::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        })?),
        DataType::Binary => Arc::new(collect::<BinaryArray, _>(cells, wrong, |cell| match cell {
            Cell::Bytes(bytes) => Some(bytes),
            _ => None,
        })?),
        DataType::List(element) => frequent(element, cells, wrong)?,
        _ => return Err(wrong(&Cell::Null)),
    })
}

/// `read` gives none of what is no value of the column. Null is one of every column.
fn collect<'a, A: FromIterator<Option<T>>, T>(
    cells: &[Cell<'a>],
    wrong: impl Fn(&Cell<'a>) -> ArrowError,
    read: impl Fn(Cell<'a>) -> Option<T>,
) -> Result<A, ArrowError> {
    let values = cells.iter().map(|cell| match *cell {
        Cell::Null => Ok(None),
        other => read(other).map(Some).ok_or_else(|| wrong(cell)),
    });
    values.collect()
}

fn exact<'a, T: ArrowPrimitiveType<Native: TryFrom<i128>>>(
    cells: &[Cell<'a>],
    wrong: impl Fn(&Cell<'a>) -> ArrowError,
) -> Result<PrimitiveArray<T>, ArrowError> {
    let values: Vec<Option<T::Native>> = collect(cells, wrong, |cell| match cell {
        Cell::Exact(value) => T::Native::try_from(value).ok(),
        _ => None,
    })?;
    Ok(values.into_iter().collect())
}

fn decimals<'a>(
    cells: &[Cell<'a>],
    wrong: impl Fn(&Cell<'a>) -> ArrowError,
    precision: u8,
    scale: i8,
) -> Result<Decimal128Array, ArrowError> {
    let values: Vec<Option<Option<i128>>> = collect(cells, wrong, |cell| match cell {
        Cell::Exact(value) => {
            Some(Some(value).filter(|value| Decimal128Type::is_valid_decimal_precision(*value, precision)))
        }
        _ => None,
    })?;
    let values = values.into_iter().map(Option::flatten).collect::<Decimal128Array>();
    values.with_precision_and_scale(precision, scale)
}

fn float(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(value),
        _ => None,
    }
}

/// Lists of structs, as `watershed_lake::windows::frequent` declares them.
fn frequent<'a>(
    element: &Arc<Field>,
    cells: &[Cell<'a>],
    wrong: impl Fn(&Cell<'a>) -> ArrowError,
) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(fields) = element.data_type() else {
        return Err(wrong(&Cell::Null));
    };
    let lists: Vec<Option<(&[TopValue], ColumnType)>> = collect(cells, wrong, |cell| match cell {
        Cell::Top(values, kind) => Some((values, kind)),
        _ => None,
    })?;
    let values: Vec<(&TopValue, ColumnType)> = lists
        .iter()
        .flatten()
        .flat_map(|(values, kind)| values.iter().map(move |value| (value, *kind)))
        .collect();
    let texts = values.iter().map(|(value, kind)| shown(&value.value, *kind));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(texts)),
        Arc::new(Int64Array::from_iter_values(
            values.iter().map(|(value, _)| value.count as i64),
        )),
        Arc::new(Int64Array::from_iter_values(
            values.iter().map(|(value, _)| value.error as i64),
        )),
    ];
    let structs = StructArray::try_new(fields.clone(), columns, None)?;
    let lengths = lists.iter().map(|list| list.map_or(0, |(values, _)| values.len()));
    let nulls = lists.iter().map(Option::is_some).collect::<NullBuffer>();
    let list = ListArray::try_new(
        Arc::clone(element),
        OffsetBuffer::from_lengths(lengths),
        Arc::new(structs),
        Some(nulls),
    );
    Ok(Arc::new(list?))
}

/// A frequent value as text. What windows were given as a number is one in its column's own unit; bytes are hexadecimal digits.
fn shown(value: &[u8], kind: ColumnType) -> String {
    let text = || String::from_utf8_lossy(value).into_owned();
    match kind {
        ColumnType::Binary => hex(value),
        ColumnType::Decimal { .. }
        | ColumnType::Date
        | ColumnType::Time
        | ColumnType::Timestamp
        | ColumnType::TimestampTz => text()
            .parse()
            .map_or_else(|_| text(), |number| exact_text(number, kind)),
        _ => text(),
    }
}
