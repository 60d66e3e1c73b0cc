//! `cast`: every value is kept, or its row fails. Only a double that becomes a float or a decimal is rounded.

use crate::{
    arithmetic::fits,
    decimal::{self, within},
    error::{Span, Why},
    evaluate::is_long,
    plan::Plan,
    syntax::OnFailure,
    temporal,
    vector::{Vector, strict, strict_texts},
};
use watershed_lake::ColumnType;

/// Doubles of this many bits are integers, and each integer is one.
const EXACT_BITS: u32 = 53;

/// The values of another type as the plan's.
pub(crate) fn convert(plan: &Plan, failure: OnFailure, of: &Vector, rows: usize) -> Vector {
    let (Some(to), Some(from)) = (plan.kind, plan.arguments[0].kind) else {
        return Vector::null();
    };
    let made = match (from, to) {
        (_, ColumnType::String) => texts(from, of, rows, plan.span),
        (ColumnType::String, _) => from_text(to, of, rows, plan.span),
        _ => values(from, to, of, rows, plan.span),
    };
    match failure {
        OnFailure::Fail => made,
        OnFailure::Null => made.failed_as_null(),
    }
}

/// As the checker allows it.
pub(crate) fn is_possible(from: ColumnType, to: ColumnType) -> bool {
    use ColumnType::{
        Binary, Boolean, Date, Decimal, Double, Float, Int, List, Long, String, Struct, Time, Timestamp, TimestampTz,
    };
    let is_number = |kind| matches!(kind, Int | Long | Decimal { .. } | Float | Double);
    match (from, to) {
        (Binary | Struct | List, _) | (_, Binary | Struct | List) => false,
        (from, to) if from == to => true,
        (String, _) | (_, String) => true,
        (Boolean, Int | Long) => true,
        (Date | TimestampTz, Timestamp) | (Timestamp, Date | Time | TimestampTz) => true,
        (TimestampTz, Date | Time) | (Date, TimestampTz) => true,
        (from, to) => is_number(from) && is_number(to),
    }
}

fn texts(from: ColumnType, of: &Vector, rows: usize, span: Span) -> Vector {
    let one = std::slice::from_ref(of);
    let (booleans, longs, wides, doubles) = (of.booleans(), of.longs(), of.wides(), of.doubles());
    strict_texts(one, rows, span, |row, room| match from {
        ColumnType::String => room.push(of.text(row)),
        ColumnType::Boolean => room.push(if booleans.at(row) { "true" } else { "false" }),
        ColumnType::Int | ColumnType::Long => room.push(&longs.at(row).to_string()),
        ColumnType::Decimal { scale, .. } => room.push(&decimal::text(wides.at(row), scale)),
        ColumnType::Float => room.push(&format!("{:?}", doubles.at(row) as f32)),
        ColumnType::Double => room.push(&format!("{:?}", doubles.at(row))),
        _ => room.push(&temporal::text(longs.at(row), from).ok_or(Why::Year)?),
    })
}

fn from_text(to: ColumnType, of: &Vector, rows: usize, span: Span) -> Vector {
    let one = std::slice::from_ref(of);
    let not = || Why::NotA(to);
    match to {
        ColumnType::Boolean => strict(one, rows, span, |row| match of.text(row) {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(not()),
        }),
        ColumnType::Int | ColumnType::Long => strict(one, rows, span, |row| {
            let value = decimal::read(of.text(row), 0).ok_or_else(not)?;
            let value = value.map_err(|why| if why == Why::Inexact { not() } else { why })?;
            fits(i64::try_from(value).map_err(|_| Why::Overflow)?, Some(to))
        }),
        ColumnType::Decimal { precision, scale } => strict(one, rows, span, |row| {
            within(decimal::read(of.text(row), scale).ok_or_else(not)??, precision)
        }),
        ColumnType::Float | ColumnType::Double => strict(one, rows, span, |row| {
            let text = of.text(row);
            let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            let value = text.parse::<f64>().ok().filter(|_| plain).ok_or_else(not)?;
            float(value, to)
        }),
        _ => strict(one, rows, span, |row| temporal::read(of.text(row), to).ok_or_else(not)),
    }
}

/// The double as a value of the type, which is float or double.
fn float(value: f64, to: ColumnType) -> Result<f64, Why> {
    let value = if to == ColumnType::Float {
        f64::from(value as f32)
    } else {
        value
    };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Why::Overflow)
    }
}

fn values(from: ColumnType, to: ColumnType, of: &Vector, rows: usize, span: Span) -> Vector {
    use ColumnType::{Boolean, Decimal, Double, Float, Int, Long};
    let one = std::slice::from_ref(of);
    match (from, to) {
        (Boolean, Int | Long) => {
            let of = of.booleans();
            strict(one, rows, span, |row| Ok(i64::from(of.at(row))))
        }
        (Decimal { scale, .. }, Int | Long) => {
            let of = of.wides();
            strict(one, rows, span, |row| {
                let whole = decimal::rescale(of.at(row), scale, 0)?;
                fits(i64::try_from(whole).map_err(|_| Why::Overflow)?, Some(to))
            })
        }
        (Float | Double, Int | Long) => {
            let of = of.doubles();
            strict(one, rows, span, |row| fits(whole(of.at(row))?, Some(to)))
        }
        (Int | Long, Decimal { precision, scale }) => {
            let of = of.longs();
            strict(one, rows, span, |row| {
                within(decimal::rescale(of.at(row).into(), 0, scale)?, precision)
            })
        }
        (Decimal { scale: before, .. }, Decimal { precision, scale }) => {
            let of = of.wides();
            strict(one, rows, span, |row| {
                within(decimal::rescale(of.at(row), before, scale)?, precision)
            })
        }
        (Float | Double, Decimal { precision, scale }) => {
            let of = of.doubles();
            strict(one, rows, span, |row| {
                // As many decimals as are asked for: the nearest number to the double's exact value.
                let text = format!("{:.*}", usize::from(scale), of.at(row));
                within(decimal::read(&text, scale).ok_or(Why::Overflow)??, precision)
            })
        }
        (Int | Long, Float | Double) => {
            let of = of.longs();
            strict(one, rows, span, |row| float(of.at(row) as f64, to))
        }
        (Decimal { scale, .. }, Float | Double) => {
            let of = of.wides();
            strict(one, rows, span, |row| {
                let text = decimal::text(of.at(row), scale);
                float(text.parse().map_err(|_| Why::NotA(to))?, to)
            })
        }
        (Float | Double, Float | Double) => {
            let of = of.doubles();
            strict(one, rows, span, |row| float(of.at(row), to))
        }
        (Boolean, _) => of.clone(),
        _ => {
            debug_assert!(is_long(from) && is_long(to), "the checker allows no other cast");
            let of = of.longs();
            strict(one, rows, span, |row| {
                temporal::convert(of.at(row), from, to).and_then(|value| fits(value, Some(to)))
            })
        }
    }
}

/// The integer that the double is.
fn whole(value: f64) -> Result<i64, Why> {
    if value.fract() != 0.0 {
        return Err(if value.is_finite() { Why::Inexact } else { Why::Overflow });
    }
    if value.abs() > (1_i64 << EXACT_BITS) as f64 {
        return Err(Why::Overflow);
    }
    Ok(value as i64)
}
