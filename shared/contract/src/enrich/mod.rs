//! What is added to the rows of a dataset, once they are in its table: of other tables, and of themselves.

mod joins;
mod made;
mod read;
mod resolve;

pub(crate) use read::{Declared, KEYS, read};
pub use read::{MAX_CONDITIONS, MAX_ENRICHED_COLUMNS, MAX_STEPS, MAX_WITHIN_M};
pub(crate) use resolve::{is_complete, resolve};

use std::ops::Range;
use watershed_expression::Expression;
use watershed_lake::{TableName, TableSpec};

/// How the enriched table of a dataset is made of its table.
#[derive(Debug, Clone)]
pub struct Enrichment {
    /// The enriched table: the columns of the dataset's table, then those that are added.
    pub table: TableSpec,
    /// In the contract's order: a step sees the columns that those before it added.
    pub steps: Vec<Step>,
}

/// Something that adds columns.
#[derive(Debug, Clone)]
pub struct Step {
    /// For logs and messages: `lookup airports on dest`.
    pub label: String,
    /// What it does.
    pub work: Work,
    /// The columns that it adds, by their index in the enriched table. They follow on those of the step before.
    pub added: Range<usize>,
}

/// What a step does. Columns of a row are named by their index in the enriched table, and stand there before those that the step adds.
#[derive(Debug, Clone)]
pub enum Work {
    /// Columns of a reference's row that belongs to the row, or what is worked out of several.
    Join(Join),
    /// A column for each expression; null in a row for which it fails.
    Derive(Vec<Expression>),
    /// One column: a list of the labels whose conditions are true, in their order.
    Labels(Vec<(String, Expression)>),
    /// One column: the share of the conditions that are true, 0 to 1.
    Score(Vec<Expression>),
}

/// A join with a reference. A row without a match is kept, and has null in what is added.
#[derive(Debug, Clone)]
pub struct Join {
    /// The reference: the table of another dataset.
    pub reference: TableName,
    /// Which of its rows.
    pub matching: Matching,
}

/// Two columns that are compared: one of the row, one of the reference, by their indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// In the enriched table.
    pub ours: usize,
    /// In the reference's table.
    pub theirs: usize,
}

/// A point: degrees of latitude and longitude (WGS 84).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// North is positive.
    pub latitude: Pair,
    /// East is positive.
    pub longitude: Pair,
}

/// Which rows of the reference belong to a row, and what is taken of them. `columns` are the reference's, by their index.
#[derive(Debug, Clone, PartialEq)]
pub enum Matching {
    /// The one that has these values.
    Lookup {
        /// All must be equal.
        on: Vec<Pair>,
        /// Taken.
        columns: Vec<usize>,
    },
    /// The one nearest in time of those that have these values.
    AsOf {
        /// All must be equal; none: all rows of the reference are looked at.
        on: Vec<Pair>,
        /// Dates or timestamps.
        time: Pair,
        /// On which side.
        direction: Direction,
        /// Farthest, in microseconds; none: however far.
        tolerance_us: Option<i64>,
        /// Taken.
        columns: Vec<usize>,
    },
    /// The one nearest on the earth's surface.
    Nearest {
        /// Where.
        point: Point,
        /// Farthest, in metres.
        within_m: f64,
        /// Taken.
        columns: Vec<usize>,
        /// Behind them, a column is the distance in metres.
        distance: bool,
    },
    /// What is worked out of all within a distance.
    Around {
        /// Where.
        point: Point,
        /// Farthest, in metres.
        within_m: f64,
        /// One for each column that is added.
        aggregates: Vec<Around>,
    },
    /// The region that a point lies in.
    Region {
        /// Column of the row: degrees of latitude.
        latitude: usize,
        /// Column of the row: degrees of longitude.
        longitude: usize,
        /// Column of the reference: a polygon as WKT or GeoJSON.
        shape: usize,
        /// Taken.
        columns: Vec<usize>,
    },
}

/// On which side of a row's time the reference's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// At it, or before.
    Backward,
    /// At it, or after.
    Forward,
    /// Whichever is nearer; before where both are.
    Nearest,
}

/// What is worked out of the reference's rows around a point. A column is the reference's, by its index: numbers that are no decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// How many they are; long.
    Count,
    /// Their sum; long of integers, else double. Null of none.
    Sum(usize),
    /// The smallest. Null of none.
    Min(usize),
    /// The largest. Null of none.
    Max(usize),
}

impl Enrichment {
    /// The references, each once.
    pub fn references(&self) -> Vec<&TableName> {
        let mut found: Vec<&TableName> = Vec::new();
        for step in &self.steps {
            if let Work::Join(join) = &step.work
                && !found.contains(&&join.reference)
            {
                found.push(&join.reference);
            }
        }
        found
    }

    /// Columns of that reference that are read, by their index, ascending, each once.
    pub fn columns_of(&self, reference: &TableName) -> Vec<usize> {
        let joins = self.steps.iter().filter_map(|step| match &step.work {
            Work::Join(join) if join.reference == *reference => Some(&join.matching),
            _ => None,
        });
        let mut columns: Vec<usize> = joins.flat_map(Matching::theirs).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

impl Matching {
    /// Columns of the reference that it reads.
    pub fn theirs(&self) -> Vec<usize> {
        let theirs = |pairs: &[Pair]| pairs.iter().map(|pair| pair.theirs).collect::<Vec<_>>();
        let point = |point: &Point| vec![point.latitude.theirs, point.longitude.theirs];
        let (mut compared, taken) = match self {
            Self::Lookup { on, columns } => (theirs(on), columns.clone()),
            Self::AsOf { on, time, columns, .. } => ([theirs(on), vec![time.theirs]].concat(), columns.clone()),
            Self::Nearest { point: at, columns, .. } => (point(at), columns.clone()),
            Self::Around {
                point: at, aggregates, ..
            } => (point(at), aggregates.iter().filter_map(|it| it.column()).collect()),
            Self::Region { shape, columns, .. } => (vec![*shape], columns.clone()),
        };
        compared.extend(taken);
        compared
    }
}

impl Around {
    /// The column that it is of.
    pub fn column(self) -> Option<usize> {
        match self {
            Self::Count => None,
            Self::Sum(column) | Self::Min(column) | Self::Max(column) => Some(column),
        }
    }
}
