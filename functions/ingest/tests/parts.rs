//! Large objects: read in parts, in a chain or in one pass, in whatever order, they give the same rows and the same quarantine.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod parts_common;

use parts_common::{KEY, World, contract, parts_of, whole};
use proptest::prelude::*;
use std::{future::Future, io::Write as _};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn columns(key: bool) -> String {
    let key = if key {
        ", required: true, primaryKey: true, primaryKeyPosition: 1"
    } else {
        ""
    };
    format!(
        "    properties:\n      - {{name: id, logicalType: integer, physicalType: BIGINT{key}}}\n\
         \x20     - {{name: name, logicalType: string, physicalType: VARCHAR}}\n\
         \x20     - {{name: amount, logicalType: number, physicalType: \"DECIMAL(9,2)\"}}\n"
    )
}

fn csv(key: bool, keys: &str) -> String {
    let custom = format!("    customProperties: [{{property: watershed, value: {{{keys}}}}}]\n");
    contract("format: csv", &format!("{custom}{}", columns(key)))
}

/// A line of a CSV, `{}` where its key goes.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => Just(b"{},one,1.50".to_vec()),
        2 => Just(b"{},\"two, or \"\"three\"\"\",2".to_vec()),
        1 => Just(b"{},\"over\nlines\",3".to_vec()),
        1 => Just(b"{},\"\n".to_vec()),
        1 => Just(b"{},\"x\"y,1".to_vec()),
        1 => Just(b"x,y,z".to_vec()),
        1 => Just(b"{}".to_vec()),
        1 => Just(b"{},a,1,".to_vec()),
        1 => Just(b"{},a,1,surplus".to_vec()),
        1 => Just(b"id,name,amount".to_vec()),
        1 => Just(b"# {} \"comment,".to_vec()),
        1 => Just(b"".to_vec()),
        1 => Just(b"{},caf\xe9,5".to_vec()),
        1 => Just(b"{},\x81,5".to_vec()),
        1 => Just(b"{},\xc3\xa9\xf0\x9f\x98\x80,5".to_vec()),
    ]
}

/// A file: with its lines, their end, and without the last of them.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop::collection::vec((line(), 0_u32..3), 0..14);
    (lines, any::<bool>(), any::<bool>(), 0_usize..3).prop_map(|(lines, crlf, ends, mark)| {
        let end: &[u8] = if crlf { b"\r\n" } else { b"\n" };
        let mut out = if mark == 0 {
            b"\xef\xbb\xbf".to_vec()
        } else {
            Vec::new()
        };
        out.extend(b"# made by\n\nid,name,amount");
        let mut key = 0;
        for (line, step) in lines {
            key += step;
            out.extend(end);
            let text = key.to_string();
            let at = line.windows(2).position(|two| two == b"{}");
            match at {
                Some(at) => out.extend([&line[..at], text.as_bytes(), &line[at + 2..]].concat()),
                None => out.extend(line),
            }
        }
        if ends {
            out.extend(end);
        }
        out
    })
}

/// What a world makes of the object in one pass.
fn in_one_pass(contract: &str, object: &[u8]) -> parts_common::Tables {
    let world = World::new(contract, object, whole());
    wait(world.run());
    assert_eq!(world.count("parts/"), 0);
    world.tables()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn parts_of_any_size_in_any_order_are_the_whole(
        file in file(),
        bytes in 1_u64..90,
        key in any::<bool>(),
        dialect in prop::sample::select(vec!["multiline: false", "quote: none", "multiline: false, escape: \"\\\\\""]),
        more in prop::sample::select(vec!["", ", encoding: windows-1252", ", raggedEnds: pad, repeatedHeader: skip", ", header: false"]),
        order in prop::collection::vec((0_usize..50, 1_usize..3), 1..20),
    ) {
        let keys = format!("{dialect}{more}, comment: \"#\", skipRows: 2");
        let contract = csv(key, &keys);
        let expected = in_one_pass(&contract, &file);
        let world = World::new(&contract, &file, parts_of(bytes));
        let mut order = order.into_iter().cycle();
        wait(world.deliver(vec![world.event(), world.event()], |_| order.next().unwrap()));
        prop_assert_eq!(world.tables(), expected);
        let refused_whole = file.starts_with(b"\xef\xbb\xbf") && more.contains("windows");
        prop_assert_eq!(world.count("parts/") > 0, !refused_whole);
    }

    #[test]
    fn json_and_fixed_width_in_parts(
        lines in prop::collection::vec(prop::sample::select(vec![
            "{\"id\":1,\"name\":\"a\\nb\"}", "{\"id\":\"x\"}", "[1]", "", "{\"id\":2", "  7bob  ", "  x", "12", "{\"id\":3,\"name\":\"\u{e9}\"}",
        ]), 1..12),
        bytes in 1_u64..60,
        ends in any::<bool>(),
        fixed in any::<bool>(),
    ) {
        let file = format!("{}{}", lines.join("\n"), if ends { "\n" } else { "" });
        let contract = if fixed {
            let column = |name: &str, kind: &str, start: usize, width: usize| format!(
                "      - {{name: {name}, logicalType: {kind}, customProperties: [{{property: watershed, value: {{start: {start}, width: {width}}}}}]}}\n"
            );
            contract("format: fixed", &format!("    properties:\n{}{}", column("id", "integer", 1, 3), column("name", "string", 4, 3)))
        } else {
            contract("format: json", &columns(false))
        };
        let expected = in_one_pass(&contract, file.as_bytes());
        let world = World::new(&contract, file.as_bytes(), parts_of(bytes));
        wait(world.run());
        prop_assert_eq!(world.tables(), expected);
    }
}

/// Rows over several lines, bad ones among them, of some blocks.
fn rows_over_lines(rows: usize) -> String {
    let row = |number: usize| match number % 97 {
        0 => format!("{number},\"over\r\n{}\nlines\",1\n", "x".repeat(number % 50)),
        1 => format!("{number},bad,{number}.999\n"),
        2 => format!("{number},\"not closed\n"),
        3 => "# \"a comment\n".into(),
        _ => format!("{number},caf\u{e9} {number},{number}.25\n"),
    };
    let rows: String = (1..=rows).map(row).collect();
    format!("id,name,amount\n{rows}")
}

#[test]
fn a_chain_is_the_whole_whatever_the_object_is_compressed_and_encoded_by() {
    let text = rows_over_lines(60_000);
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let objects = [
        ("", text.clone().into_bytes()),
        ("encoding: utf-16, ", utf16),
        ("", gzip.finish().unwrap()),
        ("multiline: false, ", zstd),
    ];
    for (keys, object) in objects {
        let contract = csv(true, &format!("{keys}comment: \"#\""));
        let expected = in_one_pass(&contract, &object);
        let world = World::new(&contract, &object, parts_of(600_000));
        wait(world.run());
        assert!(world.count("parts/") > 4, "{keys}: {}", world.count("parts/"));
        assert!(world.tables() == expected, "{keys}");
        // Again, from anywhere.
        wait(world.deliver(vec![world.event(), world.event()], |waiting| (waiting / 2, 2)));
        assert!(world.tables() == expected, "{keys}");
    }
}

#[test]
fn a_compressed_object_that_ends_too_early_is_refused_as_in_one_pass() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(rows_over_lines(40_000).as_bytes()).unwrap();
    let mut object = gzip.finish().unwrap();
    object.truncate(object.len() - 9);
    let contract = csv(false, "comment: \"#\"");
    let expected = in_one_pass(&contract, &object);
    let world = World::new(&contract, &object, parts_of(300_000));
    wait(world.run());
    assert_eq!(world.tables(), expected);
    let quarantine = &expected.0["test.things_quarantine"];
    assert!(
        quarantine.len() == 1 && quarantine[0].contains(&"\"truncated\"".to_string()),
        "{quarantine:?}"
    );
}

#[test]
fn keys_that_do_not_ascend_over_the_parts_are_read_in_one_pass() {
    let contract = csv(true, "multiline: false");
    let ascending = "id,name,amount\n1,a,1\n2,b,1\n3,c,1\n4,d,1\n";
    for (object, in_parts) in [
        (ascending.to_string(), true),
        // Within a part, over its border, and a repetition far away.
        (ascending.replace("2,b", "0,b"), false),
        (ascending.replace("3,c", "2,c"), false),
        (format!("{ascending}1,e,1\n"), false),
    ] {
        let expected = in_one_pass(&contract, object.as_bytes());
        let world = World::new(&contract, object.as_bytes(), parts_of(14));
        wait(world.run());
        assert_eq!(world.tables(), expected);
        let files: Vec<bool> = world
            .requests()
            .iter()
            .map(|body| body.contains("\"lines-14/"))
            .collect();
        assert_eq!(files.contains(&true), in_parts, "{object}");
    }
}

#[test]
fn hashed_columns_and_partitions_in_parts() {
    let schema = "    customProperties: [{property: watershed, value: {multiline: false, partition: [{column: id, transform: \"bucket[3]\"}], sort: [amount]}}]\n\
        \x20   properties:\n      - {name: id, logicalType: integer}\n      - {name: amount, logicalType: number, physicalType: DOUBLE}\n\
        \x20     - {name: who, logicalType: string, classification: personal, customProperties: [{property: watershed, value: {personal: hash}}]}\n";
    let contract = contract("format: csv", schema);
    let rows: String = (0..300)
        .map(|n| format!("{n},{},w{n}\n", if n % 50 == 7 { "much".into() } else { n.to_string() }))
        .collect();
    let object = format!("id,amount,who\n{rows}");
    let expected = in_one_pass(&contract, object.as_bytes());
    let world = World::new(&contract, object.as_bytes(), parts_of(500));
    wait(world.run());
    assert_eq!(world.tables(), expected);
    for (key, body) in world.store.snapshot() {
        assert!(
            !key.starts_with("lake/") || !body.windows(4).any(|four| four == b"w107"),
            "{key} shows a hidden value"
        );
    }
}

#[test]
fn an_object_that_is_overwritten_in_the_middle_leaves_nothing_of_itself() {
    let contract = csv(false, "multiline: false");
    let object = "id,name,amount\n1,a,1\n2,b,1\n3,c,1\n";
    let world = World::new(&contract, object.as_bytes(), parts_of(12));
    assert!(wait(world.invoke(&world.event())));
    let mut messages = world.raw.drain();
    assert!(wait(world.invoke(&messages.remove(0))));
    let newer = world.store.insert("raw", KEY, "id,name,amount\n9,z,1\n");
    messages.push(World::event_of(&newer, "002"));
    wait(world.deliver(messages, |_| (0, 1)));
    let tables = world.tables();
    assert_eq!(tables.0["test.things"], [["\"9\"", "\"z\"", "\"1.00\""]]);
}

#[test]
fn a_contract_that_changes_in_the_middle_has_its_own_parts() {
    let object: String = (0..40).map(|n| format!("{n},a,{n}.5\n")).collect();
    let object = format!("id,name,amount\n{object}");
    let old = csv(false, "multiline: false");
    let new = csv(false, "multiline: false, nulls: [a]");
    let expected = in_one_pass(&new, object.as_bytes());
    let mut world = World::new(&old, object.as_bytes(), parts_of(60));
    assert!(wait(world.invoke(&world.event())));
    let mut messages = world.raw.drain();
    for message in messages.drain(..3) {
        assert!(wait(world.invoke(&message)));
    }
    world.deploy(&new, parts_of(60));
    wait(world.deliver(messages, |_| (0, 1)));
    assert_eq!(world.tables(), expected);
    let planned = world
        .store
        .snapshot()
        .keys()
        .filter(|key| key.ends_with("planned.json"))
        .count();
    assert_eq!(planned, 2, "planned once by each");
}

#[test]
fn what_is_not_split_says_why() {
    let by_text = csv(true, "multiline: false").replace("integer, physicalType: BIGINT", "string");
    let world = World::new(&by_text, b"id,name,amount\n1,a,1\n1,a,1\n", parts_of(4));
    wait(world.run());
    assert_eq!(world.count("parts/"), 0);
    let xml = contract(
        "format: xml",
        &format!(
            "    customProperties: [{{property: watershed, value: {{row: r}}}}]\n{}",
            columns(false)
        ),
    );
    let dataset = |text: &str| watershed_contract::parse("c", text).unwrap().remove(0);
    for (text, why) in [
        (by_text, "its primary key"),
        (xml, "where a record of its format begins"),
    ] {
        let said = watershed_ingest::parts::splits(&dataset(&text)).unwrap_err();
        assert!(said.starts_with(why), "{said}");
    }
}
