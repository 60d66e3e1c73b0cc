//! Rows of a stream's quarantine.

use super::{Place, StreamOrigin, Told, of_stream};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;
use watershed_decode::RejectedRow;

/// The rows as a batch of the table that `watershed_lake::quarantine::of_stream` makes.
///
/// # Errors
/// The schema is not that of the table.
pub fn refused(
    origin: &StreamOrigin,
    schema: &SchemaRef,
    rows: &[(Place, RejectedRow)],
) -> Result<RecordBatch, ArrowError> {
    let told: Vec<Told<'_>> = rows
        .iter()
        .map(|(place, row)| Told {
            place: *place,
            length: row.length,
            column: row.column.as_deref(),
            reason: row.reason.code(),
            message: &row.message,
            raw: &row.raw,
        })
        .collect();
    RecordBatch::try_new(Arc::clone(schema), of_stream(origin, &told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::testing::{dataset, origin, place, shown, written};
    use watershed_decode::Reason;
    use watershed_sink::arrow_schema;

    #[test]
    fn a_refused_row_is_told_by_its_record() {
        let table = dataset().quarantine.clone();
        let row = |column: Option<&str>| RejectedRow {
            offset: 0,
            length: 7,
            line: 40,
            column: column.map(Into::into),
            reason: Reason::Type,
            message: "i `x` is no integer".into(),
            raw: b"{\"i\":x}".to_vec(),
        };
        let rows = [
            (
                place("49590338271490256608559692538361571095921575989136588898", 0),
                row(Some("i")),
            ),
            (place("12", 4), row(None)),
        ];
        let batch = refused(&origin(), &arrow_schema(&table), &rows).unwrap();
        assert_eq!(
            shown(&batch, 0),
            "kinesis://t/shardId-000000000000|49590338271490256608559692538361571095921575989136588898|row|0|7|1|i|type|i `x` is no integer|\
             7b2269223a787d|1.0.0|2013-02-08T11:00:00.250Z|shardId-000000000000|49590338271490256608559692538361571095921575989136588898|0"
        );
        assert_eq!(
            shown(&batch, 1),
            "kinesis://t/shardId-000000000000|12|row|0|7|5||type|i `x` is no integer|7b2269223a787d|1.0.0|2013-02-08T11:00:00.250Z|\
             shardId-000000000000|12|4"
        );
        assert_eq!(written(&table, [batch]), 2);
        let none = refused(&origin(), &arrow_schema(&table), &[]).unwrap();
        assert_eq!(none.num_rows(), 0);
    }
}
