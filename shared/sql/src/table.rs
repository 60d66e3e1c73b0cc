//! A state of a table as the engine sees it.

use crate::{
    pruning::{Bounds, statistics},
    reader::{self, Lake},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DFSchema, Result},
    datasource::{
        TableType,
        listing::PartitionedFile,
        object_store::ObjectStoreUrl,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
    },
    logical_expr::{Expr, TableProviderFilterPushDown, utils::conjunction},
    physical_expr::{
        PhysicalExprSimplifier,
        expressions::{Column as Expressed, not},
        utils::collect_columns,
    },
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{ExecutionPlan, PhysicalExpr},
};
use std::{collections::BTreeSet, fmt, sync::Arc};
use watershed_lake::{Column, ColumnType, TableName};
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::arrow_type;
use watershed_table::current::{Current, LiveFile};

/// Rows of a file above which it has several pages of a column, as `watershed_sink` writes them: of smaller ones, bounds of pages say what those of the
/// file do, and cost a request.
const MIN_PAGED_ROWS: u64 = 20_000;
/// How many times as much as a filter's columns the others have to be to be read after it.
const LATE_RATIO: u64 = 4;

/// One state of a table: its columns, and what its manifests say of its files.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its data files.
    pub files: Vec<LiveFile>,
}

impl Snapshot {
    /// Reads the manifests of a state.
    pub async fn load(store: &dyn ObjectStore, current: &Current) -> Result<Self, PortError> {
        Ok(Self {
            columns: current.columns()?,
            files: current.files(store).await?,
        })
    }

    /// Rows in its files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(LiveFile::rows).sum()
    }
}

/// What a query gets where it names a table.
#[derive(Debug, Clone)]
pub struct Input {
    /// The table as it is read.
    pub snapshot: Arc<Snapshot>,
    /// Columns that are not there for it.
    pub hidden: BTreeSet<String>,
    /// In SQL, over its columns: only the rows for which it is true are there. None: all.
    pub filter: Option<String>,
}

impl Input {
    /// The whole table.
    pub fn whole(snapshot: Arc<Snapshot>) -> Self {
        Self {
            snapshot,
            hidden: BTreeSet::new(),
            filter: None,
        }
    }
}

/// Texts and bytes as views: a value that is only compared or grouped by is not copied.
fn engine_type(column: &Column) -> DataType {
    match column.kind {
        ColumnType::String => DataType::Utf8View,
        ColumnType::Binary => DataType::BinaryView,
        _ => arrow_type(column),
    }
}

/// A table of the engine's.
pub(crate) struct Table {
    pub(crate) name: TableName,
    columns: Vec<Column>,
    schema: SchemaRef,
    snapshot: Arc<Snapshot>,
    lake: Arc<Lake>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.name)
    }
}

impl Table {
    pub(crate) fn new(name: TableName, input: &Input, lake: Arc<Lake>) -> Self {
        let columns = input.snapshot.columns.iter();
        let columns: Vec<Column> = columns
            .filter(|column| !input.hidden.contains(&column.name))
            .cloned()
            .collect();
        let fields = columns
            .iter()
            .map(|column| Field::new(&column.name, engine_type(column), !column.required));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self {
            name,
            columns,
            schema,
            snapshot: Arc::clone(&input.snapshot),
            lake,
        }
    }

    /// The files that may have a row for which the filter is true.
    fn files(&self, filter: Option<&Arc<dyn PhysicalExpr>>) -> Result<Vec<&LiveFile>> {
        let mut files: Vec<&LiveFile> = self.snapshot.files.iter().filter(|file| file.rows() > 0).collect();
        if let Some(filter) = filter {
            let mut may = self.may_match(&files, filter)?.into_iter();
            files.retain(|_| may.next().unwrap_or(true));
        }
        Ok(files)
    }

    /// Of each of these files, whether it may have such a row, by its bounds.
    fn may_match(&self, files: &[&LiveFile], filter: &Arc<dyn PhysicalExpr>) -> Result<Vec<bool>> {
        // None: bounds tell nothing of it, and all files are read.
        let predicate = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&self.schema))
            .build(Arc::clone(filter));
        let Some(predicate) = predicate else {
            return Ok(vec![true; files.len()]);
        };
        predicate.prune(&Bounds {
            columns: &self.columns,
            files,
        })
    }

    /// Whether to read what the filter needs first, and of the other columns only the rows that are left. Reading in two steps costs, and pays
    /// where the others are much more; of a file of which all rows are left, what the filter needs is then not read at all.
    fn is_worth_reading_late(
        &self,
        filter: &Arc<dyn PhysicalExpr>,
        read: &[usize],
        files: &[&LiveFile],
    ) -> Result<bool> {
        let others_match = PhysicalExprSimplifier::new(&self.schema).simplify(not(Arc::clone(filter))?)?;
        let may = self.may_match(files, &others_match)?;
        let partly = files.iter().zip(may).filter(|(_, may)| *may);
        let partly: Vec<&LiveFile> = partly.map(|(file, _)| *file).collect();
        let of_filter: BTreeSet<usize> = collect_columns(filter).iter().map(Expressed::index).collect();
        let (of_filter, others): (Vec<usize>, Vec<usize>) = read.iter().partition(|column| of_filter.contains(column));
        let bytes = |columns: &[usize]| -> u64 { partly.iter().map(|file| self.bytes(file, columns)).sum() };
        Ok(partly.is_empty() || bytes(&others) > bytes(&of_filter).saturating_mul(LATE_RATIO))
    }

    /// Bytes of these columns in a file, as far as its manifest says.
    fn bytes(&self, file: &LiveFile, read: &[usize]) -> u64 {
        let fields = read.iter().flat_map(|index| self.columns[*index].all());
        let bytes: u64 = fields.filter_map(|field| file.column_bytes(field.id)).sum();
        bytes.min(file.bytes())
    }
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filter = conjunction(filters.to_vec());
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let filter = filter
            .map(|filter| state.create_physical_expr(filter, &schema))
            .transpose()?;
        let files = self.files(filter.as_ref())?;
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let read = projection.map_or(&all[..], Vec::as_slice);
        self.lake
            .will_read(files.iter().map(|file| self.bytes(file, read)).sum());
        let statistics = statistics(&self.columns, &files);
        // Of a limit the files that have so many rows are enough; but only without a filter does every row of them count.
        let limit = limit.filter(|_| filter.is_none());
        let is_late = match &filter {
            Some(filter) => self.is_worth_reading_late(filter, read, &files)?,
            None => false,
        };
        let mut source = ParquetSource::new(Arc::clone(&self.schema))
            .with_parquet_file_reader_factory(reader::factory(&self.lake))
            .with_enable_page_index(files.iter().any(|file| file.rows() > MIN_PAGED_ROWS))
            .with_pushdown_filters(is_late)
            .with_reorder_filters(is_late)
            .with_bloom_filter_on_read(false);
        if let Some(filter) = filter {
            source = source.with_predicate(filter);
        }
        let groups = groups(files, state.config().target_partitions());
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(crate::engine::LAKE)?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// The files in so many groups of about the same size: each is read by one thread.
fn groups(mut files: Vec<&LiveFile>, threads: usize) -> Vec<FileGroup> {
    files.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then_with(|| a.uri().cmp(b.uri())));
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); threads.max(1).min(files.len().max(1))];
    for file in files {
        let smallest = groups.iter_mut().min_by_key(|(bytes, _)| *bytes).expect("there is one");
        smallest.0 += file.bytes();
        let read = PartitionedFile::new(file.uri(), file.bytes()).with_extension(reader::Address(file.uri().into()));
        smallest.1.push(read);
    }
    groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}
