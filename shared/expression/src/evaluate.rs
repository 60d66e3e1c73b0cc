//! The parts of an expression, from the leaves up, for all rows of a batch at a time.

use crate::{
    arithmetic, convert,
    decimal::{self, compare_double},
    functions::Function,
    plan::{Comparison, Operation, Plan},
    temporal, text,
    vector::{Data, Made, MadeTexts, Native, State, Values, Vector, strict, strict_texts},
};
use arrow_array::ArrayRef;
use std::cmp::Ordering;
use watershed_lake::ColumnType;

/// The values of `plan` for `rows` rows of these columns.
pub(crate) fn evaluate(plan: &Plan, columns: &[ArrayRef], rows: usize) -> Vector {
    match &plan.operation {
        Operation::Literal(value) => return value.clone(),
        Operation::Column(index) => {
            let kind = plan.kind.expect("a column has a type");
            return Vector::of(&columns[*index], kind);
        }
        _ => {}
    }
    let arguments: Vec<Vector> = plan
        .arguments
        .iter()
        .map(|argument| evaluate(argument, columns, rows))
        .collect();
    apply(plan, &arguments, rows)
}

fn apply(plan: &Plan, arguments: &[Vector], rows: usize) -> Vector {
    let span = plan.span;
    match &plan.operation {
        Operation::Literal(value) => value.clone(),
        Operation::Column(_) => Vector::null(),
        Operation::Not => {
            let of = arguments[0].booleans();
            strict(arguments, rows, span, |row| Ok(!of.at(row)))
        }
        Operation::And => connect(arguments, rows, false),
        Operation::Or => connect(arguments, rows, true),
        Operation::IsNull => is_null(&arguments[0], rows),
        Operation::Compare(comparison) => compare(*comparison, plan, arguments, rows),
        Operation::Calculate(calculation) => arithmetic::calculate(*calculation, plan, arguments, rows),
        Operation::DivideRounded => arithmetic::divide_rounded(plan, arguments, rows),
        Operation::Case => case(plan, arguments, rows),
        Operation::Coalesce => choose(plan, arguments, rows, |row| {
            let known = |of: &Vector| of.state(row) != State::Null;
            arguments.iter().position(known)
        }),
        Operation::InSet(set) => set.holds(&arguments[0], rows),
        Operation::Like(like) => {
            let of = &arguments[0];
            strict(arguments, rows, span, |row| Ok(like.matches(of.text(row))))
        }
        Operation::Matches(pattern) => {
            let of = &arguments[0];
            strict(arguments, rows, span, |row| Ok(pattern.is_match(of.text(row))))
        }
        Operation::Replace(pattern, by) => {
            let of = &arguments[0];
            strict_texts(arguments, rows, span, |row, room| {
                text::replace_matches(pattern, by, of.text(row), room)
            })
        }
        Operation::Group(pattern, group) => text::group(pattern, *group, &arguments[0], rows, span),
        Operation::Convert(failure) => convert::convert(plan, *failure, &arguments[0], rows),
        Operation::Call(
            Function::Negate | Function::Absolute | Function::Floor | Function::Ceiling | Function::Round,
        ) => arithmetic::call(plan, arguments, rows),
        Operation::Call(Function::MakeDate) => temporal::make_date(arguments, rows, span),
        Operation::Call(function) => text::call(*function, arguments, rows, span),
        Operation::Extract(unit) => temporal::extract(*unit, plan, &arguments[0], rows),
        Operation::Truncate(unit) => temporal::truncate(*unit, plan, &arguments[0], rows),
        Operation::Shift(count, unit) => temporal::shift(*count, *unit, plan, &arguments[0], rows),
        Operation::AtZone(zone) => temporal::at_zone(*zone, plan, &arguments[0], rows),
    }
}

/// `or` where `decides` is true, `and` where it is false: one value decides, whatever the others are, failed or null.
fn connect(arguments: &[Vector], rows: usize, decides: bool) -> Vector {
    let values: Vec<Values<'_, bool>> = arguments.iter().map(Vector::booleans).collect();
    let mut made: Made<bool> = Made::new(rows);
    for row in 0..rows {
        let (mut failed, mut null, mut is_decided) = (None, false, false);
        for (argument, value) in arguments.iter().zip(&values) {
            match argument.state(row) {
                State::Value => is_decided |= value.at(row) == decides,
                State::Null => null = true,
                State::Failed => failed = failed.or(Some(argument)),
            }
        }
        match failed {
            _ if is_decided => made.value(decides),
            Some(argument) => made.fail(argument.failure(row)),
            None if null => made.null(),
            None => made.value(!decides),
        }
    }
    made.finish()
}

fn is_null(of: &Vector, rows: usize) -> Vector {
    let mut made: Made<bool> = Made::new(rows);
    for row in 0..rows {
        match of.state(row) {
            State::Failed => made.fail(of.failure(row)),
            state => made.value(state == State::Null),
        }
    }
    made.finish()
}

fn compare(comparison: Comparison, plan: &Plan, arguments: &[Vector], rows: usize) -> Vector {
    let span = plan.span;
    let holds = |ordering: Ordering| match comparison {
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
        Comparison::Less => ordering.is_lt(),
        Comparison::LessOrEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterOrEqual => ordering.is_ge(),
    };
    let (a, b) = (&arguments[0], &arguments[1]);
    match (&a.data, &b.data) {
        (Data::Longs(_), Data::Longs(_)) => {
            let (a, b) = (a.longs(), b.longs());
            strict(arguments, rows, span, |row| Ok(holds(a.at(row).cmp(&b.at(row)))))
        }
        (Data::Wides(_), Data::Wides(_)) => {
            let (a, b) = (a.wides(), b.wides());
            let (of_a, of_b) = (plan.arguments[0].scale(), plan.arguments[1].scale());
            strict(arguments, rows, span, |row| {
                Ok(holds(decimal::compare((a.at(row), of_a), (b.at(row), of_b))))
            })
        }
        (Data::Doubles(_), Data::Doubles(_)) => {
            let (a, b) = (a.doubles(), b.doubles());
            strict(arguments, rows, span, |row| Ok(holds(ordered(a.at(row), b.at(row)))))
        }
        (Data::Wides(_), Data::Doubles(_)) => {
            let (exact, double, scale) = (a.wides(), b.doubles(), plan.arguments[0].scale());
            strict(arguments, rows, span, |row| {
                Ok(holds(compare_double((exact.at(row), scale), double.at(row))))
            })
        }
        (Data::Doubles(_), Data::Wides(_)) => {
            let (double, exact, scale) = (a.doubles(), b.wides(), plan.arguments[1].scale());
            strict(arguments, rows, span, |row| {
                Ok(holds(compare_double((exact.at(row), scale), double.at(row)).reverse()))
            })
        }
        (Data::Booleans(_), Data::Booleans(_)) => {
            let (a, b) = (a.booleans(), b.booleans());
            strict(arguments, rows, span, |row| Ok(holds(a.at(row).cmp(&b.at(row)))))
        }
        // Where one of them is null for all rows, no row has both.
        _ => strict(arguments, rows, span, |row| Ok(holds(a.text(row).cmp(b.text(row))))),
    }
}

/// NaN is equal to itself and above all else; -0 is 0.
fn ordered(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn case(plan: &Plan, arguments: &[Vector], rows: usize) -> Vector {
    let arms = arguments.len() / 2;
    let conditions: Vec<Values<'_, bool>> = (0..arms).map(|arm| arguments[2 * arm].booleans()).collect();
    choose(plan, arguments, rows, |row| {
        for (arm, condition) in conditions.iter().enumerate() {
            match arguments[2 * arm].state(row) {
                State::Failed => return Some(2 * arm),
                State::Value if condition.at(row) => return Some(2 * arm + 1),
                _ => {}
            }
        }
        Some(arguments.len() - 1)
    })
}

/// Each row's value out of the argument that `pick` says; none: null. What is picked is of the plan's type, or failed.
fn choose(plan: &Plan, arguments: &[Vector], rows: usize, pick: impl Fn(usize) -> Option<usize>) -> Vector {
    match plan.kind {
        Some(ColumnType::Boolean) => chosen(arguments, rows, pick, |of, row| of.booleans().at(row)),
        Some(ColumnType::Decimal { .. }) => chosen(arguments, rows, pick, |of, row| of.wides().at(row)),
        Some(ColumnType::Float | ColumnType::Double) => chosen(arguments, rows, pick, |of, row| of.doubles().at(row)),
        Some(ColumnType::String) => {
            let mut made = MadeTexts::new(rows);
            for row in 0..rows {
                match pick(row).map(|picked| (&arguments[picked], arguments[picked].state(row))) {
                    Some((of, State::Value)) => made.value(plan.span, |room| room.push(of.text(row))),
                    Some((of, State::Failed)) => made.fail(of.failure(row)),
                    _ => made.null(),
                }
            }
            made.finish()
        }
        Some(_) => chosen(arguments, rows, pick, |of, row| of.longs().at(row)),
        None => Vector::null(),
    }
}

fn chosen<T: Native>(
    arguments: &[Vector],
    rows: usize,
    pick: impl Fn(usize) -> Option<usize>,
    value: impl Fn(&Vector, usize) -> T,
) -> Vector {
    let mut made = Made::new(rows);
    for row in 0..rows {
        match pick(row).map(|picked| (&arguments[picked], arguments[picked].state(row))) {
            Some((of, State::Value)) => made.value(value(of, row)),
            Some((of, State::Failed)) => made.fail(of.failure(row)),
            _ => made.null(),
        }
    }
    made.finish()
}

/// True where the type's values are kept as 64-bit integers.
pub(crate) fn is_long(kind: ColumnType) -> bool {
    use ColumnType::{Date, Int, Long, Time, Timestamp, TimestampTz};
    matches!(kind, Int | Long | Date | Time | Timestamp | TimestampTz)
}
