//! watershed-sink
