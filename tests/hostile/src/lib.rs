//! What must hold of any bytes whatever, decoder by decoder: nothing panics or hangs, no bound is passed, and every record is told of.
//!
//! The same checks are run by `cargo test` over the files in `seeds` and mutations of them, and by `tests/fuzz` over what libFuzzer
//! comes up with. An input of a decoder is one byte that selects a contract, one of [`Mode`], and the object.

mod contracts;
pub mod mode;
pub mod mutate;
mod rows;
mod words;

pub use mode::Mode;

/// Something that reads bytes which anybody may have written.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its seeds' folder, and of its fuzz target.
    pub name: &'static str,
    /// Panics where one of its promises is broken.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target {
        name: "csv",
        check: csv,
    },
    Target {
        name: "dialects",
        check: dialects,
    },
    Target {
        name: "ndjson",
        check: ndjson,
    },
    Target {
        name: "array",
        check: array,
    },
    Target {
        name: "xml",
        check: xml,
    },
    Target {
        name: "fixed",
        check: fixed,
    },
    Target {
        name: "parquet",
        check: parquet,
    },
    Target {
        name: "infer",
        check: words::infer,
    },
    Target {
        name: "contract",
        check: words::contract,
    },
    Target {
        name: "expression",
        check: words::expression,
    },
];

/// The target of that name.
pub fn check(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("a name of TARGETS").check)(input);
}

fn csv(input: &[u8]) {
    rows::check(&contracts::CSV, input);
}

fn dialects(input: &[u8]) {
    rows::check(&contracts::DIALECTS, input);
}

fn ndjson(input: &[u8]) {
    rows::check(&contracts::NDJSON, input);
}

fn array(input: &[u8]) {
    rows::check(&contracts::ARRAY, input);
}

fn xml(input: &[u8]) {
    rows::check(&contracts::XML, input);
}

fn fixed(input: &[u8]) {
    rows::check(&contracts::FIXED, input);
}

fn parquet(input: &[u8]) {
    rows::check(&contracts::PARQUET, input);
}
