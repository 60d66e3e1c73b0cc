//! Rows of a file as records of a stream: delimited text as JSON objects of its columns, JSON lines as they stand.

use super::outbox::{MAX_KEY_CHARS, MAX_RECORD_BYTES, Outgoing};
use crate::{Error, Result, detect};
use serde_json::{Number, Value};
use std::io::{BufRead as _, BufReader, Read};
use watershed_contract::{ColumnRule, Dataset, Format};
use watershed_decode::{block::Block, csv::CsvReader, decompress, fields::FieldMap};
use watershed_lake::ColumnType;

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
        let fields = self.reader.fields();
        let cell = |at: usize| {
            let text = self.block.text(row, fields.get(at).copied().flatten()?)?;
            Some(String::from_utf8_lossy(text).into_owned())
        };
        let of = |wanted: &str| column(dataset, wanted).and_then(&cell).unwrap_or_default();
        let mut data = String::from("{");
        for (at, (rule, column)) in dataset.columns.iter().zip(&dataset.table.columns).enumerate() {
            if let Some(text) = cell(at) {
                let gap = if data.len() > 1 { "," } else { "" };
                data.push_str(&format!(
                    "{gap}{}:{}",
                    Value::from(rule.source.as_str()),
                    json(rule, &column.kind, &text)
                ));
            }
        }
        data.push('}');
        Ok(Some(made(of(&columns.time).trim(), of(&columns.key), data, place)))
    }
}

/// A cell as JSON: null where the contract says so, numbers and truth values where the column has them and JSON would write them so; else the
/// text as it stands, which the contract reads.
fn json(rule: &ColumnRule, kind: &ColumnType, text: &str) -> String {
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
            return Err(
                Error::new(format!("{}: the line has more than {MAX_RECORD_BYTES} bytes", place()))
                    .help("a record of a stream has 1 MB at most: send less in it"),
            );
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
