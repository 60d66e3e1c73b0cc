//! watershed-table
