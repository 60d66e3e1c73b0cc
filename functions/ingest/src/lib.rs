//! watershed-ingest
