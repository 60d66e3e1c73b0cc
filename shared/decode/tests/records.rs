//! Records of a stream, each by itself.

use arrow_array::{Array, RecordBatch, cast::AsArray};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_contract::{Dataset, parse};
use watershed_decode::{
    Compression, HashKey, KeyIndex, Quality, Reason, RecordReader, Records, RefusedRecord, Standardiser, Treatment,
    block::{Block, Record},
    blocks::Blocks,
    json::NdJsonReader,
};
use watershed_sink::arrow_schema;

/// A contract of a stream: its server's format, the watershed property, its properties.
fn contract(format: &str, watershed: &str, properties: &str) -> Arc<Dataset> {
    let text = format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: d\n\
         servers: [{{server: stream, type: kinesis, stream: t, {format}}}]\n\
         schema: [{{name: t, customProperties: [{{property: watershed, value: {{{watershed}}}}}], properties: [{properties}]}}]\n"
    );
    parse("t", &text).unwrap_or_else(|errors| panic!("{errors}")).remove(0)
}

const COLUMNS: &str = "{name: a, logicalType: integer, required: true}, {name: b, logicalType: string}";

fn json() -> Arc<Dataset> {
    contract("format: json", "", COLUMNS)
}

fn csv(watershed: &str) -> Arc<Dataset> {
    contract("format: csv", watershed, COLUMNS)
}

fn standardiser(dataset: &Arc<Dataset>) -> Standardiser {
    let key = dataset.needs_hash_key().then(|| HashKey::new(b"key"));
    let treatment = Treatment::new(dataset, key).expect("it has its key");
    let quality = Quality::new(dataset, std::path::Path::new("none"));
    let schema = arrow_schema(&dataset.table);
    Standardiser::new(
        Arc::clone(dataset),
        schema,
        KeyIndex::known(Vec::new()),
        Arc::new(treatment),
        quality,
    )
}

/// What came of a record: its values, or why it was refused and its bytes.
type Outcome = Result<Vec<Option<String>>, (Reason, String, Vec<u8>)>;

/// All records in one batch, in an order of places that is not theirs, with bytes between them that are no text. In the order of
/// the records.
fn outcomes(dataset: &Arc<Dataset>, records: &[&[u8]], refused: &[RefusedRecord]) -> Vec<Outcome> {
    let mut bytes = b"\xff".to_vec();
    let mut places = vec![Record { start: 0, end: 0 }; records.len()];
    for (at, record) in records.iter().enumerate().rev() {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(record);
        let end = bytes.len() as u32;
        places[at] = Record { start, end };
        bytes.extend_from_slice(b"\"\xf3");
    }
    let before = bytes.clone();
    let mut reader = RecordReader::new(dataset).expect("records stand by themselves");
    let mut standardiser = standardiser(dataset);
    let mut found = Vec::new();
    // Twice: a reader forgets what it has read.
    for _ in 0..2 {
        found.clear();
        let given = Records {
            bytes: &mut bytes,
            places: &places,
            refused,
        };
        let take = |read: watershed_decode::DecodedRecords| {
            let mut outcomes: Vec<Option<Outcome>> = vec![None; read.numbers.len()];
            let numbers: Vec<usize> = read.accepted().collect();
            assert_eq!(numbers.len(), read.decoded.batch.num_rows());
            for (number, values) in numbers.into_iter().zip(values(&read.decoded.batch)) {
                outcomes[number - read.numbers.start] = Some(Ok(values));
            }
            for row in read.decoded.rejected {
                let place = &mut outcomes[row.line as usize - read.numbers.start];
                assert_eq!((place.is_none(), row.offset), (true, 0));
                *place = Some(Err((row.reason, row.message, row.raw)));
            }
            assert_eq!(read.numbers.start, found.len());
            found.extend(
                outcomes
                    .into_iter()
                    .map(|outcome| outcome.expect("each record is accepted or refused")),
            );
            Ok(())
        };
        reader.read(given, &mut standardiser, take).expect("it is read");
        assert_eq!(bytes, before);
    }
    assert_eq!(found.len(), records.len());
    found
}

/// Of a batch of a long and texts.
fn values(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let value = |column: &dyn Array, row: usize| {
        if column.is_null(row) {
            return None;
        }
        let long = column.as_primitive_opt::<arrow_array::types::Int64Type>();
        Some(long.map_or_else(
            || column.as_string::<i32>().value(row).to_string(),
            |long| long.value(row).to_string(),
        ))
    };
    let row = |row: usize| batch.columns().iter().map(|column| value(column, row)).collect();
    (0..batch.num_rows()).map(row).collect()
}

/// Reasons and messages; values as they are.
fn brief(outcomes: Vec<Outcome>) -> Vec<String> {
    let one = |outcome: Outcome| match outcome {
        Ok(values) => values
            .into_iter()
            .map(|value| value.unwrap_or("-".into()))
            .collect::<Vec<_>>()
            .join(","),
        Err((reason, message, _)) => format!("{reason}: {message}"),
    };
    outcomes.into_iter().map(one).collect()
}

#[test]
fn a_json_record_is_an_object_and_a_bad_one_refuses_itself() {
    let records: [&[u8]; 10] = [
        br#"{"a":1,"b":"x"}"#,
        br#"{"a":"#,
        b" {\"b\": \"two\\nlines\",\n \"a\": 2}\n",
        b"",
        br#"{"a":1}{"a":2}"#,
        b"{\"a\":3,\"b\":\"\xff\"}",
        br#"{"b":"no a"}"#,
        b"compressed, once",
        b"[1]",
        br#"{"a":9,"b":"last"}"#,
    ];
    let refused = [RefusedRecord {
        number: 7,
        reason: Reason::Corrupt,
        message: "is a damaged gzip stream".into(),
    }];
    let found = outcomes(&json(), &records, &refused);
    for (outcome, record) in found.iter().zip(records) {
        if let Err((_, _, raw)) = outcome {
            assert_eq!(raw, record);
        }
    }
    let said = brief(found);
    assert_eq!([&said[0], &said[2], &said[9]], ["1,x", "2,two\nlines", "9,last"]);
    assert_eq!(said[3], "invalid_json: the row is empty: put one JSON object");
    assert_eq!(
        said[5],
        "encoding: the row is not utf-8 at byte 12 of the row: put it in utf-8"
    );
    assert_eq!(said[7], "corrupt: the row is a damaged gzip stream");
    for (at, beginning) in [
        (1, "invalid_json"),
        (4, "invalid_json"),
        (6, "required: a:"),
        (8, "not_an_object"),
    ] {
        assert!(said[at].starts_with(beginning), "{}", said[at]);
    }
}

#[test]
fn a_csv_record_is_a_line_without_header() {
    let records: [&[u8]; 12] = [
        b"1,x",
        b"2,y\r\n",
        b"3,\"a \"\"b\"\",\nc\"\n",
        b"4,x\n5,y",
        b"6",
        b"7,x,y",
        b"8,\"x",
        b"9,\"x\"y",
        b"",
        b"\n",
        b"eleven,x",
        b"12,",
    ];
    let said = brief(outcomes(&csv(""), &records, &[]));
    let good = [&said[0], &said[1], &said[2], &said[11]];
    assert_eq!(good, ["1,x", "2,y", "3,a \"b\",\nc", "12,"]);
    assert_eq!(
        said[3],
        "field_count: the row has more than one line: put each in a record of its own"
    );
    assert_eq!(said[4], "field_count: the row has 1 fields where the contract has 2");
    assert_eq!(said[5], "field_count: the row has 3 fields where the contract has 2");
    assert_eq!(
        [&said[8], &said[9]],
        ["field_count: the row is empty: put a record that has fields"; 2]
    );
    for (at, beginning) in [(6, "unclosed_quote"), (7, "text_after_quote"), (10, "type: a:")] {
        assert!(said[at].starts_with(beginning), "{}", said[at]);
    }
    let said = brief(outcomes(
        &csv("raggedEnds: pad, quote: none, escape: \"\\\\\""),
        &[b"1", b"2,\"x\\,y", b"3,,"],
        &[],
    ));
    assert_eq!(said, ["1,-", "2,\"x,y", "3,"]);
}

#[test]
fn more_than_a_block_holds_is_read_in_runs() {
    let columns: Vec<String> = (0..1_000)
        .map(|at| format!("{{name: c{at}, logicalType: string}}"))
        .collect();
    let dataset = contract("format: json", "", &columns.join(", "));
    let records: Vec<&[u8]> = (0..2_500)
        .map(|at| if at % 1_000 == 7 { &b"{"[..] } else { b"{\"c5\":\"x\"}" })
        .collect();
    let refused = [3, 1_900].map(|number| RefusedRecord {
        number,
        reason: Reason::Truncated,
        message: "is cut".into(),
    });
    let found = outcomes(&dataset, &records, &refused);
    let bad: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_err()).collect();
    assert_eq!(bad, [3, 7, 1_007, 1_900, 2_007]);
    assert_eq!(found[2_499].as_ref().map(|values| values[5].as_deref()), Ok(Some("x")));
}

#[test]
fn what_is_hidden_is_shown_nowhere() {
    let hidden = "{name: a, logicalType: integer}, {name: b, logicalType: string, classification: personal, \
                  customProperties: [{property: watershed, value: {personal: hash}}]}";
    let dataset = contract("format: json", "", hidden);
    let refused = [RefusedRecord {
        number: 1,
        reason: Reason::Corrupt,
        message: "is a damaged gzip stream".into(),
    }];
    let found = outcomes(
        &dataset,
        &[br#"{"a":"bad","b":"secret"}"#, b"secret", br#"{"a":1,"b":"secret"}"#],
        &refused,
    );
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    let raw: Vec<u8> = found
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .flat_map(|(_, _, raw)| raw.clone())
        .collect();
    assert!(!String::from_utf8_lossy(&raw).contains("secret"));
    assert!(found[2].is_ok());
}

#[test]
fn only_formats_whose_records_stand_by_themselves_are_read() {
    let text = "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: d\n\
                servers: [{server: raw, type: s3, location: \"s3://{raw}/t/*\", format: FORMAT}]\n\
                schema: [{name: t, properties: [{name: a, logicalType: string}]}]\n";
    for (format, reads) in [("json", true), ("csv", false), ("parquet", false)] {
        let dataset = parse("t", &text.replace("FORMAT", format)).expect("valid").remove(0);
        assert_eq!(RecordReader::new(&dataset).is_some(), reads, "{format}");
    }
}

/// A record: most are nearly right.
fn record() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (any::<i16>(), "[a-c\"\\\\,\n\r é]{0,6}").prop_map(|(a, b)| serde_json::json!({"a": a, "b": b}).to_string().into_bytes()),
        3 => "[0-9]{1,2},([a-c]|\"\"|\"|,|\n|\r|\\\\|\"[a-b,\n]{0,3}\"){0,4}(\r?\n)?".prop_map(String::into_bytes),
        1 => "[\\[\\]{}\":,ab1\n\\\\ ]{0,12}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What comes of a record does not hang on those beside it.
    #[test]
    fn a_record_is_read_as_it_is_alone(records in prop::collection::vec(record(), 0..8), refuse in prop::collection::btree_set(0..8_usize, 0..3), format in 0..4) {
        let dataset = match format {
            0 => json(),
            1 => csv(""),
            2 => csv("escape: \"\\\\\", raggedEnds: pad"),
            _ => csv("multiline: false"),
        };
        let texts: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let refused = |number| RefusedRecord { number, reason: Reason::Corrupt, message: "is damaged".into() };
        let numbers = refuse.iter().filter(|number| **number < records.len());
        let together = outcomes(&dataset, &texts, &numbers.map(|number| refused(*number)).collect::<Vec<_>>());
        for (at, (outcome, text)) in together.iter().zip(&texts).enumerate() {
            let alone = if refuse.contains(&at) { vec![refused(0)] } else { Vec::new() };
            prop_assert_eq!(outcome, &outcomes(&dataset, &[text], &alone)[0]);
        }
    }

    /// A record without line ends is what the same line of a file is.
    #[test]
    fn a_json_record_is_what_a_line_of_a_file_is(records in prop::collection::vec(record(), 1..8)) {
        let dataset = json();
        let is_line = |record: &&Vec<u8>| !record.contains(&0) && !record.contains(&b'\n') && !record.ends_with(b"\r") && !record.trim_ascii().is_empty();
        let lines: Vec<&[u8]> = records.iter().filter(is_line).map(Vec::as_slice).collect();
        // A file begins with an object, and with so much text that the bytes of a few records do not make it a file of another kind.
        let first = serde_json::json!({"a": 0, "b": "b".repeat(4_096)}).to_string().into_bytes();
        let lines = [&[&first[..]], &lines[..]].concat();
        let text = lines.join(&b'\n');
        let mut reader = NdJsonReader::open(&text[..], Compression::Plain, &dataset).unwrap();
        let (mut block, mut standardiser) = (Block::default(), standardiser(&dataset));
        prop_assert!(reader.read(&mut block).unwrap());
        let decoded = standardiser.text(&mut block, reader.fields()).unwrap();
        let found = outcomes(&dataset, &lines, &[]);
        let accepted: Vec<Vec<Option<String>>> = found.iter().filter_map(|outcome| outcome.clone().ok()).collect();
        prop_assert_eq!(accepted, values(&decoded.batch));
        let refused: Vec<(Reason, Vec<u8>)> = found.into_iter().filter_map(Result::err).map(|(reason, _, raw)| (reason, raw)).collect();
        let of_file: Vec<(Reason, Vec<u8>)> = decoded.rejected.into_iter().map(|row| (row.reason, row.raw)).collect();
        prop_assert_eq!(refused, of_file);
    }
}
