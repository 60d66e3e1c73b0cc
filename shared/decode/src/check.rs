//! Typed columns against the contract's rules.

use crate::{
    arrays,
    reject::{Reason, Violation, shown},
    words::Words,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, StringArray,
    cast::AsArray,
    types::{
        Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
};
use watershed_contract::{Bound, BoundValue, Checks};
use watershed_lake::ColumnType;

/// Checks one column.
#[derive(Debug, Clone)]
pub struct Checker {
    checks: Checks,
    kind: ColumnType,
    one_of: Words,
}

impl Checker {
    /// Of a column with these rules and type.
    pub fn new(checks: &Checks, kind: ColumnType) -> Self {
        let one_of = Words::new(checks.one_of.iter().map(String::as_bytes));
        Self {
            checks: checks.clone(),
            kind,
            one_of,
        }
    }

    /// Appends what is wrong with the column `index`. Rows that `skip` tells are not reported: they are known to be bad.
    pub fn check(&self, array: &ArrayRef, index: u32, skip: &dyn Fn(u32) -> bool, violations: &mut Vec<Violation>) {
        let mut report = |row: usize, reason: Reason, message: String| {
            if !skip(row as u32) {
                violations.push(Violation {
                    row: row as u32,
                    column: Some(index),
                    reason,
                    message,
                });
            }
        };
        if self.checks.required && array.null_count() > 0 {
            for row in (0..array.len()).filter(|row| array.is_null(*row)) {
                report(row, Reason::Required, "is null and may not be".into());
            }
        }
        if self.checks.min.is_some() || self.checks.max.is_some() {
            self.ranges(array, &mut report);
        }
        if let Some(strings) = array.as_string_opt::<i32>() {
            self.strings(strings, &mut report);
        }
    }

    fn ranges(&self, array: &ArrayRef, report: &mut dyn FnMut(usize, Reason, String)) {
        let bad = match self.kind {
            ColumnType::Int => self.exact::<Int32Type>(array),
            ColumnType::Long => self.exact::<Int64Type>(array),
            ColumnType::Decimal { .. } => self.exact::<Decimal128Type>(array),
            ColumnType::Date => self.exact::<Date32Type>(array),
            ColumnType::Time => self.exact::<Time64MicrosecondType>(array),
            ColumnType::Timestamp | ColumnType::TimestampTz => self.exact::<TimestampMicrosecondType>(array),
            ColumnType::Float => self.floats::<Float32Type>(array),
            ColumnType::Double => self.floats::<Float64Type>(array),
            ColumnType::Boolean | ColumnType::String | ColumnType::Binary | ColumnType::Struct | ColumnType::List => {
                Vec::new()
            }
        };
        for row in bad {
            report(
                row,
                Reason::Range,
                format!("{} is out of range: {}", value_shown(array, row), self.range_shown()),
            );
        }
    }

    fn exact<T: ArrowPrimitiveType>(&self, array: &ArrayRef) -> Vec<usize>
    where
        T::Native: Into<i128>,
    {
        let limit = |bound: Option<Bound>, default: i128, inward: i128| match bound {
            Some(Bound {
                value: BoundValue::Exact(value),
                exclusive,
            }) => value + if exclusive { inward } else { 0 },
            _ => default,
        };
        let min = limit(self.checks.min, i128::MIN, 1);
        let max = limit(self.checks.max, i128::MAX, -1);
        outside(array.as_primitive::<T>(), |value| (min..=max).contains(&value.into()))
    }

    fn floats<T: ArrowPrimitiveType>(&self, array: &ArrayRef) -> Vec<usize>
    where
        T::Native: Into<f64>,
    {
        let above = |value: f64| match self.checks.min {
            Some(Bound {
                value: BoundValue::Float(min),
                exclusive,
            }) => value > min || (!exclusive && value >= min),
            _ => true,
        };
        let below = |value: f64| match self.checks.max {
            Some(Bound {
                value: BoundValue::Float(max),
                exclusive,
            }) => value < max || (!exclusive && value <= max),
            _ => true,
        };
        outside(array.as_primitive::<T>(), |value| {
            above(value.into()) && below(value.into())
        })
    }

    fn range_shown(&self) -> String {
        let shown = |bound: Bound| match bound.value {
            BoundValue::Exact(value) => exact_text(value, self.kind),
            BoundValue::Float(value) => value.to_string(),
        };
        let min = self
            .checks
            .min
            .map(|b| format!("{} {}", if b.exclusive { "more than" } else { "at least" }, shown(b)));
        let max = self
            .checks
            .max
            .map(|b| format!("{} {}", if b.exclusive { "less than" } else { "at most" }, shown(b)));
        min.into_iter().chain(max).collect::<Vec<_>>().join(", ")
    }

    fn strings(&self, array: &StringArray, report: &mut dyn FnMut(usize, Reason, String)) {
        let Checks {
            min_length,
            max_length,
            pattern,
            ..
        } = &self.checks;
        if min_length.is_none() && max_length.is_none() && pattern.is_none() && self.one_of.is_empty() {
            return;
        }
        let (min, max) = (min_length.unwrap_or(0), max_length.unwrap_or(usize::MAX));
        // Bytes bound characters from above, by four from below.
        let has_length = |bytes: usize| bytes <= max && (bytes >= min.saturating_mul(4) || (min <= 1 && bytes >= min));
        let values = array.value_data();
        for (row, ends) in array.value_offsets().windows(2).enumerate() {
            let range = ends[0] as usize..ends[1] as usize;
            let is_sure = pattern.is_none()
                && has_length(range.len())
                && (self.one_of.is_empty() || self.one_of.contain(values, range));
            if !is_sure && !array.is_null(row) {
                self.string(row, array.value(row), report);
            }
        }
    }

    /// One string, and what is wrong with it.
    fn string(&self, row: usize, value: &str, report: &mut dyn FnMut(usize, Reason, String)) {
        let (min, max) = (
            self.checks.min_length.unwrap_or(0),
            self.checks.max_length.unwrap_or(usize::MAX),
        );
        let characters = value.chars().count();
        if !(min..=max).contains(&characters) {
            let message = format!(
                "{} has {characters} characters: {}",
                shown(value.as_bytes()),
                lengths_shown(min, self.checks.max_length)
            );
            report(row, Reason::Length, message);
        }
        if let Some(pattern) = self.checks.pattern.as_ref().filter(|pattern| !pattern.is_match(value)) {
            let message = format!("{} does not match {}", shown(value.as_bytes()), pattern.as_str());
            report(row, Reason::Pattern, message);
        }
        if !self.one_of.is_empty() && !self.one_of.contain(value.as_bytes(), 0..value.len()) {
            let message = format!("{} is none of {}", shown(value.as_bytes()), self.one_of_shown());
            report(row, Reason::Enumeration, message);
        }
    }

    fn one_of_shown(&self) -> String {
        const MAX_LISTED: usize = 10;
        let listed: Vec<&str> = self.checks.one_of.iter().take(MAX_LISTED).map(String::as_str).collect();
        let more = self.checks.one_of.len().saturating_sub(MAX_LISTED);
        if more > 0 {
            format!("{} and {more} more", listed.join(", "))
        } else {
            listed.join(", ")
        }
    }
}

fn outside<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, inside: impl Fn(T::Native) -> bool) -> Vec<usize> {
    // Nulls hold zeros: look at the values first, at the nulls only where a value is out.
    let values = array.values().iter().enumerate();
    values
        .filter(|(row, value)| !inside(**value) && !array.is_null(*row))
        .map(|(row, _)| row)
        .collect()
}

fn lengths_shown(min: usize, max: Option<usize>) -> String {
    match max {
        None => format!("at least {min} are wanted"),
        Some(max) if min == 0 => format!("at most {max} are allowed"),
        Some(max) => format!("{min} to {max} are wanted"),
    }
}

fn value_shown(array: &ArrayRef, row: usize) -> String {
    format!("`{}`", arrays::text(array, row).unwrap_or_default())
}

/// A value in its column's own unit (see [`watershed_contract::Bound`]) as text: decimals with all their digits, times in ISO 8601. One that
/// is of no year is its number.
pub fn exact_text(value: i128, kind: ColumnType) -> String {
    let micros = |us: i128| chrono::DateTime::from_timestamp_micros(i64::try_from(us).ok()?);
    match kind {
        ColumnType::Decimal { scale, .. } => arrays::decimal(value, scale as i8),
        ColumnType::Date => micros(value.saturating_mul(86_400_000_000))
            .map_or_else(|| value.to_string(), |t| t.format("%Y-%m-%d").to_string()),
        ColumnType::Time => micros(value).map_or_else(|| value.to_string(), |t| t.format("%H:%M:%S%.f").to_string()),
        ColumnType::Timestamp => {
            micros(value).map_or_else(|| value.to_string(), |t| t.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
        }
        ColumnType::TimestampTz => {
            micros(value).map_or_else(|| value.to_string(), |t| t.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string())
        }
        _ => value.to_string(),
    }
}
