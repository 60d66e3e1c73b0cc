//! Rows of a file as records of a stream: delimited text as JSON objects of its columns, JSON lines as they stand, and so lines of delimited text
//! where the contract is one of a stream, whose records are that.

use super::outbox::{MAX_KEY_CHARS, MAX_RECORD_BYTES, Outgoing};
use crate::{Error, Result, detect};
use serde_json::{Number, Value};
use std::io::{BufRead as _, BufReader, Read};
use watershed_contract::{ColumnRule, Dataset, Format};
use watershed_decode::{block::Block, csv::CsvReader, decompress, fields::FieldMap};
use watershed_lake::ColumnType;

/// Before the text of some files in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A compressed or plain file, decompressed.
type Input<'a> = Box<dyn Read + Send + 'a>;

/// What a row's event time and partition key are read from.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Name of the column with the event time.
    pub time: String,
    /// Name of the column that is the partition key.
    pub key: String,
}

/// A row.
#[derive(Debug, PartialEq, Eq)]
pub enum Row {
    /// To be sent.
    Record(Outgoing),
    /// Left out: where, and why.
    LeftOut(String),
}

/// The rows of a file, one after the other.
pub struct Rows<'a> {
    name: String,
    dataset: &'a Dataset,
    columns: Columns,
    input: Kind<'a>,
}

enum Kind<'a> {
    Csv(Box<Delimited<'a>>),
    Lines(BufReader<Input<'a>>, u64),
}

struct Delimited<'a> {
    reader: CsvReader<Input<'a>>,
    block: Block,
    next: usize,
    line: u64,
}

impl<'a> Rows<'a> {
    /// Opens a file. `name` is the file's, for messages.
    pub fn open(name: &str, input: impl Read + Send + 'a, dataset: &'a Dataset, columns: Columns) -> Result<Self> {
        let (compression, mut text) = decompress(input).map_err(Error::doing(name))?;
        let input = match &dataset.format {
            Format::Csv(format) => {
                let reader = CsvReader::open(text, compression, format, dataset).map_err(Error::doing(name))?;
                Kind::Csv(Box::new(Delimited {
                    reader,
                    block: Block::default(),
                    next: 0,
                    line: 0,
                }))
            }
            Format::NdJson => {
                text = Box::new(text);
                Kind::Lines(BufReader::new(text), 0)
            }
            _ => {
                let table = &dataset.table.name;
                return Err(Error::new(format!(
                    "the contract of {table} has a format that is not sent as a stream"
                ))
                .help("delimited text and JSON lines are"));
            }
        };
        let rows = Self {
            name: name.into(),
            dataset,
            columns,
            input,
        };
        if let Kind::Csv(csv) = &rows.input {
            rows.place(csv.reader.fields(), &rows.columns.time)?;
            rows.place(csv.reader.fields(), &rows.columns.key)?;
        }
        Ok(rows)
    }

    /// The next row; none at the end.
    pub fn next_row(&mut self) -> Result<Option<Row>> {
        let (dataset, columns, name) = (self.dataset, &self.columns, &self.name);
        match &mut self.input {
            Kind::Lines(input, number) => line(input, number, columns, name),
            Kind::Csv(csv) => csv.row(dataset, columns, name),
        }
    }

    /// The column is in the file.
    fn place(&self, fields: &FieldMap, wanted: &str) -> Result<()> {
        match column(self.dataset, wanted).and_then(|at| fields.get(at).copied().flatten()) {
            Some(_) => Ok(()),
            None => Err(Error::new(format!("{} has no column {wanted}", self.name))
                .help(format!("write one of {}", names(self.dataset).join(", ")))),
        }
    }
}

/// The names of the columns in the source.
pub fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.columns.iter().map(|rule| rule.source.as_str()).collect()
}

/// By its name in the source, or in the table.
fn column(dataset: &Dataset, wanted: &str) -> Option<usize> {
    let by_source = dataset.columns.iter().position(|rule| rule.source == wanted);
    by_source.or_else(|| dataset.table.columns.iter().position(|column| column.name == wanted))
}

impl Delimited<'_> {
    fn row(&mut self, dataset: &Dataset, columns: &Columns, name: &str) -> Result<Option<Row>> {
        while self.next == self.block.records.len() {
            self.next = 0;
            if !self.reader.read(&mut self.block).map_err(Error::doing(name))? {
                return Ok(None);
            }
            self.line = self.block.line;
        }
        let row = self.next;
        self.next += 1;
        let place = || {
            format!(
                "{name}, record at byte {}",
                self.block.offset + u64::from(self.block.records[row].start)
            )
        };
        if let Some(violation) = self
            .block
            .violations
            .iter()
            .find(|violation| violation.row as usize == row)
        {
            return Ok(Some(Row::LeftOut(format!("{}: {}", place(), violation.message))));
        }
        let Ok(whole) = std::str::from_utf8(self.block.raw(row)) else {
            return Ok(Some(Row::LeftOut(format!("{}: it is not UTF-8", place()))));
        };
        let fields = self.reader.fields();
        let cell = |at: usize| {
            let text = self.block.text(row, fields.get(at).copied().flatten()?)?;
            Some(String::from_utf8_lossy(text).into_owned())
        };
        let of = |wanted: &str| column(dataset, wanted).and_then(&cell).unwrap_or_default();
        let (time, key) = (of(&columns.time), of(&columns.key));
        if dataset.stream().is_some() {
            return Ok(Some(made(time.trim(), key, whole.into(), place)));
        }
        let mut data = String::from("{");
        for (at, (rule, column)) in dataset.columns.iter().zip(&dataset.table.columns).enumerate() {
            if let Some(text) = cell(at) {
                let gap = if data.len() > 1 { "," } else { "" };
                data.push_str(&format!(
                    "{gap}{}:{}",
                    Value::from(rule.source.as_str()),
                    json(rule, column.kind, &text)
                ));
            }
        }
        data.push('}');
        Ok(Some(made(time.trim(), key, data, place)))
    }
}

/// A cell as JSON: null where the contract says so, numbers and truth values where the column has them and JSON would write them so; else the
/// text as it stands, which the contract reads.
fn json(rule: &ColumnRule, kind: ColumnType, text: &str) -> String {
    let trimmed = if rule.trim { text.trim() } else { text };
    let is_text = matches!(kind, ColumnType::String);
    if rule.nulls.contains(trimmed) || (trimmed.is_empty() && !is_text) {
        return "null".into();
    }
    let is_plain = match kind {
        ColumnType::Int | ColumnType::Long | ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. } => {
            serde_json::from_str::<Number>(trimmed).is_ok()
        }
        ColumnType::Boolean => matches!(trimmed, "true" | "false"),
        _ => false,
    };
    if is_plain {
        trimmed.into()
    } else {
        Value::from(text).to_string()
    }
}

fn line(input: &mut BufReader<Input<'_>>, number: &mut u64, columns: &Columns, name: &str) -> Result<Option<Row>> {
    loop {
        *number += 1;
        let place = || format!("{name}:{number}");
        let mut bytes = Vec::new();
        let mut limited = input.by_ref().take(MAX_RECORD_BYTES as u64 + 1);
        if limited.read_until(b'\n', &mut bytes).map_err(Error::doing(name))? == 0 {
            return Ok(None);
        }
        if bytes.len() > MAX_RECORD_BYTES {
            if bytes.last() != Some(&b'\n') {
                input.skip_until(b'\n').map_err(Error::doing(name))?;
            }
            let why = format!("{}: it has more than {MAX_RECORD_BYTES} bytes", place());
            return Ok(Some(Row::LeftOut(why)));
        }
        if *number == 1 && bytes.starts_with(BYTE_ORDER_MARK) {
            bytes.drain(..BYTE_ORDER_MARK.len());
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(&bytes) else {
            return Ok(Some(Row::LeftOut(format!("{}: the line is no JSON object", place()))));
        };
        let of = |key: &str| match object.get(key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let data = String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        return Ok(Some(made(of(&columns.time).trim(), of(&columns.key), data, place)));
    }
}

fn made(time: &str, key: String, data: String, place: impl Fn() -> String) -> Row {
    let Some(time_ms) = detect::time_ms(time) else {
        return Row::LeftOut(format!("{}: its event time is `{time}`", place()));
    };
    if key.is_empty() || key.chars().count() > MAX_KEY_CHARS {
        let length = key.chars().count();
        return Row::LeftOut(format!(
            "{}: its key has {length} characters, and 1 to {MAX_KEY_CHARS} are possible",
            place()
        ));
    }
    let record = Outgoing { key, data, time_ms };
    if record.bytes() > MAX_RECORD_BYTES {
        return Row::LeftOut(format!("{}: it has more than {MAX_RECORD_BYTES} bytes", place()));
    }
    Row::Record(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn dataset(format: &str) -> Arc<Dataset> {
        let text = format!(
            "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\n\
             servers: [{{server: raw, type: s3, location: 's3://{{raw}}/t/*', format: {format}}}]\n\
             schema:\n- name: t\n  customProperties: [{{property: watershed, value: {{database: d, nulls: [NA]}}}}]\n  properties:\n  \
             - {{name: at, logicalType: timestamp, physicalType: TIMESTAMPTZ}}\n  \
             - {{name: who, logicalType: string, physicalType: STRING}}\n  \
             - {{name: amount, logicalType: number, physicalType: 'DECIMAL(20,2)'}}\n  \
             - {{name: paid, logicalType: boolean, physicalType: BOOLEAN}}\n"
        );
        let mut datasets = watershed_contract::parse("t.odcs.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        datasets.remove(0)
    }

    fn columns() -> Columns {
        Columns {
            time: "at".into(),
            key: "who".into(),
        }
    }

    fn rows(format: &str, text: &str) -> Vec<Row> {
        let dataset = dataset(format);
        let mut rows = Rows::open("t", text.as_bytes(), &dataset, columns()).unwrap();
        let mut all = Vec::new();
        while let Some(row) = rows.next_row().unwrap() {
            all.push(row);
        }
        all
    }

    fn record(time_ms: i64, key: &str, data: &str) -> Row {
        Row::Record(Outgoing {
            key: key.into(),
            data: data.into(),
            time_ms,
        })
    }

    fn why(row: &Row) -> &str {
        match row {
            Row::LeftOut(why) => why,
            Row::Record(record) => panic!("{record:?}"),
        }
    }

    #[test]
    fn cells_are_json_of_their_columns_types() {
        let text = "who,at,amount,paid\n\"a \"\"b\"\"\",1970-01-01T00:00:02Z,12345678901234567.10,true\nc,3,NA,maybe\nd,1970-01-01 00:00:04,,\n";
        let found = rows("csv", text);
        let first = r#"{"at":"1970-01-01T00:00:02Z","who":"a \"b\"","amount":12345678901234567.10,"paid":true}"#;
        let expected = [
            record(2_000, "a \"b\"", first),
            record(3_000, "c", r#"{"at":"3","who":"c","amount":null,"paid":"maybe"}"#),
            record(
                4_000,
                "d",
                r#"{"at":"1970-01-01 00:00:04","who":"d","amount":null,"paid":null}"#,
            ),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_are_sent_as_they_stand() {
        let found = rows(
            "json",
            "{\"who\": 7,  \"at\": 5, \"x\": [1]}\r\n\n{\"at\": \"6\", \"who\": \"b\"}",
        );
        let expected = [
            record(5_000, "7", "{\"who\": 7,  \"at\": 5, \"x\": [1]}"),
            record(6_000, "b", "{\"at\": \"6\", \"who\": \"b\"}"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn lines_that_are_too_long_cost_only_themselves_and_a_byte_order_mark_nothing() {
        let long = " ".repeat(MAX_RECORD_BYTES + 10);
        let text = format!("\u{feff}{{\"who\":\"a\",\"at\":5}}\n{long}\n{{\"who\":\"b\",\"at\":6}}");
        let found = rows("json", &text);
        assert_eq!(found[0], record(5_000, "a", r#"{"who":"a","at":5}"#));
        assert_eq!(why(&found[1]), "t:2: it has more than 1048576 bytes");
        assert_eq!(found[2], record(6_000, "b", r#"{"who":"b","at":6}"#));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn a_stream_of_delimited_text_gets_its_lines_as_they_stand() {
        let text = "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\n\
             servers: [{server: stream, type: kinesis, stream: s, format: csv}]\n\
             schema:\n- name: t\n  customProperties: [{property: watershed, value: {database: d}}]\n  properties:\n  \
             - {name: at, logicalType: timestamp, required: true}\n  - {name: who, logicalType: string}\n";
        let dataset = watershed_contract::parse("t.odcs.yaml", text).unwrap_or_else(|errors| panic!("{errors}"));
        let file = b"1970-01-01T00:00:02Z,\"a \"\"b\"\"\"\r\n3,c\nat,who\n4,\xff\n";
        let mut rows = Rows::open("t", &file[..], &dataset[0], columns()).unwrap();
        let mut next = || rows.next_row().unwrap().unwrap();
        assert_eq!(next(), record(2_000, "a \"b\"", r#"1970-01-01T00:00:02Z,"a ""b""""#));
        assert_eq!(next(), record(3_000, "c", "3,c"));
        assert!(why(&next()).ends_with("its event time is `at`"));
        assert!(why(&next()).ends_with("it is not UTF-8"));
    }

    #[test]
    fn rows_without_time_or_key_are_left_out_and_said() {
        let found = rows("csv", "who,at,amount,paid\na,soon,1,\n,3,1,\n\"a\"b,3,1,\n");
        assert!(why(&found[0]).ends_with("its event time is `soon`"), "{found:?}");
        assert!(
            why(&found[1]).ends_with("its key has 0 characters, and 1 to 256 are possible"),
            "{found:?}"
        );
        assert!(why(&found[2]).starts_with("t, record at byte"), "{found:?}");
        let found = rows("json", "{\"at\": 1\n{\"who\": \"a\"}\n");
        assert_eq!(why(&found[0]), "t:1: the line is no JSON object");
        assert_eq!(why(&found[1]), "t:2: its event time is ``");
    }

    #[test]
    fn a_column_that_is_not_there_is_said_with_those_that_are() {
        let dataset = dataset("csv");
        let wanted = Columns {
            time: "when".into(),
            key: "who".into(),
        };
        let opened = Rows::open("t", "who,at,amount,paid\n".as_bytes(), &dataset, wanted);
        let error = opened.err().unwrap().to_string();
        assert_eq!(error, "t has no column when\n  write one of at, who, amount, paid");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let dataset = dataset("parquet");
        let error = Rows::open("t", &b"PAR1"[..], &dataset, columns())
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("delimited text and JSON lines"), "{error}");
    }
}
