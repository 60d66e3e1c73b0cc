//! Which files are indexed by which message.

use crate::message::Unit;
use watershed_lake::{TableName, layout::IndexPlaces};
use watershed_table::current::LiveFile;

/// Files that one look asks for; the next one asks for what is left.
pub const MAX_FILES_A_LOOK: usize = 2_000;
/// Files of a message: it stays far below what a message may have.
pub const MAX_FILES: usize = 50;
/// Bytes of the files of a message, above which no other file joins: an invocation has time for them.
pub const MAX_BYTES: u64 = 64 << 20;

/// What a look asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    /// A message each.
    pub units: Vec<Unit>,
    /// Files that are left for the next look.
    pub left: usize,
    /// Files that are not at the table's place, and so have no place for an index.
    pub elsewhere: usize,
}

/// The messages that ask for the indexes of these files of the table.
pub fn messages(name: &TableName, places: &IndexPlaces, files: impl Iterator<Item = LiveFile>) -> Planned {
    let (mut planned, mut asked, mut bytes) = (Planned::default(), 0, 0);
    for file in files {
        let Some(path) = places.path(file.uri()) else {
            planned.elsewhere += 1;
            continue;
        };
        if asked >= MAX_FILES_A_LOOK {
            planned.left += 1;
            continue;
        }
        let has_room = |unit: &&mut Unit| unit.files.len() < MAX_FILES && bytes + file.bytes() <= MAX_BYTES;
        if let Some(unit) = planned.units.last_mut().filter(has_room) {
            unit.files.push(path.into());
        } else {
            bytes = 0;
            planned.units.push(Unit {
                index: name.clone(),
                files: vec![path.into()],
            });
        }
        bytes += file.bytes();
        asked += 1;
    }
    planned
}
