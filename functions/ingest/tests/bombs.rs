//! Objects that are small, and become large: they end, in memory that does not grow with them.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, run};
use std::io::{Read, Write};

/// What a bomb becomes.
const BYTES: u64 = 256 << 20;
/// Memory of the whole process. A record may have 8 MiB, a zstd window 128.
const MAX_MEMORY_KIB: u64 = 320 << 10;

fn gzip(begin: &[u8], repeated: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(begin).unwrap();
    let piece = repeated.repeat((1 << 20) / repeated.len());
    for _ in 0..BYTES / piece.len() as u64 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// Most memory that this process had; none where the system does not say.
fn peak_kib() -> Option<u64> {
    let mut status = String::new();
    std::fs::File::open("/proc/self/status")
        .ok()?
        .read_to_string(&mut status)
        .ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[test]
fn bombs_end_in_flat_memory() {
    const COLUMNS: &str =
        "    properties:\n      - {name: a, logicalType: string}\n      - {name: n, logicalType: integer}\n";
    let xml = format!("    customProperties: [{{property: watershed, value: {{row: row}}}}]\n{COLUMNS}");
    let array = format!("    customProperties: [{{property: watershed, value: {{records: d}}}}]\n{COLUMNS}");
    let comments = format!("    customProperties: [{{property: watershed, value: {{comment: \"#\"}}}}]\n{COLUMNS}");
    let (csv, json) = ("format: csv", "format: json");
    // Format, how it begins, what comes again and again, rows that are accepted, and that are refused.
    for (format, schema, begin, repeated, accepted, rejected) in [
        (csv, COLUMNS, &b""[..], &b"\0"[..], 0, None),
        (csv, COLUMNS, b"a,n\n", b"\n", 0, Some(0)),
        (csv, COLUMNS, b"\n", b"\r\n", 0, Some(0)),
        (csv, &comments, b"#", b"\n#", 0, Some(0)),
        (csv, COLUMNS, b"a,n\n", b"x", 0, Some(1)),
        (csv, COLUMNS, b"a,n\n", b",", 0, Some(1)),
        (csv, COLUMNS, b"a,n\nx,1\n\"", b"y", 1, Some(1)),
        (json, COLUMNS, b"{\"a\":\"", b"x", 0, Some(1)),
        (json, COLUMNS, b"{\"a\":1}\n", b" ", 1, Some(1)),
        ("format: json, delimiter: array", &array, b"{\"x\":[", b"[],", 0, None),
        (
            "format: json, delimiter: array",
            &array,
            b"{\"d\":[{},",
            b"[",
            1,
            Some(1),
        ),
        ("format: xml", &xml, b"<r><row/><!--", b"x", 1, Some(1)),
        ("format: xml", &xml, b"<r><row/>", b" ", 1, Some(1)),
        ("format: xml", &xml, b"<r><row/><row>", b"<b/>", 1, Some(1)),
        ("format: parquet", COLUMNS, b"PAR1", b"\0", 0, None),
    ] {
        let bomb = gzip(begin, repeated);
        assert!(bomb.len() as u64 * 100 < BYTES, "a bomb is small");
        let (report, _) = run(&dataset(format, schema), &bomb).unwrap_or_else(|error| panic!("{error}"));
        let begins = String::from_utf8_lossy(begin);
        assert_eq!(report.accepted, accepted, "{format}: {begins}: {report:?}");
        let found = report.object.is_none().then_some(report.rejected);
        assert_eq!(found, rejected, "{format}: {begins}: {report:?}");
        let peak = peak_kib().unwrap_or(0);
        assert!(peak < MAX_MEMORY_KIB, "{format}: {begins}: {peak} KiB");
    }
}
