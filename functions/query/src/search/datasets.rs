//! Datasets and tables by what their contracts say: an index of one row a table.

use super::snippet::Snippet;
use serde::Serialize;
use watershed_contract::{Contracts, Dataset};
use watershed_lake::{TableSpec, layout::Zone, table::properties};
use watershed_search::{Builder, Index, IndexError, Query, Statistics};

/// What is said of a table, in the order of the index's columns.
const SAID: [&str; 5] = ["name", "column", "description", "domain", "tag"];
const NAME: usize = 0;
const COLUMN: usize = 1;
const DESCRIPTION: usize = 2;
const DOMAIN: usize = 3;
const TAG: usize = 4;

/// Everything that contracts say.
pub(super) struct Datasets {
    index: Index,
    tables: Vec<Table>,
}

struct Table {
    dataset: String,
    name: String,
    said: Vec<Said>,
}

/// One thing that is said.
struct Said {
    /// Number of [`SAID`].
    what: usize,
    /// The column that it is said of.
    column: Option<String>,
    text: String,
}

/// A table of which something is said that was asked.
#[derive(Debug, Serialize)]
pub(super) struct Hit<'c> {
    dataset: &'c str,
    table: &'c str,
    score: f32,
    matched: Vec<Matched<'c>>,
}

#[derive(Debug, Serialize)]
struct Matched<'c> {
    /// Of [`SAID`].
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'c str>,
    #[serde(flatten)]
    snippet: Snippet,
}

impl Datasets {
    /// All tables but those of refused rows, of which nothing else is said.
    pub(super) fn new(contracts: &Contracts) -> Result<Self, IndexError> {
        let mut builder = Builder::new(&SAID.map(String::from), 0)?;
        let mut tables = Vec::new();
        for dataset in contracts.iter() {
            for spec in dataset.tables().filter(|spec| spec.zone != Zone::Quarantine) {
                let said = said(dataset, spec);
                builder.add(said.iter().map(|said| (said.what, said.text.as_str())))?;
                tables.push(Table {
                    dataset: dataset.id.clone(),
                    name: spec.name.to_string(),
                    said,
                });
            }
        }
        let index = Index::open(&builder.finish()?)?;
        Ok(Self { index, tables })
    }

    /// The tables of which most of it is said, the best first.
    pub(super) fn find(&self, query: &Query, limit: usize, only: Option<&Dataset>) -> Result<Vec<Hit<'_>>, IndexError> {
        let all: Statistics = self.index.statistics(query)?;
        let columns: Vec<usize> = (0..SAID.len()).collect();
        let found = self.index.search(query, &columns, &all, self.tables.len())?;
        let hit = |hit: watershed_search::Hit| {
            let table = &self.tables[hit.row as usize];
            Hit {
                dataset: &table.dataset,
                table: &table.name,
                score: hit.score,
                matched: table.matched(query, &hit.columns),
            }
        };
        let hits = found.hits.into_iter().map(hit);
        let named = hits.filter(|hit| only.is_none_or(|only| only.id == hit.dataset));
        Ok(named.take(limit).collect())
    }
}

impl Table {
    fn matched(&self, query: &Query, columns: &[usize]) -> Vec<Matched<'_>> {
        let said = self.said.iter().filter(|said| columns.contains(&said.what));
        let shown = said.map(|said| Matched {
            what: SAID[said.what],
            column: said.column.as_deref(),
            snippet: Snippet::of(query, &said.text),
        });
        shown.filter(|matched| !matched.snippet.marks.is_empty()).collect()
    }
}

fn said(dataset: &Dataset, spec: &TableSpec) -> Vec<Said> {
    let of_table = |what, text: &str| Said {
        what,
        column: None,
        text: text.into(),
    };
    let property = |name| spec.properties.get(name).map(String::as_str);
    let mut said = vec![of_table(NAME, &dataset.id), of_table(NAME, &spec.name.to_string())];
    said.extend(spec.doc.iter().map(|doc| of_table(DESCRIPTION, doc)));
    said.extend(property(properties::DOMAIN).map(|domain| of_table(DOMAIN, domain)));
    let tags = property(properties::TAGS).into_iter().flat_map(|tags| tags.split(','));
    said.extend(tags.map(|tag| of_table(TAG, tag)));
    for column in &spec.columns {
        let of_column = |what, text: &String| Said {
            what,
            column: Some(column.name.clone()),
            text: text.clone(),
        };
        said.extend(column.all().map(|field| of_column(COLUMN, &field.name)));
        said.extend(
            column
                .all()
                .filter_map(|field| Some(of_column(DESCRIPTION, field.doc.as_ref()?))),
        );
        said.extend(column.tags.iter().map(|tag| of_column(TAG, tag)));
    }
    said
}
