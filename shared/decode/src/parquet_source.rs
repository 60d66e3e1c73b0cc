//! Parquet: typed columns already. What has the column's type is taken as it is, what does not is read through its text,
//! by the same rules as a CSV field.

pub use crate::arrays::texts;
use crate::{
    arrays,
    block::{Block, Cell, Record},
    drift::Unknown,
    fields::{self, FieldMap, Mapping},
    nested::Misfit,
    parquet_footer, parquet_pages,
    parse::{
        ColumnParser,
        temporal::{YEARS_DAYS, YEARS_US},
    },
    personal,
    reject::{DecodeError, ObjectReject, Reason, RejectedRow, Violation},
    standardise::{Decoded, Rows, Standardiser},
};
use arrow_array::{
    Array, ArrayRef, RecordBatch, StringArray,
    cast::AsArray,
    types::{Date32Type, TimestampMicrosecondType},
};
use arrow_schema::{DataType, Field};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    errors::ParquetError,
};
use std::{fs::File, io::Read, sync::Arc};
use watershed_contract::Dataset;

/// Rows read at a time.
const BATCH_ROWS: usize = 8_192;
/// First bytes of every Parquet file (Apache Parquet, "File Format").
const MAGIC: &[u8] = b"PAR1";

/// Reads a Parquet file.
pub struct ParquetReader {
    reader: ParquetRecordBatchReader,
    fields: FieldMap,
    named: Vec<Unknown>,
    row: u64,
}

impl ParquetReader {
    /// Of a file on local disk: Parquet is read from its end.
    pub fn open(mut file: File, dataset: &Dataset) -> Result<Self, DecodeError> {
        let mut magic = Vec::new();
        (&mut file)
            .take(MAGIC.len() as u64)
            .read_to_end(&mut magic)
            .map_err(DecodeError::Input)?;
        if magic != MAGIC {
            let message = format!("the object is not Parquet: it begins {}", crate::reject::shown(&magic));
            return Err(ObjectReject::new(Reason::WrongFormat, message)
                .without("the object is not Parquet")
                .into());
        }
        let footer = parquet_footer::read(&file).map_err(|error| damaged(&error))?;
        let again = file.try_clone().map_err(DecodeError::Input)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(again, footer);
        let names: Vec<String> = builder
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let Mapping {
            fields: mut roots,
            unknown,
        } = fields::by_name(dataset, &names)?;
        let to_add = unknown
            .iter()
            .map(|at| unknown_column(&builder.schema().fields()[*at]))
            .collect::<Result<_, _>>()?;
        roots.extend(unknown.into_iter().map(Some));
        let mut wanted: Vec<usize> = roots.iter().flatten().copied().collect();
        wanted.sort_unstable();
        let fields = roots
            .iter()
            .map(|root| root.and_then(|root| wanted.iter().position(|w| *w == root)))
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        parquet_pages::check(&file, builder.metadata(), |leaf| mask.leaf_included(leaf))?;
        let reader = builder
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| damaged(&error))?;
        Ok(Self {
            reader,
            fields,
            named: to_add,
            row: 0,
        })
    }

    /// Columns to be added. They are read behind those of the dataset.
    pub fn named(&self) -> &[Unknown] {
        &self.named
    }

    /// Columns of the dataset that the file lacks.
    pub fn missing(&self) -> Vec<usize> {
        let fields = self.fields.iter().enumerate();
        fields
            .filter_map(|(column, field)| field.is_none().then_some(column))
            .collect()
    }

    /// The next rows; none at the end.
    pub fn read(&mut self, standardiser: &mut Standardiser) -> Result<Option<Decoded>, DecodeError> {
        let read = parquet_footer::caught(|| self.reader.next());
        let Some(batch) = read.map_err(|error| damaged(&error))? else {
            return Ok(None);
        };
        let batch = batch.map_err(|error| damaged(&error))?;
        let mut hidden = vec![false; batch.num_columns()];
        for (column, field) in self.fields.iter().enumerate() {
            if let Some(field) = field {
                hidden[*field] = standardiser.treatment().hides(column);
            }
        }
        let rows = ParquetRows {
            batch: &batch,
            first: self.row,
            hidden,
        };
        let schema = Arc::clone(standardiser.schema());
        let mut violations = Vec::new();
        let mut columns = Vec::with_capacity(self.fields.len());
        for (index, field) in self.fields.iter().enumerate() {
            let target = schema.field(index).data_type();
            let array = match field {
                None => arrow_array::new_null_array(target, batch.num_rows()),
                Some(field) => {
                    let (column, parser) = (batch.column(*field), standardiser.parser(index));
                    typed(column, target, parser, index as u32, &mut violations)
                        .map_err(|misfit| unreadable(standardiser.name(index), &misfit))?
                }
            };
            columns.push(array);
        }
        let decoded = standardiser.rows(columns, violations, &rows)?;
        self.row += batch.num_rows() as u64;
        Ok(Some(decoded))
    }
}

/// A column of the file that is to be added, of the type that it has where a table has that too.
fn unknown_column(field: &Field) -> Result<Unknown, ObjectReject> {
    let kind = arrays::column_type(field.data_type()).ok_or_else(|| {
        let message = format!(
            "column {} is of type {}, which cannot be added to the table: write watershed.unknownColumns: ignore",
            crate::reject::shown(field.name().as_bytes()),
            field.data_type()
        );
        let told = "a column that the contract does not name is of a type which cannot be added to the table: write watershed.unknownColumns: ignore";
        ObjectReject::new(Reason::UnknownColumn, message).without(told)
    })?;
    Ok(Unknown {
        source: field.name().clone(),
        kind,
    })
}

fn damaged(error: &(impl std::error::Error + 'static)) -> DecodeError {
    let message = format!("the Parquet file is damaged or cut ({error}): send the object again, whole");
    let io = (error as &dyn std::error::Error).downcast_ref::<ParquetError>();
    match io {
        Some(ParquetError::EOF(_)) => ObjectReject::new(Reason::Truncated, message).into(),
        _ => ObjectReject::new(Reason::Corrupt, message).into(),
    }
}

/// A column of the file as the table has it; what of its values cannot be read is null, and a violation.
pub fn typed(
    array: &ArrayRef,
    target: &DataType,
    parser: &ColumnParser,
    index: u32,
    violations: &mut Vec<Violation>,
) -> Result<ArrayRef, Misfit> {
    if let Some(shape) = parser.shape() {
        let mut found = Vec::new();
        let array = shape.convert(array, target, &mut found)?;
        violations.extend(found.into_iter().map(|found| found.violation(index)));
        return Ok(array);
    }
    if *target != DataType::Utf8
        && !parser.converts()
        && let Some(exact) = arrays::exact(array, target)
    {
        refuse_years(&exact, index, violations);
        return Ok(exact);
    }
    match arrays::texts(array) {
        Some(text) => Ok(parser.parse(&cells(&text), Some(0), index, violations)),
        None => Err(Misfit::of(array.data_type(), target)),
    }
}

fn unreadable(name: &str, misfit: &Misfit) -> ObjectReject {
    let Misfit { path, found, wanted } = misfit;
    let message =
        format!("column `{name}{path}` is of type {found}, which cannot be read as {wanted}: mend the contract");
    ObjectReject::safe(Reason::WrongFormat, message)
}

/// Dates and timestamps of years that not every reader of the tables knows, as those that are written in text.
fn refuse_years(array: &ArrayRef, index: u32, violations: &mut Vec<Violation>) {
    let mut refuse = |row: usize| {
        violations.push(Violation {
            row: row as u32,
            column: Some(index),
            reason: Reason::Overflow,
            message: "is not of the years 1 to 9999 in UTC".into(),
        });
    };
    let rows = (0..array.len()).filter(|row| array.is_valid(*row));
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().values();
            rows.filter(|row| !YEARS_DAYS.contains(&days[*row]))
                .for_each(&mut refuse);
        }
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().values();
            rows.filter(|row| !YEARS_US.contains(&micros[*row]))
                .for_each(&mut refuse);
        }
        _ => {}
    }
}

/// A block of one column.
fn cells(text: &StringArray) -> Block {
    let offsets = text.value_offsets();
    let cell = |row: usize| {
        if text.is_null(row) {
            Cell::ABSENT
        } else {
            Cell::new(offsets[row] as usize, offsets[row + 1] as usize)
        }
    };
    Block {
        bytes: text.value_data().to_vec(),
        records: vec![Record { start: 0, end: 0 }; text.len()],
        cells: (0..text.len()).map(cell).collect(),
        width: 1,
        ..Block::default()
    }
}

struct ParquetRows<'a> {
    batch: &'a RecordBatch,
    first: u64,
    hidden: Vec<bool>,
}

impl Rows for ParquetRows<'_> {
    type Cursor = ();

    /// The row's bytes are its values as one line of JSON: in the file it has none of its own.
    fn row(&self, row: usize, (): &mut ()) -> RejectedRow {
        let raw = personal::typed_line(self.batch, row, |column| self.hidden[column]);
        RejectedRow {
            offset: 0,
            length: raw.len() as u64,
            line: self.first + row as u64 + 1,
            column: None,
            reason: Reason::Type,
            message: String::new(),
            raw,
        }
    }
}
