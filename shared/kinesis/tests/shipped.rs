//! The event files of `events/analyze`: every one is read as what it is.

use std::{collections::BTreeMap, fs, path::Path};
use watershed_kinesis::{Batch, Damage, Event, Unpacker};

/// Kinesis records, user records, and those that could not be unpacked. None: it is no event of a stream.
type Read = Option<(usize, usize, Vec<Damage>)>;

fn read(text: &[u8]) -> Read {
    let event = Event::parse(text).ok()?;
    let (mut batch, mut unpacker) = (Batch::default(), Unpacker::new(&event));
    let (mut records, mut damages) = (0, Vec::new());
    while unpacker.fill(&mut batch) {
        records += batch.records.len();
        damages.extend(batch.records.iter().filter_map(|record| record.damage));
    }
    Some((event.records.len(), records, damages))
}

#[test]
fn every_event_is_read_as_what_it_is() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/analyze");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        found.insert(name, read(&fs::read(&path).expect("the file can be read")));
    }
    let plain = |records| Some((records, records, Vec::new()));
    let expected = [
        ("aggregated-by-kpl", Some((2, 12, Vec::new()))),
        ("delivered-again", plain(4)),
        ("gzip", plain(3)),
        ("late-and-from-the-future", plain(3)),
        ("poison", Some((6, 6, vec![Damage::Truncated]))),
        ("records", plain(4)),
        ("stream-without-contract", plain(1)),
        ("tick", None),
    ];
    let expected: BTreeMap<String, Read> = expected.map(|(name, read)| (name.to_string(), read)).into();
    assert_eq!(found, expected);
}
