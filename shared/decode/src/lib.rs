//! watershed-decode
