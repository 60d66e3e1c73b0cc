//! Blocks of cells to rows that the contract accepts, and rows that it does not.

use crate::{
    block::Block,
    check::Checker,
    encoding::source_length,
    fields::FieldMap,
    keys::{KeyIndex, keys},
    nested::fitted,
    parse::ColumnParser,
    personal::Treatment,
    quality::Quality,
    records::refuse,
    reject::{DecodeError, ObjectReject, Reason, RejectedRow, Violation},
};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{Field, SchemaRef};
use arrow_select::filter::filter_record_batch;
use std::{collections::HashSet, sync::Arc};
use watershed_contract::Dataset;

/// What came of a block.
#[derive(Debug)]
pub struct Decoded {
    /// Rows that were accepted.
    pub batch: RecordBatch,
    /// Rows that were not, in order.
    pub rejected: Vec<RejectedRow>,
}

/// Standardises and checks the rows of one object.
pub struct Standardiser {
    dataset: Arc<Dataset>,
    schema: SchemaRef,
    parsers: Vec<ColumnParser>,
    checkers: Vec<Checker>,
    keys: KeyIndex,
    treatment: Arc<Treatment>,
    quality: Quality,
}

/// How a row that is refused is told: where it lies, and its bytes.
pub trait Rows {
    /// What is known of the way to the last row that was told.
    type Cursor: Default;

    /// The row without its reasons. Rows are asked for in their order.
    fn row(&self, row: usize, cursor: &mut Self::Cursor) -> RejectedRow;
}

impl Standardiser {
    /// `schema` is the Arrow schema of the dataset's table; `keys` is of a first or a second pass; `treatment` is the dataset's, and
    /// so is `quality`, which has seen no row yet.
    pub fn new(
        dataset: Arc<Dataset>,
        schema: SchemaRef,
        keys: KeyIndex,
        treatment: Arc<Treatment>,
        quality: Quality,
    ) -> Self {
        let columns = || dataset.columns.iter().zip(&dataset.table.columns);
        let parsers = columns().map(|(rule, column)| ColumnParser::of(rule, column)).collect();
        let checkers = columns()
            .map(|(rule, column)| Checker::new(&rule.checks, column.kind))
            .collect();
        Self {
            dataset,
            schema,
            parsers,
            checkers,
            keys,
            treatment,
            quality,
        }
    }

    /// The keys that were seen so far.
    pub fn keys(&self) -> &KeyIndex {
        &self.keys
    }

    /// The keys that were seen, and what is known of the rows.
    pub fn into_parts(self) -> (KeyIndex, Quality) {
        (self.keys, self.quality)
    }

    /// What is done with personal columns.
    pub fn treatment(&self) -> &Treatment {
        &self.treatment
    }

    /// Name of column `index`.
    pub fn name(&self, index: usize) -> &str {
        &self.dataset.table.columns[index].name
    }

    /// The Arrow schema of the table.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The reader of column `index`'s text.
    pub fn parser(&self, index: usize) -> &ColumnParser {
        &self.parsers[index]
    }

    /// A block of text, where column `i` stands in field `fields[i]`.
    pub fn text(&mut self, block: &mut Block, fields: &FieldMap) -> Result<Decoded, DecodeError> {
        refuse_other_encodings(block);
        let mut violations = std::mem::take(&mut block.violations);
        let parse = |((parser, field), index): ((&ColumnParser, &Option<usize>), u32)| {
            parser.parse(block, *field, index, &mut violations)
        };
        let columns = self.parsers.iter().zip(fields).zip(0..).map(parse).collect();
        if !self.treatment.is_private() {
            return self.rows(columns, violations, &*block);
        }
        let (treatment, dataset) = (Arc::clone(&self.treatment), Arc::clone(&self.dataset));
        let hidden = Hidden {
            block,
            fields,
            treatment: &treatment,
            dataset: &dataset,
        };
        self.rows(columns, violations, &hidden)
    }

    /// Typed columns, and what is known to be wrong with them.
    pub fn rows(
        &mut self,
        mut columns: Vec<ArrayRef>,
        mut violations: Vec<Violation>,
        rows: &impl Rows,
    ) -> Result<Decoded, DecodeError> {
        let total = columns.first().map_or(0, Array::len);
        let mut broken = vec![false; total];
        for violation in violations.iter().filter(|v| v.column.is_none()) {
            broken[violation.row as usize] = true;
        }
        let spoiled = self.compute(&mut columns, &mut violations);
        for ((checker, column), index) in self.checkers.iter().zip(&columns).zip(0..) {
            let of_column = violations.iter().filter(|v| v.column == Some(index));
            let unread: HashSet<u32> = of_column.map(|v| v.row).collect();
            let is_computed = self.dataset.columns[index as usize].computed.is_some();
            let skip = |row: u32| {
                let spoils = || spoiled.get(row as usize) == Some(&true);
                broken[row as usize] || unread.contains(&row) || (is_computed && spoils())
            };
            checker.check(column, index, &skip, &mut violations);
        }
        let mut accepted = vec![true; total];
        for violation in &violations {
            accepted[violation.row as usize] = false;
        }
        self.quality.refuse(&columns, &mut accepted, &mut violations);
        self.check_keys(&columns, &mut accepted, &mut violations)?;
        self.quality.count(&columns, &accepted).map_err(DecodeError::Input)?;
        let batch = self
            .treatment
            .apply(batch(&self.schema, columns, &accepted, !violations.is_empty())?);
        Ok(Decoded {
            batch,
            rejected: self.rejected(violations, rows),
        })
    }

    /// Puts computed columns in the place of what was read for them. Says of each row whether something that they may be made of is
    /// known to be wrong: what they are then means nothing. Empty where no column is computed.
    fn compute(&self, columns: &mut [ArrayRef], violations: &mut Vec<Violation>) -> Vec<bool> {
        let mut spoiled = Vec::new();
        for (index, rule) in self.dataset.columns.iter().enumerate() {
            let Some(computed) = &rule.computed else { continue };
            let rows = columns[index].len();
            if spoiled.is_empty() {
                spoiled = vec![false; rows];
                for violation in violations.iter() {
                    spoiled[violation.row as usize] = true;
                }
            }
            let evaluated = computed.expression.evaluate(columns, rows);
            for failure in evaluated.failures {
                if !std::mem::replace(&mut spoiled[failure.row as usize], true) {
                    violations.push(Violation {
                        row: failure.row,
                        column: Some(index as u32),
                        reason: Reason::Transform,
                        message: failure.message,
                    });
                }
            }
            columns[index] = evaluated.values;
        }
        spoiled
    }

    fn check_keys(
        &mut self,
        columns: &[ArrayRef],
        accepted: &mut [bool],
        violations: &mut Vec<Violation>,
    ) -> Result<(), DecodeError> {
        if self.dataset.primary_key.is_empty() {
            return Ok(());
        }
        let key: Vec<ArrayRef> = self
            .dataset
            .primary_key
            .iter()
            .map(|index| Arc::clone(&columns[*index]))
            .collect();
        for (row, key) in keys(&key).into_iter().enumerate() {
            if accepted[row] && !self.keys.insert(key).map_err(DecodeError::Input)? {
                accepted[row] = false;
                let message = "repeats the primary key of an earlier row of the object".into();
                let column = Some(self.dataset.primary_key[0] as u32);
                violations.push(Violation {
                    row: row as u32,
                    column,
                    reason: Reason::DuplicateKey,
                    message,
                });
            }
        }
        if self.keys.too_many() {
            return Err(ObjectReject::new(Reason::Limit, crate::keys::TooManyDuplicates.to_string()).into());
        }
        Ok(())
    }

    fn rejected<R: Rows>(&self, mut violations: Vec<Violation>, rows: &R) -> Vec<RejectedRow> {
        violations.sort_by_key(|violation| (violation.row, violation.column));
        let hides = |violation: &Violation| {
            let is_private = match violation.column {
                Some(column) => self.treatment.hides(column as usize),
                None => self.treatment.is_private(),
            };
            is_private && violation.reason.shows_input()
        };
        for violation in violations.iter_mut().filter(|violation| hides(violation)) {
            violation.message = violation.reason.without_value();
        }
        let mut cursor = R::Cursor::default();
        let name = |violation: &Violation| {
            violation
                .column
                .map(|index| self.dataset.table.columns[index as usize].name.clone())
        };
        violations
            .chunk_by(|a, b| a.row == b.row)
            .map(|of_row| {
                let first = &of_row[0];
                let told: Vec<String> = of_row
                    .iter()
                    .map(|violation| match name(violation) {
                        Some(column) => format!("{column}: {}", violation.message),
                        None => format!("the row {}", violation.message),
                    })
                    .collect();
                RejectedRow {
                    column: name(first),
                    reason: first.reason,
                    message: told.join("; "),
                    ..rows.row(first.row as usize, &mut cursor)
                }
            })
            .collect()
    }
}

fn batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    accepted: &[bool],
    some_refused: bool,
) -> Result<RecordBatch, DecodeError> {
    let internal = |error: arrow_schema::ArrowError| DecodeError::Input(std::io::Error::other(error));
    let fit = |columns: &[ArrayRef]| {
        let fields = schema.fields().iter().zip(columns);
        fields
            .map(|(field, column)| fitted(column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()
            .and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns))
            .map_err(internal)
    };
    if !some_refused {
        return fit(&columns);
    }
    // Columns that are required may hold nulls in the rows that go: name them nullable until those are gone.
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    let loose = Arc::new(arrow_schema::Schema::new(fields));
    let all = RecordBatch::try_new(loose, columns).map_err(internal)?;
    let kept = filter_record_batch(&all, &BooleanArray::from(accepted.to_vec())).map_err(internal)?;
    fit(kept.columns())
}

/// Records with bytes that are not UTF-8, or were not of the encoding that they came in, lose their cells and gain a violation.
fn refuse_other_encodings(block: &mut Block) {
    if std::str::from_utf8(&block.bytes).is_ok() {
        return;
    }
    let name = block.encoding.name();
    let help = if block.unplaced {
        format!("put it in {name}")
    } else {
        format!("save the file as {name}, or mend `encoding` in the contract")
    };
    let violation = |row: usize| {
        let error = std::str::from_utf8(block.raw(row)).err()?;
        let at = source_length(block.encoding, &block.raw(row)[..error.valid_up_to()]);
        Some(Violation {
            row: row as u32,
            column: None,
            reason: Reason::Encoding,
            message: format!("is not {name} at byte {at} of the row: {help}"),
        })
    };
    let violations = (0..block.records.len()).filter_map(violation).collect();
    refuse(block, violations);
}

impl Block {
    /// A row of records that have no place.
    fn numbered(&self, row: usize) -> RejectedRow {
        let raw = self.raw(row).to_vec();
        RejectedRow {
            offset: 0,
            length: raw.len() as u64,
            line: self.line + row as u64,
            column: None,
            reason: Reason::Type,
            message: String::new(),
            raw,
        }
    }
}

/// A place in the block, and the lines and the object's bytes before it.
#[derive(Default)]
pub struct LineCursor {
    at: usize,
    lines: u64,
    bytes: u64,
}

impl Rows for Block {
    type Cursor = LineCursor;

    fn row(&self, row: usize, cursor: &mut LineCursor) -> RejectedRow {
        if self.unplaced {
            return self.numbered(row);
        }
        let start = self.records[row].start as usize;
        let between = &self.bytes[cursor.at..start];
        cursor.lines += memchr::memchr_iter(self.line_end(), between).count() as u64;
        cursor.bytes += source_length(self.encoding, between);
        cursor.at = start;
        let raw = self.raw(row).to_vec();
        RejectedRow {
            offset: self.offset + cursor.bytes,
            length: self.cut_from.unwrap_or_else(|| source_length(self.encoding, &raw)),
            line: self.line + cursor.lines,
            column: None,
            reason: Reason::Type,
            message: String::new(),
            raw,
        }
    }
}

/// A block whose rows may not be shown as they are.
struct Hidden<'a> {
    block: &'a Block,
    fields: &'a FieldMap,
    treatment: &'a Treatment,
    dataset: &'a Dataset,
}

impl Rows for Hidden<'_> {
    type Cursor = LineCursor;

    fn row(&self, row: usize, cursor: &mut LineCursor) -> RejectedRow {
        RejectedRow {
            raw: self.treatment.shown_row(self.block, row, self.fields, self.dataset),
            ..self.block.row(row, cursor)
        }
    }
}
