//! What the log and the metrics are told of a turn.

use crate::turn::Done;
use serde_json::{Map, Value, json};
use watershed_ops::{Invocation, Level, Unit};

/// What came of it.
pub fn done(invocation: &mut Invocation, source: &str, done: &Done) {
    let counts = &done.counts;
    let refused: u64 = counts.refused.values().sum();
    for (name, count) in [
        ("Records", counts.records),
        ("RowsAccepted", counts.accepted),
        ("RowsQuarantined", refused),
        ("RowsLate", counts.late),
        ("Duplicates", done.duplicates),
        ("WindowsFired", counts.fired),
        ("Anomalies", counts.anomalies),
        ("KeysEvicted", done.evicted),
    ] {
        invocation.metric(name, Unit::Count, count as f64);
    }
    if let Some(bytes) = done.checkpoint_bytes {
        invocation.metric("StateBytes", Unit::Bytes, bytes as f64);
    }
    invocation.field("source", source);
    let reasons = counts.refused.iter();
    let reasons: Map<String, Value> = reasons
        .map(|(reason, rows)| (reason.code().into(), (*rows).into()))
        .collect();
    invocation.field("quarantined_by_reason", reasons);
    if done.evicted > 0 {
        let found = json!({"source": source, "keys": done.evicted});
        invocation.log(
            Level::Warn,
            "state is at its bound: the keys whose last record is the longest ago are gone; raise `bounds` or split the shard",
            found,
        );
    }
    for window in &done.dropped {
        let found = json!({"source": source, "window": window});
        invocation.log(
            Level::Warn,
            "a window is declared otherwise than before: what was open of it is gone; give a window that changes another name",
            found,
        );
    }
    if let Some(left) = done.left {
        let found = json!({"source": source, "sequence_number": left.to_string()});
        invocation.log(
            Level::Warn,
            "no time was left: the rest is delivered again from there",
            found,
        );
    }
}
