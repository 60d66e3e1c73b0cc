//! Aggregates, gzip, and what is neither.

mod common;

use common::{Packed, aggregate, bytes, event, gzip, number, sealed};
use proptest::prelude::*;
use watershed_kinesis::{Batch, Damage, Event, MAX_INFLATED_BYTES, MAX_RECORD_BYTES, Unpacker, hash_key};

/// A user record: Kinesis record, number in it, partition key, hash key, data, damage.
type Seen = (u32, u32, String, u128, Vec<u8>, Option<Damage>);

fn unpacked(data: &[&[u8]]) -> Vec<Seen> {
    let text = event(data);
    let event = Event::parse(&text).expect("an event");
    let (mut unpacker, mut batch, mut seen) = (Unpacker::new(&event), Batch::default(), Vec::new());
    while unpacker.fill(&mut batch) {
        for record in &batch.records {
            let (key, hash) = (batch.partition_key(record, &event), batch.hash_key(record, &event));
            let data = batch.data(record).to_vec();
            seen.push((record.entry, record.sub, key.into(), hash, data, record.damage));
        }
    }
    assert!(!unpacker.fill(&mut batch) && batch.records.is_empty());
    seen
}

/// Data and damage alone.
fn data(records: &[&[u8]]) -> Vec<(Vec<u8>, Option<Damage>)> {
    unpacked(records)
        .into_iter()
        .map(|(_, _, _, _, data, damage)| (data, damage))
        .collect()
}

/// Example of `erlmld`, which was made with Amazon's own aggregator.
const OF_ANOTHER: &[u8] = &[
    243, 137, 154, 194, 10, 13, 112, 97, 114, 116, 105, 116, 105, 111, 110, 95, 107, 101, 121, 26, 8, 8, 0, 26, 4, 100,
    97, 116, 97, 208, 54, 153, 218, 90, 34, 47, 163, 33, 8, 173, 27, 217, 85, 161, 78,
];

#[test]
fn an_aggregate_is_its_user_records() {
    let hash = hash_key(b"partition_key");
    let other: Packed<'_> = ("partition_key", None, b"data");
    assert_eq!(aggregate(&[other]), OF_ANOTHER);
    let packed: [Packed<'_>; 3] = [("a", Some(7), b"1"), ("b", None, b""), ("a", Some(u128::MAX), b"3")];
    let seen = unpacked(&[b"plain", &aggregate(&packed), OF_ANOTHER]);
    let expected: [Seen; 5] = [
        (0, 0, "key 0".into(), hash_key(b"key 0"), b"plain".to_vec(), None),
        (1, 0, "a".into(), 7, b"1".to_vec(), None),
        (1, 1, "b".into(), hash_key(b"b"), b"".to_vec(), None),
        (1, 2, "a".into(), u128::MAX, b"3".to_vec(), None),
        (2, 0, "partition_key".into(), hash, b"data".to_vec(), None),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn fields_that_are_not_known_and_tables_behind_records_are_read() {
    let mut record = Vec::new();
    bytes(&mut record, 4, b"a tag");
    bytes(&mut record, 3, b"first");
    number(&mut record, 1, 1);
    bytes(&mut record, 3, b"data");
    let mut message = Vec::new();
    bytes(&mut message, 3, &record);
    bytes(&mut message, 1, b"k0");
    message.extend([9 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0, 10 << 3 | 5, 0, 0, 0, 0]);
    bytes(&mut message, 1, b"k1");
    // Of a field that has one value the last one holds.
    let seen = unpacked(&[&sealed(&message)]);
    assert_eq!(seen, [(0, 0, "k1".into(), hash_key(b"k1"), b"data".to_vec(), None)]);
}

#[test]
fn what_is_no_valid_aggregate_is_a_plain_record() {
    let packed: [Packed<'_>; 2] = [("a", Some(7), b"1"), ("b", None, b"2")];
    let good = aggregate(&packed);
    let mut other_digest = good.clone();
    *other_digest.last_mut().unwrap() ^= 1;
    let record = |fields: &[(u8, u64)], with_data: bool| {
        let (mut record, mut message) = (Vec::new(), Vec::new());
        for (field, value) in fields {
            number(&mut record, *field, *value);
        }
        if with_data {
            bytes(&mut record, 3, b"x");
        }
        bytes(&mut message, 1, b"k");
        bytes(&mut message, 2, b"no number");
        bytes(&mut message, 3, &record);
        sealed(&message)
    };
    assert_eq!(unpacked(&[&record(&[(1, 0)], true)])[0].2, "k");
    let not_utf8 = {
        let mut message = Vec::new();
        bytes(&mut message, 1, b"\xff");
        sealed(&message)
    };
    let plain = [
        good[..20].to_vec(),
        good[..good.len() - 1].to_vec(),
        good[1..].to_vec(),
        other_digest,
        sealed(b""),
        sealed(b"\x0b"),
        sealed(b"\x02"),
        sealed(b"\x1a\x05ab"),
        sealed(&[0xff; 12]),
        record(&[(1, 1)], true),
        record(&[(1, u64::MAX)], true),
        record(&[(1, 0), (2, 0)], true),
        record(&[], true),
        record(&[(1, 0)], false),
        not_utf8,
    ];
    for (index, plain) in plain.iter().enumerate() {
        assert_eq!(data(&[plain]), [(plain.clone(), None)], "case {index}");
    }
    // And one of nothing has none.
    assert_eq!(data(&[&sealed(b"\x0a\x01k"), b"next"]), [(b"next".to_vec(), None)]);
}

#[test]
fn gzip_is_decompressed_in_aggregates_too() {
    let two = [gzip(b"one "), gzip(b"two")].concat();
    let packed: [Packed<'_>; 3] = [("a", None, &two), ("b", Some(9), b"plain"), ("c", None, &gzip(b""))];
    let seen = unpacked(&[&gzip(b"{}"), &aggregate(&packed)]);
    let found: Vec<(&str, &[u8])> = seen
        .iter()
        .map(|(_, _, key, _, data, _)| (key.as_str(), &data[..]))
        .collect();
    assert_eq!(
        found,
        [("key 0", &b"{}"[..]), ("a", b"one two"), ("b", b"plain"), ("c", b"")]
    );
    // What was decompressed is looked at no further.
    let inner = aggregate(&[("a", None, b"1")]);
    assert_eq!(data(&[&gzip(&inner)]), [(inner, None)]);
}

#[test]
fn damage_costs_only_its_record() {
    let whole = gzip(b"a longer text than its header is long");
    let cut = &whole[..whole.len() - 9];
    let mut corrupt = whole.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    let corrupt_crc = {
        let mut bytes = whole.clone();
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        bytes
    };
    let found = data(&[b"a", cut, &corrupt, b"b", &corrupt_crc]);
    let expected = [
        (b"a".to_vec(), None),
        (cut.to_vec(), Some(Damage::Truncated)),
        (corrupt, Some(Damage::Corrupt)),
        (b"b".to_vec(), None),
        (corrupt_crc, Some(Damage::Corrupt)),
    ];
    assert_eq!(found, expected);

    let text = String::from_utf8(event(&[b"abc", b"def"]))
        .unwrap()
        .replace("YWJj", "YW!j");
    let event = Event::parse(text.as_bytes()).expect("an event");
    let mut batch = Batch::default();
    assert!(Unpacker::new(&event).fill(&mut batch));
    let found: Vec<_> = batch
        .records
        .iter()
        .map(|record| (batch.data(record), record.damage))
        .collect();
    assert_eq!(found, [(&b"YW!j"[..], Some(Damage::Base64)), (b"def", None)]);
}

#[test]
fn what_grows_beyond_its_bounds_stays_compressed() {
    let (fits, bomb) = (
        gzip(&vec![b' '; MAX_RECORD_BYTES]),
        gzip(&vec![b' '; MAX_RECORD_BYTES + 1]),
    );
    let lengths = |records: &[&[u8]]| -> Vec<(usize, Option<Damage>)> {
        data(records)
            .into_iter()
            .map(|(data, damage)| (data.len(), damage))
            .collect()
    };
    assert_eq!(
        lengths(&[&fits, &bomb]),
        [(MAX_RECORD_BYTES, None), (bomb.len(), Some(Damage::TooLong))]
    );
    // Many that fit by themselves do not together.
    let most = MAX_INFLATED_BYTES / MAX_RECORD_BYTES;
    let packed: Vec<Packed<'_>> = (0..most + 2).map(|_| ("k", None, &fits[..])).collect();
    let found = lengths(&[&aggregate(&packed), &fits]);
    assert!(found[..most].iter().all(|found| *found == (MAX_RECORD_BYTES, None)));
    assert_eq!(
        found[most..],
        [
            (fits.len(), Some(Damage::TooLong)),
            (fits.len(), Some(Damage::TooLong)),
            (MAX_RECORD_BYTES, None)
        ]
    );
}

#[test]
fn batches_are_bounded_and_nothing_is_left_out() {
    let record = vec![b'x'; 100_000];
    let nothing = sealed(&[b"\x0a\xff\xff\x07".as_slice(), &vec![b'k'; 131_071]].concat());
    let mut records: Vec<&[u8]> = vec![&record; 13];
    // Aggregates of nothing as large as a batch, one behind the other.
    records.extend(vec![&nothing[..]; 8]);
    records.push(b"last");
    let text = event(&records);
    let event = Event::parse(&text).expect("an event");
    let (mut unpacker, mut batch, mut counts) = (Unpacker::new(&event), Batch::default(), Vec::new());
    while unpacker.fill(&mut batch) {
        assert!(batch.bytes.len() < watershed_kinesis::BATCH_BYTES + 200_000);
        counts.push(batch.records.len());
    }
    assert_eq!(counts, [6, 6, 1, 1]);
}

fn packed() -> impl Strategy<Value = Vec<(String, Option<u128>, Vec<u8>)>> {
    let key = "[ab]{0,2}|\\PC{1,5}";
    prop::collection::vec(
        (key, any::<Option<u128>>(), prop::collection::vec(any::<u8>(), 0..20)),
        1..6,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_packed_is_unpacked(records in packed(), compress in any::<bool>()) {
        let data: Vec<Vec<u8>> = records.iter().map(|(_, _, data)| if compress { gzip(data) } else { data.clone() }).collect();
        prop_assume!(compress || data.iter().all(|data| !data.starts_with(&[0x1f, 0x8b])));
        let packed: Vec<Packed<'_>> = records.iter().zip(&data).map(|((key, hash, _), data)| (key.as_str(), *hash, &data[..])).collect();
        let seen = unpacked(&[&aggregate(&packed)]);
        prop_assert_eq!(seen.len(), records.len());
        for (at, (seen, (key, hash, data))) in seen.iter().zip(&records).enumerate() {
            let hash = hash.unwrap_or_else(|| hash_key(key.as_bytes()));
            prop_assert_eq!(seen, &(0, at as u32, key.clone(), hash, data.clone(), None));
        }
    }

    /// A changed byte makes another digest; with the digest mended, whatever comes of it, nothing panics and places are inside.
    #[test]
    fn no_changed_byte_panics(records in packed(), at in any::<prop::sample::Index>(), byte in any::<u8>(), mend in any::<bool>()) {
        let packed: Vec<Packed<'_>> = records.iter().map(|(key, hash, data)| (key.as_str(), *hash, &data[..])).collect();
        let whole = aggregate(&packed);
        let mut message = whole[4..whole.len() - 16].to_vec();
        let at = at.index(message.len());
        message[at] = byte;
        let changed = if mend { sealed(&message) } else { [&whole[..4], &message, &whole[whole.len() - 16..]].concat() };
        let seen = unpacked(&[&changed]);
        if !mend && changed != whole {
            prop_assert_eq!(&seen[0].4, &changed);
        }
    }

    #[test]
    fn no_bytes_panic(message in prop::collection::vec(any::<u8>(), 0..64), gzipped in prop::collection::vec(any::<u8>(), 0..64)) {
        let seen = data(&[&sealed(&message), &[&[0x1f, 0x8b, 8, 0][..], &gzipped].concat(), &gzipped]);
        prop_assert!(seen.len() >= 2);
    }
}
