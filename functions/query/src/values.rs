//! Athena's values, which are text, as values of Arrow: of the type that the query was planned with, where Athena's own holds no others.

use arrow_array::{
    ArrayRef, BinaryArray, Float32Array, Float64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray, timezone::Tz,
};
use arrow_cast::{CastOptions, cast_with_options, parse::string_to_datetime};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use std::{str::FromStr, sync::Arc};
use watershed_ports::{PortError, ResultColumn};

/// Digits of a decimal of Athena's at most, and where it says none.
const MAX_DIGITS: u8 = 38;

/// The columns of an answer: names are those that were planned, types are where Athena's have the same values.
pub fn schema(planned: &Schema, told: &[ResultColumn]) -> Result<SchemaRef, PortError> {
    if planned.fields().len() != told.len() {
        return Err(PortError::fault(format!(
            "Athena gives {} columns of a query with {}",
            told.len(),
            planned.fields().len()
        )));
    }
    let columns = planned.fields().iter().zip(told);
    let fields = columns.map(|(planned, told)| {
        let own = own_type(told);
        let kind = if holds(planned.data_type(), &own) {
            planned.data_type().clone()
        } else {
            own
        };
        Field::new(planned.name(), kind, true)
    });
    Ok(Arc::new(Schema::new(fields.collect::<Vec<_>>())))
}

/// What Athena calls its types (Amazon Athena User Guide, "Data types in Amazon Athena"). Lists and structs are text.
fn own_type(told: &ResultColumn) -> DataType {
    let kind = &*told.kind;
    match kind.split('(').next().unwrap_or(kind).trim() {
        "timestamp" if kind.ends_with("with time zone") => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        "timestamp with time zone" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "smallint" => DataType::Int16,
        "integer" | "int" => DataType::Int32,
        "bigint" => DataType::Int64,
        "float" | "real" => DataType::Float32,
        "double" => DataType::Float64,
        "date" => DataType::Date32,
        "varbinary" | "binary" => DataType::Binary,
        "decimal" if told.precision > 0 => DataType::Decimal128(told.precision.min(MAX_DIGITS), told.scale),
        _ => DataType::Utf8,
    }
}

/// Whether the type that was planned has a value for each of Athena's.
fn holds(planned: &DataType, own: &DataType) -> bool {
    match (planned, own) {
        (DataType::Decimal128(digits, scale), DataType::Decimal128(of_own, scale_of_own)) => {
            let whole = |digits: u8, scale: i8| i16::from(digits) - i16::from(scale);
            scale >= scale_of_own && whole(*digits, *scale) >= whole(*of_own, *scale_of_own)
        }
        (DataType::Timestamp(_, zone), DataType::Timestamp(_, zone_of_own)) => zone.is_some() == zone_of_own.is_some(),
        // Counts and parts of times, which the engines give in integers of different widths.
        _ if planned.is_integer() && own.is_integer() => true,
        _ if planned.is_floating() && own.is_floating() => true,
        _ => planned == own,
    }
}

/// Rows as Athena gives them.
pub fn batch(schema: &SchemaRef, rows: &[Vec<Option<String>>]) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().enumerate().map(|(nth, field)| {
        let values = rows.iter().map(|row| row.get(nth).and_then(Option::as_deref));
        column(field, values)
            .map_err(|error| ArrowError::ParseError(format!("column {} of Athena's rows: {error}", field.name())))
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)
}

fn column<'a>(field: &Field, values: impl Iterator<Item = Option<&'a str>>) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let kind = field.data_type();
    match kind {
        DataType::Float32 => Ok(Arc::new(each(values, number)?.into_iter().collect::<Float32Array>())),
        DataType::Float64 => Ok(Arc::new(each(values, number)?.into_iter().collect::<Float64Array>())),
        DataType::Binary => Ok(Arc::new(each(values, bytes)?.into_iter().collect::<BinaryArray>())),
        DataType::Timestamp(_, Some(_)) => {
            let times: TimestampMicrosecondArray = each(values, microseconds)?.into_iter().collect();
            cast_with_options(&times.with_timezone("UTC"), kind, &strict)
        }
        _ => cast_with_options(&values.collect::<StringArray>(), kind, &strict),
    }
}

fn each<'a, T>(
    values: impl Iterator<Item = Option<&'a str>>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, ArrowError> {
    let read = |value: &str| read(value).ok_or_else(|| ArrowError::ParseError(format!("`{value}`")));
    values.map(|value| value.map(read).transpose()).collect()
}

/// `NaN` and `Infinity`, too.
fn number<T: FromStr>(value: &str) -> Option<T> {
    value.parse().ok()
}

/// Pairs of hexadecimal digits with a space between them.
fn bytes(value: &str) -> Option<Vec<u8>> {
    let pairs = value.split(' ').filter(|pair| !pair.is_empty());
    pairs.map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// `2013-02-09 12:00:00.000 UTC`: the zone is a name or an offset.
fn microseconds(value: &str) -> Option<i64> {
    let (time, zone) = match value.rsplit_once(' ') {
        Some((time, zone)) if time.contains(' ') => (time, zone),
        _ => (value, "UTC"),
    };
    let zone = Tz::from_str(zone).ok()?;
    Some(string_to_datetime(&zone, time).ok()?.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_cast::display::{ArrayFormatter, FormatOptions};

    fn told(kind: &str, precision: u8, scale: i8) -> ResultColumn {
        ResultColumn {
            name: "_col0".into(),
            kind: kind.into(),
            precision,
            scale,
        }
    }

    fn read(planned: DataType, told: ResultColumn, value: Option<&str>) -> Result<(DataType, String), ArrowError> {
        let planned = Schema::new(vec![Field::new("x", planned, false)]);
        let schema = schema(&planned, &[told]).expect("as many columns");
        let batch = batch(&schema, &[vec![value.map(Into::into)]])?;
        let options = FormatOptions::new().with_null("null");
        let shown = ArrayFormatter::try_new(batch.column(0), &options)?.value(0).to_string();
        Ok((schema.field(0).data_type().clone(), shown))
    }

    /// Values of types that were planned and told, the types that come of both, and how they are shown.
    fn come_back<const N: usize>(cases: [(DataType, ResultColumn, &str, DataType, &str); N]) {
        for (planned, own, value, kind, expected) in cases {
            let shown = format!("{own:?}");
            let none = read(planned.clone(), own.clone(), None).expect(&shown);
            let found = read(planned, own, Some(value)).unwrap_or_else(|error| panic!("{shown}: {error}"));
            assert_eq!(found, (kind, expected.to_string()), "{shown}");
            assert_eq!(none.1, "null", "{shown}");
        }
    }

    #[test]
    fn values_come_back_as_what_they_are() {
        use DataType::{Binary, Boolean, Date32, Decimal128, Float64, Int32, Int64, Utf8};
        let decimal = |digits, scale| told("decimal", digits, scale);
        come_back([
            (Int32, told("bigint", 19, 0), "7", Int32, "7"),
            (Int64, told("integer", 10, 0), "-7", Int64, "-7"),
            (Float64, told("double", 17, 0), "1.0E-7", Float64, "1e-7"),
            (Float64, told("double", 17, 0), "Infinity", Float64, "inf"),
            (Float64, told("bigint", 19, 0), "3", Int64, "3"),
            (Boolean, told("boolean", 0, 0), "true", Boolean, "true"),
            (Date32, told("date", 0, 0), "2013-02-09", Date32, "2013-02-09"),
            (Utf8, told("varchar", 0, 0), "", Utf8, ""),
            (Utf8, told("array", 0, 0), "[a, b]", Utf8, "[a, b]"),
            (Binary, told("varbinary", 0, 0), "00 ff", Binary, "00ff"),
            (Decimal128(9, 2), decimal(9, 2), "-12.50", Decimal128(9, 2), "-12.50"),
            // A sum has more digits there.
            (Decimal128(19, 2), decimal(38, 2), "12.50", Decimal128(38, 2), "12.50"),
            (
                Decimal128(13, 6),
                decimal(9, 2),
                "12.50",
                Decimal128(13, 6),
                "12.500000",
            ),
        ]);
    }

    #[test]
    fn times_come_back_with_their_zone() {
        let zoned = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let plain = || DataType::Timestamp(TimeUnit::Nanosecond, None);
        let kind = "timestamp with time zone";
        let [utc, offset, named] = [
            ("2013-02-09 12:00:00.001 UTC", "2013-02-09T12:00:00.001Z"),
            ("2013-02-09 12:00:00.000001 +01:00", "2013-02-09T11:00:00.000001Z"),
            ("2013-07-09 12:00:00.000 America/New_York", "2013-07-09T16:00:00Z"),
        ];
        let (time, shown) = ("2013-02-09 12:00:00.001", "2013-02-09T12:00:00.001");
        come_back([
            (zoned(), told(kind, 3, 0), utc.0, zoned(), utc.1),
            (
                zoned(),
                told("timestamp(6) with time zone", 3, 0),
                offset.0,
                zoned(),
                offset.1,
            ),
            (zoned(), told(kind, 3, 0), named.0, zoned(), named.1),
            (plain(), told("timestamp", 3, 0), time, plain(), shown),
        ]);
    }

    #[test]
    fn what_is_no_value_of_its_type_is_told_and_never_made_null() {
        for (planned, own, value) in [
            (DataType::Int32, told("bigint", 19, 0), "3000000000"),
            (DataType::Float64, told("double", 17, 0), "x"),
            (DataType::Binary, told("varbinary", 0, 0), "zz"),
            (DataType::Date32, told("date", 0, 0), "soon"),
        ] {
            let error = read(planned, own, Some(value)).expect_err(value);
            assert!(error.to_string().contains("column x"), "{error}");
        }
        let none = Schema::empty();
        assert!(schema(&none, &[told("date", 0, 0)]).is_err());
    }
}
