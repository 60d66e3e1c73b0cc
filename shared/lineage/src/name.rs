//! What jobs and datasets are called (OpenLineage, "Naming conventions"): of S3 the bucket is the namespace, and the key the name. A table is
//! called by where it lies, so that engines which read its files see the same one.

use watershed_lake::{LakeLocation, TableName, TableSpec, layout::split_uri};

/// Namespace of streams; with a name it is `kinesis:NAME`.
const STREAMS: &str = "kinesis";

/// A job: a function, and the dataset whose tables it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The lake: what tells this deployment from others.
    pub namespace: String,
    /// `ingest.nyc.flights`.
    pub name: String,
    /// It has no end.
    pub is_stream: bool,
}

impl Job {
    /// That function's for the dataset of that table.
    pub fn of(lake: &LakeLocation, function: &str, table: &TableName) -> Self {
        Self::named(lake, &format!("{function}.{table}"))
    }

    /// Of no dataset.
    pub fn named(lake: &LakeLocation, name: &str) -> Self {
        Self {
            namespace: lake.root().into(),
            name: name.into(),
            is_stream: false,
        }
    }
}

/// A dataset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// `s3://bucket`.
    pub namespace: String,
    /// `preprocessed/nyc/flights`.
    pub name: String,
}

impl Name {
    /// Of a table.
    pub fn table(lake: &LakeLocation, table: &TableSpec) -> Self {
        let location = lake.table(table);
        Self::object(&location).expect("a table lies in a bucket")
    }

    /// Of what a request names as its source. None: it is a table's, or was made up.
    pub fn source(uri: &str) -> Option<Self> {
        if let Some(shard) = uri.strip_prefix("kinesis://") {
            return Some(Self {
                namespace: STREAMS.into(),
                name: shard.split_once('/').map_or(shard, |(stream, _)| stream).into(),
            });
        }
        Self::object(uri)
    }

    fn object(uri: &str) -> Option<Self> {
        let (bucket, key) = split_uri(uri)?;
        Some(Self {
            namespace: format!("s3://{bucket}"),
            name: key.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_called_as_the_convention_has_it() {
        let name = |uri: &str| Name::source(uri).map(|name| (name.namespace, name.name));
        let is = |namespace: &str, name: &str| Some((namespace.to_string(), name.to_string()));
        assert_eq!(name("s3://raw/a/b c.csv"), is("s3://raw", "a/b c.csv"));
        assert_eq!(name("kinesis://clicks/shardId-000000000000"), is("kinesis", "clicks"));
        assert_eq!(name("enrich://x"), None);
    }
}
