use super::*;
use arrow_array::{Date32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};
use watershed_lake::{PartitionField, layout::Zone};

fn table(kind: ColumnType, transform: Transform) -> TableSpec {
    TableSpec {
        name: "a.b".parse().expect("a name"),
        zone: Zone::Mart,
        columns: vec![Column::plain(1, "c", kind, true, "")],
        partition: vec![PartitionField {
            column: 0,
            transform,
            name: "p".into(),
        }],
        sort: Vec::new(),
        doc: None,
        properties: BTreeMap::new(),
    }
}

fn values(numbers: &[i64]) -> Vec<Value> {
    numbers.iter().map(|number| Value::Number(*number)).collect()
}

#[test]
fn a_part_is_named_by_its_value() {
    let (days, texts) = (
        table(ColumnType::Date, Transform::Month),
        table(ColumnType::String, Transform::Identity),
    );
    let (days, texts) = (Parts::of(&days, 0), Parts::of(&texts, 0));
    assert_eq!(days.name(&Value::Number(-516)), "p=-516");
    assert_eq!(days.parse("p=-516"), Some(Value::Number(-516)));
    for other in ["q=1", "p=", "p=x", "p=+1", "p=01", WHOLE] {
        assert_eq!(days.parse(other), None, "{other}");
    }
    for text in ["", "a=b/c", "whole"] {
        let value = Value::Text(text.into());
        assert_eq!(texts.parse(&texts.name(&value)), Some(value));
    }
}

#[test]
fn bounds_tell_the_parts_between_them() {
    let table = table(ColumnType::Date, Transform::Month);
    let parts = Parts::of(&table, 0);
    let between = |kind, low, high| parts.between(kind, &Bound::Number(low), &Bound::Number(high));
    assert_eq!(between(ColumnType::Date, 0, 31), Some(values(&[0, 1])));
    let day = 86_400_000_000;
    assert_eq!(
        between(ColumnType::TimestampTz, -1, 31 * day - 1),
        Some(values(&[-1, 0]))
    );
    assert_eq!(between(ColumnType::TimestampTz, 31 * day, 31 * day), Some(values(&[1])));
    assert_eq!(between(ColumnType::Date, 0, 31 * MAX_BETWEEN as i128), None);
    assert_eq!(
        between(ColumnType::Date, i128::from(i32::MIN), i128::from(i32::MAX)),
        None
    );
    let text = |text: &str| Bound::Text(text.into());
    let strings = self::table(ColumnType::String, Transform::Identity);
    let parts = Parts::of(&strings, 0);
    assert_eq!(
        parts.between(ColumnType::String, &text("a"), &text("a")),
        Some(vec![Value::Text("a".into())])
    );
    assert_eq!(parts.between(ColumnType::String, &text("a"), &text("b")), None);
}

#[test]
fn values_tell_their_parts_and_who_lies_in_none() {
    let table = table(ColumnType::Date, Transform::Year);
    let parts = Parts::of(&table, 0);
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(-1), None]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![0, 364, 365]));
    let mut found = BTreeSet::new();
    parts.add(ColumnType::Timestamp, &times, &mut found);
    parts.add(ColumnType::Date, &days, &mut found);
    assert!(found.iter().eq(&values(&[-1, 0, 1])));
    assert_eq!(parts.stranger(&Value::Number(0), &days), Some(2));
    assert_eq!(parts.stranger(&Value::Number(0), &days.slice(0, 2)), None);

    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "a", "b"]));
    let strings = self::table(ColumnType::String, Transform::Identity);
    let (parts, mut found) = (Parts::of(&strings, 0), BTreeSet::new());
    parts.add(ColumnType::String, &texts, &mut found);
    assert_eq!(found.len(), 2);
    assert_eq!(parts.stranger(&Value::Text("a".into()), &texts), Some(2));
}

#[test]
fn a_filter_has_quotes_around_what_needs_them() {
    let strings = table(ColumnType::String, Transform::Identity);
    let parts = Parts::of(&strings, 0);
    let filter = parts.filter(&Value::Text("it's".into()), &strings.columns[0]);
    assert_eq!(filter, "\"c\" = 'it''s'");
    let months = table(ColumnType::Date, Transform::Month);
    let filter = Parts::of(&months, 0).filter(
        &Value::Number(1),
        &table(ColumnType::Timestamp, Transform::Day).columns[0],
    );
    assert_eq!(
        filter,
        "\"c\" >= arrow_cast(2678400000000, 'Timestamp(Microsecond, None)') AND \"c\" < arrow_cast(5097600000000, 'Timestamp(Microsecond, None)')"
    );
}

proptest! {
    /// Parts are as the sink partitions: a number lies between the start of its part and that of the next.
    #[test]
    fn every_number_lies_in_its_part(number in -90_000_000_000_000_000_i64..90_000_000_000_000_000, at in 0_usize..5) {
        let transform = [Transform::Year, Transform::Month, Transform::Day, Transform::Hour, Transform::Identity][at];
        for kind in [ColumnType::TimestampTz, ColumnType::Date, ColumnType::Long] {
            let number = if kind == ColumnType::Date { number / 86_400_000_000 } else { number };
            let table = table(kind, transform);
            let parts = Parts::of(&table, 0);
            let skipped = match kind {
                ColumnType::Long => transform != Transform::Identity,
                ColumnType::Date => transform == Transform::Hour,
                _ => transform == Transform::Identity,
            };
            if skipped {
                continue;
            }
            let value = parts.number(kind, number.into());
            let [from, to] = parts.span(kind, value);
            prop_assert!(from <= number.into() && i128::from(number) < to);
            let column: ArrayRef = match kind {
                ColumnType::Date => Arc::new(Date32Array::from(vec![number as i32])),
                ColumnType::Long => Arc::new(Int64Array::from(vec![number])),
                _ => Arc::new(TimestampMicrosecondArray::from(vec![number])),
            };
            prop_assert_eq!(parts.stranger(&Value::Number(value), &column), None);
            prop_assert_eq!(parts.stranger(&Value::Number(value + 1), &column), Some(0));
        }
    }
}
