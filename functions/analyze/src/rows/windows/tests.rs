use super::*;
use crate::rows::{
    keys::KeyWriter,
    testing::{COLUMNS, FUNCTIONS, dataset, shown, written},
};
use arrow_array::{Array, BinaryArray, cast::AsArray, new_null_array, types};
use arrow_schema::DataType;
use watershed_contract::Dataset;
use watershed_sink::arrow_schema;
use watershed_stream::{Outcome, Partial, Position, Record, State, Value};

/// When the records of the tests happened.
const EVENT_MS: i64 = 1_360_321_200_000;

/// Two rows that are alike, one of other values, and one of nulls.
fn batch(dataset: &Dataset) -> RecordBatch {
    let schema = arrow_schema(&dataset.table);
    let exact = |a: i128, b: i128| [Cell::Exact(a), Cell::Exact(a), Cell::Exact(b), Cell::Null];
    let float = |a: f64, b: f64| [Cell::Float(a), Cell::Float(a), Cell::Float(b), Cell::Null];
    let second = i128::from(EVENT_MS) * 1_000;
    let cells = [
        [Cell::Bool(true), Cell::Bool(true), Cell::Bool(false), Cell::Null],
        exact(-5, 7),
        exact(1 << 40, -3),
        float(0.5, 2.5),
        float(-1.25, 4.0),
        exact(150, -25),
        exact(15_744, 15_745),
        exact(39_600_000_000, 39_600_000_001),
        exact(second, second - 3_600_000_000),
        exact(second + 250_000, second + 1_000_000),
        [Cell::Bytes(b"a"); 4],
        [
            Cell::Bytes(&[0xff, 0]),
            Cell::Bytes(&[0xff, 0]),
            Cell::Bytes(&[0]),
            Cell::Null,
        ],
    ];
    let columns = schema
        .fields()
        .iter()
        .zip(&cells)
        .map(|(field, cells)| cells::column(field, cells));
    let columns = columns.collect::<Result<_, _>>().unwrap();
    RecordBatch::try_new(schema, columns).unwrap()
}

fn value(column: &ArrayRef, row: usize) -> Value<'_> {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Int32 => Value::Int(column.as_primitive::<types::Int32Type>().value(row).into()),
        DataType::Int64 => Value::Int(column.as_primitive::<types::Int64Type>().value(row)),
        DataType::Float32 => Value::Float(column.as_primitive::<types::Float32Type>().value(row).into()),
        DataType::Float64 => Value::Float(column.as_primitive::<types::Float64Type>().value(row)),
        DataType::Decimal128(..) => Value::Decimal(column.as_primitive::<types::Decimal128Type>().value(row)),
        DataType::Date32 => Value::Timestamp(column.as_primitive::<types::Date32Type>().value(row).into()),
        DataType::Time64(_) => Value::Timestamp(column.as_primitive::<types::Time64MicrosecondType>().value(row)),
        DataType::Timestamp(..) => {
            Value::Timestamp(column.as_primitive::<types::TimestampMicrosecondType>().value(row))
        }
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).as_bytes()),
        _ => Value::Text(column.as_binary::<i32>().value(row)),
    }
}

/// What the window gives of the rows, a millisecond apart.
fn fired(window: &Window, batch: &RecordBatch) -> Vec<Firing> {
    let keys = KeyWriter::new(window, batch).unwrap();
    let mut state = State::new(Arc::clone(&window.spec), "shardId-000000000000");
    for row in 0..batch.num_rows() {
        let mut key = Vec::new();
        keys.write(row, &mut key);
        let values: Vec<Value<'_>> = window.inputs.iter().map(|at| value(batch.column(*at), row)).collect();
        let event_ms = EVENT_MS + row as i64;
        let position = Position {
            high: 0,
            sequence: row as u128 + 1,
            sub: 0,
        };
        let record = Record {
            position,
            arrival_ms: event_ms,
            event_ms,
            key: &key,
            values: &values,
        };
        assert_eq!(state.add(&record), Outcome::Added);
    }
    let mut fired = Vec::new();
    state.idle_until(EVENT_MS + 600_000, &mut |piece| fired.extend(piece));
    fired
}

fn rows(window: &Window, dataset: &Dataset, firings: &[Firing]) -> Vec<RecordBatch> {
    let schema = arrow_schema(&window.table);
    let batches = windows(window, &dataset.table, firings, &schema);
    batches.collect::<Result<_, _>>().unwrap()
}

fn named<'d>(dataset: &'d Dataset, name: &str) -> &'d Window {
    let windows = &dataset.stream().unwrap().windows;
    windows.iter().find(|window| window.name == name).unwrap()
}

/// What stands behind the key in the only row that the window gives.
fn outputs(dataset: &Dataset, name: &str) -> String {
    let (window, batch) = (named(dataset, name), batch(dataset));
    let batches = rows(window, dataset, &fired(window, &batch));
    assert_eq!((batches.len(), batches[0].num_rows()), (1, 1), "{name}");
    let all: Vec<usize> = (column::COUNT + window.key.len()..batches[0].num_columns()).collect();
    let text = shown(&batches[0].project(&all).unwrap(), 0);
    assert_eq!(written(&window.table, batches), 1);
    text
}

#[test]
fn every_function_gives_its_column_s_type_of_every_input() {
    let dataset = dataset();
    let expected = [
        ("count", "3|3|3|3|3|3|3|3|3|3|4|3"),
        ("distinct", "2|2|2|2|2|2|2|2|2|2|1|2"),
        (
            "min",
            "false|-5|-3|0.5|-1.25|-0.25|2013-02-08|11:00:00|2013-02-08T10:00:00|2013-02-08T11:00:00.250Z|a|00",
        ),
        (
            "max",
            "true|7|1099511627776|2.5|4.0|1.50|2013-02-09|11:00:00.000001|2013-02-08T11:00:00|2013-02-08T11:00:01Z|a|ff00",
        ),
        (
            "first",
            "true|-5|1099511627776|0.5|-1.25|1.50|2013-02-08|11:00:00|2013-02-08T11:00:00|2013-02-08T11:00:00.250Z|a|ff00",
        ),
        (
            "last",
            "false|7|-3|2.5|4.0|-0.25|2013-02-09|11:00:00.000001|2013-02-08T10:00:00|2013-02-08T11:00:01Z|a|00",
        ),
        ("sum", "-3|2199023255549|3.5|1.5|2.75"),
        (
            "mean",
            "-1.0|733007751849.6666|1.1666666666666667|0.5|0.9166666666666666",
        ),
    ];
    for (name, text) in expected {
        assert_eq!(outputs(&dataset, name), text, "{name}");
    }
    // Python's `statistics.stdev`.
    let deviations = outputs(&dataset, "stddev");
    let expected = [
        6.928_203_230_275_509,
        634_803_333_897.5,
        1.154_700_538_379_251_6,
        3.031_088_913_245_535,
        1.010_362_971_081_845,
    ];
    near(&deviations, &expected, 1e-9);
    // Least and largest, within the accuracy.
    let quantiles = outputs(&dataset, "quantiles");
    near(
        &quantiles,
        &[-5.0, 7.0, -3.0, 1_099_511_627_776.0, 0.5, 2.5, -1.25, 4.0, -0.25, 1.5],
        0.01,
    );
    assert_eq!(FUNCTIONS.len(), 11, "each was looked at here or below");
}

fn near(found: &str, expected: &[f64], accuracy: f64) {
    let found: Vec<f64> = found.split('|').map(|text| text.parse().unwrap()).collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() <= accuracy, "{found} is not {expected}");
    }
}

#[test]
fn frequent_values_are_shown_as_their_columns_are() {
    let found = outputs(&dataset(), "top");
    let values = [
        "true, false",
        "-5, 7",
        "1099511627776, -3",
        "0.5, 2.5",
        "-1.25, 4",
        "1.50, -0.25",
        "2013-02-08, 2013-02-09",
        "11:00:00, 11:00:00.000001",
        "2013-02-08T11:00:00, 2013-02-08T10:00:00",
        "2013-02-08T11:00:00.250Z, 2013-02-08T11:00:01Z",
    ];
    let list = |text: &str| {
        let (first, second) = text.split_once(", ").unwrap();
        format!("[{{value: {first}, count: 2, error: 0}}, {{value: {second}, count: 1, error: 0}}]")
    };
    let mut expected: Vec<String> = values.map(list).to_vec();
    expected.push("[{value: a, count: 4, error: 0}]".into());
    expected.push(list("ff00, 00"));
    assert_eq!((found, COLUMNS.len()), (expected.join("|"), expected.len()));
}

#[test]
fn a_row_has_what_every_window_has_and_its_key() {
    let dataset = dataset();
    let window = named(&dataset, "eight");
    let mut firings = fired(window, &batch(&dataset));
    assert_eq!(firings.len(), 3);
    firings.sort_by_key(|firing| firing.partial.records());
    let mut void = firings[2].clone();
    (void.kind, void.revision, void.partial) = (Kind::Retracted, 1, Partial::new(&window.spec));
    firings.push(void);
    let batches = rows(window, &dataset, &firings);
    let fixed = |row: usize, kind: &str| {
        let (firing, partial) = (&firings[row], hex(&firings[row].partial.encode(&window.spec)));
        let (id, born) = (hex(&firing.id().to_be_bytes()), firing.origin.born);
        format!(
            "2013-02-08T11:00:00Z|2013-02-08T11:01:00Z|{kind}|{id}|shardId-000000000000|{born}|2013-02-08T11:01:00Z|{partial}|"
        )
    };
    let key = "true|-5|1.50|2013-02-08|11:00:00|2013-02-08T11:00:00|2013-02-08T11:00:00.250Z|a|";
    assert_eq!(shown(&batches[0], 2), format!("{}{key}2", fixed(2, "final|0")));
    assert_eq!(shown(&batches[0], 3), format!("{}{key}", fixed(3, "retracted|1")));
    let nulls = [0, 1].map(|row| shown(&batches[0], row));
    assert!(
        nulls.contains(&format!("{}|||||||a|1", fixed(0, "final|0")))
            || nulls.contains(&format!("{}|||||||a|1", fixed(1, "final|0")))
    );
    assert_eq!(written(&window.table, batches), 4);
    let none: Vec<RecordBatch> = rows(window, &dataset, &[]);
    assert!(none.is_empty());

    let others = named(&dataset, "others");
    let batches = rows(others, &dataset, &fired(others, &batch(&dataset)));
    let texts: Vec<String> = (0..3).map(|row| shown(&batches[0], row)).collect();
    assert!(
        texts.iter().any(|text| text.ends_with("|1099511627776|ff00|2")),
        "{texts:?}"
    );
    assert_eq!(written(&others.table, batches), 3);
}

#[test]
fn batches_are_bounded_and_have_all_firings_in_order() {
    let dataset = dataset();
    let window = named(&dataset, "none");
    let mut firing = fired(window, &batch(&dataset)).remove(0);
    let many: Vec<Firing> = (0..=MAX_BATCH_FIRINGS as u64)
        .map(|born| {
            firing.origin.born = born;
            firing.clone()
        })
        .collect();
    let batches = rows(window, &dataset, &many);
    let born = |batch: &RecordBatch| {
        batch
            .column(column::BORN)
            .as_primitive::<types::Int64Type>()
            .values()
            .to_vec()
    };
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(),
        [MAX_BATCH_FIRINGS, 1]
    );
    assert!(batches.iter().flat_map(born).eq(0..=MAX_BATCH_FIRINGS as i64));

    // Partial results of some 64 KB.
    let window = named(&dataset, "top");
    let schema = arrow_schema(&dataset.table);
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            match field.name().as_str() {
                "raw" => Arc::new(BinaryArray::from_iter_values((0..64).map(|at| format!("{at:01000}")))),
                "site" => Arc::new(StringArray::from(vec!["a"; 64])),
                _ => new_null_array(field.data_type(), 64),
            }
        })
        .collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let many = vec![fired(window, &batch).remove(0); 400];
    let batches = rows(window, &dataset, &many);
    assert!(batches.len() > 1 && batches.iter().map(RecordBatch::num_rows).sum::<usize>() == many.len());
    for batch in &batches {
        let last = batch
            .column(column::PARTIAL)
            .as_binary::<i32>()
            .value(batch.num_rows() - 1)
            .len();
        let bytes = batch.column(column::PARTIAL).as_binary::<i32>().value_data().len();
        assert!(bytes - last < MAX_BATCH_PARTIAL_BYTES, "{bytes}");
    }
}

#[test]
fn what_is_of_another_window_is_refused() {
    let dataset = dataset();
    let (window, other) = (named(&dataset, "eight"), named(&dataset, "others"));
    let firings = fired(other, &batch(&dataset));
    let schema = arrow_schema(&window.table);
    let said = windows(window, &dataset.table, &firings, &schema)
        .next()
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(said.contains("none of that window"), "{said}");
    let field = |kind: DataType| arrow_schema::Field::new("c", kind, true);
    for (kind, cell) in [
        (DataType::Int32, Cell::Exact(1 << 40)),
        (DataType::Int64, Cell::Float(1.0)),
        (DataType::Utf8, Cell::Bytes(&[0xff])),
        (DataType::Boolean, Cell::Exact(1)),
        (DataType::Binary, Cell::Top(&[], ColumnType::String)),
    ] {
        let said = cells::column(&field(kind.clone()), &[cell]).unwrap_err().to_string();
        assert!(
            said.contains(&format!("in column c, which is of type {kind}")),
            "{said}"
        );
    }
}

#[test]
fn a_sum_that_is_too_large_for_its_column_is_null() {
    let field = arrow_schema::Field::new("c", DataType::Decimal128(38, 2), true);
    let most = 10_i128.pow(38) - 1;
    let cells = [most, -most, most + 1, i128::MIN].map(Cell::Exact);
    let column = cells::column(&field, &cells).unwrap();
    assert_eq!([0, 1, 2, 3].map(|row| column.is_null(row)), [false, false, true, true]);
    assert_eq!(cell(&Output::Overflow, None, ColumnType::Long), Cell::Null);
}
