//! What lies in the lake of tables that are made of other tables.

use super::{Digest, LakeLocation, source_prefix};
use crate::table::TableName;

impl LakeLocation {
    /// Where it stands which states of other tables that enriched table was made of last.
    pub fn enrichment(&self, table: &TableName) -> String {
        format!("{}/enrich/{}/{}.json", self.0, table.database(), table.table())
    }
}

impl LakeLocation {
    /// The same of a table that is aggregated.
    pub fn aggregation(&self, table: &TableName) -> String {
        format!("{}/aggregate/{}/{}.json", self.0, table.database(), table.table())
    }
}

/// What a part of an aggregated table is the source of, there.
pub fn aggregate_source(table: &TableName, part: &str) -> String {
    format!("aggregate/{table}/{part}")
}

/// What files of a table that is made of another table are the source of, there: all files of `table` that have that digest in their paths.
pub fn derived_source(table: &TableName, digest: &str) -> String {
    format!("{table}/{digest}")
}

/// The prefix, with its slash, of the data files that are made of such a source in an epoch.
pub fn epoch_prefix(location: &str, source: &str, epoch: u64, contract_digest: &str) -> String {
    let mut digest = Digest::new();
    digest.part(&epoch.to_le_bytes());
    digest.part(contract_digest.as_bytes());
    format!("{}{}/", source_prefix(location, source), digest.short())
}

/// The folder, below such a prefix, of what is made of the `number`-th file of the source: with the partition that the path of that file
/// tells people.
pub fn folder_of(number: usize, file_uri: &str) -> String {
    let partition = file_uri.split('/').filter(|part| part.contains('='));
    let mut folder = format!("{number:05}");
    for part in partition {
        folder.push('/');
        folder.push_str(part);
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_a_file_lies_by_its_number_and_partition() {
        let table = TableName::new("nyc", "flights").unwrap();
        let source = derived_source(&table, "0a");
        assert_eq!(source, "nyc.flights/0a");
        assert_eq!(
            aggregate_source(&table, "day=2013-01-01"),
            "aggregate/nyc.flights/day=2013-01-01"
        );
        let prefix = |epoch, contract| epoch_prefix("s3://lake/t", &source, epoch, contract);
        assert!(prefix(1, "c").starts_with(&source_prefix("s3://lake/t", &source)));
        assert!(prefix(1, "c") != prefix(2, "c") && prefix(1, "c") != prefix(1, "d"));
        assert_eq!(
            folder_of(3, "s3://lake/t/data/0a/1b/0/day=2013-01-01/c=x/00000.parquet"),
            "00003/day=2013-01-01/c=x"
        );
        assert_eq!(folder_of(0, "s3://lake/t/data/0a/1b/0/00000.parquet"), "00000");
    }
}
