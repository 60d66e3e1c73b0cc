//! watershed-commit
