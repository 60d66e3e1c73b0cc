//! Names and types: syntax to a plan, or what is wrong with it.

mod calls;
mod kinds;
mod numbers;

use crate::{
    error::{Mistake, Span, one_of, shown},
    evaluate::evaluate,
    like::Like,
    plan::{Calculation, Comparison, Operation, Plan},
    set::Set,
    syntax::{Negated, Node, Operator, Syntax},
    temporal,
    vector::{Data, Vector},
};
use arrow_array::StringArray;
pub use calls::MAX_COMPILED_BYTES;
use kinds::{cast, common, same};
pub(crate) use kinds::{convert, holds, want};
use watershed_lake::ColumnType;

/// The columns that there are: name and type.
pub(crate) type Columns<'c> = [(&'c str, ColumnType)];

/// The plan of `syntax` over these columns. Parts without columns are worked out at once.
pub(crate) fn check(syntax: &Syntax, columns: &Columns<'_>) -> Result<Plan, Mistake> {
    Checker { columns }.plan(syntax)
}

struct Checker<'c> {
    columns: &'c Columns<'c>,
}

impl Checker<'_> {
    fn plan(&self, syntax: &Syntax) -> Result<Plan, Mistake> {
        let span = syntax.span;
        let literal = |data, kind| Ok(Plan::literal(Vector::constant(data), Some(kind), span));
        match &syntax.node {
            Node::Column(name) => self.column(name, span),
            Node::Null => Ok(Plan::literal(Vector::null(), None, span)),
            Node::Boolean(value) => literal(Data::Booleans(vec![*value]), ColumnType::Boolean),
            Node::Number(digits) => numbers::literal(digits, span),
            Node::Text(text) => Ok(text_literal(text, span)),
            Node::Temporal(kind, text) => temporal_literal(*kind, text, span),
            Node::Interval(..) => Err(Mistake::new(
                span.0,
                "an interval by itself",
                "write it behind + or -: time_hour + interval '1 day'",
            )),
            Node::Not(of) => finish(
                Operation::Not,
                ColumnType::Boolean,
                vec![self.condition(of, "not")?],
                span,
            ),
            Node::Negate(of) => numbers::negate(self.plan(of)?, span),
            Node::Binary(operator, left, right) => self.binary(*operator, left, right, span),
            Node::IsNull(of, negated) => {
                let plan = finish(Operation::IsNull, ColumnType::Boolean, vec![self.plan(of)?], span)?;
                negate(plan, *negated)
            }
            Node::In(of, list, negated) => negate(self.is_in(of, list, span)?, *negated),
            Node::Between(all, negated) => {
                let [of, low, high] = &**all;
                let above = compare(Comparison::GreaterOrEqual, self.plan(of)?, self.plan(low)?, span)?;
                let below = compare(Comparison::LessOrEqual, self.plan(of)?, self.plan(high)?, span)?;
                let both = finish(Operation::And, ColumnType::Boolean, vec![above, below], span)?;
                negate(both, *negated)
            }
            Node::Like(of, pattern, negated) => {
                let of = want(self.plan(of)?, ColumnType::String, "like")?;
                let like = Operation::Like(Like::new(pattern));
                negate(finish(like, ColumnType::Boolean, vec![of], span)?, *negated)
            }
            Node::Case(operand, arms, otherwise) => self.case(operand.as_deref(), arms, otherwise.as_deref(), span),
            Node::Cast(of, kind, failure) => cast(self.plan(of)?, *kind, *failure, span),
            Node::Extract(unit, of) => calls::extract(*unit, self.plan(of)?, span),
            Node::AtZone(of, zone) => calls::at_zone(self.plan(of)?, zone, span),
            Node::Call(name, arguments) => self.call(name, arguments, span),
        }
    }

    fn column(&self, name: &str, span: Span) -> Result<Plan, Mistake> {
        let Some(index) = self.columns.iter().position(|(column, _)| *column == name) else {
            let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
            let help = one_of(name, &names);
            return Err(Mistake::new(span.0, format!("no column {}", shown(name)), help));
        };
        let (operation, kind) = (Operation::Column(index), self.columns[index].1);
        Ok(Plan::new(operation, kind, Vec::new(), span))
    }

    fn condition(&self, of: &Syntax, whose: &str) -> Result<Plan, Mistake> {
        want(self.plan(of)?, ColumnType::Boolean, whose)
    }

    fn binary(&self, operator: Operator, left: &Syntax, right: &Syntax, span: Span) -> Result<Plan, Mistake> {
        let comparison = match operator {
            Operator::Or | Operator::And => {
                let sides = vec![
                    self.condition(left, operator.sign())?,
                    self.condition(right, operator.sign())?,
                ];
                let operation = if operator == Operator::And {
                    Operation::And
                } else {
                    Operation::Or
                };
                return finish(operation, ColumnType::Boolean, sides, span);
            }
            Operator::Join => {
                let sides = vec![self.plan(left)?, self.plan(right)?];
                return calls::join(sides, "||", crate::functions::Function::Join, span);
            }
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                return self.calculation(operator, left, right, span);
            }
            Operator::Equal => Comparison::Equal,
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Less => Comparison::Less,
            Operator::LessOrEqual => Comparison::LessOrEqual,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
        };
        compare(comparison, self.plan(left)?, self.plan(right)?, span)
    }

    fn calculation(&self, operator: Operator, left: &Syntax, right: &Syntax, span: Span) -> Result<Plan, Mistake> {
        if let (Operator::Add | Operator::Subtract, Node::Interval(count, unit)) = (operator, &right.node) {
            let count = if operator == Operator::Subtract { -count } else { *count };
            return calls::shift(self.plan(left)?, count, *unit, span);
        }
        let calculation = match operator {
            Operator::Add => Calculation::Add,
            Operator::Subtract => Calculation::Subtract,
            Operator::Multiply => Calculation::Multiply,
            Operator::Divide => Calculation::Divide,
            _ => Calculation::Remainder,
        };
        numbers::calculate(calculation, operator.sign(), self.plan(left)?, self.plan(right)?, span)
    }

    fn is_in(&self, of: &Syntax, list: &[Syntax], span: Span) -> Result<Plan, Mistake> {
        let of = self.plan(of)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(self.plan(item)?);
        }
        let kind = common(std::iter::once(&of).chain(&items), "in", span)?;
        // As doubles, exact numbers that differ might be the same.
        let kind = kind.filter(|kind| *kind != ColumnType::Double);
        let (Some(kind), true) = (kind, items.iter().all(Plan::is_literal)) else {
            return any_of(&of, items, span);
        };
        let of = convert(of, kind)?;
        let items = items
            .into_iter()
            .map(|item| convert(item, kind))
            .collect::<Result<Vec<_>, _>>()?;
        let literals = items.iter().filter_map(|item| match &item.operation {
            Operation::Literal(value) => Some(value),
            _ => None,
        });
        match Set::new(&literals.collect::<Vec<_>>()) {
            Some(set) => finish(Operation::InSet(set), ColumnType::Boolean, vec![of], span),
            None => any_of(&of, items, span),
        }
    }

    fn case(
        &self,
        operand: Option<&Syntax>,
        arms: &[(Syntax, Syntax)],
        otherwise: Option<&Syntax>,
        span: Span,
    ) -> Result<Plan, Mistake> {
        let mut conditions = Vec::with_capacity(arms.len());
        let mut values = Vec::with_capacity(arms.len() + 1);
        for (when, then) in arms {
            conditions.push(match operand {
                None => self.condition(when, "when")?,
                Some(operand) => compare(Comparison::Equal, self.plan(operand)?, self.plan(when)?, when.span)?,
            });
            values.push(self.plan(then)?);
        }
        values.push(match otherwise {
            Some(otherwise) => self.plan(otherwise)?,
            None => Plan::literal(Vector::null(), None, span),
        });
        let kind = common(values.iter(), "case", span)?;
        let mut values = same(values, kind)?.into_iter();
        let mut arguments = Vec::with_capacity(2 * arms.len() + 1);
        for condition in conditions {
            arguments.push(condition);
            arguments.extend(values.next());
        }
        arguments.extend(values.next());
        finish_as(Operation::Case, kind, arguments, span)
    }
}

fn text_literal(text: &str, span: Span) -> Plan {
    let value = Vector::constant(Data::Texts(StringArray::from(vec![text])));
    Plan::literal(value, Some(ColumnType::String), span)
}

fn temporal_literal(kind: ColumnType, text: &str, span: Span) -> Result<Plan, Mistake> {
    let Some(value) = temporal::read(text, kind) else {
        let help = match kind {
            ColumnType::Date => "write date '2013-12-31'",
            ColumnType::Time => "write time '23:59:59'",
            ColumnType::Timestamp => "write timestamp '2013-12-31 23:59:59', or timestamptz with an offset",
            _ => "write timestamptz '2013-12-31T23:59:59Z'",
        };
        return Err(Mistake::new(span.0, format!("'{}' is no {kind}", shown(text)), help));
    };
    let value = Vector::constant(Data::Longs(vec![value].into()));
    Ok(Plan::literal(value, Some(kind), span))
}

/// The part; worked out at once where it has no column.
pub(crate) fn finish(
    operation: Operation,
    kind: ColumnType,
    arguments: Vec<Plan>,
    span: Span,
) -> Result<Plan, Mistake> {
    finish_as(operation, Some(kind), arguments, span)
}

fn finish_as(
    operation: Operation,
    kind: Option<ColumnType>,
    arguments: Vec<Plan>,
    span: Span,
) -> Result<Plan, Mistake> {
    let plan = Plan {
        operation,
        kind,
        arguments,
        span,
    };
    if plan.arguments.is_empty() || !plan.arguments.iter().all(Plan::is_literal) {
        return Ok(plan);
    }
    let value = evaluate(&plan, &[], 1);
    match value.failures().first() {
        Some((_, failure)) => Err(Mistake::new(
            failure.span.0,
            format!("this part {} whatever the row is", failure.why),
            "write something that can be worked out",
        )),
        None => Ok(Plan::literal(value.for_all(), kind, span)),
    }
}

fn negate(plan: Plan, negated: Negated) -> Result<Plan, Mistake> {
    let span = plan.span;
    match negated {
        Negated::No => Ok(plan),
        Negated::Yes => finish(Operation::Not, ColumnType::Boolean, vec![plan], span),
    }
}

pub(crate) fn any_of(of: &Plan, items: Vec<Plan>, span: Span) -> Result<Plan, Mistake> {
    let equal = |item: Plan| compare(Comparison::Equal, of.clone(), item, span);
    let tests = items.into_iter().map(equal).collect::<Result<Vec<_>, _>>()?;
    finish(Operation::Or, ColumnType::Boolean, tests, span)
}

fn compare(comparison: Comparison, left: Plan, right: Plan, span: Span) -> Result<Plan, Mistake> {
    let kinds = (left.kind, right.kind);
    let (left, right) = match kinds {
        // Decimals compare whatever scales they have.
        (Some(a), Some(b)) if numbers::are_exact(a, b) && numbers::has_decimal(a, b) => {
            (numbers::as_decimal(left)?, numbers::as_decimal(right)?)
        }
        // An exact number is not made a double, which might be another number.
        (Some(a), Some(b)) if numbers::is_exact(a) && numbers::is_float(b) => (numbers::as_decimal(left)?, right),
        (Some(a), Some(b)) if numbers::is_float(a) && numbers::is_exact(b) => (left, numbers::as_decimal(right)?),
        _ => {
            let kind = common([&left, &right].into_iter(), "a comparison", span)?;
            let mut sides = same(vec![left, right], kind)?.into_iter();
            match (sides.next(), sides.next()) {
                (Some(left), Some(right)) => (left, right),
                _ => unreachable!("two went in"),
            }
        }
    };
    finish(
        Operation::Compare(comparison),
        ColumnType::Boolean,
        vec![left, right],
        span,
    )
}
