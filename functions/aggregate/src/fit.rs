//! What a query gives, as columns of the table. Pure.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::{collections::BTreeSet, sync::Arc};
use watershed_lake::TableSpec;
use watershed_sink::arrow_schema;

/// Rows that a message names, at most.
const MAX_SHOWN: usize = 3;

/// Which column of the query each of the table is.
#[derive(Debug)]
pub struct Fit {
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl Fit {
    /// By their names. Errors: everything that does not fit.
    pub fn of(query: &Schema, table: &TableSpec) -> Result<Self, String> {
        let schema = arrow_schema(table);
        let (mut columns, mut wrong, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for given in query.fields() {
            if table.column(given.name()).is_none() {
                wrong.push(format!(
                    "the query gives a column {}, which the contract has not: name it with AS as there, or take it out",
                    given.name()
                ));
            } else if !names.insert(given.name()) {
                wrong.push(format!("the query gives {} twice: take one out", given.name()));
            }
        }
        for (column, field) in table.columns.iter().zip(schema.fields()) {
            match query.column_with_name(&column.name) {
                None => wrong.push(format!(
                    "the query gives no column {}: name one so with AS",
                    column.name
                )),
                Some((_, given)) if !becomes(given.data_type(), field.data_type()) => wrong.push(format!(
                    "{} is {} in the query and {} in the contract: write CAST(… AS {}) there, or another type here",
                    column.name,
                    given.data_type(),
                    column.kind,
                    column.kind
                )),
                Some((index, _)) => columns.push(index),
            }
        }
        if wrong.is_empty() {
            Ok(Self { schema, columns })
        } else {
            Err(wrong.join("; "))
        }
    }

    /// A batch of the query as one of the table, with the values that it has and no others.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let column = |(index, field): (&usize, &Arc<Field>)| exactly(batch.column(*index), field);
        let columns = self.columns.iter().zip(self.schema.fields()).map(column);
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|error| error.to_string())
    }
}

/// Whether values of a type can have equal ones in the other. Whether all have, [`exactly`] sees.
fn becomes(from: &DataType, to: &DataType) -> bool {
    use DataType as D;
    match (from, to) {
        (D::Null, _) => true,
        (from, to) if from == to => true,
        (from, D::Int32 | D::Int64 | D::Float64 | D::Decimal128(..)) if from.is_integer() => true,
        (D::Float32, D::Float64) => true,
        (D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..), D::Decimal128(..)) => true,
        (D::Timestamp(_, zone), D::Timestamp(_, wanted)) => zone.is_some() == wanted.is_some(),
        (D::Date64, D::Date32) | (D::Time32(_) | D::Time64(_), D::Time64(_)) => true,
        (D::Utf8View | D::LargeUtf8, D::Utf8) | (D::BinaryView | D::LargeBinary, D::Binary) => true,
        _ => false,
    }
}

/// The column in the type of the field: an error where one value is not equal to what it becomes, or null and may not be.
fn exactly(column: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    let name = field.name();
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let cast = |column: &ArrayRef, to: &DataType| {
        let cast = cast_with_options(column, to, &options);
        cast.map_err(|error| format!("{name}: {error}: write a wider type in the contract"))
    };
    let made = if column.data_type() == field.data_type() {
        Arc::clone(column)
    } else {
        let made = cast(column, field.data_type())?;
        if column.data_type() != &DataType::Null && *cast(&made, column.data_type())? != **column {
            return Err(format!(
                "{name} is {} in the query, and not all of its values are the same as {}: write ROUND or CAST there, or another type in the contract",
                column.data_type(),
                field.data_type()
            ));
        }
        made
    };
    if !field.is_nullable() && made.null_count() > 0 {
        let rows: Vec<String> = (0..made.len())
            .filter(|row| made.is_null(*row))
            .take(MAX_SHOWN)
            .map(|row| row.to_string())
            .collect();
        return Err(format!(
            "{name} is required, and null in {} rows of the query's (of these {}, numbers {}): write COALESCE or a condition there, or required: false in the contract",
            made.null_count(),
            made.len(),
            rows.join(", ")
        ));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Decimal128Array, Float64Array, Int64Array, StringViewArray, TimestampNanosecondArray, UInt64Array,
    };
    use std::collections::BTreeMap;
    use watershed_lake::{Column, ColumnType, layout::Zone};

    fn table(columns: &[(&str, ColumnType)]) -> TableSpec {
        let columns = (1..).zip(columns);
        TableSpec {
            name: "a.b".parse().expect("a name"),
            zone: Zone::Mart,
            columns: columns
                .map(|(id, (name, kind))| Column::plain(id, name, *kind, *name != "n", ""))
                .collect(),
            partition: Vec::new(),
            sort: Vec::new(),
            doc: None,
            properties: BTreeMap::new(),
        }
    }

    /// What comes of one column of the query in a table with one of that type.
    fn fitted(values: impl Array + 'static, kind: ColumnType) -> Result<ArrayRef, String> {
        let batch = RecordBatch::try_from_iter([("c", Arc::new(values) as ArrayRef)]).expect("a batch");
        let fit = Fit::of(&batch.schema(), &table(&[("c", kind)]))?;
        Ok(Arc::clone(fit.apply(&batch)?.column(0)))
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let table = table(&[("a", ColumnType::Long), ("n", ColumnType::Long)]);
        let number = |number| Arc::new(Int64Array::from(vec![number])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", number(1)), ("a", number(2))]).expect("a batch");
        let made = Fit::of(&batch.schema(), &table)
            .and_then(|fit| fit.apply(&batch))
            .expect("it fits");
        assert_eq!((made.column(0), made.column(1)), (&number(2), &number(1)));
        let other =
            RecordBatch::try_from_iter([("b", number(1)), ("n", number(1)), ("n", number(2))]).expect("a batch");
        let wrong = Fit::of(&other.schema(), &table).expect_err("three mistakes");
        for expected in [
            "a column b, which the contract has not",
            "gives n twice",
            "gives no column a",
        ] {
            assert!(wrong.contains(expected), "{wrong}");
        }
    }

    #[test]
    fn values_stay_what_they_are() {
        let long = |numbers: &[i64]| Int64Array::from(numbers.to_vec());
        assert!(fitted(long(&[1, -1]), ColumnType::Int).is_ok());
        assert!(fitted(long(&[1 << 40]), ColumnType::Int).is_err_and(|e| e.starts_with("c: ")));
        assert!(fitted(long(&[1 << 53]), ColumnType::Double).is_ok());
        assert!(fitted(long(&[(1 << 53) + 1]), ColumnType::Double).is_err_and(|e| e.contains("not all of its values")));
        assert!(fitted(UInt64Array::from(vec![1]), ColumnType::Long).is_ok());
        assert!(fitted(UInt64Array::from(vec![u64::MAX]), ColumnType::Long).is_err());
        let price = ColumnType::Decimal { precision: 9, scale: 2 };
        let decimal = |value| {
            Decimal128Array::from(vec![value])
                .with_precision_and_scale(20, 4)
                .expect("it fits")
        };
        assert!(fitted(decimal(1_2300), price).is_ok());
        assert!(fitted(decimal(1_2345), price).is_err());
        assert!(fitted(TimestampNanosecondArray::from(vec![1_000]), ColumnType::Timestamp).is_ok());
        assert!(fitted(TimestampNanosecondArray::from(vec![1_001]), ColumnType::Timestamp).is_err());
        assert!(fitted(StringViewArray::from(vec!["x"]), ColumnType::String).is_ok());
    }

    #[test]
    fn what_may_change_a_value_is_refused_before_a_row_is_read() {
        for (wrong, kind) in [
            (
                fitted(Float64Array::from(vec![1.0]), ColumnType::Long),
                "Float64 in the query and long in the contract",
            ),
            (
                fitted(Float64Array::from(vec![1.0]), ColumnType::Float),
                "write CAST(… AS float) there",
            ),
            (
                fitted(Int64Array::from(vec![1]), ColumnType::String),
                "Int64 in the query and string",
            ),
            (
                fitted(TimestampNanosecondArray::from(vec![0]), ColumnType::TimestampTz),
                "in the query and timestamptz",
            ),
        ] {
            let wrong = wrong.expect_err(kind);
            assert!(wrong.contains(kind), "{wrong}");
        }
    }

    #[test]
    fn a_null_where_none_may_be_is_told() {
        let wrong = fitted(Int64Array::from(vec![Some(1), None]), ColumnType::Long).expect_err("a null");
        assert!(
            wrong.contains("c is required, and null in 1 rows") && wrong.contains("numbers 1"),
            "{wrong}"
        );
    }
}
