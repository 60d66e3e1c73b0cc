//! Text that is searched: rows of named columns → an index as bytes, and what is asked → which rows of which indexes, the best first. By
//! tantivy, which nothing else links.
//!
//! * [`words`](mod@words): a text's words, the same in an index, in what is asked and in what is shown.
//! * [`query`]: what is asked: words, `"phrases"`, `-not`, `beginning*`.
//! * [`build`]: rows → an index. It has words, their places and how long each text is; it has no text.
//! * [`index`]: an index → the rows that match, and how well by BM25, among the rows of all indexes that are searched together ([`Statistics`]).
//! * `bundle`: an index as bytes, with a checksum. `excluded`: rows that must not match.
//!
//! An index is of one data file, or of some of its rows that follow on each other, and never changes, as the file does not. The same rows give the
//! same bytes.

pub mod build;
mod bundle;
mod excluded;
pub mod index;
pub mod query;
mod schema;
pub mod words;

pub use build::Builder;
pub use index::{Found, Hit, Index, Statistics};
pub use query::{BadQuery, Query};
pub use words::{Word, words};

/// Why an index cannot be made or read. Of one that is read: it is damaged, and is to be made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index {0}")]
pub struct IndexError(pub(crate) String);

impl From<tantivy::TantivyError> for IndexError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self(format!("does not work: {error}"))
    }
}
