use super::{BadKey, KeyValue, KeyWriter, key_json, owner, read_key};
use crate::rows::testing::dataset;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, new_null_array,
};
use proptest::{array::uniform2, option, prelude::*};
use std::sync::Arc;
use watershed_contract::Window;
use watershed_kinesis::hash_key;
use watershed_lake::ColumnType;
use watershed_sink::arrow_schema;

/// A column of two rows, and what a key says of each.
#[derive(Debug, Clone)]
struct Two {
    array: ArrayRef,
    values: [Held; 2],
}

#[derive(Debug, Clone, PartialEq)]
enum Held {
    Null,
    Bool(bool),
    Exact(i128, ColumnType),
    Text(String),
    Binary(Vec<u8>),
}

impl Held {
    fn value(&self) -> KeyValue<'_> {
        match self {
            Self::Null => KeyValue::Null,
            Self::Bool(value) => KeyValue::Bool(*value),
            Self::Exact(value, kind) => KeyValue::Exact {
                value: *value,
                kind: *kind,
            },
            Self::Text(text) => KeyValue::Text(text),
            Self::Binary(bytes) => KeyValue::Binary(bytes),
        }
    }
}

/// Values of which many are the same, and some are at the ends.
fn numbers<T: Arbitrary + Clone + From<i8> + 'static>(low: T, high: T) -> impl Strategy<Value = [Option<T>; 2]> {
    uniform2(option::of(prop_oneof![
        4 => (-2_i8..=2).prop_map(T::from),
        1 => any::<i8>().prop_map(T::from),
        1 => any::<T>(),
        1 => Just(low),
        1 => Just(high),
    ]))
}

fn exact<T: Into<i128> + Copy>(values: [Option<T>; 2], kind: ColumnType) -> [Held; 2] {
    values.map(|value| value.map_or(Held::Null, |value| Held::Exact(value.into(), kind)))
}

fn two() -> impl Strategy<Value = Two> {
    let of = |array: ArrayRef, values| Two { array, values };
    let longs = || numbers(i64::MIN, i64::MAX);
    prop_oneof![
        uniform2(option::of(any::<bool>())).prop_map(move |values| {
            let array = BooleanArray::from(values.to_vec());
            of(
                Arc::new(array),
                values.map(|value| value.map_or(Held::Null, Held::Bool)),
            )
        }),
        numbers(i32::MIN, i32::MAX).prop_map(move |values| {
            of(
                Arc::new(Int32Array::from(values.to_vec())),
                exact(values, ColumnType::Long),
            )
        }),
        longs().prop_map(move |values| of(
            Arc::new(Int64Array::from(values.to_vec())),
            exact(values, ColumnType::Long)
        )),
        (numbers(i128::MIN, i128::MAX), 0_u8..=38).prop_map(move |(values, scale)| {
            let array = Decimal128Array::from(values.to_vec()).with_precision_and_scale(38, scale as i8);
            of(
                Arc::new(array.unwrap()),
                exact(values, ColumnType::Decimal { precision: 38, scale }),
            )
        }),
        numbers(i32::MIN, i32::MAX).prop_map(move |values| {
            of(
                Arc::new(Date32Array::from(values.to_vec())),
                exact(values, ColumnType::Date),
            )
        }),
        longs().prop_map(move |values| {
            of(
                Arc::new(Time64MicrosecondArray::from(values.to_vec())),
                exact(values, ColumnType::Time),
            )
        }),
        longs().prop_map(move |values| {
            of(
                Arc::new(TimestampMicrosecondArray::from(values.to_vec())),
                exact(values, ColumnType::Timestamp),
            )
        }),
        longs().prop_map(move |values| {
            let array = TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC");
            of(Arc::new(array), exact(values, ColumnType::TimestampTz))
        }),
        uniform2(option::of("[ab\\x00\\x01\\x09é]{0,3}|a{120,140}")).prop_map(move |values| {
            let array = StringArray::from(values.to_vec());
            of(
                Arc::new(array),
                values.map(|value| value.map_or(Held::Null, Held::Text)),
            )
        }),
        uniform2(option::of(prop::collection::vec(0_u8..12, 0..4))).prop_map(move |values| {
            let array = values.iter().map(Option::as_deref).collect::<BinaryArray>();
            of(
                Arc::new(array),
                values.map(|value| value.map_or(Held::Null, Held::Binary)),
            )
        }),
    ]
}

fn written(columns: &[&dyn Array], row: usize) -> Vec<u8> {
    let mut key = Vec::new();
    KeyWriter::of(columns).unwrap().write(row, &mut key);
    key
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn rows_have_one_key_if_they_have_the_same_values_and_it_says_which(columns in prop::collection::vec(two(), 0..=4)) {
        let arrays: Vec<&dyn Array> = columns.iter().map(|column| column.array.as_ref()).collect();
        let keys = [0, 1].map(|row| written(&arrays, row));
        for (row, key) in keys.iter().enumerate() {
            let values: Vec<KeyValue<'_>> = columns.iter().map(|column| column.values[row].value()).collect();
            prop_assert_eq!(read_key(key), Ok(values));
            // A key that was cut is not read as another one of as many columns.
            for end in 0..key.len() {
                let fewer = read_key(&key[..end]).map_or(0, |values| values.len());
                prop_assert!(fewer < columns.len());
            }
        }
        let same = columns.iter().all(|column| column.values[0] == column.values[1]);
        prop_assert_eq!(keys[0] == keys[1], same);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(0_u8..=11, 0..40),
        prop::collection::vec(prop_oneof![Just(4_u8), Just(38), Just(0xff)], 0..40),
    ]) {
        let dataset = dataset_once();
        let window = window(&dataset.stream().unwrap().windows, "eight");
        owner(&bytes);
        let values = read_key(&bytes).map_or(0, |values| values.len());
        prop_assert_eq!(key_json(window, &bytes).is_ok(), values == window.key.len());
    }
}

fn dataset_once() -> Arc<watershed_contract::Dataset> {
    static ONCE: std::sync::OnceLock<Arc<watershed_contract::Dataset>> = std::sync::OnceLock::new();
    Arc::clone(ONCE.get_or_init(dataset))
}

fn window<'w>(windows: &'w [Window], name: &str) -> &'w Window {
    windows.iter().find(|window| window.name == name).unwrap()
}

/// A row of every type, and one of nulls.
fn batch() -> RecordBatch {
    let schema = arrow_schema(&dataset().table);
    let mut columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| new_null_array(field.data_type(), 2))
        .collect();
    let values: [(usize, ArrayRef); 10] = [
        (0, Arc::new(BooleanArray::from(vec![Some(true), None]))),
        (1, Arc::new(Int32Array::from(vec![Some(-5), None]))),
        (2, Arc::new(Int64Array::from(vec![Some(1_i64 << 60), None]))),
        (
            5,
            Arc::new(
                Decimal128Array::from(vec![Some(-5), None])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        (6, Arc::new(Date32Array::from(vec![Some(15_744), None]))),
        (
            7,
            Arc::new(Time64MicrosecondArray::from(vec![Some(39_600_000_001), None])),
        ),
        (
            8,
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_360_321_200_000_000), None])),
        ),
        (
            9,
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1_360_321_200_250_000), None]).with_timezone("UTC")),
        ),
        (10, Arc::new(StringArray::from(vec![Some("a\"\n\u{e9}"), None]))),
        (11, Arc::new(BinaryArray::from(vec![Some(&[0xff_u8, 0][..]), None]))),
    ];
    for (at, array) in values {
        columns[at] = array;
    }
    RecordBatch::try_new(schema, columns).unwrap()
}

#[test]
fn a_key_is_an_object_of_its_columns() {
    let (dataset, batch) = (dataset(), batch());
    let windows = &dataset.stream().unwrap().windows;
    let key = |name: &str, row: usize| {
        let mut key = Vec::new();
        let window = window(windows, name);
        KeyWriter::new(window, &batch).unwrap().write(row, &mut key);
        key_json(window, &key).unwrap()
    };
    assert_eq!(
        key("eight", 0),
        r#"{"ok":true,"i":-5,"d":-0.05,"day":"2013-02-08","clock":"11:00:00.000001","local":"2013-02-08T11:00:00","at":"2013-02-08T11:00:00.250Z","site":"a\"\né"}"#
    );
    assert_eq!(
        key("eight", 1),
        r#"{"ok":null,"i":null,"d":null,"day":null,"clock":null,"local":null,"at":null,"site":null}"#
    );
    assert_eq!(key("others", 0), r#"{"l":1152921504606846976,"raw":"ff00"}"#);
    assert_eq!(key("none", 0), "{}");
    assert_eq!(key_json(window(windows, "none"), &[0]), Err(BadKey));
    assert!(serde_json::from_str::<serde_json::Value>(&key("eight", 0)).is_ok());
}

#[test]
fn a_key_belongs_where_a_producer_would_put_its_first_value() {
    let batch = batch();
    let texts: [(usize, &[u8]); 10] = [
        (0, b"true"),
        (1, b"-5"),
        (2, b"1152921504606846976"),
        (5, b"-0.05"),
        (6, b"2013-02-08"),
        (7, b"11:00:00.000001"),
        (8, b"2013-02-08T11:00:00"),
        (9, b"2013-02-08T11:00:00.250Z"),
        (10, "a\"\n\u{e9}".as_bytes()),
        (11, &[0xff, 0]),
    ];
    for (column, text) in texts {
        let columns: [&dyn Array; 2] = [batch.column(column), batch.column(1)];
        assert_eq!(owner(&written(&columns, 0)), hash_key(text), "{column}");
        assert_eq!(owner(&written(&columns, 1)), hash_key(b""), "{column}");
    }
    assert_eq!(owner(&[]), hash_key(b""));
    assert_eq!(owner(&[99]), hash_key(&[99]));
}

#[test]
fn keys_are_short_and_an_integer_that_becomes_wider_keeps_its_own() {
    let (int, long): (ArrayRef, ArrayRef) = (
        Arc::new(Int32Array::from(vec![-3])),
        Arc::new(Int64Array::from(vec![-3])),
    );
    let text: ArrayRef = Arc::new(StringArray::from(vec!["JFK"]));
    assert_eq!(written(&[&int, &text], 0), written(&[&long, &text], 0));
    assert_eq!(written(&[&int, &text], 0).len(), 2 + 5);
    let float: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![1.0]));
    let refused = KeyWriter::of(&[&float]).map_err(|error| error.to_string());
    assert_eq!(
        refused.err().as_deref(),
        Some("Schema error: a key of a column of type Float64")
    );
}
