//! Rows of the table of anomalies.

use super::micros;
use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;
use watershed_anomaly::Reason;
use watershed_lake::{TableName, layout::Digest};

/// An anomaly in a column of a window's table.
#[derive(Debug, Clone, PartialEq)]
pub struct AnomalyRow {
    /// As [`anomaly_id`] makes it.
    pub id: String,
    /// Name of the window.
    pub window: String,
    /// The window's key: a JSON object, as [`super::keys::key_json`] makes it.
    pub key: String,
    /// When the window begins: milliseconds since 1970-01-01T00:00:00Z.
    pub time_ms: i64,
    /// The column.
    pub column: String,
    /// What surprised.
    pub reason: Reason,
    /// How anomalous, from 0 to below 1.
    pub score: f32,
    /// Revision of the window's row.
    pub revision: u32,
}

/// The rows as a batch of the table that `watershed_lake::windows::anomalies` makes.
///
/// # Errors
/// The schema is not that of the table.
pub fn anomalies(schema: &SchemaRef, rows: &[AnomalyRow]) -> Result<RecordBatch, ArrowError> {
    let texts =
        |of: fn(&AnomalyRow) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let numbers =
        |of: fn(&AnomalyRow) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values(rows.iter().map(of))) };
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| micros(row.time_ms)));
    let revisions = rows.iter().map(|row| revision(row.revision));
    let columns: Vec<ArrayRef> = vec![
        texts(|row| &row.id),
        texts(|row| &row.window),
        texts(|row| &row.key),
        Arc::new(times.with_timezone("UTC")),
        texts(|row| &row.column),
        texts(|row| row.reason.signal.name()),
        numbers(|row| row.reason.expected),
        numbers(|row| row.reason.low),
        numbers(|row| row.reason.high),
        numbers(|row| row.reason.observed),
        numbers(|row| row.score.into()),
        Arc::new(Int32Array::from_iter_values(revisions)),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// The same for an anomaly that is found again, in whichever revision of the window's row, and for no other one of the lake: 32
/// hexadecimal digits. `table` is the window's, `firing_id` what `Firing::id` says.
pub fn anomaly_id(table: &TableName, firing_id: u128, column: &str) -> String {
    let mut digest = Digest::new();
    digest.part(table.to_string().as_bytes());
    digest.part(&firing_id.to_be_bytes());
    digest.part(column.as_bytes());
    digest.hex()
}

/// A revision as tables have it: nobody corrects a window two billion times.
pub(super) fn revision(revision: u32) -> i32 {
    i32::try_from(revision).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::{dataset, shown, written};
    use watershed_anomaly::Signal;
    use watershed_sink::arrow_schema;

    #[test]
    fn an_anomaly_has_its_reason_in_columns() {
        let dataset = dataset();
        let stream = dataset.stream().unwrap();
        let table = stream.anomalies.as_ref().unwrap();
        let row = AnomalyRow {
            id: anomaly_id(&stream.windows[0].table.name, 7, "mean_i"),
            window: "all".into(),
            key: r#"{"site":"a"}"#.into(),
            time_ms: 1_360_321_200_000,
            column: "mean_i".into(),
            reason: Reason {
                signal: Signal::Season,
                expected: 12.5,
                low: -1.0,
                high: 30.25,
                observed: 90.0,
            },
            score: 0.75,
            revision: 2,
        };
        let batch = anomalies(&arrow_schema(table), &[row.clone(), row]).unwrap();
        let expected = format!(
            "{}|all|{{\"site\":\"a\"}}|2013-02-08T11:00:00Z|mean_i|season|12.5|-1.0|30.25|90.0|0.75|2",
            anomaly_id(&stream.windows[0].table.name, 7, "mean_i")
        );
        assert_eq!(shown(&batch, 0), expected);
        assert_eq!(written(table, [batch]), 2);
    }

    #[test]
    fn an_id_is_of_table_window_and_column() {
        let table = |name: &str| TableName::new("d", name).unwrap();
        let id = anomaly_id(&table("t_all"), 7, "mean");
        assert_eq!((id.len(), &id), (32, &anomaly_id(&table("t_all"), 7, "mean")));
        for other in [
            anomaly_id(&table("t_al"), 7, "mean"),
            anomaly_id(&table("t_all"), 7 << 64, "mean"),
            anomaly_id(&table("t_all"), 7, "means"),
        ] {
            assert_ne!(id, other);
        }
    }
}
