//! One group: its files, as one file of the same rows.

use crate::{key::Matcher, message::Unit};
use arrow_array::RecordBatch;
use std::{collections::BTreeMap, path::Path};
use watershed_lake::{
    Column, PartitionField, SortField, Swap, TableSpec,
    layout::{Digest, digest_prefix, packed_folder, path_in},
};
use watershed_ops::scratch;
use watershed_ports::{ObjectStore, PortError};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkSettings, arrow_schema};
use watershed_table::{
    current::{Current, LiveFile},
    footer,
};

/// Key of a footer under which stands how many files it was packed of.
pub const PACKED_FILES: &str = "watershed.packed-files";
/// Keys of a footer that the writer itself sets.
const OF_THE_WRITER: [&str; 2] = ["iceberg.schema", "ARROW:schema"];

/// What came of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// What the committer is asked for.
    pub swap: Swap,
    /// Rows that were read.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// Packs the files of the unit into one. None: one of them does not live any more, so the group is done with, or lost to newer files; or none of the
/// rows is there that are to be erased.
pub async fn pack(
    store: &dyn ObjectStore,
    scratch: &Path,
    spec: &TableSpec,
    table: &Current,
    unit: &Unit,
) -> Result<Option<Packed>, PortError> {
    let Unit {
        source, files: paths, ..
    } = unit;
    let prefix = digest_prefix(table.location(), source);
    let live = table.packable(store).await?;
    let live: BTreeMap<&str, &LiveFile> = live
        .iter()
        .filter_map(|file| Some((file.uri().strip_prefix(&prefix)?, file)))
        .collect();
    let files: Option<Vec<&LiveFile>> = paths.iter().map(|path| live.get(path.as_str()).copied()).collect();
    let Some(files) = files else { return Ok(None) };
    let spec = as_it_is(spec, table.columns()?)?;
    let key = unit.erase.as_ref().map(|key| Matcher::new(&spec, &spec.columns, key));
    let key = key.transpose()?;
    let finished = write(store, scratch, &spec, &files, key.as_ref()).await?;
    let rows: u64 = files.iter().map(|file| file.rows()).sum();
    let kept: u64 = finished.iter().map(|file| file.rows).sum();
    let mut folder = packed_folder(paths, &spec);
    if key.is_some() {
        if kept == rows {
            return Ok(None);
        }
        folder = path_in(&folder, &contents(&finished)?);
    }
    let mut staged = Vec::new();
    for file in finished {
        let placed = file.staged_in(&folder);
        scratch::hand_over(store, &format!("{prefix}{}", placed.path), &file.local).await?;
        staged.push(placed);
    }
    Ok(Some(Packed {
        swap: Swap {
            prefix,
            replaced: paths.clone(),
            files: staged,
            erased_rows: if key.is_some() { rows - kept } else { 0 },
        },
        rows,
        bytes: files.iter().map(|file| file.bytes()).sum(),
    }))
}

/// The table with the columns that it has, whatever the contract says of them by now; partitioned and sorted as the contract says, by the ids of
/// columns. A column that the table does not have yet is null in all rows: it orders nothing.
fn as_it_is(spec: &TableSpec, columns: Vec<Column>) -> Result<TableSpec, PortError> {
    let place = |column: usize| columns.iter().position(|held| held.id == spec.columns[column].id);
    let partition = spec.partition.iter().map(|field| {
        let column = place(field.column).ok_or_else(|| {
            let name = &spec.columns[field.column].name;
            PortError::fault(format!(
                "table {} has no column `{name}`, which it is partitioned by",
                spec.name
            ))
        })?;
        Ok(PartitionField {
            column,
            ..field.clone()
        })
    });
    let partition = partition.collect::<Result<_, PortError>>()?;
    let sort = spec.sort.iter().filter_map(|field| {
        let column = place(field.column)?;
        Some(SortField {
            column,
            ..field.clone()
        })
    });
    Ok(TableSpec {
        partition,
        sort: sort.collect(),
        columns,
        ..spec.clone()
    })
}

/// What the files are made of: two keys leave other rows of the same file, and no path may tell a value.
fn contents(files: &[FinishedFile]) -> Result<String, PortError> {
    let mut digest = Digest::new();
    for file in files {
        let read = file.digest(&mut digest);
        read.map_err(|error| PortError::fault(format!("reading {}: {error}", file.local.display())))?;
    }
    Ok(digest.short())
}

/// All rows of the files, sorted, as one file, but for those that have the key; none where no row is left.
async fn write(
    store: &dyn ObjectStore,
    scratch: &Path,
    spec: &TableSpec,
    files: &[&LiveFile],
    key: Option<&Matcher>,
) -> Result<Vec<FinishedFile>, PortError> {
    let failed = |error: SinkError| PortError::fault(format!("packing files of {}: {error}", spec.name));
    let settings = SinkSettings {
        // They were chosen by their sizes, and all are of one partition.
        target_file_bytes: u64::MAX,
        max_partitions: 1,
        ..SinkSettings::new(scratch)
    };
    let provenance = provenance(store, files).await?;
    let schema = arrow_schema(spec);
    let mut sink = Sink::new(spec, &provenance, settings).map_err(failed)?;
    let mut finished = Vec::new();
    let mut emit = |file: FinishedFile| {
        finished.push(file);
        Ok(())
    };
    for file in files {
        let mut take = |batch: RecordBatch| {
            let batch = match key {
                Some(key) => key.without(&batch).map_err(|error| failed(error.into()))?,
                None => batch,
            };
            sink.write(batch, &mut emit).map_err(failed)
        };
        watershed_scan::read(store, file.uri(), file.bytes(), &schema, &mut take).await?;
    }
    sink.finish(&mut emit).map_err(failed)?;
    Ok(finished)
}

/// What the footers of all files say alike, of their source and of what they were joined with, is said of the packed one.
async fn provenance(store: &dyn ObjectStore, files: &[&LiveFile]) -> Result<BTreeMap<String, String>, PortError> {
    let mut common: Option<BTreeMap<String, String>> = None;
    for file in files {
        let metadata = footer::metadata(store, file.uri(), file.bytes()).await;
        // The table names it: that it is gone is nothing about the data in it.
        let metadata = metadata.map_err(watershed_table::object::as_fault)?;
        let said = metadata
            .file_metadata()
            .key_value_metadata()
            .cloned()
            .unwrap_or_default();
        let said = said.into_iter().filter_map(|entry| Some((entry.key, entry.value?)));
        let said: BTreeMap<String, String> = said.filter(|(key, _)| !OF_THE_WRITER.contains(&key.as_str())).collect();
        common = Some(match common {
            None => said,
            Some(mut common) => {
                common.retain(|key, value| said.get(key) == Some(value));
                common
            }
        });
    }
    let mut common = common.unwrap_or_default();
    common.insert(PACKED_FILES.into(), files.len().to_string());
    Ok(common)
}
