//! Types: which one several have in common, what is turned into what.

use super::{finish, numbers};
use crate::{
    convert,
    decimal::MAX_PRECISION,
    error::{Mistake, Span},
    plan::{Operation, Plan},
    syntax::OnFailure,
};
use watershed_lake::ColumnType;

/// The type that all can be, without loss; none: all are null.
pub(super) fn common<'p>(
    plans: impl Iterator<Item = &'p Plan>,
    whose: &str,
    span: Span,
) -> Result<Option<ColumnType>, Mistake> {
    let mut kind: Option<ColumnType> = None;
    for plan in plans {
        kind = match (kind, plan.kind) {
            (_, Some(ColumnType::Binary)) => {
                return Err(Mistake::new(
                    plan.span.0,
                    format!("{whose} of a binary value"),
                    "write is null or is not null: nothing else is known of bytes",
                ));
            }
            (_, Some(nested)) if nested.is_nested() => {
                return Err(Mistake::new(
                    plan.span.0,
                    format!("{whose} of a {nested}"),
                    "write is null or is not null, or read what is in it as a column of its own (source: a.b)",
                ));
            }
            (None, other) | (other, None) => other,
            (Some(a), Some(b)) if a == b => kind,
            (Some(a), Some(b)) => match numbers::common(a, b, plan) {
                Some(kind) => Some(kind),
                None => {
                    return Err(Mistake::new(
                        if plan.span == (0, 0) { span.0 } else { plan.span.0 },
                        format!("{whose} of a {a} and a {b}"),
                        format!("write two of one type: cast(… as {a})"),
                    ));
                }
            },
        };
    }
    Ok(kind)
}

pub(super) fn same(plans: Vec<Plan>, kind: Option<ColumnType>) -> Result<Vec<Plan>, Mistake> {
    let Some(kind) = kind else { return Ok(plans) };
    plans.into_iter().map(|plan| convert(plan, kind)).collect()
}

/// The same values as another type, which holds them.
pub(crate) fn convert(plan: Plan, kind: ColumnType) -> Result<Plan, Mistake> {
    let span = plan.span;
    match plan.kind {
        None => Ok(Plan {
            kind: Some(kind),
            ..plan
        }),
        Some(from) if from == kind => Ok(plan),
        Some(_) => finish(Operation::Convert(OnFailure::Fail), kind, vec![plan], span),
    }
}

pub(super) fn cast(of: Plan, kind: ColumnType, failure: OnFailure, span: Span) -> Result<Plan, Mistake> {
    match of.kind {
        Some(from) if !convert::is_possible(from, kind) => Err(Mistake::new(
            span.0,
            format!("a {from} is never a {kind}"),
            "write cast(… as …) between types that have values in common; every type but binary has a text",
        )),
        None => Ok(Plan {
            kind: Some(kind),
            span,
            ..of
        }),
        Some(_) => finish(Operation::Convert(failure), kind, vec![of], span),
    }
}

/// The plan, if it is of that type or null.
pub(crate) fn want(plan: Plan, kind: ColumnType, whose: &str) -> Result<Plan, Mistake> {
    match plan.kind {
        None => Ok(Plan {
            kind: Some(kind),
            ..plan
        }),
        Some(found) if found == kind => Ok(plan),
        Some(ColumnType::Int) if kind == ColumnType::Long => convert(plan, kind),
        Some(found) => {
            let help = match kind {
                ColumnType::Boolean => "write a condition, such as a comparison".to_string(),
                ColumnType::String => format!("write a string: cast(… as {kind})"),
                _ => format!("write a {kind}"),
            };
            Err(Mistake::new(
                plan.span.0,
                format!("{whose} of a {found}, where a {kind} is wanted"),
                help,
            ))
        }
    }
}

/// True where every value of `from` is one of `to`: what may be put into a column of that type as it is.
pub(crate) fn holds(to: ColumnType, from: ColumnType) -> bool {
    use ColumnType::{Decimal, Double, Float, Int, Long};
    let whole = |precision: u8, scale: u8| precision - scale;
    match (from, to) {
        (from, to) if from == to => true,
        (Int, Long | Double) | (Float, Double) => true,
        (Int, Decimal { precision, scale }) => whole(precision, scale) >= numbers::INT_DIGITS,
        (Long, Decimal { precision, scale }) => whole(precision, scale) >= numbers::LONG_DIGITS,
        (Decimal { precision: p, scale: s }, Decimal { precision, scale }) => {
            scale >= s && whole(precision, scale) >= whole(p, s) && precision <= MAX_PRECISION
        }
        _ => false,
    }
}
