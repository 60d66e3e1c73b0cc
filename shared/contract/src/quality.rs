//! Quality rules: what is measured of an object's rows, what must come of it, what happens where it does not.

use crate::ColumnRule;
use std::fmt;
use watershed_expression::Expression;

/// How a column is made of others.
#[derive(Debug, Clone)]
pub struct Computed {
    /// Over the dataset's columns, of the column's type.
    pub expression: Expression,
    /// The column is read from the source as well, and the expression is made of what was read.
    pub reads_field: bool,
}

impl ColumnRule {
    /// True where the column stands in the source.
    pub fn is_read(&self) -> bool {
        self.computed.as_ref().is_none_or(|computed| computed.reads_field)
    }
}

/// A rule about the rows of an object.
#[derive(Debug, Clone)]
pub struct QualityRule {
    /// As people call it.
    pub name: String,
    /// The column that it is of, by its index.
    pub column: Option<usize>,
    /// What is measured.
    pub measure: Measure,
    /// What must come of it.
    pub threshold: Threshold,
    /// Of what.
    pub unit: Unit,
    /// What happens where it does not.
    pub on_failure: OnFailure,
}

/// What a rule measures. Rows are those that nothing else refused: what would be in the table.
#[derive(Debug, Clone)]
pub enum Measure {
    /// Rows for which the condition is `bad_when`, or cannot be worked out.
    Rows {
        /// True, false or null of each row.
        condition: Expression,
        /// Which of the two is bad; null is good.
        bad_when: bool,
    },
    /// Rows that the column's own check refuses because their value is none of the allowed ones.
    Enumeration,
    /// All rows.
    RowCount,
    /// Rows that have in these columns what an earlier row has; a row with a null there repeats none.
    Duplicates(Vec<usize>),
    /// Seconds from the newest value of the rule's column to the time at which the object was made.
    Freshness,
}

/// What a number must be. Bounds are in millionths, so that they are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// That.
    Be(i64),
    /// Another.
    NotBe(i64),
    /// More.
    GreaterThan(i64),
    /// No less.
    GreaterOrEqualTo(i64),
    /// Less.
    LessThan(i64),
    /// No more.
    LessOrEqualTo(i64),
    /// At least the first, at most the second.
    Between(i64, i64),
    /// Less than the first, or more than the second.
    NotBetween(i64, i64),
}

/// A threshold's one: bounds are in millionths.
pub const MILLIONTHS: i64 = 1_000_000;

impl Threshold {
    /// Of `part / whole`, where `whole` is more than 0; exact.
    pub fn holds(self, part: i128, whole: u64) -> bool {
        let found = part * i128::from(MILLIONTHS);
        let bound = |bound: i64| i128::from(bound) * i128::from(whole);
        match self {
            Self::Be(n) => found == bound(n),
            Self::NotBe(n) => found != bound(n),
            Self::GreaterThan(n) => found > bound(n),
            Self::GreaterOrEqualTo(n) => found >= bound(n),
            Self::LessThan(n) => found < bound(n),
            Self::LessOrEqualTo(n) => found <= bound(n),
            Self::Between(low, high) => (bound(low)..=bound(high)).contains(&found),
            Self::NotBetween(low, high) => !(bound(low)..=bound(high)).contains(&found),
        }
    }

    /// True where one bad row is too many, so that each can be refused by itself.
    pub fn is_none(self) -> bool {
        matches!(self, Self::Be(0) | Self::LessOrEqualTo(0))
    }
}

/// Millionths as a number: `2.5`.
fn number(millionths: i64) -> String {
    (millionths as f64 / MILLIONTHS as f64).to_string()
}

impl fmt::Display for Threshold {
    /// What it must be: `greater than 1000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Be(n) => f.write_str(&number(*n)),
            Self::NotBe(n) => write!(f, "not {}", number(*n)),
            Self::GreaterThan(n) => write!(f, "greater than {}", number(*n)),
            Self::GreaterOrEqualTo(n) => write!(f, "at least {}", number(*n)),
            Self::LessThan(n) => write!(f, "less than {}", number(*n)),
            Self::LessOrEqualTo(n) => write!(f, "at most {}", number(*n)),
            Self::Between(low, high) => write!(f, "between {} and {}", number(*low), number(*high)),
            Self::NotBetween(low, high) => write!(f, "not between {} and {}", number(*low), number(*high)),
        }
    }
}

/// What a threshold counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Rows.
    Rows,
    /// Hundredths of all rows.
    Percent,
    /// Seconds.
    Seconds,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rows => "rows",
            Self::Percent => "percent",
            Self::Seconds => "seconds",
        })
    }
}

/// What happens where a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// The rows that break it go to quarantine.
    RejectRow,
    /// Nothing of the object goes into the table.
    RejectObject,
    /// It is logged and counted.
    Warn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_hold_at_their_bounds_exactly() {
        let percent = |bad: i128, rows| (100 * bad, rows);
        let (part, whole) = percent(5, 100);
        assert!(Threshold::LessOrEqualTo(5 * MILLIONTHS).holds(part, whole));
        assert!(!Threshold::LessThan(5 * MILLIONTHS).holds(part, whole));
        let (part, whole) = percent(1, 3);
        assert!(Threshold::GreaterThan(33_333_333).holds(part, whole));
        assert!(Threshold::LessThan(33_333_334).holds(part, whole));
        let between = Threshold::Between(MILLIONTHS, 3 * MILLIONTHS);
        assert_eq!([0, 1, 3, 4].map(|n| between.holds(n, 1)), [false, true, true, false]);
        let outside = Threshold::NotBetween(MILLIONTHS, 3 * MILLIONTHS);
        assert_eq!([0, 1, 3, 4].map(|n| outside.holds(n, 1)), [true, false, false, true]);
    }

    #[test]
    fn thresholds_are_shown_for_people() {
        assert_eq!(Threshold::GreaterThan(2_500_000).to_string(), "greater than 2.5");
        assert_eq!(Threshold::Between(0, 10 * MILLIONTHS).to_string(), "between 0 and 10");
    }
}
