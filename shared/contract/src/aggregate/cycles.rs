//! Tables that would be made of themselves.

use crate::dataset::Dataset;
use std::collections::{BTreeMap, BTreeSet};
use watershed_lake::TableName;

/// What each table that is made of others is made of.
struct Graph<'s>(BTreeMap<&'s TableName, Vec<&'s TableName>>);

/// Every aggregate that is made of itself, with the way that leads from its input back to it: `b.c, a.b`.
pub(crate) fn cycles<'s>(all: impl Iterator<Item = &'s Dataset>) -> Vec<(TableName, String)> {
    let mut graph = Graph(BTreeMap::new());
    for dataset in all {
        if let Some(enrichment) = &dataset.enrichment {
            let of = [vec![&dataset.table.name], enrichment.references()].concat();
            graph.0.insert(&enrichment.table.name, of);
        }
        if let Some(aggregation) = &dataset.aggregation {
            let of = aggregation.inputs.iter().map(|input| &input.table).collect();
            graph.0.insert(&dataset.table.name, of);
        }
    }
    let tables = graph.0.keys();
    let found = tables.filter_map(|table| Some(((*table).clone(), graph.way_back(table)?)));
    found.collect()
}

impl<'s> Graph<'s> {
    /// The shortest way from a table by what it is made of to itself.
    fn way_back(&self, table: &'s TableName) -> Option<String> {
        let mut ways: Vec<Vec<&TableName>> = vec![vec![table]];
        let mut seen: BTreeSet<&TableName> = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let of = way.last().and_then(|last| self.0.get(last));
                for next in of.into_iter().flatten() {
                    let way = [&way[..], &[next]].concat();
                    if *next == table {
                        let names: Vec<String> = way[1..].iter().map(ToString::to_string).collect();
                        return Some(names.join(", "));
                    }
                    if seen.insert(next) {
                        longer.push(way);
                    }
                }
            }
            ways = longer;
        }
        None
    }
}
