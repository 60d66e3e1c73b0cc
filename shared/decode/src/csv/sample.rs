//! Delimited text without a contract, for whoever finds out what it is.

use super::{
    lines,
    split::{Records, Split, Splitter},
};
use crate::{
    BLOCK_BYTES,
    block::{Block, Record},
};
use watershed_contract::CsvFormat;

/// Number of fields of each of the first records of `text`, at most `max_records`; none for one whose quoting is broken. Blank lines are
/// no records. `ended`: nothing comes behind the text.
pub fn field_counts(text: &[u8], ended: bool, format: &CsvFormat, max_records: usize) -> Vec<Option<usize>> {
    if ends_with_bare_cr(text, format) {
        counts(Splitter::<b'\r'>::new(format, ended, text.len()), text, max_records)
    } else {
        counts(Splitter::<b'\n'>::new(format, ended, text.len()), text, max_records)
    }
}

/// As the reader tells it: by its first block.
fn ends_with_bare_cr(text: &[u8], format: &CsvFormat) -> bool {
    lines::end_with_bare_cr(&text[..text.len().min(BLOCK_BYTES)], format)
}

fn counts(mut splitter: impl Records, text: &[u8], max_records: usize) -> Vec<Option<usize>> {
    // Cells are counted, not kept; a width of one would make records of blank lines.
    let mut block = Block {
        bytes: text.to_vec(),
        width: 2,
        ..Block::default()
    };
    let mut counts = Vec::new();
    let mut at = 0;
    while at < text.len() && counts.len() < max_records {
        at = match splitter.record(&mut block, at) {
            Split::Incomplete => break,
            Split::Blank { next } => next,
            Split::Record { next, fields, .. } => {
                counts.push(Some(fields));
                next
            }
            Split::Broken { next, .. } => {
                counts.push(None);
                next
            }
        };
    }
    counts
}

/// The first records of `text` that have `width` fields, at most `max_rows`, as one block; the first of them is the header, if there is
/// one. And how many records are left out, because they have another number of fields or their quoting is broken.
pub fn sample(text: Vec<u8>, ended: bool, format: &CsvFormat, width: usize, max_rows: usize) -> (Block, usize) {
    let length = text.len();
    if ends_with_bare_cr(&text, format) {
        records(Splitter::<b'\r'>::new(format, ended, length), text, width, max_rows)
    } else {
        records(Splitter::<b'\n'>::new(format, ended, length), text, width, max_rows)
    }
}

fn records(mut splitter: impl Records, text: Vec<u8>, width: usize, max_rows: usize) -> (Block, usize) {
    let length = text.len();
    let mut block = Block {
        bytes: text,
        line: 1,
        width,
        ..Block::default()
    };
    let (mut at, mut left_out) = (0, 0);
    while at < length && block.records.len() < max_rows {
        let unescaped = block.bytes.len();
        let cells = block.cells.len();
        let (next, record) = match splitter.record(&mut block, at) {
            Split::Incomplete => break,
            Split::Blank { next } => {
                at = next;
                continue;
            }
            Split::Record { end, next, fields } => (next, (fields == width).then_some(end)),
            Split::Broken { next, .. } => (next, None),
        };
        if let Some(end) = record {
            block.records.push(Record {
                start: at as u32,
                end: end as u32,
            });
        } else {
            block.cells.truncate(cells);
            block.bytes.truncate(unescaped);
            left_out += 1;
        }
        at = next;
    }
    // Of a record that goes on behind the text.
    block.cells.truncate(block.records.len() * width);
    (block, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMAT: CsvFormat = CsvFormat::rfc4180(b',');

    #[test]
    fn records_of_the_width_are_kept_and_others_counted() {
        let text = b"a,b\n1,\"x\"\"y\"\n\n2\n\"3\"z,4\n5,6";
        assert_eq!(
            field_counts(text, true, &FORMAT, 10),
            [Some(2), Some(2), Some(1), None, Some(2)]
        );
        let (block, left_out) = sample(text.to_vec(), true, &FORMAT, 2, 10);
        assert_eq!((block.records.len(), left_out), (3, 2));
        assert_eq!(block.text(1, 1), Some(&b"x\"y"[..]));
        assert_eq!(block.text(2, 0), Some(&b"5"[..]));
    }

    proptest! {
        #[test]
        fn every_record_is_kept_or_left_out(
            text in proptest::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'a')], 0..100),
            ended in any::<bool>(),
        ) {
            let counts = field_counts(&text, ended, &FORMAT, usize::MAX);
            let (block, left_out) = sample(text, ended, &FORMAT, 2, usize::MAX);
            prop_assert_eq!(block.records.len() + left_out, counts.len());
            prop_assert_eq!(block.cells.len(), block.records.len() * 2);
        }
    }
}
