//! Data contracts: Open Data Contract Standard v3.1 documents, read once at the edge into [`Dataset`]s.

pub mod dataset;

pub use dataset::*;
