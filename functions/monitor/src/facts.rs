//! What is known of a table: of its metadata, and of the bounds in its manifests where a column's newest value is asked for.

use crate::decide::Facts;
use std::collections::BTreeMap;
use watershed_contract::{Dataset, Expected};
use watershed_lake::{Column, ColumnType};
use watershed_ports::{Catalog, ObjectStore, PortError};
use watershed_table::current::{Bound, Current};

const DAY_MS: i128 = 86_400_000;
const US_PER_MS: i128 = 1_000;

/// Of the dataset's table. `before`: what was known when it was last looked at; where its metadata is the same, all is.
pub async fn facts(
    store: &dyn ObjectStore,
    catalog: &dyn Catalog,
    dataset: &Dataset,
    before: Option<&Facts>,
) -> Result<Facts, PortError> {
    let name = &dataset.table.name;
    let Some(entry) = catalog.load(name.database(), name.table()).await? else {
        return Ok(Facts::default());
    };
    let known = before.filter(|facts| facts.metadata.as_ref() == Some(&entry.metadata_location));
    if let Some(known) = known.filter(|facts| columns(dataset).all(|column| facts.asked.contains(&column.name))) {
        return Ok(known.clone());
    }
    let current = Current::at(store, &entry.metadata_location).await?;
    // What came before all snapshots that are left, came when it was last known to.
    let delivered_ms = current.delivered_ms().or(before.and_then(|facts| facts.delivered_ms));
    Ok(Facts {
        metadata: Some(current.uri().into()),
        snapshot_id: current.snapshot_id(),
        rows: current.total("total-records").unwrap_or(0),
        delivered_ms: delivered_ms.or_else(|| current.oldest_ms()),
        newest_ms: newest(store, dataset, &current).await?,
        asked: columns(dataset).map(|column| column.name.clone()).collect(),
    })
}

/// The columns of which newest values are asked for.
fn columns(dataset: &Dataset) -> impl Iterator<Item = &Column> {
    dataset
        .expectations
        .iter()
        .filter_map(|expectation| match expectation.of {
            Expected::Latency(index, _) => Some(&dataset.table.columns[index]),
            Expected::Rows(_) | Expected::Frequency(_) => None,
        })
}

async fn newest(
    store: &dyn ObjectStore,
    dataset: &Dataset,
    current: &Current,
) -> Result<BTreeMap<String, i64>, PortError> {
    let mut newest = BTreeMap::new();
    if columns(dataset).next().is_none() {
        return Ok(newest);
    }
    let files = current.files(store).await?;
    for column in columns(dataset) {
        let ends = files.iter().filter_map(|file| match file.bounds(column.id)? {
            (_, Bound::Number(upper)) => end_ms(column.kind, upper),
            (_, Bound::Text(_)) => None,
        });
        newest.extend(ends.max().map(|end| (column.name.clone(), end)));
    }
    Ok(newest)
}

/// When what a value says is over, in milliseconds since 1970-01-01T00:00:00Z: of a date, its day. Dates and times without zone are those of UTC.
fn end_ms(kind: ColumnType, value: i128) -> Option<i64> {
    let ms = match kind {
        ColumnType::Date => (value + 1) * DAY_MS,
        ColumnType::Timestamp | ColumnType::TimestampTz => value.div_euclid(US_PER_MS),
        _ => return None,
    };
    i64::try_from(ms).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_lasts_until_its_day_is_over_and_times_are_of_utc() {
        assert_eq!(end_ms(ColumnType::Date, 0), Some(86_400_000));
        assert_eq!(end_ms(ColumnType::TimestampTz, 1_999), Some(1));
        assert_eq!(end_ms(ColumnType::Timestamp, -1), Some(-1));
        assert_eq!(end_ms(ColumnType::Long, 5), None);
    }
}
