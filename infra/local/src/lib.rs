//! watershed-local
