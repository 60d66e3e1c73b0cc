//! `logicalType`, `physicalType` and the options that choose a type, to an Iceberg type.

use crate::{
    diagnostic::{one_of, shown},
    reader::{At, Map},
};
use watershed_lake::ColumnType;

/// Most digits of a decimal (Iceberg specification, "Primitive Types").
pub const MAX_PRECISION: u8 = 38;

/// The types of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logical {
    String,
    Integer,
    Number,
    Boolean,
    Date,
    Timestamp,
    Time,
    Object,
    Array,
}

const LOGICAL: [(&str, Logical); 9] = [
    ("string", Logical::String),
    ("integer", Logical::Integer),
    ("number", Logical::Number),
    ("boolean", Logical::Boolean),
    ("date", Logical::Date),
    ("timestamp", Logical::Timestamp),
    ("time", Logical::Time),
    ("object", Logical::Object),
    ("array", Logical::Array),
];

/// A type and what its spelling says beside.
pub(crate) struct Typed {
    pub(crate) kind: ColumnType,
    /// `n` of `VARCHAR(n)`.
    pub(crate) max_length: Option<usize>,
}

/// The type of the property; none where it is missing, unknown or contradictory, which is reported.
pub(crate) fn read(property: &Map<'_>, options: Option<&Map<'_>>) -> Option<Typed> {
    let logical_at = property.need("logicalType", "write logicalType: string, or another type")?;
    let logical = logical_at.word(&LOGICAL);
    let physical_at = property.get("physicalType");
    let physical = physical_at
        .as_ref()
        .map(|at| at.text().and_then(|text| parse(at, text)));
    let logical = logical?;
    let typed = match physical {
        Some(physical) => physical?,
        None => Typed {
            kind: default_kind(logical, options)?,
            max_length: None,
        },
    };
    if let Some(at) = &physical_at
        && !fits(logical, typed.kind)
    {
        let message = format!(
            "physicalType {} is no {}",
            shown(at.text()?),
            logical_at.name_of(logical)
        );
        at.error(message, format!("write {}", spellings(logical)));
        return None;
    }
    check_options(logical, typed.kind, options)?;
    Some(typed)
}

impl At<'_> {
    fn name_of(&self, logical: Logical) -> String {
        let word = LOGICAL.iter().find(|(_, l)| *l == logical).map_or("", |(word, _)| word);
        format!("{} {word}", self.name)
    }
}

/// `DECIMAL(9, 2)` → `("DECIMAL", [9, 2])`, upper case, white space squeezed.
fn split(text: &str) -> Option<(String, Vec<usize>)> {
    let upper = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let Some((name, rest)) = upper.split_once('(') else {
        return Some((upper, Vec::new()));
    };
    let (arguments, tail) = rest.split_once(')')?;
    let arguments = arguments
        .split(',')
        .map(|n| n.trim().parse().ok())
        .collect::<Option<Vec<usize>>>()?;
    Some((format!("{}{tail}", name.trim()), arguments))
}

fn parse(at: &At<'_>, text: &str) -> Option<Typed> {
    let found = split(text).and_then(|(name, arguments)| from_sql(&name, &arguments));
    if found.is_none() {
        let head = text.split('(').next().unwrap_or(text).trim().to_uppercase();
        let help = if DECIMALS.contains(&head.as_str()) {
            format!("write DECIMAL(precision,scale), precision 1 to {MAX_PRECISION}, scale 0 to precision")
        } else {
            one_of(&head, &PHYSICAL)
        };
        at.error(format!("unknown physicalType {}", shown(text)), help);
    }
    found
}

const DECIMALS: [&str; 3] = ["DECIMAL", "NUMERIC", "DEC"];
/// The usual spelling of each type.
const PHYSICAL: [&str; 15] = [
    "BOOLEAN",
    "INTEGER",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(p,s)",
    "DATE",
    "TIME",
    "TIMESTAMP_NTZ",
    "TIMESTAMP_TZ",
    "STRING",
    "VARCHAR(n)",
    "BINARY",
    "STRUCT",
    "ARRAY",
];

/// The usual SQL spellings, in the sense that Iceberg gives them where dialects differ: FLOAT has 32 bits, TIMESTAMP no zone.
/// Small integers are not among them: Iceberg has none, and the range would not be checked.
fn from_sql(name: &str, arguments: &[usize]) -> Option<Typed> {
    let kind = match (name, arguments) {
        ("BOOLEAN" | "BOOL", []) => ColumnType::Boolean,
        ("INT" | "INTEGER" | "INT32" | "INT4", []) => ColumnType::Int,
        ("BIGINT" | "LONG" | "INT64", []) => ColumnType::Long,
        ("FLOAT" | "REAL" | "FLOAT4" | "FLOAT32", []) => ColumnType::Float,
        ("DOUBLE" | "DOUBLE PRECISION" | "FLOAT8" | "FLOAT64", []) => ColumnType::Double,
        (name, [precision, scale @ ..]) if DECIMALS.contains(&name) && scale.len() <= 1 => {
            let precision = u8::try_from(*precision)
                .ok()
                .filter(|p| (1..=MAX_PRECISION).contains(p))?;
            let scale = u8::try_from(scale.first().copied().unwrap_or(0))
                .ok()
                .filter(|s| *s <= precision)?;
            ColumnType::Decimal { precision, scale }
        }
        ("DATE", []) => ColumnType::Date,
        ("TIME" | "TIME WITHOUT TIME ZONE", []) => ColumnType::Time,
        ("TIMESTAMP" | "TIMESTAMP_NTZ" | "TIMESTAMP WITHOUT TIME ZONE" | "DATETIME", [] | [6]) => ColumnType::Timestamp,
        ("TIMESTAMPTZ" | "TIMESTAMP_TZ" | "TIMESTAMP WITH TIME ZONE", [] | [6]) => ColumnType::TimestampTz,
        ("STRING" | "TEXT" | "VARCHAR", []) => ColumnType::String,
        ("VARCHAR" | "CHAR" | "CHARACTER VARYING", [length]) if *length > 0 => {
            return Some(Typed {
                kind: ColumnType::String,
                max_length: Some(*length),
            });
        }
        ("BINARY" | "VARBINARY" | "BYTES" | "BLOB" | "BYTEA", []) => ColumnType::Binary,
        ("STRUCT" | "OBJECT" | "ROW", []) => ColumnType::Struct,
        ("ARRAY" | "LIST", []) => ColumnType::List,
        _ => return None,
    };
    Some(Typed { kind, max_length: None })
}

fn fits(logical: Logical, kind: ColumnType) -> bool {
    match logical {
        Logical::String => matches!(kind, ColumnType::String | ColumnType::Binary),
        Logical::Integer => matches!(
            kind,
            ColumnType::Int | ColumnType::Long | ColumnType::Decimal { scale: 0, .. }
        ),
        Logical::Number => matches!(
            kind,
            ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. }
        ),
        Logical::Boolean => kind == ColumnType::Boolean,
        Logical::Date => kind == ColumnType::Date,
        Logical::Timestamp => matches!(kind, ColumnType::Timestamp | ColumnType::TimestampTz),
        Logical::Time => kind == ColumnType::Time,
        Logical::Object => kind == ColumnType::Struct,
        Logical::Array => kind == ColumnType::List,
    }
}

fn spellings(logical: Logical) -> &'static str {
    match logical {
        Logical::String => "STRING, VARCHAR(n) or BINARY, or another logicalType",
        Logical::Integer => "INTEGER, BIGINT or DECIMAL(p,0), or another logicalType",
        Logical::Number => "FLOAT, DOUBLE or DECIMAL(p,s), or another logicalType",
        Logical::Boolean => "BOOLEAN, or another logicalType",
        Logical::Date => "DATE, or another logicalType",
        Logical::Timestamp => "TIMESTAMP_NTZ or TIMESTAMP_TZ, or another logicalType",
        Logical::Time => "TIME, or another logicalType",
        Logical::Object => "STRUCT, or another logicalType",
        Logical::Array => "ARRAY, or another logicalType",
    }
}

/// Where there is no `physicalType`.
fn default_kind(logical: Logical, options: Option<&Map<'_>>) -> Option<ColumnType> {
    Some(match logical {
        Logical::String => ColumnType::String,
        Logical::Integer => width(options, &INTEGERS)?.unwrap_or(ColumnType::Long),
        Logical::Number => width(options, &FLOATS)?.unwrap_or(ColumnType::Double),
        Logical::Boolean => ColumnType::Boolean,
        Logical::Date => ColumnType::Date,
        Logical::Timestamp if zoned(options) == Some(false) => ColumnType::Timestamp,
        Logical::Timestamp => ColumnType::TimestampTz,
        Logical::Time => ColumnType::Time,
        Logical::Object => ColumnType::Struct,
        Logical::Array => ColumnType::List,
    })
}

const INTEGERS: [(&str, ColumnType); 2] = [("i32", ColumnType::Int), ("i64", ColumnType::Long)];
const FLOATS: [(&str, ColumnType); 2] = [("f32", ColumnType::Float), ("f64", ColumnType::Double)];

/// `format` of a number: its width. Outer none: unknown, reported.
#[allow(clippy::option_option)] // "absent" and "wrong, reported" lead different ways
fn width(options: Option<&Map<'_>>, widths: &[(&str, ColumnType)]) -> Option<Option<ColumnType>> {
    match options.and_then(|o| o.get("format")) {
        None => Some(None),
        Some(at) => at.word(widths).map(Some),
    }
}

/// `timezone`.
fn zoned(options: Option<&Map<'_>>) -> Option<bool> {
    options?.flag("timezone")
}

/// Options that say something of the type must say what it says.
fn check_options(logical: Logical, kind: ColumnType, options: Option<&Map<'_>>) -> Option<()> {
    let widths: &[_] = match logical {
        Logical::Integer => &INTEGERS,
        Logical::Number => &FLOATS,
        Logical::Timestamp => {
            let zone = zoned(options);
            if zone.is_some_and(|zone| zone != (kind == ColumnType::TimestampTz)) {
                let at = options?.get("timezone")?;
                at.error(
                    format!("timezone is {} and the type {kind}", zone == Some(true)),
                    "write physicalType TIMESTAMP_TZ with timezone: true, TIMESTAMP_NTZ with timezone: false",
                );
                return None;
            }
            return Some(());
        }
        _ => return Some(()),
    };
    if let Some(found) = width(options, widths)?
        && found != kind
    {
        let at = options?.get("format")?;
        at.error(format!("format says {found}, physicalType {kind}"), "remove format");
        return None;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<String> {
        let (name, arguments) = split(text)?;
        from_sql(&name, &arguments).map(|typed| typed.kind.to_string())
    }

    #[test]
    fn sql_spellings() {
        for (text, expected) in [
            ("int", "int"),
            ("BigInt", "long"),
            ("decimal( 9 , 2 )", "decimal(9,2)"),
            ("NUMERIC(38)", "decimal(38,0)"),
            ("timestamp  with time zone", "timestamptz"),
            ("timestamp(6) with time zone", "timestamptz"),
            ("double precision", "double"),
            ("varchar(20)", "string"),
            ("bytea", "binary"),
        ] {
            assert_eq!(kind(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "decimal",
            "decimal(39,0)",
            "decimal(5,6)",
            "decimal(0)",
            "decimal(5,2",
            "smallint",
            "varchar(0)",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
