//! Tables that are made of other contracts' tables: what they name is looked up once all contracts are read.

use crate::{
    aggregate::{self, Texts},
    dataset::Dataset,
    diagnostic::{Diagnostic, Report},
    document::Located,
    enrich,
};
use watershed_lake::{TableName, enriched, layout::Digest};

/// Whether all contracts are read that enrichments and aggregates name tables of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum References {
    There,
    Elsewhere,
}

/// Looks up what enrichments name of other datasets. Where those can be elsewhere, an enrichment that names one which is not there is left out.
pub(crate) fn enrich(found: &mut [(&str, Located)], references: References, errors: &mut Vec<Diagnostic>) {
    let datasets: Vec<&Dataset> = found.iter().map(|(_, located)| &located.dataset).collect();
    let resolve = |(file, located): &(&str, Located)| {
        let report = Report::new(file);
        let declared = located.enrich.as_ref()?;
        if references == References::Elsewhere && !enrich::is_complete(declared, &located.dataset, &datasets) {
            return None;
        }
        let enrichment = enrich::resolve(declared, &located.dataset, &datasets, &report);
        Some(report.result(enrichment))
    };
    let resolved: Vec<_> = found.iter().map(resolve).collect();
    for ((_, located), resolved) in found.iter_mut().zip(resolved) {
        match resolved.transpose() {
            Ok(enrichment) => located.dataset.enrichment = enrichment,
            Err(wrong) => errors.extend(wrong.into_inner()),
        }
    }
}

/// The same of aggregates. A changed query makes another dataset, as a changed contract does.
pub(crate) fn aggregate(
    found: &mut [(&str, Located)],
    references: References,
    texts: &Texts<'_>,
    errors: &mut Vec<Diagnostic>,
) {
    let datasets: Vec<&Dataset> = found.iter().map(|(_, located)| &located.dataset).collect();
    let reported: Vec<TableName> = found.iter().filter_map(|(_, located)| unmade(located)).collect();
    let resolve = |(file, located): &(&str, Located)| {
        let report = Report::new(file);
        let declared = located.aggregate.as_ref()?;
        if references == References::Elsewhere && !aggregate::is_complete(declared, &datasets, texts) {
            return None;
        }
        let all = (&datasets[..], texts);
        let aggregation = aggregate::resolve(declared, &located.dataset, all, &reported, &report);
        Some(report.result(aggregation))
    };
    let resolved: Vec<_> = found.iter().map(resolve).collect();
    for ((_, located), resolved) in found.iter_mut().zip(resolved) {
        match resolved.transpose() {
            Ok(aggregation) => {
                if let Some(aggregation) = &aggregation {
                    located.dataset.digest = digest(&located.dataset.digest, &aggregation.sql);
                }
                located.dataset.aggregation = aggregation;
            }
            Err(wrong) => errors.extend(wrong.into_inner()),
        }
    }
    for (table, way) in aggregate::cycles(found.iter().map(|(_, located)| &located.dataset)) {
        let own = |(_, located): &&(&str, Located)| located.dataset.table.name == table;
        // One of an enriched table is that of an aggregate, too.
        let Some((file, located)) = found.iter().find(own) else {
            continue;
        };
        let Some(declared) = &located.aggregate else { continue };
        let report = Report::new(file);
        report.add(
            declared.spot.position,
            &declared.spot.path,
            format!("{table} is made of itself, by way of {way}"),
            "take one of them out".into(),
        );
        errors.extend(
            report
                .result(None::<()>)
                .err()
                .into_iter()
                .flat_map(crate::Errors::into_inner),
        );
    }
}

/// The enriched table that a dataset should have, and has not, because something was reported.
fn unmade(located: &Located) -> Option<TableName> {
    let missing = located.enrich.is_some() && located.dataset.enrichment.is_none();
    let name = enriched::name(&located.dataset.table.name);
    name.ok().filter(|_| missing)
}

fn digest(contract: &str, sql: &str) -> String {
    let mut digest = Digest::new();
    digest.part(contract.as_bytes());
    digest.part(sql.as_bytes());
    digest.hex()
}
