//! The flow on the local cloud: files in, tables out, read back by pyiceberg. One local cloud for all tests of this file.

#[path = "flow/api.rs"]
mod api;
#[path = "flow/athena.rs"]
mod athena;
#[path = "flow/broken_rows.rs"]
mod broken_rows;
#[path = "flow/drift.rs"]
mod drift;
#[path = "flow/nycflights13.rs"]
mod nycflights13;
#[path = "flow/order.rs"]
mod order;
#[path = "flow/others.rs"]
mod others;
#[path = "flow/parts.rs"]
mod parts;
#[path = "flow/private.rs"]
mod private;
#[path = "flow/raw.rs"]
mod raw;
#[path = "flow/replay.rs"]
mod replay;

use std::{path::Path, sync::OnceLock};
use watershed_tests::Cloud;

/// Tables of the tests, and the contract that each is made of.
const TABLES: [(&str, &str); 11] = [
    ("duplicates", "simple"),
    ("overwritten", "simple"),
    ("crowded", "simple"),
    ("shared", "simple"),
    ("unreadable", "simple"),
    ("broken", "strict"),
    ("people", "private"),
    ("mended", "mended"),
    ("large", "lines"),
    ("killed", "lines"),
    ("drifting", "drift"),
];

fn cloud() -> &'static Cloud {
    static CLOUD: OnceLock<Cloud> = OnceLock::new();
    CLOUD.get_or_init(|| Cloud::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("flow"), &TABLES))
}

/// A file of the simple tables: these ids, each with the note.
fn csv(ids: impl IntoIterator<Item = u64>, note: &str) -> String {
    use std::fmt::Write as _;
    ids.into_iter().fold("id,note\n".to_string(), |mut text, id| {
        let _ = writeln!(text, "{id},{note}");
        text
    })
}
