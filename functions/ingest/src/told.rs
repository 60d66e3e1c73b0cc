//! What the log, the metrics and the lineage are told of an object.

use crate::{event::Created, object::Outcome, pipeline::Report};
use serde_json::{Map, Value, json};
use watershed_contract::{Dataset, OnFailure};
use watershed_decode::RuleResult;
use watershed_lake::lineage::RunRule;
use watershed_ops::{Invocation, Level, Unit};

/// What came of it.
pub fn outcome(invocation: &mut Invocation, dataset: &Dataset, created: &Created, outcome: Outcome) {
    let uri = created.source.uri();
    match outcome {
        Outcome::Superseded(why) => {
            invocation.metric("Superseded", Unit::Count, 1.0);
            let found = json!({"source": uri, "why": why});
            invocation.log(Level::Info, "object is gone or overwritten", found);
        }
        Outcome::Cut(cut) => {
            invocation.metric("ObjectsCut", Unit::Count, 1.0);
            invocation.log(
                Level::Info,
                "object is read in parts",
                json!({"source": uri, "cut": cut}),
            );
        }
        Outcome::Part(None) => {}
        Outcome::Part(Some(record)) => {
            invocation.metric("Parts", Unit::Count, 1.0);
            invocation.field("source", uri);
            invocation.field("bytes_of_part", record.bytes_in);
        }
        Outcome::Uncut(why) => whole(invocation, created, &why),
        Outcome::Joined(joined, _) => {
            let reasons = joined
                .refused
                .iter()
                .map(|(reason, rows)| (reason.clone(), (*rows).into()));
            let rows = (joined.accepted, joined.rejected(), joined.bytes_in);
            ingested(invocation, dataset, &uri, rows, reasons.collect(), joined.data.len());
        }
        Outcome::Ingested(report, _) => whole_object(invocation, dataset, &uri, &report),
    }
}

/// That a large object is read in one pass, and why.
pub fn whole(invocation: &mut Invocation, created: &Created, why: &str) {
    let found = json!({"source": created.source.uri(), "bytes": created.bytes, "why": why});
    invocation.log(Level::Warn, "large object is read in one pass", found);
}

fn whole_object(invocation: &mut Invocation, dataset: &Dataset, uri: &str, report: &Report) {
    let reasons = report.by_reason.iter();
    let reasons = reasons.map(|(reason, rows)| (reason.code().into(), (*rows).into()));
    let rows = (report.accepted, report.rejected, report.bytes_in);
    ingested(invocation, dataset, uri, rows, reasons.collect(), report.data.len());
    let added: Vec<&str> = report.added.iter().map(|column| column.name.as_str()).collect();
    invocation.field("added_columns", added);
    invocation.field("missing_columns", report.missing_columns.clone());
    if let Some(reject) = &report.object {
        invocation.metric("ObjectsQuarantined", Unit::Count, 1.0);
        let found = json!({"source": uri, "reason": reject.to_string()});
        invocation.log(Level::Warn, "object quarantined", found);
    }
    quality(invocation, dataset, uri, report);
}

/// What came of a rule, for the lineage.
pub fn rule(result: &RuleResult) -> RunRule {
    RunRule {
        name: result.rule.clone(),
        column: result.column.clone(),
        holds: result.passed,
    }
}

/// The rules of the contract that are broken, and only told.
fn quality(invocation: &mut Invocation, dataset: &Dataset, uri: &str, report: &Report) {
    let broken = |result: &&RuleResult| !result.passed && result.on_failure == OnFailure::Warn;
    let mut warnings = 0.0;
    for result in report.quality.iter().filter(broken) {
        warnings += 1.0;
        let found = json!({
            "source": uri, "table": dataset.table.name.to_string(), "rule": result.rule, "column": result.column,
            "found": result.found, "wanted": result.wanted,
        });
        invocation.log(Level::Warn, "quality rule broken", found);
    }
    invocation.metric("QualityWarnings", Unit::Count, warnings);
}

fn ingested(
    invocation: &mut Invocation,
    dataset: &Dataset,
    uri: &str,
    (accepted, rejected, bytes_in): (u64, u64, u64),
    reasons: Map<String, Value>,
    files: usize,
) {
    invocation.metric("Objects", Unit::Count, 1.0);
    invocation.metric("RowsAccepted", Unit::Count, accepted as f64);
    invocation.metric("RowsQuarantined", Unit::Count, rejected as f64);
    invocation.metric("ObjectsQuarantined", Unit::Count, 0.0);
    invocation.metric("BytesIn", Unit::Bytes, bytes_in as f64);
    invocation.field("source", uri);
    invocation.field("table", dataset.table.name.to_string());
    invocation.field("files", files);
    invocation.field("quarantined_by_reason", reasons);
}
