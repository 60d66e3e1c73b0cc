//! Where the indexes of a table's data files lie, by which the rows in them are found by words.
//!
//! ```text
//! TABLE/search/DECLARATION/data/SOURCE/…/FILE.parquet/00000.part
//!                                                    /00001.last
//! ```
//! `DECLARATION` is a digest of the columns that are searched and of the indexes' format: where either changes, indexes are made anew beside
//! the old ones. Behind it stands the path of the data file, so that whoever sweeps the table knows whose an index is. A file's pieces are
//! written one after the other: the last one says that all are there.

use super::Digest;
use crate::table::{Column, TableSpec};

/// What the bytes of an index are: one that is made otherwise, of the same rows, has another number.
pub const INDEX_FORMAT: u32 = 1;

/// Where the indexes of a table lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPlaces {
    /// `s3://LAKE/preprocessed/DATABASE/TABLE`.
    location: String,
    declaration: String,
}

/// Whose an index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Address of the data file.
    pub file: String,
    /// Which of its pieces, from 0.
    pub number: usize,
    /// There are no more.
    pub is_last: bool,
}

impl TableSpec {
    /// Columns whose texts are found by their words.
    pub fn searchable(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.searchable)
    }

    /// A digest of them; none: there are none, and the table has no indexes.
    pub fn search_declaration(&self) -> Option<String> {
        let mut digest = Digest::new();
        digest.part(&INDEX_FORMAT.to_le_bytes());
        self.searchable().next()?;
        for column in self.searchable() {
            digest.part(&column.id.to_le_bytes());
            digest.part(column.name.as_bytes());
        }
        Some(digest.short())
    }
}

impl IndexPlaces {
    /// Of the table at that location, with no slash at the end, whose columns have that declaration.
    pub fn new(location: &str, declaration: &str) -> Self {
        Self {
            location: location.into(),
            declaration: declaration.into(),
        }
    }

    /// The prefix, with its slash, of all of them.
    pub fn prefix(&self) -> String {
        format!("{}/search/{}/", self.location, self.declaration)
    }

    /// Path of a data file below the table's place; none: it is not where files of the table lie.
    pub fn path<'u>(&self, uri: &'u str) -> Option<&'u str> {
        uri.strip_prefix(&self.location)?.strip_prefix('/')
    }

    /// Address of the data file of that path.
    pub fn file(&self, path: &str) -> String {
        format!("{}/{path}", self.location)
    }

    /// The prefix, with its slash, of those of a data file; none: the file is not where files of the table lie.
    pub fn of_file(&self, uri: &str) -> Option<String> {
        Some(format!("{}{}/", self.prefix(), self.path(uri)?))
    }

    /// One of them.
    pub fn piece(&self, piece: &Piece) -> Option<String> {
        let ending = if piece.is_last { "last" } else { "part" };
        let prefix = self.of_file(&piece.file)?;
        Some(format!("{prefix}{:05}.{ending}", piece.number))
    }

    /// Whose the index at that address is; none: it is none of these.
    pub fn parse(&self, uri: &str) -> Option<Piece> {
        let (path, name) = uri.strip_prefix(&self.prefix())?.rsplit_once('/')?;
        let (number, ending) = name.split_once('.')?;
        let piece = Piece {
            file: self.file(path),
            number: number.parse().ok()?,
            is_last: ending == "last",
        };
        (self.piece(&piece).as_deref() == Some(uri)).then_some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layout::Zone, table::ColumnType};

    fn spec(searchable: &[(i32, &str)]) -> TableSpec {
        let column = |(id, name): &(i32, &str)| Column {
            searchable: true,
            ..Column::plain(*id, name, ColumnType::String, false, "")
        };
        let plain = Column::plain(9, "n", ColumnType::Long, false, "");
        TableSpec {
            name: "a.b".parse().expect("a name"),
            zone: Zone::Preprocessed,
            columns: searchable.iter().map(column).chain([plain]).collect(),
            partition: Vec::new(),
            sort: Vec::new(),
            doc: None,
            properties: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn other_columns_have_other_indexes() {
        let digest = |columns: &[(i32, &str)]| spec(columns).search_declaration();
        assert_eq!(digest(&[]), None);
        let one = digest(&[(1, "x")]);
        assert!(one.is_some());
        for other in [&[(2, "x")][..], &[(1, "y")], &[(1, "x"), (2, "y")]] {
            assert_ne!(digest(other), one, "{other:?}");
        }
    }

    #[test]
    fn an_index_says_whose_it_is() {
        let places = IndexPlaces::new("s3://lake/preprocessed/a/b", "0d");
        for (number, is_last) in [(0, true), (7, false)] {
            let file = "s3://lake/preprocessed/a/b/data/0a/1b/c=x/00000-00000.parquet".to_string();
            let piece = Piece { file, number, is_last };
            let uri = places.piece(&piece).expect("a file of the table");
            assert!(uri.starts_with(&places.of_file(&piece.file).expect("a file of the table")));
            assert_eq!(places.parse(&uri), Some(piece));
        }
        assert_eq!(places.of_file("s3://lake/elsewhere/x.parquet"), None);
        for other in [
            "s3://lake/preprocessed/a/b/search/0e/data/x.parquet/00000.last",
            "s3://lake/preprocessed/a/b/search/0d/data/x.parquet/00000.other",
            "s3://lake/preprocessed/a/b/search/0d/data/x.parquet/1.last",
            "s3://lake/preprocessed/a/b/data/x.parquet",
        ] {
            assert_eq!(places.parse(other), None, "{other}");
        }
    }
}
