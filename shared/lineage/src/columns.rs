//! Which columns a column is made of, as far as contracts say: of what a query does inside, they say only how parts lie to each other.

use crate::name::Name;
use std::collections::BTreeSet;
use watershed_contract::{
    Contracts, Dataset, Enrichment, Personal,
    enrich::{Around, Join, Matching, Step, Work},
};
use watershed_lake::{LakeLocation, TableName, TableSpec};

/// A column, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub origins: BTreeSet<Origin>,
}

/// A column that another is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Of which dataset.
    pub dataset: Name,
    /// Its name there.
    pub column: String,
    /// How.
    pub way: Way,
    /// Nothing of the value itself is left.
    pub is_masked: bool,
}

/// How a column is made of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// It is the same.
    Identity,
    /// It is worked out of it.
    Transformation,
    /// It is worked out of many rows of it.
    Aggregation,
    /// Which row it is taken of, that says.
    Join,
}

impl Way {
    /// OpenLineage's word for whether it is in the value.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Join => "INDIRECT",
            Self::Identity | Self::Transformation | Self::Aggregation => "DIRECT",
        }
    }

    /// And for how.
    pub fn subtype(self) -> &'static str {
        match self {
            Self::Identity => "IDENTITY",
            Self::Transformation => "TRANSFORMATION",
            Self::Aggregation => "AGGREGATION",
            Self::Join => "JOIN",
        }
    }

    /// What comes of this way, gone behind that one.
    fn after(self, before: Self) -> Self {
        self.max(before)
    }
}

/// Of a table of the dataset that is made of that source. Empty: nothing is known.
pub fn of(
    lake: &LakeLocation,
    contracts: &Contracts,
    dataset: &Dataset,
    table: &TableSpec,
    source: Option<&Name>,
) -> Vec<Column> {
    if let Some(enrichment) = dataset.enrichment.as_ref().filter(|it| it.table.name == table.name) {
        return enriched(lake, contracts, dataset, enrichment);
    }
    if table.name != dataset.table.name {
        return Vec::new();
    }
    match source {
        Some(source) => read(dataset, source),
        None => aggregated(lake, contracts, dataset),
    }
}

/// Columns that are read of an object or a stream.
fn read(dataset: &Dataset, source: &Name) -> Vec<Column> {
    let origin = |index: usize, way: Way| {
        let rule = &dataset.columns[index];
        Origin {
            dataset: source.clone(),
            column: rule.source.clone(),
            way,
            is_masked: matches!(rule.personal, Personal::Hash | Personal::Redact),
        }
    };
    let columns = dataset.table.columns.iter().zip(&dataset.columns).enumerate();
    let columns = columns.map(|(index, (column, rule))| {
        let origins = match &rule.computed {
            None => BTreeSet::from([origin(index, Way::Identity)]),
            Some(computed) => {
                let read = computed.expression.columns();
                read.into_iter().map(|read| origin(read, Way::Transformation)).collect()
            }
        };
        Column {
            name: column.name.clone(),
            origins,
        }
    });
    columns.collect()
}

/// The dataset's columns, and those that each step adds: a step sees what those before it added.
fn enriched(lake: &LakeLocation, contracts: &Contracts, dataset: &Dataset, enrichment: &Enrichment) -> Vec<Column> {
    let name = Name::table(lake, &dataset.table);
    let own = dataset.table.columns.iter().map(|column| {
        BTreeSet::from([Origin {
            dataset: name.clone(),
            column: column.name.clone(),
            way: Way::Identity,
            is_masked: false,
        }])
    });
    let mut origins: Vec<BTreeSet<Origin>> = own.collect();
    for step in &enrichment.steps {
        let added = added(lake, contracts, step, &origins);
        origins.extend(added);
    }
    let columns = enrichment.table.columns.iter().zip(origins);
    let columns = columns.map(|(column, origins)| Column {
        name: column.name.clone(),
        origins,
    });
    columns.collect()
}

/// One for each column that the step adds.
fn added(
    lake: &LakeLocation,
    contracts: &Contracts,
    step: &Step,
    before: &[BTreeSet<Origin>],
) -> Vec<BTreeSet<Origin>> {
    let through = |columns: &[usize], way: Way| -> BTreeSet<Origin> {
        let all = columns.iter().flat_map(|column| &before[*column]);
        let all = all.map(|origin| Origin {
            way: way.after(origin.way),
            ..origin.clone()
        });
        all.collect()
    };
    let one = |read: Vec<usize>| through(&read, Way::Transformation);
    match &step.work {
        Work::Derive(expressions) => expressions.iter().map(|it| one(it.columns())).collect(),
        Work::Labels(rules) => vec![one(rules.iter().flat_map(|(_, it)| it.columns()).collect())],
        Work::Score(conditions) => {
            let mut read = Vec::new();
            for condition in conditions {
                read.extend(condition.columns());
            }
            vec![one(read)]
        }
        Work::Join(join) => {
            let (ours, taken) = joined(join);
            let keys = through(&ours, Way::Join);
            let taken = taken.into_iter().map(|taken| {
                let theirs = taken.and_then(|(column, way)| theirs(lake, contracts, &join.reference, column, way));
                keys.iter().cloned().chain(theirs).collect()
            });
            taken.collect()
        }
    }
}

fn theirs(
    lake: &LakeLocation,
    contracts: &Contracts,
    reference: &TableName,
    column: usize,
    way: Way,
) -> Option<Origin> {
    let table = &contracts.by_table(reference)?.table;
    Some(Origin {
        dataset: Name::table(lake, table),
        column: table.columns.get(column)?.name.clone(),
        way,
        is_masked: false,
    })
}

/// Columns of the row that say which row of the reference it is, and for each added column the one that it is taken of.
fn joined(join: &Join) -> (Vec<usize>, Vec<Option<(usize, Way)>>) {
    let same = |columns: &[usize]| -> Vec<_> { columns.iter().map(|column| Some((*column, Way::Identity))).collect() };
    match &join.matching {
        Matching::Lookup { on, columns } => (on.iter().map(|pair| pair.ours).collect(), same(columns)),
        Matching::AsOf { on, time, columns, .. } => {
            let keys = on.iter().chain([time]).map(|pair| pair.ours);
            (keys.collect(), same(columns))
        }
        Matching::Nearest {
            point,
            columns,
            distance,
            ..
        } => {
            let mut taken = same(columns);
            taken.extend(distance.then_some(None));
            (vec![point.latitude.ours, point.longitude.ours], taken)
        }
        Matching::Around { point, aggregates, .. } => {
            let taken = aggregates.iter().map(|aggregate| match aggregate {
                Around::Count => None,
                Around::Sum(column) | Around::Min(column) | Around::Max(column) => Some((*column, Way::Aggregation)),
            });
            (vec![point.latitude.ours, point.longitude.ours], taken.collect())
        }
        Matching::Region {
            latitude,
            longitude,
            columns,
            ..
        } => (vec![*latitude, *longitude], same(columns)),
    }
}

/// Of a table that a query makes: the column that it is divided by, and those of inputs that say in which part their rows are.
fn aggregated(lake: &LakeLocation, contracts: &Contracts, dataset: &Dataset) -> Vec<Column> {
    let Some(aggregation) = &dataset.aggregation else {
        return Vec::new();
    };
    let Some(field) = aggregation.partition else {
        return Vec::new();
    };
    let origins = aggregation.inputs.iter().filter_map(|input| {
        let table = contracts.by_table(&input.table)?.table_of(&input.table)?;
        Some(Origin {
            dataset: Name::table(lake, table),
            column: table.columns[input.column?].name.clone(),
            way: Way::Transformation,
            is_masked: false,
        })
    });
    vec![Column {
        name: dataset.table.columns[dataset.table.partition[field].column]
            .name
            .clone(),
        origins: origins.collect(),
    }]
}
