//! Functions: how many arguments, of which types.

use super::{Checker, common, compare, convert, finish, finish_as, numbers, same, want};
use crate::{
    convert::is_possible,
    decimal::MAX_PRECISION,
    error::{Mistake, Span, one_of, shown},
    functions::Function,
    plan::{Calculation, Comparison, Operation, Plan},
    syntax::{Node, Syntax},
    units::Unit,
    vector::Vector,
};
use regex::{Regex, RegexBuilder};
use watershed_lake::ColumnType;

/// Largest compiled regular expression, in bytes.
pub const MAX_COMPILED_BYTES: usize = 1 << 20;

impl Checker<'_> {
    pub(super) fn call(&self, name: &str, arguments: &[Syntax], span: Span) -> Result<Plan, Mistake> {
        let mut plans = Vec::with_capacity(arguments.len());
        for argument in arguments {
            plans.push(self.plan(argument)?);
        }
        let plain = Function::PLAIN.iter().find(|(known, ..)| *known == name);
        if let Some((_, function, kinds, least, result)) = plain {
            counted(name, plans.len(), *least, kinds.len(), span)?;
            let wanted = plans.into_iter().zip(kinds.iter());
            let plans = wanted
                .map(|(plan, kind)| want(plan, *kind, name))
                .collect::<Result<_, _>>()?;
            return finish(Operation::Call(*function), *result, plans, span);
        }
        let (least, most) = match name {
            "coalesce" | "concat" => (1, usize::MAX),
            "abs" | "ceil" | "ceiling" | "floor" => (1, 1),
            "round" => (1, 2),
            "date_trunc" | "div" | "mod" | "nullif" | "regexp_like" => (2, 2),
            "regexp_extract" => (2, 3),
            "regexp_replace" => (3, 3),
            _ => {
                let message = format!("no function {}", shown(name));
                return Err(Mistake::new(span.0, message, one_of(name, &Function::names())));
            }
        };
        counted(name, plans.len(), least, most, span)?;
        match name {
            "coalesce" => {
                let kind = common(plans.iter(), name, span)?;
                finish_as(Operation::Coalesce, kind, same(plans, kind)?, span)
            }
            "concat" => join(plans, name, Function::Concat, span),
            "round" => {
                let decimals = arguments.get(1).map_or(Ok(0), decimals)?;
                numbers::round(plans.swap_remove(0), decimals, span)
            }
            "nullif" => null_if(plans, span),
            "div" | "mod" => {
                let is_div = name == "div";
                let calculation = if is_div {
                    Calculation::Quotient
                } else {
                    Calculation::Remainder
                };
                let right = plans.pop().expect("two were counted");
                numbers::calculate(calculation, name, plans.swap_remove(0), right, span)
            }
            "date_trunc" => truncate(&arguments[0], plans.swap_remove(1), span),
            "regexp_like" | "regexp_extract" | "regexp_replace" => regular(name, arguments, plans.swap_remove(0), span),
            _ => {
                let function = match name {
                    "abs" => Function::Absolute,
                    "floor" => Function::Floor,
                    _ => Function::Ceiling,
                };
                numbers::call(function, name, plans.swap_remove(0), span)
            }
        }
    }
}

fn counted(name: &str, found: usize, least: usize, most: usize, span: Span) -> Result<(), Mistake> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, usize::MAX) => format!("{least} or more"),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    Err(Mistake::new(
        span.0,
        format!("{name} of {found} arguments"),
        format!("write {wanted}"),
    ))
}

/// What is written out as text.
fn literal_text<'s>(of: &'s Syntax, what: &str) -> Result<&'s str, Mistake> {
    match &of.node {
        Node::Text(text) => Ok(text),
        _ => Err(Mistake::new(
            of.span.0,
            format!("{of} in place of {what}"),
            format!("write {what} in quotes"),
        )),
    }
}

fn decimals(of: &Syntax) -> Result<u8, Mistake> {
    let digits = match &of.node {
        Node::Number(digits) => digits.parse().ok().filter(|digits| *digits <= MAX_PRECISION),
        _ => None,
    };
    let help = format!("write a number from 0 to {MAX_PRECISION}");
    digits.ok_or_else(|| Mistake::new(of.span.0, format!("{of} decimals"), help))
}

/// Texts one behind the other; what is no text is one as `cast` makes it.
pub(super) fn join(plans: Vec<Plan>, name: &str, function: Function, span: Span) -> Result<Plan, Mistake> {
    let text = |plan: Plan| match plan.kind {
        Some(kind) if !is_possible(kind, ColumnType::String) => want(plan, ColumnType::String, name),
        _ => convert(plan, ColumnType::String),
    };
    let plans = plans.into_iter().map(text).collect::<Result<_, _>>()?;
    finish(Operation::Call(function), ColumnType::String, plans, span)
}

/// Null where both are equal, else the first.
fn null_if(mut plans: Vec<Plan>, span: Span) -> Result<Plan, Mistake> {
    let other = plans.pop().expect("two were counted");
    let of = plans.swap_remove(0);
    let kind = of.kind;
    let equal = compare(Comparison::Equal, of.clone(), other, span)?;
    let null = Plan {
        kind,
        ..Plan::literal(Vector::null(), None, span)
    };
    finish_as(Operation::Case, kind, vec![equal, null, of], span)
}

fn unit_of(unit: Unit, kind: ColumnType) -> bool {
    match kind {
        ColumnType::Date => unit.is_of_dates(),
        ColumnType::Time => unit.is_of_times(),
        ColumnType::Timestamp | ColumnType::TimestampTz => true,
        _ => false,
    }
}

/// Of a date or time that has such a unit.
fn temporal(of: Plan, unit: Unit, what: &str) -> Result<(Plan, ColumnType), Mistake> {
    let kind = of.kind.unwrap_or(ColumnType::Timestamp);
    if unit_of(unit, kind) {
        return Ok((convert(of, kind)?, kind));
    }
    let help = match kind {
        ColumnType::Date | ColumnType::Time => format!("write a timestamp: a {kind} has no {unit}"),
        _ => "write a date or timestamp: cast(… as date)".into(),
    };
    Err(Mistake::new(of.span.0, format!("{what} of a {kind}"), help))
}

pub(super) fn extract(unit: Unit, of: Plan, span: Span) -> Result<Plan, Mistake> {
    let (of, _) = temporal(of, unit, &format!("extract({unit} from …)"))?;
    let kind = match unit {
        Unit::Epoch => ColumnType::Decimal {
            precision: 19,
            scale: 6,
        },
        _ => ColumnType::Int,
    };
    finish(Operation::Extract(unit), kind, vec![of], span)
}

pub(super) fn shift(of: Plan, count: i64, unit: Unit, span: Span) -> Result<Plan, Mistake> {
    let (of, kind) = temporal(of, unit, &format!("interval '{count} {unit}'"))?;
    if kind == ColumnType::Time {
        let help = "write a timestamp: a time of day has no day after it";
        return Err(Mistake::new(span.0, "an interval from a time", help));
    }
    finish(Operation::Shift(count, unit), kind, vec![of], span)
}

fn truncate(unit: &Syntax, of: Plan, span: Span) -> Result<Plan, Mistake> {
    let text = literal_text(unit, "a unit")?;
    let found = Unit::named(&text.to_lowercase()).filter(|unit| unit.is_span());
    let found = found.ok_or_else(|| {
        let message = format!("date_trunc to {}", shown(text));
        Mistake::new(unit.span.0, message, one_of(text, &Unit::names(false)))
    })?;
    let (of, kind) = temporal(of, found, &format!("date_trunc('{found}', …)"))?;
    finish(Operation::Truncate(found), kind, vec![of], span)
}

pub(super) fn at_zone(of: Plan, zone: &str, span: Span) -> Result<Plan, Mistake> {
    let zone: chrono_tz::Tz = zone.parse().map_err(|_| {
        let help = "write a name of the IANA time zone database, as Europe/Paris";
        Mistake::new(span.0, format!("unknown time zone {}", shown(zone)), help)
    })?;
    let kind = match of.kind {
        None | Some(ColumnType::TimestampTz) => ColumnType::Timestamp,
        Some(ColumnType::Timestamp) => ColumnType::TimestampTz,
        Some(other) => {
            let message = format!("at time zone of a {other}, where a timestamp is wanted");
            return Err(Mistake::new(of.span.0, message, "write cast(… as timestamp)"));
        }
    };
    finish(Operation::AtZone(zone), kind, vec![of], span)
}

fn pattern(of: &Syntax) -> Result<Regex, Mistake> {
    let text = literal_text(of, "a regular expression")?;
    RegexBuilder::new(text)
        .size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| {
            let why = error.to_string();
            let why = why
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
                .trim_start_matches("error: ");
            Mistake::new(
                of.span.0,
                format!("pattern {}: {why}", shown(text)),
                "write a regular expression without look-around and back-references",
            )
        })
}

/// A group that `by` names and the pattern does not have. A name goes as far as letters, digits and `_` do: `$1kg` is the group `1kg`.
fn missing_group<'t>(pattern: &Regex, by: &'t str) -> Option<&'t str> {
    let mut rest = by;
    while let Some((_, behind)) = rest.split_once('$') {
        if let Some(behind) = behind.strip_prefix('$') {
            rest = behind;
            continue;
        }
        let braced = behind.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (group, behind) = braced.unwrap_or_else(|| behind.split_at(end.unwrap_or(behind.len())));
        let is_known = match group.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => group.is_empty() || pattern.capture_names().flatten().any(|name| name == group),
        };
        if !is_known {
            return Some(group);
        }
        rest = behind;
    }
    None
}

fn regular(name: &str, arguments: &[Syntax], of: Plan, span: Span) -> Result<Plan, Mistake> {
    let of = vec![want(of, ColumnType::String, name)?];
    let pattern = pattern(&arguments[1])?;
    match name {
        "regexp_like" => finish(Operation::Matches(pattern), ColumnType::Boolean, of, span),
        "regexp_replace" => {
            let by = literal_text(&arguments[2], "what stands in place of a match")?;
            if let Some(group) = missing_group(&pattern, by) {
                return Err(Mistake::new(
                    arguments[2].span.0,
                    format!("group {} of a pattern that has no such group", shown(group)),
                    "write ${1} for the first group, $$ for a dollar",
                ));
            }
            finish(Operation::Replace(pattern, by.into()), ColumnType::String, of, span)
        }
        _ => {
            let group = match arguments.get(2) {
                None => 0,
                Some(group) => usize::from(decimals(group)?),
            };
            if group >= pattern.captures_len() {
                return Err(Mistake::new(
                    arguments[2].span.0,
                    format!("group {group} of a pattern that has {}", pattern.captures_len() - 1),
                    "write the number of a group; 0 is all of the match",
                ));
            }
            finish(Operation::Group(pattern, group), ColumnType::String, of, span)
        }
    }
}
