//! One data file: the words of its searchable columns, as index objects.

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use watershed_lake::{
    TableSpec,
    layout::{IndexPlaces, search::Piece, split_uri},
};
use watershed_ops::scratch;
use watershed_ports::{ObjectStore, PortError};
use watershed_search::{Builder, IndexError};
use watershed_sink::arrow_schema;
use watershed_table::indexed;

/// Most pieces of a file: two gibibytes of text, by about.
pub const MAX_PIECES: usize = 64;

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indexed {
    /// It has its index.
    Known,
    /// It is gone, and so is needed by none.
    Gone,
    /// Its index was made.
    Made {
        /// Rows in it.
        rows: u64,
        /// Objects.
        pieces: usize,
        /// Of them.
        bytes: u64,
    },
}

/// Makes the index of the file at that address. What is in memory is of one piece; those that are done wait in `scratch`.
pub async fn index(
    store: &dyn ObjectStore,
    scratch: &Path,
    spec: &TableSpec,
    places: &IndexPlaces,
    uri: &str,
) -> Result<Indexed, PortError> {
    let prefix = places.of_file(uri);
    let (prefix, (bucket, key)) = prefix
        .zip(split_uri(uri))
        .ok_or_else(|| PortError::fault(format!("{uri} is not where files of the table lie")))?;
    if !indexed::list(store, places, &prefix).await?.is_empty() {
        return Ok(Indexed::Known);
    }
    let Some(found) = store.find(bucket, key).await? else {
        return Ok(Indexed::Gone);
    };
    let schema = searched(spec);
    let mut pieces = Pieces::new(&schema, scratch)?;
    let mut take = |batch: RecordBatch| pieces.add(&batch);
    watershed_scan::read(store, uri, found.meta.bytes, &schema, &mut take).await?;
    let (paths, rows, bytes) = pieces.finish()?;
    for (number, local) in paths.iter().enumerate() {
        let piece = Piece {
            file: uri.into(),
            number,
            is_last: number + 1 == paths.len(),
        };
        let uri = places.piece(&piece).expect("its file is where files of the table lie");
        scratch::hand_over(store, &uri, local).await?;
    }
    Ok(Indexed::Made {
        rows,
        pieces: paths.len(),
        bytes,
    })
}

/// The searchable columns of a table. A file that is older than one of them has none of its words.
fn searched(spec: &TableSpec) -> SchemaRef {
    let all = arrow_schema(spec);
    let fields = spec.columns.iter().zip(all.fields());
    let searched = fields.filter(|(column, _)| column.searchable);
    let nullable = searched.map(|(_, field)| field.as_ref().clone().with_nullable(true));
    Arc::new(Schema::new(nullable.collect::<Vec<_>>()))
}

/// Pieces of an index that is being made.
struct Pieces<'s> {
    columns: Vec<String>,
    scratch: &'s Path,
    builder: Builder,
    done: Vec<PathBuf>,
    bytes: u64,
}

fn failed(error: &IndexError) -> PortError {
    PortError::fault(error.to_string())
}

impl<'s> Pieces<'s> {
    fn new(schema: &Schema, scratch: &'s Path) -> Result<Self, PortError> {
        let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self {
            builder: Builder::new(&columns, 0).map_err(|error| failed(&error))?,
            columns,
            scratch,
            done: Vec::new(),
            bytes: 0,
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), PortError> {
        for row in 0..batch.num_rows() {
            if self.builder.is_full() {
                self.next()?;
            }
            let texts = batch.columns().iter().enumerate();
            let texts =
                texts.flat_map(|(column, values)| watershed_scan::texts(values, row).map(move |text| (column, text)));
            self.builder.add(texts).map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// The piece is done: it waits on disk, and the next one begins.
    fn next(&mut self) -> Result<(), PortError> {
        if self.done.len() + 1 >= MAX_PIECES {
            return Err(PortError::fault(format!(
                "its text is more than {MAX_PIECES} indexes hold: write smaller files, or declare fewer columns searchable"
            )));
        }
        let next = Builder::new(&self.columns, self.builder.next_row()).map_err(|error| failed(&error))?;
        let full = std::mem::replace(&mut self.builder, next);
        let (path, bytes) = wait(full, self.scratch, self.done.len())?;
        self.done.push(path);
        self.bytes += bytes;
        Ok(())
    }

    /// Where they are, how many rows, and how many bytes.
    fn finish(mut self) -> Result<(Vec<PathBuf>, u64, u64), PortError> {
        let rows = self.builder.next_row();
        let (path, bytes) = wait(self.builder, self.scratch, self.done.len())?;
        self.done.push(path);
        Ok((self.done, rows, self.bytes + bytes))
    }
}

/// A piece on disk, and its bytes.
fn wait(builder: Builder, scratch: &Path, number: usize) -> Result<(PathBuf, u64), PortError> {
    let index = builder.finish().map_err(|error| failed(&error))?;
    let path = scratch.join(number.to_string());
    std::fs::write(&path, &index).map_err(|error| PortError::fault(format!("writing {}: {error}", path.display())))?;
    Ok((path, index.len() as u64))
}
