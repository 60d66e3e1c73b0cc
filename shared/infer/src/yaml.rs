//! A draft as a contract. Everything that is guessed is a comment; every text from the object is quoted.

use crate::{
    Draft, Sure,
    profile::{Column, Distinct},
    sample::Layout,
    temporal::epoch_word,
};
use std::fmt::Write as _;
use watershed_contract::{Encoding, limits::MAX_CONTRACT_BYTES};
use watershed_lake::ColumnType;

/// Bytes of a contract up to which columns are commented on: what they are read by comes first.
const MAX_COMMENTED_BYTES: usize = MAX_CONTRACT_BYTES / 2;

/// The contract, ready to be edited.
pub fn contract(draft: &Draft) -> String {
    let mut out = Lines::default();
    top(&mut out, draft);
    server(&mut out, draft);
    out.line(0, "schema:");
    out.line(1, &format!("- name: {}", word(&draft.place.table)));
    out.line(2, "logicalType: object");
    out.line(2, "physicalType: table");
    custom(&mut out, draft);
    out.line(2, "properties:");
    for (index, column) in draft.columns.iter().enumerate() {
        property(&mut out, draft, index, column);
    }
    out.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// `depth` counts levels of two spaces.
    fn line(&mut self, depth: usize, text: &str) {
        let _ = writeln!(self.0, "{:1$}{text}", "", depth * 2);
    }

    fn guessed(&mut self, depth: usize, text: &str) {
        self.line(depth, &format!("# guessed: {}", one_line(text)));
    }

    fn has_room(&self) -> bool {
        self.0.len() < MAX_COMMENTED_BYTES
    }
}

fn top(out: &mut Lines, draft: &Draft) {
    let part = if draft.complete { "all" } else { "the first" };
    out.line(0, &format!("# A draft, made of {part} {} rows. Look at every line that says `guessed`, write what the rows are, mark what is", draft.rows));
    out.line(0, "# `required`, and put it among the contracts with status: active.");
    if draft.left_out > 0 {
        out.guessed(
            0,
            &format!(
                "{} records of another shape were left out; ingest would quarantine them",
                draft.left_out
            ),
        );
    }
    for note in &draft.notes {
        out.guessed(0, note);
    }
    out.line(0, "version: 0.1.0");
    out.line(0, "kind: DataContract");
    out.line(0, "apiVersion: v3.1.0");
    out.line(0, &format!("id: {}-{}", draft.place.database, draft.place.table));
    out.line(0, "status: draft");
    out.line(0, &format!("domain: {}", word(&draft.place.database)));
    out.line(0, "description:");
    out.line(
        1,
        &format!(
            "purpose: \"Draft: say here what a row of {} is, where it comes from and who answers for it.\"",
            draft.place.table
        ),
    );
}

fn server(out: &mut Lines, draft: &Draft) {
    out.line(0, "servers:");
    out.line(1, "- server: raw");
    out.line(2, "type: s3");
    out.guessed(2, "every file of the folder is of this dataset");
    out.line(2, &format!("location: {}", quoted(&draft.place.location)));
    if draft.layout_sure == Sure::Unsure {
        out.guessed(2, &draft.layout.describe());
    }
    match &draft.layout {
        Layout::Csv(format) => {
            out.line(2, "format: csv");
            out.line(
                2,
                &format!("delimiter: {}", quoted(&char::from(format.delimiter).to_string())),
            );
        }
        Layout::NdJson => out.line(2, "format: json"),
        Layout::JsonArray => {
            out.line(2, "format: json");
            out.line(2, "delimiter: array");
        }
        Layout::Parquet => out.line(2, "format: parquet"),
    }
}

fn custom(out: &mut Lines, draft: &Draft) {
    out.line(2, "customProperties:");
    out.line(3, "- property: watershed");
    out.line(4, "value:");
    out.line(5, &format!("database: {}", word(&draft.place.database)));
    if draft.encoding != Encoding::Utf8 {
        out.guessed(5, "by its bytes");
        out.line(5, &format!("encoding: {}", draft.encoding.name()));
    }
    if let Layout::Csv(format) = &draft.layout {
        let quote = format
            .quote
            .map_or("none".into(), |quote| quoted(&char::from(quote).to_string()));
        out.line(5, &format!("quote: {quote}"));
        out.line(5, &format!("header: {}", format.header));
    }
    if !draft.nulls.is_empty() {
        out.guessed(5, "these stand for null in every column");
        let nulls: Vec<String> = draft.nulls.iter().map(|null| quoted(null)).collect();
        out.line(5, &format!("nulls: [{}]", nulls.join(", ")));
    }
    if let Some(partition) = draft.partition {
        out.guessed(5, &format!("{}, by the column's type and name", partition.sure.word()));
        out.line(
            5,
            &format!(
                "partition: [{{column: {}, transform: month}}]",
                word(&draft.columns[partition.column].name)
            ),
        );
    }
    let unsure = draft.key.as_ref().filter(|key| key.sure == Sure::Unsure);
    if let Some(key) = unsure {
        let names: Vec<&str> = key
            .columns
            .iter()
            .map(|index| draft.columns[*index].name.as_str())
            .collect();
        let note = format!(
            "{} unique in the sample: primaryKey: true and required: true, if it is the key",
            are(&names)
        );
        out.guessed(5, &note);
    }
}

fn are(names: &[&str]) -> String {
    match names {
        [one] => format!("{one} is"),
        several => format!("{} together are", several.join(" and ")),
    }
}

fn property(out: &mut Lines, draft: &Draft, index: usize, column: &Column) {
    out.line(3, &format!("- name: {}", word(&column.name)));
    if out.has_room() {
        out.line(4, &format!("# {}", one_line(&summary(column, draft.rows))));
        for note in &column.notes {
            out.guessed(4, note);
        }
        if column.sure == Sure::Unsure && column.notes.is_empty() {
            out.guessed(4, "the type");
        }
    }
    out.line(4, &format!("logicalType: {}", logical(column.kind)));
    out.line(4, &format!("physicalType: {}", quoted_type(column.kind)));
    let key = draft.key.as_ref().filter(|key| key.sure > Sure::Unsure);
    if let Some(place) = key.and_then(|key| key.columns.iter().position(|of_key| *of_key == index)) {
        out.guessed(4, "unique and never null in the sample");
        out.line(4, "required: true");
        out.line(4, "primaryKey: true");
        out.line(4, &format!("primaryKeyPosition: {}", place + 1));
    }
    if let Some(why) = column.personal {
        out.guessed(
            4,
            &format!("personal, {why}; hash, redact or drop it, or keep it as it is"),
        );
        out.line(4, "classification: personal");
    }
    let own = own(draft, column);
    if !own.is_empty() {
        out.line(4, "customProperties:");
        out.line(5, "- property: watershed");
        out.line(6, &format!("value: {{{}}}", own.join(", ")));
    }
    if !column.values.is_empty() && out.has_room() {
        let values: Vec<String> = column.values.iter().map(|value| quoted(value)).collect();
        out.guessed(
            4,
            &format!("watershed.enum: [{}], if no other value may come", values.join(", ")),
        );
    }
}

/// What the watershed property of a column says.
fn own(draft: &Draft, column: &Column) -> Vec<String> {
    let mut own = Vec::new();
    let named = !matches!(&draft.layout, Layout::Csv(format) if !format.header);
    if named && column.source != column.name {
        own.push(format!("source: {}", quoted(&column.source)));
    }
    if !column.formats.is_empty() {
        let formats: Vec<String> = column.formats.iter().map(|format| quoted(format)).collect();
        own.push(format!("formats: [{}]", formats.join(", ")));
    }
    if let Some(epoch) = column.epoch {
        own.push(format!("epoch: {}", epoch_word(epoch)));
    }
    if column.utc {
        own.push("timeZone: Etc/UTC".into());
    }
    if let Some((yes, no)) = column.booleans {
        own.push(format!("\"true\": [{}], \"false\": [{}]", quoted(yes), quoted(no)));
    }
    if column.personal.is_some() {
        own.push(format!("personal: {}", treatment(draft, column)));
    }
    own
}

/// Text is hashed, so that it still joins; what cannot be hashed is left out, unless nothing else is there.
fn treatment(draft: &Draft, column: &Column) -> &'static str {
    let goes = |column: &Column| column.personal.is_some() && column.kind != ColumnType::String;
    match goes(column) {
        false => "hash",
        true if draft.columns.iter().all(goes) => "keep",
        true => "drop",
    }
}

/// `3 null of 100, 12 different, "a" to "z", as "b", "c"`; of a personal column no value.
fn summary(column: &Column, rows: usize) -> String {
    let distinct = match column.distinct {
        Distinct::Exactly(count) => count.to_string(),
        Distinct::Many => "many".into(),
    };
    let mut out = format!("{} null of {rows}, {distinct} different", column.nulls);
    if let Some((shortest, longest)) = column.lengths {
        let _ = write!(out, ", {shortest} to {longest} characters");
    }
    if let Some(ends) = &column.ends {
        let _ = write!(out, ", {} to {}", quoted(&ends.min), quoted(&ends.max));
    }
    if !column.examples.is_empty() {
        let examples: Vec<String> = column.examples.iter().map(|example| quoted(example)).collect();
        let _ = write!(out, ", as {}", examples.join(", "));
    }
    out
}

/// The standard's word for a type.
pub fn logical(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean => "boolean",
        ColumnType::Int | ColumnType::Long | ColumnType::Decimal { scale: 0, .. } => "integer",
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. } => "number",
        ColumnType::Date => "date",
        ColumnType::Time => "time",
        ColumnType::Timestamp | ColumnType::TimestampTz => "timestamp",
        ColumnType::String | ColumnType::Binary => "string",
        ColumnType::Struct => "object",
        ColumnType::List => "array",
    }
}

/// The usual spelling of a type.
pub fn physical(kind: ColumnType) -> String {
    match kind {
        ColumnType::Boolean => "BOOLEAN".into(),
        ColumnType::Int => "INTEGER".into(),
        ColumnType::Long => "BIGINT".into(),
        ColumnType::Float => "FLOAT".into(),
        ColumnType::Double => "DOUBLE".into(),
        ColumnType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        ColumnType::Date => "DATE".into(),
        ColumnType::Time => "TIME".into(),
        ColumnType::Timestamp => "TIMESTAMP_NTZ".into(),
        ColumnType::TimestampTz => "TIMESTAMP_TZ".into(),
        ColumnType::String => "STRING".into(),
        ColumnType::Binary => "BINARY".into(),
        ColumnType::Struct => "STRUCT".into(),
        ColumnType::List => "ARRAY".into(),
    }
}

fn quoted_type(kind: ColumnType) -> String {
    let spelt = physical(kind);
    if spelt.contains('(') { quoted(&spelt) } else { spelt }
}

/// A name, in quotes where YAML 1.1 or 1.2 takes it for something else than a text.
fn word(name: &str) -> String {
    const TAKEN: [&str; 7] = ["null", "true", "false", "yes", "no", "on", "off"];
    if TAKEN.contains(&name) {
        quoted(name)
    } else {
        name.into()
    }
}

/// A double-quoted YAML scalar on one line (YAML 1.2, 7.3.1), of printable characters.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// A comment ends with its line and holds what may be printed.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect()
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
