//! Places in a document, for what is said of them once all documents are read.

use crate::yaml::Position;

/// Where something stands.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) position: Position,
    pub(crate) path: String,
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) spot: Spot,
}
