//! Rows by the words of searchable columns.

use super::{
    kept::{Got, Kept},
    snippet::Snippet,
};
use crate::{
    access::Access,
    query::Read,
    tables::{State, Tables},
};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use watershed_contract::Dataset;
use watershed_lake::{
    TableSpec,
    layout::{IndexPlaces, search::Piece},
};
use watershed_ports::PortError;
use watershed_search::{Index, Query, Statistics};
use watershed_sink::arrow_schema;
use watershed_table::current::LiveFile;

/// Objects that are read at the same time.
const MAX_CONCURRENT_READS: usize = 8;

/// What is asked, and of what.
#[derive(Clone, Copy)]
pub(super) struct Search<'s> {
    pub(super) tables: &'s Tables,
    pub(super) kept: &'s Kept,
    pub(super) query: &'s Query,
    pub(super) limit: usize,
    pub(super) access: Access,
}

/// What was found, and where it was looked for.
#[derive(Debug, Default, Serialize)]
pub(super) struct Found {
    /// The best rows of all tables.
    pub(super) rows: Vec<Row>,
    searched: Vec<Searched>,
    /// Files of all tables whose rows were not looked at.
    pub(super) unindexed: usize,
}

/// A table, in the state in which it was searched.
#[derive(Debug, Serialize)]
struct Searched {
    #[serde(flatten)]
    read: Read,
    columns: Vec<String>,
    /// Rows that match.
    rows: u64,
    files: usize,
    unindexed: usize,
}

/// A row.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    table: String,
    score: f32,
    /// Its primary key.
    key: Map<String, Value>,
    /// What is searched of it.
    columns: BTreeMap<String, Snippet>,
}

/// A table that is searched.
struct Target<'s> {
    dataset: &'s Dataset,
    spec: &'s TableSpec,
    /// Those of its searchable columns that the caller may see, by their numbers among them.
    columns: Vec<usize>,
}

/// A row that was found and is not read yet.
struct Hit {
    target: usize,
    file: usize,
    row: u64,
    score: f32,
}

/// Whether a file has its index, what it tells, and what is wrong with it.
struct Indexed {
    file: usize,
    pieces: Vec<Arc<Index>>,
    damaged: Option<String>,
}

impl<'s> Search<'s> {
    /// The best rows of these datasets' tables; and what is wrong with indexes that cannot be read, for the log.
    pub(super) async fn find(
        self,
        datasets: impl Iterator<Item = &'s Dataset>,
    ) -> Result<(Found, Vec<String>), PortError> {
        let targets: Vec<Target<'s>> = datasets.flat_map(|dataset| self.targets(dataset)).collect();
        let (mut found, mut damaged) = (Found::default(), Vec::new());
        let (mut hits, mut states) = (Vec::new(), Vec::new());
        for (number, target) in targets.iter().enumerate() {
            let state = self.tables.now(&target.spec.name).await?;
            let mut searched = Searched::new(target, state.as_deref());
            if let Some(state) = &state {
                let of_table = self.table(target, state, &mut searched, &mut damaged).await?;
                hits.extend(of_table.into_iter().map(|hit| Hit { target: number, ..hit }));
                best(&mut hits, self.limit);
            }
            found.unindexed += searched.unindexed;
            found.searched.push(searched);
            states.push(state);
        }
        found.rows = self.read(&targets, &states, hits).await?;
        Ok((found, damaged))
    }

    fn targets(self, dataset: &'s Dataset) -> Vec<Target<'s>> {
        let of_table = |spec: &'s TableSpec| {
            let searchable = spec.searchable().enumerate();
            let allowed = searchable.filter(|(_, column)| self.access.allows(column));
            let columns: Vec<usize> = allowed.map(|(number, _)| number).collect();
            (!columns.is_empty()).then_some(Target { dataset, spec, columns })
        };
        dataset.tables().filter_map(of_table).collect()
    }

    /// The best rows of a table. Its indexes are gone through twice, because how rare a word is stands in all of them; those that are kept are
    /// read once.
    async fn table(
        self,
        target: &Target<'s>,
        state: &State,
        searched: &mut Searched,
        damaged: &mut Vec<String>,
    ) -> Result<Vec<Hit>, PortError> {
        let name = &target.spec.name;
        let declaration = target
            .spec
            .search_declaration()
            .expect("a target has searchable columns");
        let (store, places) = (
            &*self.tables.ports.store,
            IndexPlaces::new(&state.location, &declaration),
        );
        let files = &state.snapshot.files;
        let listed = self
            .kept
            .listed(store, name, &places, files.iter().map(LiveFile::uri))
            .await?;
        let mut all = Statistics::default();
        let mut usable = BTreeSet::new();
        let numbers = || (0..files.len()).collect::<Vec<_>>();
        let mut indexes = self.indexes(target, state, &places, &listed, numbers());
        while let Some(indexed) = indexes.try_next().await? {
            damaged.extend(indexed.damaged);
            if indexed.pieces.is_empty() {
                continue;
            }
            for index in &indexed.pieces {
                all.add(index.statistics(self.query).map_err(|error| super::broken(&error))?);
            }
            usable.insert(indexed.file);
        }
        drop(indexes);
        searched.unindexed = files.len() - usable.len();
        let mut hits = Vec::new();
        let mut indexes = self.indexes(target, state, &places, &listed, usable.into_iter().collect());
        while let Some(indexed) = indexes.try_next().await? {
            // It went meanwhile.
            searched.unindexed += usize::from(indexed.pieces.is_empty());
            for index in &indexed.pieces {
                let found = index.search(self.query, &target.columns, &all, self.limit);
                let found = found.map_err(|error| super::broken(&error))?;
                searched.rows += found.rows;
                hits.extend(found.hits.into_iter().map(|hit| Hit {
                    target: 0,
                    file: indexed.file,
                    row: hit.row,
                    score: hit.score,
                }));
            }
            best(&mut hits, self.limit);
        }
        Ok(hits)
    }

    /// The indexes of the table's files of these numbers, in their order.
    fn indexes<'f>(
        self,
        target: &'f Target<'s>,
        state: &'f State,
        places: &'f IndexPlaces,
        listed: &'f BTreeMap<String, usize>,
        files: Vec<usize>,
    ) -> stream::BoxStream<'f, Result<Indexed, PortError>>
    where
        's: 'f,
    {
        let one = move |file: usize| async move {
            // Time runs while indexes that are kept are searched, too.
            tokio::task::yield_now().await;
            let uri = state.snapshot.files[file].uri();
            self.pieces(target, places, uri, listed.get(uri).copied().unwrap_or_default(), file)
                .await
        };
        stream::iter(files).map(one).buffered(MAX_CONCURRENT_READS).boxed()
    }

    async fn pieces(
        self,
        target: &Target<'s>,
        places: &IndexPlaces,
        uri: &str,
        count: usize,
        file: usize,
    ) -> Result<Indexed, PortError> {
        let mut found = Indexed {
            file,
            pieces: Vec::with_capacity(count),
            damaged: None,
        };
        for number in 0..count {
            let piece = Piece {
                file: uri.into(),
                number,
                is_last: number + 1 == count,
            };
            let uri = places.piece(&piece).expect("it was listed");
            match self.kept.get(&*self.tables.ports.store, &uri).await? {
                Got::Index(index) => found.pieces.push(index),
                Got::Gone => self.kept.forget(&target.spec.name),
                Got::Damaged(what) => found.damaged = Some(what),
            }
        }
        // Of a file all rows are searched, or none: then it counts as not indexed.
        if found.pieces.len() < count {
            found.pieces.clear();
        }
        Ok(found)
    }

    /// Reads the rows, those of a file together.
    async fn read(
        self,
        targets: &[Target<'s>],
        states: &[Option<Arc<State>>],
        hits: Vec<Hit>,
    ) -> Result<Vec<Row>, PortError> {
        let mut by_file: BTreeMap<(usize, usize), BTreeSet<u64>> = BTreeMap::new();
        for hit in &hits {
            by_file.entry((hit.target, hit.file)).or_default().insert(hit.row);
        }
        let read = by_file.into_iter().map(|((number, file), rows)| async move {
            let (target, state) = (&targets[number], states[number].as_ref().expect("it has rows"));
            let file_of = &state.snapshot.files[file];
            let (schema, keys) = self.schema(target);
            let wanted: Vec<u64> = rows.iter().copied().collect();
            let store = &*self.tables.ports.store;
            let batches = watershed_scan::pick(store, file_of.uri(), file_of.bytes(), &schema, &wanted).await?;
            let mut shown = Vec::with_capacity(wanted.len());
            for batch in &batches {
                shown.extend(self.shown(target, batch, keys)?);
            }
            let of_row = |(row, shown)| ((number, file, row), shown);
            Ok::<_, PortError>(rows.into_iter().zip(shown).map(of_row).collect::<Vec<_>>())
        });
        let read: Vec<Vec<_>> = stream::iter(read).buffered(MAX_CONCURRENT_READS).try_collect().await?;
        let mut read: BTreeMap<_, Row> = read.into_iter().flatten().collect();
        let row = |hit: Hit| {
            let row = read.remove(&(hit.target, hit.file, hit.row))?;
            Some(Row {
                score: hit.score,
                ..row
            })
        };
        Ok(hits.into_iter().filter_map(row).collect())
    }

    /// What is read of a row: its key, and behind that, from the given place on, what is searched of it.
    fn schema(self, target: &Target<'s>) -> (SchemaRef, usize) {
        let spec = target.spec;
        let is_own = spec.name == target.dataset.table.name;
        let key = target.dataset.primary_key.iter().filter(|_| is_own);
        let mut columns: Vec<usize> = key
            .copied()
            .filter(|column| self.access.allows(&spec.columns[*column]))
            .collect();
        let keys = columns.len();
        let searchable = spec.columns.iter().enumerate().filter(|(_, column)| column.searchable);
        let searchable: Vec<usize> = searchable.map(|(number, _)| number).collect();
        columns.extend(target.columns.iter().map(|number| searchable[*number]));
        let all = arrow_schema(spec);
        let fields = columns
            .iter()
            .map(|column| all.field(*column).clone().with_nullable(true));
        (Arc::new(Schema::new(fields.collect::<Vec<_>>())), keys)
    }

    fn shown(self, target: &Target<'s>, batch: &RecordBatch, keys: usize) -> Result<Vec<Row>, PortError> {
        let unwritable = |error: &dyn std::fmt::Display| PortError::fault(format!("a key as JSON: {error}"));
        let key = batch
            .project(&(0..keys).collect::<Vec<_>>())
            .map_err(|error| unwritable(&error))?;
        let mut writer = arrow_json::ArrayWriter::new(Vec::new());
        writer.write(&key).map_err(|error| unwritable(&error))?;
        writer.finish().map_err(|error| unwritable(&error))?;
        let written = writer.into_inner();
        let mut of_keys: Vec<Map<String, Value>> = if keys == 0 {
            Vec::new()
        } else {
            serde_json::from_slice(&written).map_err(|error| unwritable(&error))?
        };
        of_keys.resize(batch.num_rows(), Map::new());
        let schema = batch.schema();
        let row = |(row, key)| {
            let columns = schema.fields().iter().zip(batch.columns()).skip(keys);
            let shown = columns.filter_map(|(field, values)| {
                let snippet = Snippet::of_first(self.query, watershed_scan::texts(values, row))?;
                Some((field.name().clone(), snippet))
            });
            Row {
                table: target.spec.name.to_string(),
                score: 0.0,
                key,
                columns: shown.collect(),
            }
        };
        Ok(of_keys.into_iter().enumerate().map(row).collect())
    }
}

impl Searched {
    fn new(target: &Target<'_>, state: Option<&State>) -> Self {
        let searchable: Vec<&str> = target.spec.searchable().map(|column| column.name.as_str()).collect();
        Self {
            read: Read::of(&target.spec.name, state),
            columns: target.columns.iter().map(|number| searchable[*number].into()).collect(),
            rows: 0,
            files: state.map_or(0, |state| state.snapshot.files.len()),
            unindexed: 0,
        }
    }
}

/// The best of them, the best first; of equals the first.
fn best(hits: &mut Vec<Hit>, limit: usize) {
    hits.sort_by(|a, b| {
        let place = |hit: &Hit| (hit.target, hit.file, hit.row);
        b.score.total_cmp(&a.score).then_with(|| place(a).cmp(&place(b)))
    });
    hits.truncate(limit);
}
