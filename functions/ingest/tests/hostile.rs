//! Hostile objects, and what becomes of each: the rows that are accepted, the reasons of those that are not, or why the object is refused.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{dataset, gzip, outcome, rows, run, texts};
use std::sync::Arc;
use watershed_contract::Dataset;

/// A text, a whole number and a double.
const COLUMNS: &str = r"    properties:
      - {name: a, logicalType: string}
      - {name: n, logicalType: integer}
      - {name: x, logicalType: number, physicalType: DOUBLE}
";

fn contract(format: &str, keys: &str) -> Arc<Dataset> {
    let keys = if keys.is_empty() { "trim: true" } else { keys };
    dataset(
        format,
        &format!("    customProperties: [{{property: watershed, value: {{{keys}}}}}]\n{COLUMNS}"),
    )
}

fn check(dataset: &Arc<Dataset>, cases: &[(&[u8], &str)]) {
    for (bytes, expected) in cases {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let (found, report) = outcome(dataset, bytes);
        assert_eq!(found, *expected, "{shown:?}: {:?}", report.object);
        let (again, _) = outcome(dataset, &gzip(bytes));
        // Without a byte there is nothing to decompress.
        assert_eq!(again, *expected, "{shown:?}, compressed");
    }
}

#[test]
fn csv() {
    let wide = [vec![b','; 100_000], b"\n1\n".to_vec()].concat();
    let ragged = [b"a,n\n".to_vec(), vec![b','; 100_000], b"\nok,1\n".to_vec()].concat();
    let quotes = [b"a,n\n".to_vec(), vec![b'"'; 100_001], b"\nok,1\n".to_vec()].concat();
    check(
        &contract("format: csv", ""),
        &[
            // Nothing, or next to it.
            (b"", "0 |"),
            (b"\xef\xbb\xbf", "0 |"),
            (b"\n", "0 |"),
            (b"\n\r\n\n\n", "0 |"),
            (b"\n\r\na,n\nx,1\n", "1 |"),
            (b"\r\ra,n\rx,1\r", "1 |"),
            (b" ", "! header"),
            (b"a", "0 |"),
            (b"a,n,x\r\n", "0 |"),
            (b"\xef\xbb\xbfa,n,x\n", "0 |"),
            (b"a,n\n\n\n\r\n\n", "0 |"),
            // Headers.
            (b"a,a\n1,2\n", "! header"),
            (b"a,,\n1,2,3\n", "1 |"),
            (b"q,r\n1,2\n", "! header"),
            (b"\"a\n1\n", "! header"),
            (b"\"a\"b,n\n1,2\n", "! header"),
            (b"\xff,a\n1,2\n", "! encoding"),
            (&wide, "! header"),
            // csv-spectrum and the acid tests.
            (b"a,n\n\"x, y\",1\n\"q \"\"q\"\" q\",2\n\"l\nl\",3\n\"\",4\n\"\"\"\",5\n\"{\"\"j\"\": 1}\",6", "6 |"),
            (b"a,n\r\nx,1\r\ny,2\nz,3\r\n", "3 |"),
            (b"a,n\rx,1\ry,2\r", "2 |"),
            (b"a,n\nit's,1\n5\" pipe,2\n a \"b\" ,3\n", "3 |"),
            (b"a,n\nx\n", "0 | field_count"),
            (b"a,n\nx,1,\ny,2\n", "1 | field_count"),
            (b"a,n\n,\n", "1 |"),
            // Quotes.
            (b"a,n\n\"x,1\ny,2\n", "1 | unclosed_quote"),
            (b"a,n\nx,1\n\"", "1 | unclosed_quote"),
            (b"a,n\n\"x\"y,1\nok,2\n", "1 | text_after_quote"),
            (b"a,n\n\"x\" ,1\nok,2\n", "1 | text_after_quote"),
            (&quotes, "1 | unclosed_quote"),
            (&ragged, "1 | field_count"),
            // Bytes that are no text, and such as are.
            (b"a,n\nx\0y,1\n\0,2\n", "2 |"),
            (b"a\0,n\nx,1\n", "1 |"),
            (b"a,n\nx,1\0\n", "0 | type"),
            (b"a,n\n\xc0\x80,1\n\xed\xa0\x80,2\n\xf4\x90\x80\x80,3\n\xe2\x82,4\nok,5\n", "1 | encoding encoding encoding encoding"),
            (b"a,n\n\xe2\x80\x8b,1\n\xef\xbb\xbfx,2\n\xe2\x80\xa8,3\n", "3 |"),
            (b"\xff\xfea\0,\0n\0\n\0", "! encoding"),
            (b"a\0,\0n\0\n\0", "! encoding"),
            (b"\xff\xfe\0\0a\0\0\0", "! encoding"),
            (&[0; 4_096], "! wrong_format"),
            (b"PK\x03\x04abc", "! wrong_format"),
            // Numbers.
            (b"a,n\n,1e400\n,9223372036854775808\n,-9223372036854775808\n,-0\n,1_000\n,007\n,0x10\n,+5\n,1e3\n,1e-1\n,NaN\n,\xd9\xa1\n", "5 | overflow overflow type type type type type"),
            (b"n,x\n,1e400\n,1e309\n,-1e-400\n,NaN\n,-inf\n,1e\n,.\n,1__0\n", "3 | overflow overflow type type type"),
        ],
    );
}

#[test]
fn json_lines() {
    let deep = |open: &str, close: &str| format!("{{\"a\":{}1{}}}\n", open.repeat(1_000), close.repeat(1_000));
    let (arrays, objects) = (deep("[", "]"), deep("{\"a\":", "}"));
    let keys: String = (0..100_000).map(|n| format!("\"k{n}\":0,")).collect();
    let wide = format!("{{{keys}\"n\":1}}\n");
    let digits = format!("{{\"n\":{}}}\n", "9".repeat(100_000));
    check(
        &contract("format: json", ""),
        &[
            (b"", "0 |"),
            (b"\n\n \n", "0 |"),
            (b"[1]\n", "! wrong_format"),
            (b"null\n", "! wrong_format"),
            (b"{}\n", "1 |"),
            (b"{\"a\":1}{\"a\":2}\n", "0 | invalid_json"),
            (b"{}\n5\n\"x\"\n[]\n{}\n", "2 | not_an_object not_an_object not_an_object"),
            // JSONTestSuite, n_*: not JSON.
            (b"{\"a\":[1,]}\n{\"a\":1,}\n{a:1}\n{'a':1}\n{\"a\" 1}\n{\"a\":}\n{,}\n{\"a\":tru}\n{\"a\":NULL}\n{\"a\":1 2}\n{}x\n",
             "0 | invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json"),
            (b"{\"n\":01}\n{\"n\":+1}\n{\"n\":.5}\n{\"n\":1.}\n{\"n\":1e}\n{\"n\":0x1}\n{\"n\":-}\n{\"n\":NaN}\n{\"n\":Infinity}\n{\"n\":1_0}\n",
             "0 | invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json"),
            (b"{\"a\":\"\t\"}\n{\"a\":\"\0\"}\n{\"a\":\"\\x\"}\n{\"a\":\"\\u12\"}\n{\"a\":\"\\ud800\"}\n{\"a\":\"\\udc00\\ud800\"}\n{\"a\":\"\\ud800\\ud800\"}\n{\"a\":\"x\n",
             "0 | invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json invalid_json"),
            // y_* and i_*: JSON.
            (b" {\t\"a\" : \"\\u0000\\ud83d\\ude00\\/\\b\" , \"q\":[[{}]] } \n{\"\":1}\n{\"\\u0061\":\"x\"}\n{\"n\":-0,\"x\":1E-400}\n", "4 |"),
            (b"{\"a\":1,\"a\":1}\n{\"q\":1,\"q\":2}\n{\"a\":1,\"\\u0061\":2}\n", "1 | repeated_key repeated_key"),
            (b"{\"n\":1e400}\n{\"x\":1e400}\n{\"n\":1.0}\n{\"n\":1e2}\n{\"n\":1.5}\n{\"n\":true}\n{\"n\":{}}\n", "2 | overflow overflow type type type"),
            (b"{\"a\":\"\xff\"}\n{\"\xff\":1}\n\xff\n{}\n", "1 | encoding encoding encoding"),
            (b"\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf{\"a\":1}\n", "1 | not_an_object"),
            (arrays.as_bytes(), "0 | invalid_json"),
            (objects.as_bytes(), "0 | invalid_json"),
            (wide.as_bytes(), "1 |"),
            (digits.as_bytes(), "0 | type"),
        ],
    );
}

#[test]
fn json_arrays() {
    let deep = "[".repeat(100_000);
    check(
        &contract("format: json, delimiter: array", ""),
        &[
            (b"", "0 |"),
            (b" \n", "0 |"),
            (b"[]", "0 |"),
            (b"{}", "! wrong_format"),
            (b"[", "0 | invalid_json"),
            (b"[{}", "0 | invalid_json"),
            (b"[{},]", "1 | invalid_json"),
            (b"[,{}]", "1 | invalid_json"),
            (b"[{}{}]", "0 | invalid_json"),
            (b"[{}] x", "1 | invalid_json"),
            (b"[{}]]", "1 | invalid_json"),
            (
                b"[1,\"]\",null,{\"a\":\"\\\"]\"}]",
                "1 | not_an_object not_an_object not_an_object",
            ),
            (b"[{\"a\":\"\xff\"},{}]", "1 | encoding"),
            (deep.as_bytes(), "0 | invalid_json"),
        ],
    );
}

#[test]
fn xml() {
    let elements = format!("<r><row>{}{}</row><row/></r>", "<b>".repeat(60), "</b>".repeat(60));
    let deep = format!("<r><row>{}</row><row/></r>", "<a>".repeat(10_000));
    let attributes: String = (0..100_000).map(|n| format!(" k{n}=''")).collect();
    let wide = format!("<r><row{attributes}/><row k1=''{attributes}/></r>");
    let laughs: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"&l{};&l{};\">", n - 1, n - 1))
        .collect();
    let laughs = format!("<!DOCTYPE r [<!ENTITY l0 \"ha\">{laughs}]><r><row><a>&l9;</a></row></r>");
    check(
        &contract("format: xml", "row: row"),
        &[
            (b"", "0 |"),
            (b" \n", "0 |"),
            (b"x", "! wrong_format"),
            (b"<r/>", "0 |"),
            (b"<r><x/></r>", "! wrong_format"),
            (
                b"<r><row><a>x</a></row><row><n>1</n><n>2</n></row></r>",
                "1 | repeated_key",
            ),
            // Not well formed: in a row, and around rows.
            (b"<r><row k='1' k='2'/><row/></r>", "1 | repeated_key"),
            (b"<r><row><q k='1' k='2'/></row><row/></r>", "1 | repeated_key"),
            (b"<r><row/><q k='1' k='2'/><row/></r>", "1 | invalid_xml"),
            (b"<r k='1' k='2'><row/></r>", "0 | invalid_xml"),
            (b"<r><row/> & <row/></r>", "1 | invalid_xml"),
            (b"<r><row/> &amp;&#65;&lt; <row/></r>", "2 |"),
            (b"<r><row/> &foo; <row/></r>", "1 | invalid_xml"),
            (b"<r><row/>&am", "1 | invalid_xml"),
            (
                b"<r><row><q v='a & b'/></row><row><q>&</q></row><row/></r>",
                "1 | invalid_xml invalid_xml",
            ),
            (b"<r><row/><q v='&'/><row/></r>", "1 | invalid_xml"),
            (
                b"<r><row><a>\0</a></row><row><a>\x07</a></row><row/></r>",
                "1 | invalid_xml invalid_xml",
            ),
            (
                b"<r><row><a>\xff</a></row><row/>\xff<row/></r>",
                "1 | encoding encoding",
            ),
            (b"<r><row/></r><r/>", "1 | invalid_xml"),
            (b"<r><row><a>x</b></row></r>", "0 | invalid_xml"),
            (b"<r><row><a>x</a></row>", "1 | invalid_xml"),
            (
                b"<r><row a=1/><row a/><row a='<'></row><row/></r>",
                "1 | invalid_xml invalid_xml invalid_xml",
            ),
            // What is not read.
            (
                b"<?xml version='1.0'?><!-- <row/> --><r><![CDATA[<row/>]]><?p <row/>?><row/></r>",
                "1 |",
            ),
            (laughs.as_bytes(), "! wrong_format"),
            (
                b"<!DOCTYPE r SYSTEM 'file:///etc/passwd'><r><row><a>&x;</a></row></r>",
                "0 | invalid_xml",
            ),
            (elements.as_bytes(), "2 |"),
            (deep.as_bytes(), "0 | invalid_xml"),
            (wide.as_bytes(), "1 | repeated_key"),
        ],
    );
}

#[test]
fn fixed_width() {
    let columns = "    properties:\n      - {name: a, logicalType: string, customProperties: [{property: watershed, value: {start: 1, width: 3}}]}\n      - {name: n, logicalType: integer, customProperties: [{property: watershed, value: {start: 4, width: 2}}]}\n";
    check(
        &dataset("format: fixed", columns),
        &[
            (b"", "0 |"),
            (b"\n\r\n\n", "0 |"),
            (b"abc 1\r\nabc\nabcxx\nabc 2more\0", "2 | field_count type"),
            ("abü 1\nüb 1\n\u{1F600}1\n".as_bytes(), "1 | encoding encoding"),
            (b"\xff\xff\xff12\nabc12\n", "1 | encoding"),
        ],
    );
}

#[test]
fn streams_that_are_not_whole() {
    use watershed_decode::Reason::{Corrupt, Limit, Truncated};
    let csv = contract("format: csv", "");
    let text: Vec<u8> = [b"a,n\n".to_vec(), b"x,1\n".repeat(10_000)].concat();
    let zstd = zstd::encode_all(&text[..], 3).unwrap();
    let gz = gzip(&text);
    let cut = |bytes: &[u8], by: usize| bytes[..bytes.len() - by].to_vec();
    let mut flipped = gz.clone();
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    // A frame that asks for 2 GiB of memory: window descriptor 0xa8.
    let window = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00".to_vec();
    for (bytes, reason, told) in [
        (cut(&gz, 9), Truncated, "the gzip stream ends in the middle"),
        (gz[..15].to_vec(), Truncated, "the gzip stream ends in the middle"),
        (flipped, Corrupt, "the gzip stream is damaged"),
        (
            [gz.clone(), b"junk".to_vec()].concat(),
            Corrupt,
            "bytes behind its end are no gzip",
        ),
        (
            [gz.clone(), b"much more junk than a header has".to_vec()].concat(),
            Corrupt,
            "bytes behind its end are no gzip",
        ),
        (
            [gz.clone(), vec![0; 512]].concat(),
            Corrupt,
            "bytes behind its end are no gzip",
        ),
        (
            [gz.clone(), cut(&gz, 20)].concat(),
            Truncated,
            "the gzip stream ends in the middle",
        ),
        (cut(&zstd, 3), Truncated, "the zstd stream ends in the middle"),
        (
            [zstd.clone(), b"junk".to_vec()].concat(),
            Corrupt,
            "the zstd stream is damaged",
        ),
        (
            window,
            Limit,
            "asks for a window of more than 128 MiB of memory: compress it with --long=27 or less",
        ),
    ] {
        let (report, _) = run(&csv, &bytes).unwrap();
        let reject = report
            .object
            .unwrap_or_else(|| panic!("{told}: {} rows", report.accepted));
        assert_eq!(reject.reason, reason, "{}", reject.message);
        assert!(reject.message.contains(told), "{}", reject.message);
    }
    let rest = text[4..].to_vec();
    let members = [gzip(b""), gzip(b"a,n\n"), gzip(b""), gzip(&rest), gzip(b"")].concat();
    let frames = [
        zstd::encode_all(&b"a,n\n"[..], 3).unwrap(),
        zstd::encode_all(&rest[..], 3).unwrap(),
    ]
    .concat();
    for whole in [members, frames, text] {
        assert_eq!(outcome(&csv, &whole).0, "10000 |");
    }
}

#[test]
fn messages_say_what_is_true() {
    let message = |dataset: &Arc<Dataset>, bytes: &[u8]| {
        let (_, files) = run(dataset, bytes).unwrap();
        texts(&rows(&files, "quarantine"), "message")[0].clone().unwrap()
    };
    let csv = contract("format: csv", "");
    assert_eq!(message(&csv, b"x\n1e309\n"), "x: `1e309` does not fit double");
    let lines = contract("format: csv", "multiline: false");
    assert_eq!(
        message(&lines, b"\"a,n\nx,1\n"),
        "the header has a quoted field that does not end on its line: close the quote, or write multiline: true in the \
         contract; it begins `\\\"a,n\\nx,1\\n`"
    );
    assert!(
        message(&csv, &[b",".repeat(10_000), b"\n".to_vec()].concat())
            .starts_with("the header has more than 10000 fields")
    );
    let long = [b"\"".to_vec(), b"a".repeat(1 << 20)].concat();
    assert!(message(&csv, &long).starts_with("the header has no end within 524288 bytes"));
}

#[test]
fn a_path_through_an_array_is_not_missing() {
    let columns = "    properties:\n      - {name: first, logicalType: string, customProperties: [{property: watershed, value: {source: \"o[0]\"}}]}\n\
        \x20     - {name: second, logicalType: string, customProperties: [{property: watershed, value: {source: \"o[1].k\"}}]}\n";
    let json = dataset("format: json", columns);
    let (_, report) = outcome(&json, b"{\"o\":[1]}\n{\"o\":[2,{}]}\n");
    assert_eq!(
        (report.accepted, report.missing_columns),
        (2, vec!["second".to_string()])
    );
}

#[test]
fn an_enumeration_counts_rows_that_nothing_else_refused() {
    let columns = r"    properties:
      - {name: a, logicalType: string, quality: [{metric: invalidValues, arguments: {validValues: [x]}, mustBe: 0}]}
      - {name: n, logicalType: integer}
";
    let (told, report) = outcome(&dataset("format: csv", columns), b"a,n\nx,1\ny,2\ny,?\nx,?\n");
    assert_eq!(told, "1 | enumeration enumeration type");
    assert_eq!(report.quality[0].found, "1 row");
}
