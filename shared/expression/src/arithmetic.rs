//! Calculating: exact, or the row fails. Doubles are as near as doubles are.

use crate::{
    decimal::{self, within},
    error::{Span, Why},
    functions::Function,
    plan::{Calculation, Plan},
    vector::{Vector, strict},
};
use watershed_lake::ColumnType;

/// With two numbers of the plan's class: integers, decimals or doubles.
pub(crate) fn calculate(calculation: Calculation, plan: &Plan, arguments: &[Vector], rows: usize) -> Vector {
    let span = plan.span;
    match plan.kind {
        Some(ColumnType::Double) => {
            let (a, b) = (arguments[0].doubles(), arguments[1].doubles());
            strict(arguments, rows, span, |row| {
                of_doubles(calculation, a.at(row), b.at(row))
            })
        }
        Some(ColumnType::Decimal { precision, scale }) => {
            let (a, b) = (arguments[0].wides(), arguments[1].wides());
            let (of_a, of_b) = (plan.arguments[0].scale(), plan.arguments[1].scale());
            strict(arguments, rows, span, |row| {
                let found = of_decimals(calculation, (a.at(row), of_a), (b.at(row), of_b), scale)?;
                within(found, precision)
            })
        }
        kind => {
            let (a, b) = (arguments[0].longs(), arguments[1].longs());
            strict(arguments, rows, span, |row| {
                let found = of_longs(calculation, a.at(row), b.at(row))?;
                fits(found, kind)
            })
        }
    }
}

fn of_longs(calculation: Calculation, a: i64, b: i64) -> Result<i64, Why> {
    if b == 0 && matches!(calculation, Calculation::Quotient | Calculation::Remainder) {
        return Err(Why::DivisionByZero);
    }
    let found = match calculation {
        Calculation::Add => a.checked_add(b),
        Calculation::Subtract => a.checked_sub(b),
        Calculation::Multiply => a.checked_mul(b),
        Calculation::Divide | Calculation::Quotient => a.checked_div(b),
        Calculation::Remainder => Some(a.wrapping_rem(b)),
    };
    found.ok_or(Why::Overflow)
}

/// The integer, if it is one of the type.
pub(crate) fn fits(value: i64, kind: Option<ColumnType>) -> Result<i64, Why> {
    match kind {
        Some(ColumnType::Int | ColumnType::Date) if i32::try_from(value).is_err() => Err(Why::Overflow),
        _ => Ok(value),
    }
}

fn of_decimals(calculation: Calculation, a: (i128, u8), b: (i128, u8), scale: u8) -> Result<i128, Why> {
    let same = || Ok((decimal::rescale(a.0, a.1, scale)?, decimal::rescale(b.0, b.1, scale)?));
    match calculation {
        Calculation::Add => same().and_then(|(a, b): (i128, i128)| a.checked_add(b).ok_or(Why::Overflow)),
        Calculation::Subtract => same().and_then(|(a, b): (i128, i128)| a.checked_sub(b).ok_or(Why::Overflow)),
        Calculation::Multiply => a.0.checked_mul(b.0).ok_or(Why::Overflow),
        Calculation::Divide => decimal::divide(a, b, scale, false),
        Calculation::Quotient | Calculation::Remainder => {
            let common = a.1.max(b.1);
            let (a, b) = (decimal::rescale(a.0, a.1, common)?, decimal::rescale(b.0, b.1, common)?);
            match (b, calculation) {
                (0, _) => Err(Why::DivisionByZero),
                (b, Calculation::Remainder) => Ok(a.wrapping_rem(b)),
                (b, _) => decimal::rescale(a.checked_div(b).ok_or(Why::Overflow)?, 0, scale),
            }
        }
    }
}

fn of_doubles(calculation: Calculation, a: f64, b: f64) -> Result<f64, Why> {
    use Calculation::{Add, Divide, Multiply, Quotient, Remainder, Subtract};
    if b == 0.0 && matches!(calculation, Divide | Quotient | Remainder) {
        return Err(Why::DivisionByZero);
    }
    let found = match calculation {
        Add => a + b,
        Subtract => a - b,
        Multiply => a * b,
        Divide => a / b,
        Quotient => (a / b).trunc(),
        Remainder => a % b,
    };
    if found.is_finite() || !a.is_finite() || !b.is_finite() {
        Ok(found)
    } else {
        Err(Why::Overflow)
    }
}

/// Two exact numbers, as decimals; the plan's type says how many decimals the quotient has.
pub(crate) fn divide_rounded(plan: &Plan, arguments: &[Vector], rows: usize) -> Vector {
    let (a, b) = (arguments[0].wides(), arguments[1].wides());
    let (of_a, of_b, scale) = (plan.arguments[0].scale(), plan.arguments[1].scale(), plan.scale());
    strict(arguments, rows, plan.span, |row| {
        let found = decimal::divide((a.at(row), of_a), (b.at(row), of_b), scale, true)?;
        within(found, decimal::MAX_PRECISION)
    })
}

/// Functions of one number.
pub(crate) fn call(plan: &Plan, arguments: &[Vector], rows: usize) -> Vector {
    let crate::plan::Operation::Call(function) = plan.operation else {
        unreachable!("a call is a call");
    };
    let span = plan.span;
    match plan.kind {
        Some(ColumnType::Float | ColumnType::Double) => doubles(function, arguments, rows, span),
        Some(ColumnType::Decimal { precision, scale }) => {
            let (of, from) = (arguments[0].wides(), plan.arguments[0].scale());
            strict(arguments, rows, span, |row| {
                let value = of.at(row);
                let by = decimal::power(from);
                let found = match function {
                    Function::Negate => value.checked_neg().ok_or(Why::Overflow)?,
                    Function::Absolute => value.checked_abs().ok_or(Why::Overflow)?,
                    Function::Floor => value.div_euclid(by),
                    Function::Ceiling => -(-value).div_euclid(by),
                    _ => decimal::round(value, from, scale)?,
                };
                within(found, precision)
            })
        }
        kind => {
            let of = arguments[0].longs();
            strict(arguments, rows, span, |row| {
                let value = of.at(row);
                let found = match function {
                    Function::Negate => value.checked_neg(),
                    Function::Absolute => value.checked_abs(),
                    _ => Some(value),
                };
                fits(found.ok_or(Why::Overflow)?, kind)
            })
        }
    }
}

fn doubles(function: Function, arguments: &[Vector], rows: usize, span: Span) -> Vector {
    let of = arguments[0].doubles();
    let digits = arguments.get(1).map(Vector::longs);
    strict(arguments, rows, span, |row| {
        let value = of.at(row);
        Ok(match function {
            Function::Negate => -value,
            Function::Absolute => value.abs(),
            Function::Floor => value.floor(),
            Function::Ceiling => value.ceil(),
            _ => {
                let by = 10_f64.powi(digits.map_or(0, |digits| digits.at(row) as i32));
                let scaled = (value * by).round() / by;
                // Above 2^53 a double has no decimals to round.
                if scaled.is_finite() { scaled } else { value }
            }
        })
    })
}
