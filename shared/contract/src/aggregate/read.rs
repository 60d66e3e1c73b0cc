//! `aggregate` as it is written. What it names is looked up once all contracts are read.

use crate::{
    diagnostic::shown,
    reader::{At, Map},
    spot::{Spot, Word},
};

/// Keys of the watershed property of a schema object that are about it.
pub(crate) const KEYS: [&str; 1] = ["aggregate"];
/// End of the name of a file with a query.
pub const SQL_SUFFIX: &str = ".sql";
/// Longest query, in bytes.
pub const MAX_SQL_BYTES: usize = 64 * 1_024;
/// Tables that a query reads.
pub const MAX_INPUTS: usize = 32;

const PARTITION_HELP: &str = "write partition: {column: ours, of: {database.table: its column}}";

/// What is declared.
pub(crate) struct Declared {
    pub(crate) spot: Spot,
    /// Name of the file with the query.
    pub(crate) sql: Word,
    /// `database.table`.
    pub(crate) inputs: Vec<Word>,
    pub(crate) partition: Option<DeclaredPartition>,
}

pub(crate) struct DeclaredPartition {
    pub(crate) column: Word,
    /// Input, its column.
    pub(crate) of: Vec<(Word, Word)>,
}

/// `aggregate` of the watershed property; none where there is none, or something of it was reported.
pub(crate) fn read(custom: Option<&Map<'_>>) -> Option<Declared> {
    let at = custom?.get("aggregate")?;
    let map = at.map()?;
    map.only(&["sql", "inputs", "partition"]);
    let sql = sql(&map);
    let inputs = map.need(
        "inputs",
        "write inputs: [database.table], every table that the query reads",
    );
    let inputs = inputs.map(|at| {
        let items = at.list();
        if at.is_list() && (items.is_empty() || items.len() > MAX_INPUTS) {
            at.error(format!("{} inputs", items.len()), format!("write 1 to {MAX_INPUTS}"));
        }
        items.iter().take(MAX_INPUTS).filter_map(At::spotted).collect()
    });
    let partition = map.get("partition").map(|at| partition(&at.map()?));
    Some(Declared {
        spot: at.spot(),
        sql: sql?,
        inputs: inputs?,
        partition: partition.map_or(Some(None), |found| found.map(Some))?,
    })
}

/// The name of a file beside the contract.
fn sql(map: &Map<'_>) -> Option<Word> {
    let at = map.need("sql", "write sql: the name of a file beside the contract, daily.sql")?;
    let word = at.spotted()?;
    if word.text.contains(['/', '\\']) || !word.text.ends_with(SQL_SUFFIX) {
        at.error(
            format!("sql {}", shown(&word.text)),
            format!("write the query in a file *{SQL_SUFFIX} beside the contract, and its name without a folder here"),
        );
        return None;
    }
    Some(word)
}

fn partition(map: &Map<'_>) -> Option<DeclaredPartition> {
    map.only(&["column", "of"]);
    let column = map.need("column", PARTITION_HELP).and_then(|at| at.spotted());
    let of = map.need("of", PARTITION_HELP)?;
    let pairs = of.map()?.pairs();
    if pairs.is_empty() {
        of.error("of of no input", PARTITION_HELP);
        return None;
    }
    Some(DeclaredPartition {
        column: column?,
        of: pairs,
    })
}
