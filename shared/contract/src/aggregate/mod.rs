//! A table that is made of other tables, by one query.

mod cycles;
mod read;
mod resolve;
mod source;

pub(crate) use cycles::cycles;
pub(crate) use read::{Declared, KEYS, read};
pub use read::{MAX_INPUTS, MAX_SQL_BYTES, SQL_SUFFIX};
pub(crate) use resolve::{Texts, is_complete, resolve};
pub(crate) use source::{refuse, shape};

use watershed_lake::TableName;

/// How a table is made of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregation {
    /// One `SELECT`: it names its tables `database.table`, and its columns as the table's.
    pub sql: String,
    /// Name of the file that it stands in, for messages.
    pub file: String,
    /// The tables that it reads, each once, in the contract's order.
    pub inputs: Vec<Input>,
    /// By its index, the field of the table's partition that is made anew by its values; none: the table is made as a whole.
    pub partition: Option<usize>,
}

/// A table that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub table: TableName,
    /// The column, by its index in that table, whose values lie in the partition of the rows that are made of them; none: each of its
    /// rows can be of every partition. Never null.
    pub column: Option<usize>,
}

impl Aggregation {
    /// Whether that table is one of its inputs.
    pub fn reads(&self, table: &TableName) -> bool {
        self.inputs.iter().any(|input| input.table == *table)
    }
}
