//! Types of numbers: which type two have in common, and which their sum, product and quotient have.

use super::{convert, finish};
use crate::{
    decimal::{self, MAX_PRECISION},
    error::{Mistake, Span, shown},
    functions::Function,
    plan::{Calculation, Operation, Plan},
    vector::{Data, Vector},
};
use watershed_lake::ColumnType::{self, Date, Decimal, Double, Float, Int, Long};

/// Digits of an int at most.
pub(super) const INT_DIGITS: u8 = 10;
/// Digits of a long at most.
pub(super) const LONG_DIGITS: u8 = 19;
/// Decimals of a quotient of exact numbers at least.
const QUOTIENT_DECIMALS: u8 = 6;

/// `12` is an int or long, `1.5` a decimal, `1e3` a double.
pub(super) fn literal(digits: &str, span: Span) -> Result<Plan, Mistake> {
    let made = |data, kind| Ok(Plan::literal(Vector::constant(data), Some(kind), span));
    if digits.contains(['e', 'E']) {
        let value = digits.parse::<f64>().ok().filter(|value| value.is_finite());
        let value = value.ok_or_else(|| Mistake::new(span.0, "a number beyond a double", "write a smaller one"))?;
        return made(Data::Doubles(vec![value].into()), Double);
    }
    let scale = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let too_long = || {
        Mistake::new(
            span.0,
            format!("{} has more than {MAX_PRECISION} digits", shown(digits)),
            "write fewer, or a double: 1e40",
        )
    };
    let scale = u8::try_from(scale)
        .ok()
        .filter(|scale| *scale <= MAX_PRECISION)
        .ok_or_else(too_long)?;
    let value = decimal::read(digits, scale).and_then(Result::ok).ok_or_else(too_long)?;
    let value = decimal::within(value, MAX_PRECISION).map_err(|_| too_long())?;
    if let (0, Ok(long)) = (scale, i64::try_from(value)) {
        let kind = if i32::try_from(long).is_ok() { Int } else { Long };
        return made(Data::Longs(vec![long].into()), kind);
    }
    let kind = Decimal {
        precision: digits_of(value).max(scale).max(1),
        scale,
    };
    made(Data::Wides(vec![value].into()), kind)
}

fn digits_of(value: i128) -> u8 {
    (1..=MAX_PRECISION)
        .find(|digits| value.unsigned_abs() < decimal::power(*digits).unsigned_abs())
        .unwrap_or(MAX_PRECISION)
}

pub(super) fn is_number(kind: ColumnType) -> bool {
    matches!(kind, Int | Long | Decimal { .. } | Float | Double)
}

pub(super) fn is_exact(kind: ColumnType) -> bool {
    matches!(kind, Int | Long | Decimal { .. })
}

pub(super) fn is_float(kind: ColumnType) -> bool {
    matches!(kind, Float | Double)
}

pub(super) fn are_exact(a: ColumnType, b: ColumnType) -> bool {
    is_exact(a) && is_exact(b)
}

pub(super) fn has_decimal(a: ColumnType, b: ColumnType) -> bool {
    matches!(a, Decimal { .. }) || matches!(b, Decimal { .. })
}

/// The type that holds the values of both; none: there is none. `b` is the type of `plan`.
pub(super) fn common(a: ColumnType, b: ColumnType, plan: &Plan) -> Option<ColumnType> {
    if !is_number(a) || !is_number(b) {
        return None;
    }
    if !are_exact(a, b) {
        return Some(Double);
    }
    if !has_decimal(a, b) {
        return Some(Long);
    }
    let (whole_a, scale_a) = digits(a, None);
    let (whole_b, scale_b) = digits(b, Some(plan));
    let (whole, scale) = (whole_a.max(whole_b), scale_a.max(scale_b));
    (whole + scale <= MAX_PRECISION).then_some(Decimal {
        precision: whole + scale,
        scale,
    })
}

/// Digits before and after the point; of an integer that is written out, those that it has.
fn digits(kind: ColumnType, plan: Option<&Plan>) -> (u8, u8) {
    match (kind, plan.map(|plan| &plan.operation)) {
        (Decimal { precision, scale }, _) => (precision - scale, scale),
        (_, Some(Operation::Literal(value))) => (digits_of(value.longs().at(0).into()), 0),
        (Int, _) => (INT_DIGITS, 0),
        _ => (LONG_DIGITS, 0),
    }
}

/// An exact number as a decimal.
pub(super) fn as_decimal(plan: Plan) -> Result<Plan, Mistake> {
    let (whole, scale) = plan.kind.map_or((1, 0), |kind| digits(kind, Some(&plan)));
    convert(
        plan,
        Decimal {
            precision: (whole + scale).max(1),
            scale,
        },
    )
}

pub(super) fn negate(of: Plan, span: Span) -> Result<Plan, Mistake> {
    let plan = call(Function::Negate, "-", of, span)?;
    match (&plan.operation, plan.kind) {
        // The least long: without its sign it is none.
        (Operation::Literal(value), Some(Decimal { scale: 0, .. })) if value.wides().at(0) == i64::MIN.into() => {
            let least = Vector::constant(Data::Longs(vec![i64::MIN].into()));
            Ok(Plan::literal(least, Some(Long), span))
        }
        _ => Ok(plan),
    }
}

/// A function of one number, whose type it keeps.
pub(super) fn call(function: Function, name: &str, of: Plan, span: Span) -> Result<Plan, Mistake> {
    let kind = of.kind.unwrap_or(Int);
    if !is_number(kind) {
        return Err(no_number(name, kind, &of));
    }
    let kind = match (function, kind) {
        (Function::Floor | Function::Ceiling, Decimal { precision, scale }) => Decimal {
            precision: (precision - scale + 1).min(MAX_PRECISION),
            scale: 0,
        },
        (_, kind) => kind,
    };
    finish(Operation::Call(function), kind, vec![of], span)
}

/// To `decimals` after the point. A quotient of exact numbers is rounded as it is made, so that it need not be exact before.
pub(super) fn round(of: Plan, decimals: u8, span: Span) -> Result<Plan, Mistake> {
    let kind = of.kind.unwrap_or(Int);
    match kind {
        Decimal { .. } if matches!(of.operation, Operation::Calculate(Calculation::Divide)) => {
            let kind = Decimal {
                precision: MAX_PRECISION,
                scale: decimals,
            };
            finish(Operation::DivideRounded, kind, of.arguments, span)
        }
        Decimal { scale, .. } if decimals >= scale => Ok(Plan { span, ..of }),
        Decimal { precision, scale } => {
            let kind = Decimal {
                precision: (precision - scale + decimals + 1).min(MAX_PRECISION),
                scale: decimals,
            };
            finish(Operation::Call(Function::Round), kind, vec![of], span)
        }
        Int | Long => Ok(Plan { span, ..of }),
        Float | Double => {
            let digits = Vector::constant(Data::Longs(vec![i64::from(decimals)].into()));
            let digits = Plan::literal(digits, Some(Int), span);
            finish(Operation::Call(Function::Round), kind, vec![of, digits], span)
        }
        _ => Err(no_number("round", kind, &of)),
    }
}

fn no_number(name: &str, kind: ColumnType, of: &Plan) -> Mistake {
    Mistake::new(
        of.span.0,
        format!("{name} of a {kind}, where a number is wanted"),
        "write a number: cast(… as …)",
    )
}

/// Numbers, and days between dates.
pub(super) fn calculate(
    calculation: Calculation,
    sign: &str,
    left: Plan,
    right: Plan,
    span: Span,
) -> Result<Plan, Mistake> {
    let (a, b) = (left.kind.or(right.kind), right.kind.or(left.kind));
    let (a, b) = (a.unwrap_or(Int), b.unwrap_or(Int));
    if (a, b, calculation) == (Date, Date, Calculation::Subtract) {
        return finish(Operation::Calculate(calculation), Int, vec![left, right], span);
    }
    if matches!(a, Date | ColumnType::Timestamp | ColumnType::TimestampTz) {
        return Err(Mistake::new(
            span.0,
            format!("{a} {sign} {b}"),
            "write an interval: x + interval '1 day'; of two timestamps, extract(epoch from x) of each",
        ));
    }
    for (kind, side) in [(a, &left), (b, &right)] {
        if !is_number(kind) {
            return Err(no_number(sign, kind, side));
        }
    }
    let divides = calculation == Calculation::Divide;
    if !are_exact(a, b) {
        let sides = vec![convert(left, Double)?, convert(right, Double)?];
        return finish(Operation::Calculate(calculation), Double, sides, span);
    }
    if !has_decimal(a, b) && !divides {
        let kind = if (a, b) == (Int, Int) { Int } else { Long };
        let sides = vec![convert(left, kind)?, convert(right, kind)?];
        return finish(Operation::Calculate(calculation), kind, sides, span);
    }
    let ((whole_a, scale_a), (whole_b, scale_b)) = (digits(a, Some(&left)), digits(b, Some(&right)));
    let (whole, scale) = match calculation {
        Calculation::Add | Calculation::Subtract => (whole_a.max(whole_b) + 1, scale_a.max(scale_b)),
        Calculation::Multiply => (whole_a + whole_b, scale_a + scale_b),
        Calculation::Divide => (MAX_PRECISION, scale_a.max(scale_b).max(QUOTIENT_DECIMALS)),
        Calculation::Quotient => (whole_a + scale_b, 0),
        Calculation::Remainder => (whole_a.max(whole_b), scale_a.max(scale_b)),
    };
    if scale > MAX_PRECISION {
        return Err(Mistake::new(
            span.0,
            format!("a product of {scale} decimals"),
            "write round(…, n) around one of the two",
        ));
    }
    let kind = Decimal {
        precision: (whole + scale).clamp(1, MAX_PRECISION),
        scale,
    };
    let sides = vec![as_decimal(left)?, as_decimal(right)?];
    finish(Operation::Calculate(calculation), kind, sides, span)
}
