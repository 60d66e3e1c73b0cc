//! What is told of an anomaly.

use crate::rows::AnomalyRow;
use serde_json::{Value, json};
use watershed_lake::TableName;

/// `detail` of the event of an anomaly in that window's table. The key is JSON already.
pub fn alert(table: &TableName, row: &AnomalyRow) -> String {
    let AnomalyRow {
        id,
        window,
        key,
        time_ms,
        column,
        reason,
        score,
        revision,
    } = row;
    let key: Value = serde_json::from_str(key).expect("a key is written as JSON");
    let detail = json!({
        "id": id, "table": table.to_string(), "window": window, "key": key, "time_ms": time_ms, "column": column,
        "signal": reason.signal.name(), "expected": reason.expected, "low": reason.low, "high": reason.high,
        "observed": reason.observed, "score": score, "revision": revision,
        "message": format!("{column} of {table} {key}: {reason}"),
    });
    detail.to_string()
}
