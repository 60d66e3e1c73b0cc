//! What is wrong with a contract is said all at once, where it stands; and no text makes the reader panic.

use proptest::prelude::*;
use watershed_contract::{Contracts, parse};

const REFERENCE: &str = include_str!("../REFERENCE.md");
const BAD: &str = include_str!("bad.odcs.yaml");
const STREAM: &str = include_str!("../../../tests/contracts/readings.odcs.yaml");
const FLIGHTS: &str = include_str!("../../../infra/contracts/flights.odcs.yaml");

/// The example of the reference: it uses every key.
fn example() -> &'static str {
    REFERENCE
        .split_once("```yaml\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .expect("the reference has an example")
        .0
}

#[test]
fn everything_wrong_is_said_at_once() {
    let errors = parse("bad.odcs.yaml", BAD).expect_err("nothing in it is right");
    assert!(errors.iter().count() >= 50);
    insta::assert_snapshot!("bad", errors);
}

#[test]
fn everything_wrong_with_a_stream_is_said_at_once() {
    for (name, text) in [
        ("bad_stream", include_str!("bad_stream.odcs.yaml")),
        ("bad_windows", include_str!("bad_windows.odcs.yaml")),
    ] {
        let errors = parse(&format!("{name}.odcs.yaml"), text).expect_err("nothing in it is right");
        insta::assert_snapshot!(name, errors);
    }
}

/// One change of the example, and what is said of it.
#[test]
fn one_mistake_makes_one_message() {
    let cases: [(&str, &str, &str); 34] = [
        ("minimum: 1}", "multipleOf: 5}", r#"option "multipleOf" is not checked"#),
        (
            "version: 1.0.0 ",
            "version: 1.0.0-beta ",
            r#"version "1.0.0-beta": write MAJOR.MINOR.PATCH"#,
        ),
        (
            "apiVersion: v3.1.0",
            "apiVersion: v2.2.2",
            r#"unknown apiVersion "v2.2.2""#,
        ),
        ("server: raw ", "server: lake ", "no server raw: write a server: raw"),
        ("s3://{raw}/shop", "s3://raw/shop", "write s3://{raw}/folder/*.csv"),
        ("s3://{raw}/shop", "s3://{raw}/{shop}", "write s3://{raw}/folder/*.csv"),
        ("format: csv ", "format: tsv ", "did you mean csv?"),
        (r#"delimiter: ";""#, r#"delimiter: ";;""#, "write one ASCII character"),
        (
            r#"delimiter: ";""#,
            r#"delimiter: "'""#,
            "quote and delimiter are the same",
        ),
        ("quote: \"'\"", "quoted: \"'\"", "did you mean quote?"),
        ("transform: month", "transform: hours", "did you mean hour?"),
        ("bucket[16]", "bucket[0]", r#"unknown transform "bucket[0]""#),
        (
            "{column: customer, transform",
            "{column: amount, transform",
            "but partitioned: true at ordered_at, customer",
        ),
        ("name: shard", "name: state", r#"the name "state" is taken"#),
        (
            "required: true            #",
            "required: false            #",
            "a primary key that may be null: write required: true",
        ),
        ("fieldId: 1}", "fieldId: 2}", "fieldId 2 a second time"),
        ("fieldId: 1}", "fieldId: 1000000}", "write an integer from 1 to 999999"),
        (
            r#"source: "Order No""#,
            "source: amount",
            r#"a second column is read from "amount""#,
        ),
        (
            "minimum: 1}",
            "minimum: 1.5}",
            "minimum is 1.5: write an integer that fits long",
        ),
        ("Europe/Paris", "Europe/Pari", r#"unknown time zone "Europe/Pari""#),
        ("dd.MM.yyyy HH:mm:ss", "dd.MM.YYYY HH:mm:ss", "YYYY has no counterpart"),
        ("dd.MM.yyyy HH:mm:ss", "dd.MM.yyyy", "gives no hour and minute"),
        (
            "timezone: true",
            "timezone: false",
            "write physicalType TIMESTAMP_TZ with timezone: true",
        ),
        (
            "2001-01-01T00:00:00Z",
            "2001-01-01",
            "write a timestamp with its offset",
        ),
        ("minLength: 3", "minLength: 30", "write minLength <= maxLength"),
        (
            "maximum: 1000000}",
            "maximum: 0}",
            "no value is between minimum and maximum",
        ),
        (
            "maximum: 1000000}",
            "maximum: 99999999999}",
            "write a number that is exact in decimal(12,2)",
        ),
        ("maximum: 1000000}", "maxinum: 1000000}", "did you mean maximum?"),
        ("epoch: millisecond", "epoch: milliseconds", "did you mean millisecond?"),
        ("[ja, j]", "[ja, n]", r#""n" is true and false"#),
        ("logicalType: boolean", "logicalType: bool", "did you mean boolean?"),
        (
            "searchable: true",
            "searchable: yes",
            "searchable is \"yes\": write true or false",
        ),
        (
            "unit: kg, sourceUnit: [kg, lb], round: halfEven",
            "searchable: true",
            "only text has words that are found",
        ),
        (
            "nulls: [], personal: hash",
            "nulls: [], personal: hash, searchable: true",
            "a searchable column without its words",
        ),
    ];
    each_makes_one_message(&cases);
}

/// The same of how text, numbers and names are written.
#[test]
fn one_mistake_of_a_dialect_makes_one_message() {
    let cases: [(&str, &str, &str); 25] = [
        ("encoding: windows-1252", "encoding: utf8", "did you mean utf-8?"),
        (
            r#"quote: "'""#,
            "quote: nothing",
            "write a quote: one ASCII character, or none",
        ),
        (
            r#"quote: "'""#,
            r#"quote: "\\""#,
            "escape and quote are the same: remove escape",
        ),
        (r#"escape: "\\""#, r#"escape: ";""#, "escape and delimiter are the same"),
        (r#"escape: "\\""#, "escape: none", "write one ASCII character"),
        (r##"comment: "#""##, "comment: //", "write one ASCII character"),
        (r##"comment: "#""##, r#"comment: "'""#, "comment and quote are the same"),
        ("skipRows: 2 ", "skipRows: 1001 ", "write an integer from 0 to 1000"),
        ("multiline: false ", "multilines: false ", "did you mean multiline?"),
        ("raggedEnds: pad", "raggedEnds: padd", "did you mean pad?"),
        ("repeatedHeader: skip", "repeatedHeader: true", r#"quote it: "true""#),
        (
            "unknownColumns: add ",
            "unknownColumns: added ",
            r#"unknown unknownColumns "added""#,
        ),
        (
            "addedPersonal: redact ",
            "addedPersonal: hide ",
            r#"unknown addedPersonal "hide""#,
        ),
        ("locale: de ", "locale: ge ", r#"unknown locale "ge""#),
        ("locale: fr", "locale: french", r#"unknown locale "french""#),
        (
            r#""%d. %B %Y""#,
            r#""%d.%m.%Y""#,
            "locale without a month or weekday name",
        ),
        (
            r#"decimalSeparator: ",""#,
            r#"decimalSeparator: "5""#,
            "write one character that is no part of a number",
        ),
        (
            r#"groupSeparator: ".""#,
            r#"groupSeparator: ",""#,
            r#"decimals and groups are both set off by ",""#,
        ),
        (r#"groupSeparator: "'""#, r#"groupSeparator: "-""#, "or none"),
        (
            r#"groupSeparator: "'""#,
            r#"groupSeparator: ",""#,
            "groupSeparator: none",
        ),
        (
            "negative: parentheses",
            "negative: brackets",
            r#"unknown negative "brackets""#,
        ),
        (r#"strip: [EUR, "€"]"#, r#"strip: ["5 €"]"#, "without digits and signs"),
        (r#"strip: [EUR, "€"]"#, "strip: EUR", "write a list"),
        (
            "case: upper",
            "negative: trailing",
            "a column of type string is no number: remove it",
        ),
        (
            "epoch: millisecond",
            "epoch: millisecond, locale: es",
            "locale without a month or weekday name",
        ),
    ];
    each_makes_one_message(&cases);
}

#[test]
fn without_a_header_what_needs_one_is_said() {
    let errors = parse("f", &example().replacen("header: true ", "header: false ", 1)).expect_err("two keys need it");
    let said: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "repeatedHeader without header",
            "unknownColumns of a source without names"
        ]
    );
}

/// Each change of the example makes one message, which contains that.
fn each_makes_one_message(cases: &[(&str, &str, &str)]) {
    let mut wrong = Vec::new();
    for (from, to, expected) in cases {
        assert!(example().contains(from), "{from}");
        let said = match parse("f", &example().replacen(from, to, 1)) {
            Ok(_) => String::new(),
            Err(errors) => errors.to_string(),
        };
        if !said.contains(expected) || said.lines().count() != 1 {
            wrong.push(format!("{to}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn contracts_that_cannot_be_together() {
    // Retention and frequency name a schema object, which is called otherwise here.
    let base = example()
        .replace("property: retention", "property: availability")
        .replace("property: frequency", "property: availability");
    let with = |changes: &[(&str, &str)]| changes.iter().fold(base.clone(), |text, (a, b)| text.replace(a, b));
    let other = [
        ("id: shop-orders", "id: other"),
        ("name: orders", "name: bills"),
        ("/shop/orders/", "/shop/bills/"),
    ];
    let errors = |text: &str| match Contracts::parse([("a", example()), ("b", text)]) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    };
    assert_eq!(errors(&with(&other)), "");
    assert!(errors(&with(&other[1..])).starts_with("b:26: schema.bills: id shop-orders is taken in a"));
    assert!(errors(&with(&[other[0], other[2]])).contains("table shop.orders is also made by a"));
    assert!(errors(&with(&other[..2])).contains("takes objects of s3://{raw}/shop/orders/*.csv* in a"));
    let quarantine = [other[0], ("name: orders", "name: orders_quarantine"), other[2]];
    assert!(errors(&with(&quarantine)).contains("table shop.orders_quarantine is also made by a"));
    // A folder deeper after the same folder has no object in common.
    let suffix = [other[0], other[1], ("orders/*.csv*", "orders/*/*")];
    assert_eq!(errors(&with(&suffix)), "");
}

#[test]
fn a_folder_is_read_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let load = || Contracts::load(dir.path());
    assert!(load().expect_err("empty").to_string().contains("0 files *.odcs.yaml"));
    std::fs::write(dir.path().join("b.odcs.yaml"), BAD).expect("written");
    std::fs::write(dir.path().join("a.odcs.yaml"), "a: [").expect("written");
    std::fs::write(dir.path().join("notes.txt"), "not a contract").expect("written");
    let errors = load().expect_err("both are wrong");
    assert!(errors.to_string().starts_with("a.odcs.yaml:"));
    assert!(errors.to_string().contains("\nb.odcs.yaml:2: unknown kind"));
    std::fs::write(dir.path().join("a.odcs.yaml"), b"\xff\xfe").expect("written");
    assert!(
        load()
            .expect_err("not UTF-8")
            .to_string()
            .starts_with("a.odcs.yaml: cannot be read")
    );
    assert!(Contracts::load(&dir.path().join("none")).is_err());
}

/// Every message names a line that the text has.
fn check(text: &str) {
    let Err(errors) = parse("f", text) else { return };
    // YAML ends a line with `\r` too (1.2.2, 5.4 "Line Break Characters").
    let lines = text.split(['\n', '\r']).count();
    for error in errors.iter() {
        assert!(error.line <= lines + 1, "{error}");
        assert!(!error.message.is_empty() && !error.help.is_empty(), "{error}");
    }
}

/// What stands in for a value.
const VALUES: [&str; 24] = [
    "",
    "~",
    "-1",
    "0",
    "1e400",
    ".nan",
    "0x10",
    "'",
    "\"\"",
    "[]",
    "{}",
    "[[]]",
    "{a: }",
    "*a",
    "&a x",
    "!!str 1",
    "<<",
    "true",
    "é\u{0}",
    "99999999999999999999999999999999999999999999",
    "%",
    "{",
    "-",
    "9223372036854775808",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn no_yaml_panics(text in "([a-c&*!\\[\\]{}:,'\"|>?#\\-~%@ \n\t0-9.]|: |\n  |- ){0,80}") {
        check(&text);
    }

    #[test]
    fn no_changed_character_panics(at in any::<prop::sample::Index>(), c in any::<char>(), flights in any::<bool>()) {
        let text = if flights { FLIGHTS } else { example() };
        let text = if at.index(3) == 0 { STREAM } else { text };
        let chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        check(&chars.iter().enumerate().map(|(i, old)| if i == at { c } else { *old }).collect::<String>());
    }

    #[test]
    fn no_changed_value_panics(at in any::<prop::sample::Index>(), value in prop::sample::select(&VALUES[..]), stream in any::<bool>()) {
        let lines: Vec<&str> = if stream { STREAM } else { example() }.lines().collect();
        let at = at.index(lines.len());
        let changed = |line: &str| match line.split_once(": ") {
            Some((key, _)) => format!("{key}: {value}"),
            None => format!("{line} {value}"),
        };
        let text: Vec<String> = lines.iter().enumerate().map(|(i, l)| if i == at { changed(l) } else { (*l).into() }).collect();
        check(&text.join("\n"));
    }

    #[test]
    fn no_moved_line_panics(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), keep in any::<bool>()) {
        let mut lines: Vec<&str> = example().lines().collect();
        let line = lines[from.index(lines.len())];
        if !keep {
            lines.remove(from.index(lines.len()));
        }
        lines.insert(to.index(lines.len()), line);
        check(&lines.join("\n"));
    }
}
