//! The dialect of delimited text, and the encoding of any text.

use crate::{
    dataset::{CsvFormat, Encoding, Format, RaggedEnds, RepeatedHeader},
    reader::{At, Map},
};

/// Keys of the watershed property of a schema object that say how delimited text is split.
pub(crate) const KEYS: [&str; 8] = [
    "quote",
    "header",
    "escape",
    "comment",
    "skipRows",
    "multiline",
    "raggedEnds",
    "repeatedHeader",
];
/// Most lines before the header.
pub const MAX_SKIP_ROWS: i64 = 1_000;

impl CsvFormat {
    /// No record holds a line end: the contract says so, or the dialect has nothing that would hide one.
    pub fn records_are_lines(&self) -> bool {
        !self.multiline || (self.quote.is_none() && self.escape.is_none())
    }
}

/// The server's format with the dialect of the watershed property.
pub(crate) fn format(wire: &Format, map: &Map<'_>, custom: Option<&Map<'_>>) -> Format {
    let Format::Csv(csv) = wire else {
        if let Some(custom) = custom {
            let fixed = matches!(wire, Format::Fixed(_));
            let others: Vec<&str> = KEYS
                .into_iter()
                .filter(|key| !(fixed && *key == "raggedEnds"))
                .collect();
            custom.refuse(&others, "only a server of format csv has one: remove it");
        }
        return wire.clone();
    };
    let read = custom.map_or_else(|| csv.clone(), |custom| dialect(csv, custom));
    refuse_same(&read, custom.unwrap_or(map));
    Format::Csv(read)
}

/// The encoding; UTF-8 where nothing is said.
pub(crate) fn encoding(wire: &Format, custom: Option<&Map<'_>>) -> Encoding {
    let Some(custom) = custom else {
        return Encoding::default();
    };
    if *wire == Format::Parquet {
        custom.refuse(&["encoding"], "Parquet says it itself: remove it");
        return Encoding::default();
    }
    custom
        .get("encoding")
        .and_then(|at| at.word(&Encoding::ALL))
        .unwrap_or_default()
}

fn dialect(csv: &CsvFormat, custom: &Map<'_>) -> CsvFormat {
    let byte = |key: &str, expected: &str| custom.get(key).and_then(|at| one_byte(&at, expected));
    let header = custom.flag("header").unwrap_or(csv.header);
    let repeated_header = custom.get("repeatedHeader").and_then(|at| {
        let found = at.word(&[("refuse", RepeatedHeader::Refuse), ("skip", RepeatedHeader::Skip)])?;
        if !header {
            at.error("repeatedHeader without header", "write header: true, or remove it");
        }
        Some(found)
    });
    CsvFormat {
        quote: match custom.get("quote") {
            Some(at) if at.is_text() && at.text() == Some("none") => None,
            Some(at) => one_byte(&at, "a quote: one ASCII character, or none").or(csv.quote),
            None => csv.quote,
        },
        escape: byte("escape", "one ASCII character: \"\\\\\""),
        comment: byte("comment", "one ASCII character: \"#\""),
        skip_lines: custom
            .get("skipRows")
            .and_then(|at| at.integer(0, MAX_SKIP_ROWS))
            .and_then(|lines| u32::try_from(lines).ok())
            .unwrap_or(csv.skip_lines),
        header,
        multiline: custom.flag("multiline").unwrap_or(csv.multiline),
        ragged_ends: custom
            .get("raggedEnds")
            .and_then(|at| at.word(&[("refuse", RaggedEnds::Refuse), ("pad", RaggedEnds::Pad)]))
            .unwrap_or(csv.ragged_ends),
        repeated_header: repeated_header.unwrap_or(csv.repeated_header),
        ..csv.clone()
    }
}

/// Each character has one meaning.
fn refuse_same(csv: &CsvFormat, map: &Map<'_>) {
    let roles = [
        ("delimiter", Some(csv.delimiter)),
        ("quote", csv.quote),
        ("escape", csv.escape),
        ("comment", csv.comment),
    ];
    for (index, (role, byte)) in roles.iter().enumerate() {
        let other = roles[..index].iter().find(|(_, other)| byte.is_some() && other == byte);
        match (*role, other) {
            (_, None) => {}
            ("escape", Some(("quote", _))) => map.error(
                "escape and quote are the same",
                "remove escape: a quote inside quotes is doubled in every dialect",
            ),
            (role, Some((other, _))) => map.error(
                format!("{role} and {other} are the same"),
                format!("write {role}: another character"),
            ),
        }
    }
}

/// One ASCII character that ends no line.
pub(crate) fn one_byte(at: &At<'_>, expected: &str) -> Option<u8> {
    match at.spelling()?.as_bytes() {
        &[byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Some(byte),
        _ => {
            at.wrong(expected);
            None
        }
    }
}
