//! A footer against the table: either the Iceberg data file of it, or what is wrong with it. Pure.

use crate::{
    footer::{Bounds, FileColumn, Footer},
    way::{self, Step},
};
use iceberg::{
    spec::{
        DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, Literal, PartitionField, PartitionSpec,
        PrimitiveLiteral, PrimitiveType, Schema, Struct, TableMetadata, Transform, Type,
    },
    transform::create_transform_function,
};
use std::collections::{HashMap, HashSet};
use watershed_lake::{ColumnType, StagedFile};

/// Characters of a string, or bytes of a binary, that a bound keeps (Iceberg, "Write properties":
/// `write.metadata.metrics.default` is `truncate(16)`).
pub const BOUND_LENGTH: usize = 16;

/// The table, as far as files are checked against it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Current schema.
    pub schema: &'a Schema,
    /// Default partition spec.
    pub partition: &'a PartitionSpec,
    /// Default sort order; 0: unsorted.
    pub sort_order_id: i64,
}

impl<'a> Target<'a> {
    /// The table of that metadata.
    pub fn of(metadata: &'a TableMetadata) -> Self {
        Self {
            schema: metadata.current_schema(),
            partition: metadata.default_partition_spec(),
            sort_order_id: metadata.default_sort_order_id(),
        }
    }
}

/// The data file of that footer, staged at `uri`. Errors say the column and the difference, not the file.
pub fn data_file(target: Target<'_>, uri: &str, staged: &StagedFile, footer: &Footer) -> Result<DataFile, String> {
    if footer.rows != staged.rows {
        return Err(format!("holds {} rows, the request says {}", footer.rows, staged.rows));
    }
    let mut seen = HashMap::new();
    let columns: Vec<FileColumn> = footer
        .columns
        .iter()
        .map(|column| widened(target.schema, column))
        .collect();
    for column in &columns {
        let id = check_column(target.schema, column)?;
        if seen.insert(id, column).is_some() {
            return Err(format!("column `{}`: field id {id} stands twice", column.name));
        }
    }
    let there = columns.iter().flat_map(|column| &column.way).filter_map(|step| step.id);
    if let Some(field) = way::missing(target.schema.as_struct().fields(), &there.collect()) {
        return Err(format!(
            "column `{}` (field id {}) is required and missing",
            field.name, field.id
        ));
    }
    let partition = target.partition.fields().iter().map(|field| {
        let column = seen.get(&field.source_id).copied();
        partition_value(field, column).map_err(|what| format!("partition `{}`: {what}", field.name))
    });
    let partition = partition.collect::<Result<Struct, String>>()?;
    let mut builder = DataFileBuilder::default();
    builder
        .content(DataContentType::Data)
        .file_path(uri.into())
        .file_format(DataFileFormat::Parquet)
        .partition(partition)
        .partition_spec_id(target.partition.spec_id())
        .record_count(footer.rows)
        .file_size_in_bytes(staged.bytes)
        .column_sizes(seen.iter().map(|(id, c)| (*id, c.bytes)).collect())
        .value_counts(seen.iter().map(|(id, c)| (*id, c.values)).collect())
        .null_value_counts(seen.iter().filter_map(|(id, c)| Some((*id, c.nulls?))).collect())
        .lower_bounds(bounds(&seen, |b| Some(cut_down(&b.lower))))
        .upper_bounds(bounds(&seen, |b| cut_up(&b.upper)))
        .split_offsets(Some(footer.split_offsets.clone()));
    if target.sort_order_id != 0 {
        builder.sort_order_id(i32::try_from(target.sort_order_id).map_err(|e| e.to_string())?);
    }
    builder.build().map_err(|e| e.to_string())
}

/// Paths that stand more than once in a request.
pub fn repeated_path(files: &[StagedFile]) -> Option<&str> {
    let mut seen = HashSet::new();
    files
        .iter()
        .map(|file| file.path.as_str())
        .find(|path| !seen.insert(*path))
}

fn bounds(columns: &HashMap<i32, &FileColumn>, side: impl Fn(&Bounds) -> Option<Datum>) -> HashMap<i32, Datum> {
    columns
        .iter()
        .filter_map(|(id, column)| Some((*id, side(column.bounds.as_ref()?)?)))
        .collect()
}

/// The column as the table has it, where the table's type is a wider one: the file was made before the table was evolved, or of an
/// older contract. Its statistics are of the table's type then, so that all of a manifest are.
fn widened(schema: &Schema, column: &FileColumn) -> FileColumn {
    let mut column = column.clone();
    let wanted = column
        .id
        .and_then(|id| schema.field_by_id(id)?.field_type.as_primitive_type());
    if let (Some(kind), Some(wanted)) = (&column.kind, wanted)
        && widens(kind, wanted)
    {
        let of = |datum: &Datum| Datum::try_from_bytes(&datum.to_bytes().ok()?, wanted.clone()).ok();
        column.bounds = column.bounds.as_ref().and_then(|bounds| {
            Some(Bounds {
                lower: of(&bounds.lower)?,
                upper: of(&bounds.upper)?,
                exact: bounds.exact,
            })
        });
        column.kind = Some(wanted.clone());
    }
    column
}

fn widens(narrow: &PrimitiveType, wide: &PrimitiveType) -> bool {
    let kind = |kind: &PrimitiveType| kind.to_string().parse::<ColumnType>().ok();
    kind(narrow)
        .zip(kind(wide))
        .is_some_and(|(narrow, wide)| narrow.widens_to(wide))
}

fn check_column(schema: &Schema, column: &FileColumn) -> Result<i32, String> {
    let name = &column.name;
    let id = column.id.ok_or_else(|| format!("column `{name}` has no field id"))?;
    let field = schema
        .field_by_id(id)
        .ok_or_else(|| format!("column `{name}`: the table has no field id {id}"))?;
    let way = way::in_table(schema, id).ok_or_else(|| format!("column `{name}`: field id {id} is in a map"))?;
    let path = |way: &[Step]| way.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(".");
    if path(&way) != *name {
        return Err(format!(
            "column `{name}` has field id {id}, which is `{}` in the table",
            path(&way)
        ));
    }
    check_way(&way, column)?;
    let same = matches!((&*field.field_type, &column.kind), (Type::Primitive(wanted), Some(kind)) if wanted == kind);
    if !same {
        let wanted = &field.field_type;
        return Err(format!(
            "column `{name}` is {} in the file, the table wants {wanted}",
            column.spelled
        ));
    }
    if field.required && way.len() == 1 && column.nulls != Some(0) {
        let nulls = column.nulls.map_or("an unknown number of".into(), |n| n.to_string());
        return Err(format!("column `{name}` is required and has {nulls} nulls"));
    }
    Ok(id)
}

/// What a column is in is what the table says by the same ids; and where the table requires a value inside of another, the file's schema
/// does, because nulls are not counted there.
fn check_way(way: &[Step], column: &FileColumn) -> Result<(), String> {
    if way.len() == 1 {
        return Ok(());
    }
    let name = &column.name;
    for (wanted, found) in way.iter().zip(&column.way) {
        if wanted.id != found.id {
            let id = |id: Option<i32>| id.map_or("none".into(), |id| id.to_string());
            return Err(format!(
                "column `{name}`: `{}` has field id {}, the table wants {}",
                found.name,
                id(found.id),
                id(wanted.id)
            ));
        }
        if wanted.required && !found.required {
            return Err(format!(
                "column `{name}`: `{}` is required and may be null in the file",
                found.name
            ));
        }
    }
    Ok(())
}

/// The one partition value of the file. For transforms that keep the order, equal values of smallest and largest prove that
/// all rows have it; for buckets it is evidence only.
fn partition_value(field: &PartitionField, column: Option<&FileColumn>) -> Result<Option<Literal>, String> {
    let Some(column) = column.filter(|column| column.values > 0) else {
        return Ok(None);
    };
    let name = &column.name;
    if column.nulls == Some(column.values) {
        return Ok(None);
    }
    if column.nulls != Some(0) {
        return Err(format!(
            "column `{name}` has null and other values; write one file a partition"
        ));
    }
    let bounds = column
        .bounds
        .as_ref()
        .ok_or_else(|| format!("column `{name}` has no statistics; write them"))?;
    if !bounds.exact && matches!(field.transform, Transform::Identity | Transform::Bucket(_)) {
        return Err(format!(
            "column `{name}` has statistics cut to a length; write them whole"
        ));
    }
    let (low, high) = (
        transform(field.transform, &bounds.lower)?,
        transform(field.transform, &bounds.upper)?,
    );
    if low != high {
        let (lower, upper) = (&bounds.lower, &bounds.upper);
        return Err(format!(
            "rows from {lower} to {upper} of column `{name}` are of several partitions; write one file each"
        ));
    }
    Ok(low.map(Literal::Primitive))
}

fn transform(transform: Transform, value: &Datum) -> Result<Option<PrimitiveLiteral>, String> {
    if let (Transform::Truncate(width), PrimitiveLiteral::Binary(bytes)) = (&transform, value.literal()) {
        // The crate has no truncate of binary.
        return Ok(Some(PrimitiveLiteral::Binary(
            bytes[..bytes.len().min(*width as usize)].to_vec(),
        )));
    }
    let function = create_transform_function(&transform).map_err(|e| e.to_string())?;
    let value = function.transform_literal(value).map_err(|e| e.to_string())?;
    Ok(value.map(|value| value.literal().clone()))
}

/// At most the value, and short.
fn cut_down(value: &Datum) -> Datum {
    match value.literal() {
        PrimitiveLiteral::String(text) => Datum::string(text.chars().take(BOUND_LENGTH).collect::<String>()),
        PrimitiveLiteral::Binary(bytes) if *value.data_type() == PrimitiveType::Binary => {
            Datum::binary(bytes.iter().take(BOUND_LENGTH).copied())
        }
        _ => value.clone(),
    }
}

/// At least the value, and short; none where there is no such value.
fn cut_up(value: &Datum) -> Option<Datum> {
    match value.literal() {
        PrimitiveLiteral::String(text) if text.chars().nth(BOUND_LENGTH).is_some() => {
            let mut head: Vec<char> = text.chars().take(BOUND_LENGTH).collect();
            while let Some(last) = head.pop() {
                if let Some(next) = next_char(last) {
                    head.push(next);
                    return Some(Datum::string(head.into_iter().collect::<String>()));
                }
            }
            None
        }
        PrimitiveLiteral::Binary(bytes) if bytes.len() > BOUND_LENGTH => {
            let mut head = bytes[..BOUND_LENGTH].to_vec();
            while let Some(last) = head.pop() {
                if last < u8::MAX {
                    head.push(last + 1);
                    return Some(Datum::binary(head));
                }
            }
            None
        }
        _ => Some(value.clone()),
    }
}

/// The next Unicode scalar value: surrogates are skipped.
fn next_char(c: char) -> Option<char> {
    match c {
        '\u{D7FF}' => Some('\u{E000}'),
        char::MAX => None,
        _ => char::from_u32(u32::from(c) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cut_bounds_still_bound(text in "\\PC{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            for value in [Datum::string(&text), Datum::binary(bytes)] {
                prop_assert!(cut_down(&value) <= value);
                if let Some(upper) = cut_up(&value) {
                    prop_assert!(upper >= value);
                }
            }
        }
    }

    #[test]
    fn an_upper_bound_that_cannot_be_raised_is_left_out() {
        assert_eq!(cut_up(&Datum::binary([255; 17])), None);
        assert_eq!(
            cut_up(&Datum::string(format!("{}x", "\u{D7FF}".repeat(16))))
                .map(|d| d.to_string())
                .as_deref(),
            Some(format!("\"{}\u{E000}\"", "\u{D7FF}".repeat(15)).as_str())
        );
        assert_eq!(cut_up(&Datum::string("short")), Some(Datum::string("short")));
    }

    #[test]
    fn transforms_give_the_values_of_the_specification() {
        // Iceberg specification, Appendix B "32-bit Hash Requirements".
        let bucket = |value: &Datum| transform(Transform::Bucket(1 << 30), value).unwrap();
        let hashed = |hash: i32| Some(PrimitiveLiteral::Int((hash & i32::MAX) % (1 << 30)));
        assert_eq!(bucket(&Datum::int(34)), hashed(2_017_239_379));
        assert_eq!(bucket(&Datum::long(34)), hashed(2_017_239_379));
        assert_eq!(bucket(&Datum::date(17_486)), hashed(-653_330_422));
        assert_eq!(bucket(&Datum::string("iceberg")), hashed(1_210_000_089));
        assert_eq!(bucket(&Datum::binary([0, 1, 2, 3])), hashed(-188_683_207));
        let decimal = PrimitiveType::Decimal { precision: 9, scale: 2 };
        let value = Datum::try_from_bytes(&1_420_i32.to_be_bytes(), decimal).unwrap();
        assert_eq!(bucket(&value), hashed(-500_754_589));
        assert_eq!(
            transform(Transform::Truncate(50), &value).unwrap(),
            Some(PrimitiveLiteral::Int128(1_400))
        );
        assert_eq!(
            transform(Transform::Month, &Datum::date(-1)).unwrap(),
            Some(PrimitiveLiteral::Int(-1))
        );
        assert_eq!(
            transform(Transform::Hour, &Datum::timestamptz_micros(-1)).unwrap(),
            Some(PrimitiveLiteral::Int(-1))
        );
        assert_eq!(
            transform(Transform::Truncate(3), &Datum::string("äöüß")).unwrap(),
            Some(PrimitiveLiteral::String("äöü".into()))
        );
    }
}
