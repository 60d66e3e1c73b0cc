//! **analyze**: what comes of the records of a stream.

// A test that cannot go on panics.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod rows;
