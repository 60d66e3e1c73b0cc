//! Values that are JSON text.

use super::{Field, Found, MAX_LIST_VALUES, Shape, lists, of_lists, offsets, structs};
use crate::{
    block::{Block, Record},
    json::{Objects, items},
    parse::ColumnParser,
    reject::{Reason, Violation},
};
use arrow_array::ArrayRef;

/// The JSON text of a struct that is not there: it has nothing in it.
const NOTHING: &[u8] = b"{}";

impl Shape {
    /// The values of these texts, of which some are not there; `roots` are the table's rows that they are in, ascending.
    pub fn read<'t>(
        &self,
        texts: impl Iterator<Item = Option<&'t [u8]>>,
        roots: &[u32],
        found: &mut Vec<Found>,
    ) -> ArrayRef {
        let mut block = Block {
            bytes: NOTHING.to_vec(),
            ..Block::default()
        };
        let mut valid = Vec::with_capacity(roots.len());
        for text in texts {
            valid.push(text.is_some());
            let start = block.bytes.len();
            block.bytes.extend_from_slice(text.unwrap_or_default());
            let (start, end) = text.map_or((0, NOTHING.len()), |text| (start, start + text.len()));
            block.records.push(Record {
                start: start as u32,
                end: end as u32,
            });
        }
        let read = match self {
            Self::Struct(fields) => objects(fields, block, valid, roots, found),
            Self::List(element) => arrays(element, block, valid, roots, found),
        };
        read.expect("columns have as many rows as their struct, and lists end where their elements do")
    }
}

type Read = Result<ArrayRef, arrow_schema::ArrowError>;

fn objects(fields: &[Field], mut block: Block, mut valid: Vec<bool>, roots: &[u32], found: &mut Vec<Found>) -> Read {
    let mut objects = Objects::keys(fields.iter().map(|field| field.source.as_str()));
    block.width = objects.width();
    objects.read(&mut block);
    refuse(&mut block, &mut valid, found);
    let columns = fields.iter().enumerate().map(|(index, field)| {
        let step = format!(".{}", field.source);
        let mut inside = Vec::new();
        let column = field.read(&block, index, roots, &valid, &mut inside);
        found.extend(inside.into_iter().map(|found| {
            let row = found.row;
            found.inside(row, &step)
        }));
        column
    });
    let columns = columns.collect();
    structs(fields.iter().map(|field| field.source.as_str()), columns, valid)
}

fn arrays(element: &Field, mut block: Block, mut valid: Vec<bool>, roots: &[u32], found: &mut Vec<Found>) -> Read {
    let (mut root, mut used) = (0, 0);
    let mut cells = Vec::new();
    let lengths = items(&mut block, &mut cells, &valid, |row, taken| {
        if roots[row] != root {
            (root, used) = (roots[row], 0);
        }
        used += taken * element.weight;
        MAX_LIST_VALUES.saturating_sub(used) / element.weight
    });
    refuse(&mut block, &mut valid, found);
    let of_elements: Vec<u32> = roots
        .iter()
        .zip(&lengths)
        .flat_map(|(root, length)| std::iter::repeat_n(*root, *length))
        .collect();
    block.records = vec![Record { start: 0, end: 0 }; cells.len()];
    block.cells = cells;
    block.width = 1;
    let mut inside = Vec::new();
    let is_there = vec![true; block.records.len()];
    let elements = element.read(&block, 0, &of_elements, &is_there, &mut inside);
    found.extend(of_lists(inside, &offsets(&lengths)));
    lists(lengths, elements, valid)
}

/// Values that are no object, or no array.
fn refuse(block: &mut Block, valid: &mut [bool], found: &mut Vec<Found>) {
    for violation in block.violations.drain(..) {
        valid[violation.row as usize] = false;
        // It is the value that is wrong, not the record.
        let reason = if violation.reason == Reason::Length {
            Reason::Length
        } else {
            Reason::Type
        };
        found.push(Found::of(Violation { reason, ..violation }));
    }
}

impl Field {
    /// Reads and checks a field of the block's records, where those are `there`.
    fn read(&self, block: &Block, field: usize, roots: &[u32], there: &[bool], found: &mut Vec<Found>) -> ArrayRef {
        let array = self.parser.inside(block, field, roots, found);
        self.check(&array, &|row| !there[row], found);
        array
    }
}

impl ColumnParser {
    fn inside(&self, block: &Block, field: usize, roots: &[u32], found: &mut Vec<Found>) -> ArrayRef {
        if let Some(shape) = self.shape() {
            return shape.read(self.texts(block, field), roots, found);
        }
        let mut violations = Vec::new();
        let array = self.parse(block, Some(field), 0, &mut violations);
        found.extend(violations.into_iter().map(Found::of));
        array
    }
}
