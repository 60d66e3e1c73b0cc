//! watershed-tests
