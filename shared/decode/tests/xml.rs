//! XML: what is written is read, whatever comes is accounted for, hostile documents are bounded.

mod common;

use common::{Row, dataset, gaps, read};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_contract::Dataset;
use watershed_decode::{MAX_RECORD_BYTES, Reason};

const COLUMNS: [(&str, &str); 5] = [
    ("id", "source: \"@id\""),
    ("name", ""),
    ("city", "source: address/city"),
    ("kind", "source: address/@type"),
    ("note", ""),
];

fn xml(row: &str) -> Arc<Dataset> {
    dataset("format: xml", &format!("row: {row}"), &COLUMNS)
}

fn rows(text: &str) -> Vec<Row> {
    read(&xml("order"), text.as_bytes()).unwrap_or_else(|(_, message)| panic!("{message}"))
}

fn one(inside: &str) -> Row {
    let found = rows(&format!("<orders><order id='1'>{inside}</order></orders>"));
    assert_eq!(found.len(), 1, "{inside}");
    found[0].clone()
}

#[test]
fn elements_and_attributes_are_columns() {
    let text = "<?xml version='1.0' encoding='UTF-8'?>\n<!DOCTYPE orders SYSTEM \"orders.dtd\">\n<!-- <order/> -->\n\
        <o:orders xmlns:o='urn:o'><head>x</head>\n\
        <o:order id=\"7\" xmlns:id='no'><o:name>A &amp; B<![CDATA[ <&]]>&#x43;&#68;</o:name>\n\
        <address type = '\"a\tb&lt;'><street>s</street><city/></address><!-- c --><other><name>no</name></other></o:order>\n\
        <o:order/><o:list><o:order id=''><note xmlns:xsi='x' xsi:nil='true'/></o:order></o:list></o:orders>\n<!-- end -->\n";
    let found = rows(text);
    let cells: Vec<_> = found.iter().map(Row::cells).collect();
    assert_eq!(cells[0], ["7", "A & B <&CD", "", "\"a b<", "-"]);
    assert_eq!(cells[1], ["-", "-", "-", "-", "-"]);
    assert_eq!(cells[2], ["", "-", "-", "-", "-"], "nil is null");
    assert_eq!(found[1].raw, b"<o:order/>");
    // A path leads from the root.
    assert_eq!(
        read(&xml("orders/order"), text.as_bytes()).map(|rows| rows.len()),
        Ok(2)
    );
    assert_eq!(
        read(&xml("orders/list/order"), text.as_bytes()).map(|rows| rows.len()),
        Ok(1)
    );
    assert_eq!(one("<name>a\r\nb</name>").cells()[1], "a\nb");
    assert_eq!(rows("<order id='1'/>").len(), 1, "the root may be the row");
    assert_eq!(rows("<orders/>").len() + rows(" \n").len() + rows("").len(), 0);
}

#[test]
fn a_bad_row_costs_itself() {
    for (inside, reason) in [
        ("<name>a</name><name>b</name>", Reason::RepeatedKey),
        ("<address/><address/>", Reason::RepeatedKey),
        ("<name>a<b/></name>", Reason::Type),
        ("<name>&foo;</name>", Reason::InvalidXml),
        ("<name>&#0;</name>", Reason::InvalidXml),
        ("<name>&#x110000;</name>", Reason::InvalidXml),
        ("<name>a & b</name>", Reason::InvalidXml),
        ("<name a='&x'/><address type='&x;'/>", Reason::InvalidXml),
        ("<name>a</nome>", Reason::InvalidXml),
        ("<name>a", Reason::InvalidXml),
        ("a < b", Reason::InvalidXml),
        ("<name a='1></name>", Reason::InvalidXml),
        ("<name a=1 b></name>", Reason::InvalidXml),
        ("</name>", Reason::InvalidXml),
        ("<!DOCTYPE x>", Reason::InvalidXml),
    ] {
        let text = format!("<orders><order id='0'/><order id='1'>{inside}</order><order id='2'/></orders>");
        let found = rows(&text);
        let reasons: Vec<_> = found.iter().map(Row::reason).collect();
        assert_eq!(reasons, [None, Some(reason), None], "{inside}");
        assert_eq!(found[1].raw, format!("<order id='1'>{inside}</order>").as_bytes());
    }
    let twice = rows("<orders><order id='1' id='2'/></orders>");
    assert_eq!(twice[0].reason(), Some(Reason::RepeatedKey));
    assert_eq!(
        one("<other/><other/><other a='1' b='1'/>").reason(),
        None,
        "what no column is read from"
    );
    let other = one("<other/><other a='1' a='2'/>");
    assert_eq!(
        other.reason(),
        Some(Reason::RepeatedKey),
        "is not well formed, whatever is read"
    );
}

#[test]
fn a_broken_document_keeps_what_stood_before() {
    for (text, rest) in [
        ("<orders><order/><x></orders>", "</orders>"),
        ("<orders><order/>< </orders>", "< </orders>"),
        ("<orders><order/><order><name>", "<order><name>"),
        ("<orders><order/><order", "<order"),
        ("<orders><order/>", ""),
        ("<orders><order/></orders>x", "x"),
        (
            "<orders><order/></orders><orders><order/></orders>",
            "<orders><order/></orders>",
        ),
        ("<orders><order/><x a='1<order/>", "<x a='1<order/>"),
    ] {
        let found = rows(text);
        assert_eq!((found.len(), found[0].reason()), (2, None), "{text}");
        assert_eq!(
            (found[1].raw.as_slice(), found[1].reason()),
            (rest.as_bytes(), Some(Reason::InvalidXml)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_document_of_the_contract_is_refused_whole() {
    for (row, text, told) in [
        ("order", "a,b\n", "is not XML"),
        (
            "order",
            "<orders><Order/><head/></orders>",
            "has no element `order`; it has `Order`, `head`",
        ),
        ("orders/order", "<x/>", "it has `x`"),
        (
            "order",
            "<!DOCTYPE o [<!ENTITY a 'x'>]><orders><order><name>&a;</name></order></orders>",
            "declares entities",
        ),
        (
            "order",
            "<!DOCTYPE o [<!ENTITY % a SYSTEM 'http://x/'>%a;]><orders/>",
            "declares entities",
        ),
    ] {
        let (reason, message) = read(&xml(row), text.as_bytes()).expect_err(text);
        assert_eq!(reason, Reason::WrongFormat, "{text}");
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn hostile_documents_are_bounded() {
    let (too_long, broken) = (Some(Reason::RecordTooLong), Some(Reason::InvalidXml));
    let reasons = |text: &str| -> Vec<_> { rows(text).iter().map(Row::reason).collect() };
    let attributes: String = (0..100_000).map(|i| format!(" a{i}='{i}'")).collect();
    let elements: String = (0..100_000).map(|i| format!("<e{i}/>")).collect();
    let big = "x".repeat(MAX_RECORD_BYTES);
    assert_eq!(
        reasons(&format!("<o><order{attributes} id='1'/><order>{elements}</order></o>")),
        [None, None]
    );
    assert_eq!(
        reasons(&format!("<o><order><name>{big}</name>&lt;</order><order/></o>")),
        [too_long, None]
    );
    let references = "&amp;".repeat(MAX_RECORD_BYTES / 4);
    assert_eq!(
        reasons(&format!("<o><order><name>{references}</name></order><order/></o>")),
        [too_long, None]
    );
    // A tag that is too long ends the document.
    assert_eq!(
        reasons(&format!("<o><order/><order id='{big}'/><order/></o>")),
        [None, too_long]
    );
    // What is not read may be as long as it likes, around rows and in them.
    for (begin, end) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?p ", "?>")] {
        let long = format!("{begin}<order/>\n{big}{end}");
        let found = rows(&format!("<o><order/>{long}\n<order id='1'/>{long}{long}<order/></o>"));
        assert_eq!(found.iter().map(Row::reason).collect::<Vec<_>>(), [None, None, None]);
        assert_eq!(found[1].offset, "<o><order/>".len() + long.len() + 1);
        assert_eq!(
            reasons(&format!("<o><order>{long}<name>a</name>{long}</order><order/></o>")),
            [too_long, None]
        );
        let open = &long[..long.len() - 1];
        let found = rows(&format!("<o><order/>{open}"));
        assert_eq!(found.iter().map(Row::reason).collect::<Vec<_>>(), [None, broken]);
        assert_eq!((found[1].offset, found[1].length), ("<o><order/>".len(), open.len()));
        let found = rows(&format!("<o><order/><order>{open}"));
        assert_eq!(found.iter().map(Row::reason).collect::<Vec<_>>(), [None, too_long]);
        assert_eq!(found[1].length, "<order>".len() + open.len());
    }
    assert_eq!(
        reasons(&format!("<o><order/>{}", "<x>".repeat(1_000_000))),
        [None, broken]
    );
    assert_eq!(
        reasons(&format!("<o><order/><order>{}", "<x>".repeat(1_000_000))),
        [None, broken]
    );
    // Text around rows may be as long as it likes.
    assert_eq!(reasons(&format!("<o>{big}{big}<order/></o>")), [None]);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&#34;")
        .replace('é', "&#xE9;")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read(
        values in prop::collection::vec((prop::option::of("[a-z<>&\"'é😀 /]{0,20}"), prop::option::of("[a-z<>&\"'é\n /]{0,20}"), any::<bool>()), 0..30),
        space in "[ \n]{0,3}",
        prefix in prop_oneof![Just(""), Just("p:")],
    ) {
        let row = |(id, city, cdata): &(Option<String>, Option<String>, bool)| {
            let id = id.as_ref().map_or(String::new(), |id| format!(" {prefix}id{space}={space}\"{}\"", escaped(id)));
            let city = city.as_ref().map_or(String::new(), |city| {
                let text = if *cdata { format!("<![CDATA[{city}]]>") } else { escaped(city) };
                format!("<x/><{prefix}address>{space}<{prefix}city>{text}</{prefix}city{space}></{prefix}address>")
            });
            format!("{space}<{prefix}order{id}>{city}</{prefix}order>")
        };
        let text = format!("<orders>{}{space}</orders>", values.iter().map(row).collect::<String>());
        let found: Vec<_> = rows(&text).into_iter().map(|row| row.cells.map(|cells| (cells[0].clone(), cells[2].clone()))).collect();
        let expected: Vec<_> = values.into_iter().map(|(id, city, _)| Ok((id, city))).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_row_is_accounted_for(text in prop::collection::vec(prop_oneof![
        6 => Just("<order>"), 6 => Just("</order>"), 2 => Just("<order id='1'/>"), 2 => Just("<name>"), 2 => Just("</name>"), 1 => Just("<"),
        1 => Just("'"), 1 => Just("<order a='"), 1 => Just(">"), 1 => Just("&x;"), 2 => Just("\n"), 1 => Just("</orders>"), 1 => Just("<x>")
    ], 0..60)) {
        let text = format!("<orders>{}", text.concat());
        let Ok(rows) = read(&xml("order"), text.as_bytes()) else { return Ok(()) };
        for gap in gaps(text.as_bytes(), &rows) {
            let gap = String::from_utf8_lossy(gap);
            prop_assert!(!gap.contains("<order>") && !gap.contains("<order "), "{}", gap);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![
        1 => Just(b'<'), 1 => Just(b'>'), 1 => Just(b'!'), 1 => Just(b'&'), 1 => Just(b'['), 1 => Just(b'"'), 3 => 1..=255_u8
    ], 0..200)) {
        for begun in ["<", "<o><order ", "<o><order>", "<!DOCTYPE o ["] {
            _ = read(&xml("order"), &[begun.as_bytes(), &bytes].concat());
        }
    }
}
