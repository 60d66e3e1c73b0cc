//! References in memory: the columns that are taken of them, and what their rows are found by.

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, UInt32Array, cast::AsArray, types::Float64Type};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use watershed_contract::{
    Dataset,
    enrich::{Around, Direction, Enrichment, Join, Matching, Pair, Point, Step, Work},
};
use watershed_join::{AsOf, BuildError, Function, JoinError, Lookup, Measure, Points, Reference, Regions};
use watershed_lake::TableName;
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::arrow_schema;
use watershed_table::current::Current;

/// A reference, as one state of its table has it: the columns that an enrichment reads.
pub struct Loaded {
    /// For people: which state it is.
    pub snapshot_id: Option<i64>,
    reference: Reference,
    /// Which columns of the table these are, ascending.
    columns: Vec<usize>,
}

/// What the rows of a reference are found by.
pub enum Index {
    /// By equal values.
    Lookup(Lookup),
    /// By time, on that side and at most so far.
    AsOf(AsOf, watershed_join::Direction, Option<Duration>),
    /// By place.
    Points(Points),
    /// By place, and what is worked out of them.
    Around(Points, Vec<Measure>),
    /// By shape.
    Regions(Regions),
}

/// Memory that is left for references.
pub struct Budget {
    left: usize,
    all: usize,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            left: bytes,
            all: bytes,
        }
    }

    /// Takes so many for that table; a fault where they are not there.
    pub fn take(&mut self, bytes: usize, table: &TableName) -> Result<(), PortError> {
        let Some(left) = self.left.checked_sub(bytes) else {
            let mib = |bytes: usize| bytes.div_ceil(1 << 20);
            let what = format!(
                "references do not fit in {} MiB: {table} needs {} MiB more than is left; raise WATERSHED_REFERENCE_MB and the function's memory, or add fewer columns",
                mib(self.all),
                mib(bytes - self.left)
            );
            return Err(PortError::fault(what));
        };
        self.left = left;
        Ok(())
    }

    /// Gives so many back.
    fn give(&mut self, bytes: usize) {
        self.left += bytes;
    }
}

/// A reference at the state whose metadata lies there. Its rows are in the order of the addresses of their files, and of the rows in them.
pub async fn load(
    store: &dyn ObjectStore,
    metadata: &str,
    dataset: &Dataset,
    columns: Vec<usize>,
    budget: &mut Budget,
) -> Result<Loaded, PortError> {
    let table = &dataset.table.name;
    let arrow = |error: ArrowError| PortError::fault(format!("{table}: {error}"));
    let current = Current::at(store, metadata).await?;
    let mut files = current.files(store).await?;
    files.sort_by(|a, b| a.uri().cmp(b.uri()));
    let schema: SchemaRef = arrow_schema(&dataset.table).project(&columns).map_err(arrow)?.into();
    let mut batches = Vec::new();
    for file in files {
        let mut take = |batch: RecordBatch| {
            budget.take(batch.get_array_memory_size(), table)?;
            batches.push(batch);
            Ok(())
        };
        watershed_scan::read(store, file.uri(), file.bytes(), &schema, &mut take).await?;
    }
    // Of several batches one is made, and both are in memory until it is.
    let copied: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    budget.take(copied, table)?;
    let reference = Reference::of(&schema, &batches).map_err(|error| broken(table, &error))?;
    budget.give(copied);
    Ok(Loaded {
        snapshot_id: current.snapshot_id(),
        reference,
        columns,
    })
}

/// What the steps of an enrichment find rows by, in their order; none: a step that joins nothing.
pub fn indexes(
    enrichment: &Enrichment,
    loaded: &BTreeMap<TableName, Loaded>,
    budget: &mut Budget,
) -> Result<Vec<Option<Index>>, PortError> {
    let index = |step: &Step| {
        let Work::Join(join) = &step.work else { return Ok(None) };
        let context = |error: PortError| error.context(&step.label);
        let index = index(join, &loaded[&join.reference]).map_err(|error| broken(&join.reference, &error));
        let index = index.map_err(context)?;
        budget.take(index.size_bytes(), &join.reference)?;
        Ok(Some(index))
    };
    enrichment.steps.iter().map(index).collect()
}

fn broken(table: &TableName, error: &BuildError) -> PortError {
    PortError::fault(format!("{table} cannot be a reference: {error}"))
}

fn index(join: &Join, loaded: &Loaded) -> Result<Index, BuildError> {
    let theirs = |pairs: &[Pair]| -> Vec<ArrayRef> { pairs.iter().map(|pair| loaded.column(pair.theirs)).collect() };
    let points = |point: &Point| {
        Points::build(
            &degrees(&loaded.column(point.latitude.theirs))?,
            &degrees(&loaded.column(point.longitude.theirs))?,
        )
    };
    Ok(match &join.matching {
        Matching::Lookup { on, .. } => Index::Lookup(Lookup::build(&theirs(on))?),
        Matching::AsOf {
            on,
            time,
            direction,
            tolerance_us,
            ..
        } => {
            let direction = match direction {
                Direction::Backward => watershed_join::Direction::Backward,
                Direction::Forward => watershed_join::Direction::Forward,
                Direction::Nearest => watershed_join::Direction::Nearest,
            };
            let tolerance = tolerance_us.map(|us| Duration::from_micros(us.unsigned_abs()));
            Index::AsOf(
                AsOf::build(&theirs(on), &loaded.column(time.theirs))?,
                direction,
                tolerance,
            )
        }
        Matching::Nearest { point, .. } => Index::Points(points(point)?),
        Matching::Around { point, aggregates, .. } => {
            let measures = aggregates.iter().filter_map(|aggregate| loaded.measure(*aggregate));
            Index::Around(points(point)?, measures.collect::<Result<_, _>>()?)
        }
        Matching::Region { shape, .. } => Index::Regions(Regions::build(loaded.column(*shape).as_string())?),
    })
}

/// Numbers as degrees.
pub fn degrees(numbers: &ArrayRef) -> Result<Float64Array, ArrowError> {
    Ok(cast(numbers, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

impl Loaded {
    /// The column of that index in the reference's table.
    fn column(&self, index: usize) -> ArrayRef {
        Arc::clone(self.reference.batch().column(self.place(index)))
    }

    fn place(&self, index: usize) -> usize {
        let place = self.columns.binary_search(&index);
        place.expect("every column that a step names is loaded")
    }

    /// Of a count nothing: it is there already.
    fn measure(&self, aggregate: Around) -> Option<Result<Measure, BuildError>> {
        let (function, column) = match aggregate {
            Around::Count => return None,
            Around::Sum(column) => (Function::Sum, column),
            Around::Min(column) => (Function::Min, column),
            Around::Max(column) => (Function::Max, column),
        };
        let values = self.column(column);
        let wide = if values.data_type().is_integer() {
            DataType::Int64
        } else {
            DataType::Float64
        };
        Some(
            cast(&values, &wide)
                .map_err(Into::into)
                .map(|values| Measure { function, values }),
        )
    }

    /// Columns of the reference's table, of the rows that a join answered.
    pub fn take(&self, columns: &[usize], rows: &UInt32Array) -> Result<Vec<ArrayRef>, JoinError> {
        let places: Vec<usize> = columns.iter().map(|index| self.place(*index)).collect();
        self.reference.take(&places, rows)
    }
}

impl Index {
    /// Memory that it takes.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Lookup(index) => index.size_bytes(),
            Self::AsOf(index, ..) => index.size_bytes(),
            Self::Points(index) => index.size_bytes(),
            Self::Around(index, measures) => {
                let values = measures.iter().map(|measure| measure.values.get_array_memory_size());
                index.size_bytes() + values.sum::<usize>()
            }
            Self::Regions(index) => index.size_bytes(),
        }
    }
}
