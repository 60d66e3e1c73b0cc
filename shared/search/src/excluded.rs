//! Rows that must not match, as a set of them.
//!
//! What tantivy 0.27 leaves out it asks for rows in any order; a phrase can be asked in ascending order only, and panics or errs else. A set can.

use tantivy::{
    BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError,
    query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight},
};

/// The rows of a query, none better than another.
#[derive(Debug)]
pub(crate) struct Rows(pub(crate) Box<dyn Query>);

struct Found(Box<dyn Weight>);

impl Clone for Rows {
    fn clone(&self) -> Self {
        Self(self.0.box_clone())
    }
}

impl Query for Rows {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(Found(self.0.weight(scoring)?)))
    }
}

impl Weight for Found {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let mut rows = BitSet::with_max_value(reader.max_doc());
        let mut found = self.0.scorer(reader, boost)?;
        while found.doc() != TERMINATED {
            rows.insert(found.doc());
            found.advance();
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(rows), boost)))
    }

    fn explain(&self, reader: &SegmentReader, row: DocId) -> tantivy::Result<Explanation> {
        let mut rows = self.scorer(reader, 1.0)?;
        if rows.doc() <= row && rows.seek(row) == row {
            return Ok(Explanation::new("one of a set", 1.0));
        }
        Err(TantivyError::InvalidArgument(format!("row {row} does not match")))
    }
}
