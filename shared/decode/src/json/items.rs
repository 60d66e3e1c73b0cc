//! The elements of JSON arrays into cells.

use super::{
    parser::{Parser, Problem},
    wanted::{Target, Wanted},
};
use crate::{
    block::{Block, Cell, Record},
    nested::MAX_LIST_VALUES,
    reject::{Reason, Violation, shown},
};

/// How many elements each record of the block has, where it is `there`, and is an array; and their cells, behind one another. What is
/// none has none, and is a violation. `most` tells how many elements a record may have, once it knows how many were taken up before
/// that it has not been told of.
pub fn items(
    block: &mut Block,
    cells: &mut Vec<Cell>,
    there: &[bool],
    mut most: impl FnMut(usize, usize) -> usize,
) -> Vec<usize> {
    let wanted = Wanted::new(std::iter::empty());
    let mut unescaped = Vec::new();
    let mut lengths = Vec::with_capacity(there.len());
    for (row, there) in there.iter().enumerate() {
        let before = cells.len();
        let Record { start, end } = block.records[row];
        let mut parser = Parser {
            text: &block.bytes[..end as usize],
            start: start as usize,
            at: start as usize,
            wanted: &wanted,
            cells: &mut [Cell::ABSENT],
            seen: (&mut [], 0),
            unescaped: (&mut unescaped, block.bytes.len()),
            others: None,
        };
        let read = if *there {
            parser.items(most(row, 0), cells)
        } else {
            Ok(())
        };
        if let Err((reason, message)) = read {
            cells.truncate(before);
            block.violations.push(Violation {
                row: row as u32,
                column: None,
                reason,
                message,
            });
        }
        most(row, cells.len() - before);
        lengths.push(cells.len() - before);
    }
    block.bytes.extend_from_slice(&unescaped);
    lengths
}

impl Parser<'_> {
    /// An array and nothing else.
    fn items(&mut self, most: usize, cells: &mut Vec<Cell>) -> Result<(), Problem> {
        let target = Target {
            column: Some(0),
            ..Target::default()
        };
        let before = cells.len();
        self.space();
        if self.peek() != Some(b'[') {
            let message = format!("is not a JSON array: begins {}", shown(&self.text[self.at..]));
            return Err((Reason::Type, message));
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                if cells.len() - before == most {
                    let message = format!("has more than {MAX_LIST_VALUES} values in the lists of its row");
                    return Err((Reason::Length, message));
                }
                self.space();
                self.value(Some(&target), 1)?;
                cells.push(self.cells[0]);
                self.space();
                self.at += 1;
                match self.text.get(self.at - 1) {
                    Some(b',') => {}
                    Some(b']') => break,
                    _ => {
                        self.at -= 1;
                        return Err(self.invalid("a comma or a closing bracket"));
                    }
                }
            }
        }
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(self.invalid("nothing more behind the array"))
        }
    }
}
