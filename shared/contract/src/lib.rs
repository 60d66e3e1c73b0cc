//! Data contracts: Open Data Contract Standard v3.1 documents, read once at the edge into [`Dataset`]s.
//!
//! Pure, but for [`Contracts::load`], which reads a folder. Everything that is wrong with any contract is found at once, and each
//! [`Diagnostic`] says where it is, what is wrong and what to write instead.
#![doc = include_str!("../REFERENCE.md")]

mod age;
pub mod aggregate;
mod bounds;
mod computed;
mod contracts;
pub mod dataset;
mod diagnostic;
mod dialect;
mod document;
mod drift;
mod duration;
pub mod enrich;
mod expectation;
mod formats;
mod location;
mod made;
mod nested;
mod number;
mod order;
mod path;
mod personal;
mod property;
mod quality;
mod reader;
mod retention;
mod rules;
mod schema;
mod searchable;
mod spellings;
mod spot;
mod stream;
mod temporal;
mod types;
mod units;
mod yaml;

pub use age::{Age, RawRetention, Retention, RowRetention};
pub use aggregate::Aggregation;
pub use contracts::{Contracts, FILE_SUFFIX, parse};
pub use dataset::*;
pub use diagnostic::{Diagnostic, Errors};
pub use drift::UnknownColumns;
pub use enrich::Enrichment;
pub use expectation::{Expectation, Expected};
pub use number::{Negative, NumberFormat};
pub use path::{Step, XmlPath, source_path, xml_path};
pub use personal::is_personal_word;
pub use quality::{Computed, MILLIONTHS, Measure, OnFailure, QualityRule, Threshold, Unit};
pub use stream::{Detect, OutputColumn, Source, Stream, Window, input_type};
pub use units::{Conversion, SourceUnit, Units};

/// Limits on what a contract may hold.
pub mod limits {
    pub use crate::{
        aggregate::{MAX_INPUTS, MAX_SQL_BYTES},
        bounds::{MAX_COMPILED_BYTES, MAX_ENUM_VALUES, MAX_PATTERN_BYTES},
        contracts::MAX_CONTRACTS,
        dialect::MAX_SKIP_ROWS,
        document::{MAX_ID_BYTES, MAX_SCHEMAS, MAX_VERSION_PART},
        enrich::{MAX_CONDITIONS, MAX_ENRICHED_COLUMNS, MAX_STEPS, MAX_WITHIN_M},
        expectation::{MAX_EXPECTATIONS, MAX_PROMISE_MS},
        formats::MAX_FIXED_BYTES,
        location::MAX_LOCATION_BYTES,
        nested::{MAX_FIELD_DEPTH, MAX_NESTED_FIELDS},
        number::MAX_STRIP_BYTES,
        order::{MAX_BUCKETS, MAX_PARTITION_FIELDS, MAX_SORT_FIELDS, MAX_TRUNCATE},
        path::MAX_PATH_STEPS,
        property::MAX_FIELD_ID,
        retention::{
            MAX_AGE_MS, MAX_RETENTION_UNITS, MIN_ORPHANS_MS, MIN_QUARANTINE_MS, MIN_SNAPSHOTS_MS, MIN_STAGED_MS,
        },
        rules::{MAX_DUPLICATE_RULES, MAX_RULES},
        schema::MAX_COLUMNS,
        spellings::MAX_SPELLINGS,
        stream::{
            DEFAULT_MAX_AHEAD_MS, DEFAULT_OUT_OF_ORDER_MS, DEFAULT_STATE_BYTES, DEFAULT_STATE_KEYS, MAX_DETECTORS,
            MAX_KEY_COLUMNS, MAX_STREAM_NAME_BYTES, MAX_WINDOWS,
        },
        temporal::{MAX_FORMAT_BYTES, MAX_FORMATS},
        types::MAX_PRECISION,
        yaml::{MAX_CONTRACT_BYTES, MAX_NESTING, MAX_NODES},
    };
}
