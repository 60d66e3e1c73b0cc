//! Delimited text: which delimiter and quote, and whether the first record names the columns.

use crate::{
    Refusal, Sure,
    names::{Extension, standard},
    sample::{Layout, Sample, max_rows},
};
use std::collections::HashSet;
use watershed_contract::{CsvFormat, Encoding, limits::MAX_COLUMNS};
use watershed_decode::{block::Block, csv};

/// Text that the dialect is told from.
const DIALECT_BYTES: usize = 256 * 1024;
/// Records that the dialect is told from.
const DIALECT_RECORDS: usize = 2_000;
/// Records that the header is compared with.
const HEADER_ROWS: usize = 200;
/// Delimiters, those first that stand in text for nothing else.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];
/// Percentage of records that must have one number of fields, where the name does not say that the object is CSV.
const MIN_EVEN_PERCENT: usize = 90;
/// Longest name in a header, in bytes.
const MAX_NAME_BYTES: usize = 500;

/// Of text that is no JSON.
pub fn sample(text: Vec<u8>, complete: bool, extension: Extension) -> Result<Sample, Refusal> {
    let looked_at = &text[..text.len().min(DIALECT_BYTES)];
    let ended = complete && looked_at.len() == text.len();
    let dialect = dialect(looked_at, ended, extension)?;
    let width = dialect.width;
    if width > MAX_COLUMNS {
        return Err(Refusal::new(
            format!("the records have {width} fields, a table has at most {MAX_COLUMNS} columns"),
            "send fewer columns",
        ));
    }
    let text_bytes = text.len();
    let ended = complete || dialect.quoting_is_broken;
    let (block, left_out) = csv::sample(text, ended, &dialect.format, width, max_rows(width) + 1);
    if block.records.is_empty() {
        return Err(Refusal::new(
            "no record is whole",
            "look for a quote that is not closed",
        ));
    }
    let (header, header_sure) = header(&block);
    let names = if header {
        cells(&block, 0)
    } else {
        (1..=width).map(|n| format!("column_{n}")).collect()
    };
    if header {
        check_names(&names)?;
    }
    let mut notes = Vec::new();
    if header_sure == Sure::Unsure {
        notes.push(if header {
            "the first record is taken for a header; if it is data, write header: false".to_string()
        } else {
            "the first record is taken for data; if it is a header, write header: true".to_string()
        });
    }
    if width == 1 {
        notes.push("no delimiter was found: every line is one value".into());
    }
    Ok(Sample {
        label: String::new(),
        layout: Layout::Csv(CsvFormat {
            header,
            ..dialect.format
        }),
        layout_sure: dialect.sure.min(header_sure),
        encoding: Encoding::Utf8,
        complete,
        names,
        kinds: None,
        block,
        text_bytes,
        first_row: usize::from(header),
        left_out,
        notes,
    })
}

struct Dialect {
    format: CsvFormat,
    width: usize,
    sure: Sure,
    /// A quote that is not closed would hide what stands behind it.
    quoting_is_broken: bool,
}

fn dialect(text: &[u8], ended: bool, extension: Extension) -> Result<Dialect, Refusal> {
    let tried: Vec<(usize, Dialect)> = DELIMITERS
        .into_iter()
        .filter_map(|delimiter| try_delimiter(text, ended, delimiter))
        .collect();
    let is_csv = extension == Extension::Csv;
    let enough = |even: usize| is_csv || even >= MIN_EVEN_PERCENT;
    // All as even: the one that stands for nothing else. Otherwise the most even.
    let best = tried.iter().map(|(even, _)| *even).max().unwrap_or(0);
    let chosen = tried.into_iter().find(|(even, _)| *even == best && enough(*even));
    if let Some((_, dialect)) = chosen {
        return Ok(dialect);
    }
    if is_csv {
        let format = format(b',', b'"');
        return Ok(Dialect {
            format,
            width: 1,
            sure: Sure::Unsure,
            quoting_is_broken: false,
        });
    }
    Err(Refusal::new(
        "the text is no table: no delimiter of tab, `;`, `|` or `,` splits its lines into one number of fields",
        "if it is a table all the same, call it .csv and put its column names in the first line",
    ))
}

fn format(delimiter: u8, quote: u8) -> CsvFormat {
    CsvFormat {
        quote: Some(quote),
        ..CsvFormat::rfc4180(delimiter)
    }
}

/// How many records in a hundred have the commonest number of fields, and the dialect; none where that is one, or not what the first has.
fn try_delimiter(text: &[u8], ended: bool, delimiter: u8) -> Option<(usize, Dialect)> {
    let format = format(delimiter, quote(text, delimiter));
    let mut counts = csv::field_counts(text, ended, &format, DIALECT_RECORDS);
    let whole: usize = counts.len();
    // A quoted field that goes on to the end of the text ends nowhere: a stray quote.
    let forced = csv::field_counts(text, true, &format, DIALECT_RECORDS);
    let quoting_is_broken = forced.len() > 2 * whole.max(1) && whole < DIALECT_RECORDS / 2;
    if quoting_is_broken || counts.is_empty() {
        counts = forced;
    }
    let first = counts.iter().flatten().next().copied()?;
    let of_first = counts.iter().filter(|count| **count == Some(first)).count();
    let even = of_first * 100 / counts.len();
    (first > 1 && of_first * 2 >= counts.len()).then(|| {
        let sure = if counts.len() > 1 && even == 100 {
            Sure::Likely
        } else {
            Sure::Unsure
        };
        (
            even,
            Dialect {
                format,
                width: first,
                sure,
                quoting_is_broken,
            },
        )
    })
}

/// `'` where it stands around fields and `"` does not.
fn quote(text: &[u8], delimiter: u8) -> u8 {
    let around = |quote: u8| {
        text.windows(2)
            .filter(|pair| (pair[0] == delimiter && pair[1] == quote) || (pair[0] == quote && pair[1] == delimiter))
            .count()
    };
    if around(b'"') == 0 && around(b'\'') >= 4 {
        b'\''
    } else {
        b'"'
    }
}

fn cells(block: &Block, row: usize) -> Vec<String> {
    let cell = |field| String::from_utf8_lossy(block.text(row, field).unwrap_or_default()).into_owned();
    (0..block.width).map(cell).collect()
}

/// True where the first record names the columns.
fn header(block: &Block) -> (bool, Sure) {
    let first = cells(block, 0);
    let mut seen = HashSet::new();
    let empty = first.iter().filter(|name| name.trim().is_empty()).count();
    let distinct = first.iter().all(|name| seen.insert(standard(name)));
    // A header that names nothing is none.
    if !distinct || empty > 1 || empty == first.len() || first.iter().any(|name| is_value(name)) {
        return (false, Sure::Likely);
    }
    let rows: Vec<Vec<String>> = (1..block.records.len().min(HEADER_ROWS))
        .map(|row| cells(block, row))
        .collect();
    let column = |field: usize| {
        rows.iter()
            .map(move |row| row[field].trim())
            .filter(|value| !value.is_empty())
    };
    let typed = (0..block.width).any(|field| column(field).next().is_some() && column(field).all(is_value));
    let repeated = (0..block.width).any(|field| column(field).any(|value| value == first[field].trim()));
    let named = first
        .iter()
        .all(|name| name.len() <= MAX_NAME_BYTES && !name.contains(['@', '\n']));
    match (typed, repeated) {
        (_, true) => (false, Sure::Unsure),
        (true, _) => (true, Sure::Likely),
        _ => (named, Sure::Unsure),
    }
}

/// A number, a date, a time: nothing that a column is called.
fn is_value(text: &str) -> bool {
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && text.bytes().all(|b| b.is_ascii_digit() || b"+-.,:/ TZeE%".contains(&b))
}

/// What ingest would refuse a header for.
fn check_names(names: &[String]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    if names
        .iter()
        .all(|name| name.len() <= MAX_NAME_BYTES && seen.insert(name))
    {
        return Ok(());
    }
    Err(Refusal::new(
        format!("the header names a column twice, or by more than {MAX_NAME_BYTES} bytes"),
        "name every column once",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (char, char, bool, usize) {
        let sample = sample(text.as_bytes().to_vec(), true, Extension::Other).expect(text);
        let Layout::Csv(format) = sample.layout else {
            panic!("CSV")
        };
        (
            format.delimiter.into(),
            format.quote.expect("a guess has one").into(),
            format.header,
            sample.names.len(),
        )
    }

    #[test]
    fn dialects() {
        assert_eq!(told("id,name\n1,a\n2,b;c\n"), (',', '"', true, 2));
        assert_eq!(told("id;price\n1;1,5\n2;2,5\n"), (';', '"', true, 2));
        assert_eq!(told("1;1,5\n2;2,5\n"), (';', '"', false, 2));
        assert_eq!(told("a\tb\nx\ty,z\n"), ('\t', '"', true, 2));
        assert_eq!(told("id|at\n1|2013-01-01\n"), ('|', '"', true, 2));
        assert_eq!(told("'id','name'\n'1','a,b'\n'2','c'\n"), (',', '\'', true, 2));
        assert_eq!(told("id,note\n1,\"a,\nb\"\n2,c\n"), (',', '"', true, 2));
        assert!(!told("red,blue\ngreen,blue\n").2, "no header");
    }

    #[test]
    fn what_is_no_table_is_told() {
        let prose = "Dear all,\nthis is a letter, with commas, here and there.\nYours\n";
        let told = sample(prose.as_bytes().to_vec(), true, Extension::Other).expect_err("no table");
        assert!(told.message.contains("no table"), "{told}");
        let one = sample(b"city\nParis\n".to_vec(), true, Extension::Csv).expect("one column");
        assert_eq!((one.names, one.block.records.len()), (vec!["city".to_string()], 2));
        assert!(sample(b"id,id\n1,x\n2,y\n".to_vec(), true, Extension::Csv).is_ok_and(|s| s.first_row == 0));
    }

    #[test]
    fn a_stray_quote_hides_nothing() {
        let rows: String = (0..500).map(|n| format!("{n},x\n")).collect();
        let text = format!("id,name\n1,\"open\n{rows}");
        let sample = sample(text.into_bytes(), false, Extension::Other).expect("a table");
        assert!(sample.block.records.len() > 490 && sample.left_out >= 1);
    }
}
