//! How long what is kept, as contracts say it, and what is said where they say it wrong.

use watershed_contract::{Age, Contracts, Dataset, RawRetention, Retention, RowRetention, parse};

const DAY_MS: i64 = 86_400_000;

fn contract(sla: &str, custom: &str) -> String {
    format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: t\nstatus: active\ndomain: d\n\
         servers: [{{server: raw, type: s3, location: \"s3://{{raw}}/t/{{model}}.csv\", format: csv}}]\n{sla}\n\
         schema:\n  - name: bills\n    physicalName: bills_v2\n    customProperties: [{{property: watershed, value: {{{custom}}}}}]\n    \
         properties:\n      - {{name: n, logicalType: integer}}\n      - {{name: at, logicalType: timestamp}}\n      \
         - {{name: day, logicalType: date}}\n  - name: others\n    properties: [{{name: day, logicalType: date}}]\n"
    )
}

fn retention(sla: &str, custom: &str) -> Result<Retention, String> {
    let read = parse("t", &contract(sla, custom)).map_err(|errors| errors.to_string())?;
    let [bills, others]: [std::sync::Arc<Dataset>; 2] = read.try_into().expect("two");
    assert_eq!(others.retention, Retention::default());
    Ok(bills.retention.clone())
}

fn entry(value: &str) -> String {
    format!("slaProperties: [{{property: latency, value: 4, unit: d}}, {{property: retention, {value}}}]")
}

#[test]
fn without_a_word_rows_are_kept_and_files_that_nothing_names_are_not() {
    let default = retention("", "").expect("valid");
    assert_eq!(
        (default.rows, default.snapshots_ms, default.quarantine_ms),
        (None, None, None)
    );
    assert_eq!((default.orphans_ms, default.staged_ms), (3 * DAY_MS, 30 * DAY_MS));
    let all = retention(
        "",
        "retention: {snapshots: 36h, quarantine: 90d, orphans: 1d, staged: 40d}",
    )
    .expect("valid");
    assert_eq!(
        (all.snapshots_ms, all.quarantine_ms),
        (Some(DAY_MS * 3 / 2), Some(90 * DAY_MS))
    );
    assert_eq!((all.orphans_ms, all.staged_ms), (DAY_MS, 40 * DAY_MS));
    let text = contract("", "retention: {snapshots: 36h}");
    let dataset = parse("t", &text).expect("valid").remove(0);
    for table in [&dataset.table, &dataset.quarantine] {
        assert_eq!(table.properties["history.expire.max-snapshot-age-ms"], "129600000");
    }
}

#[test]
fn rows_are_kept_as_the_standard_says_it() {
    for (value, column, age) in [
        ("value: 30, unit: d, element: bills.at", 1, Age::Ms(30 * DAY_MS)),
        ("value: 2, unit: weeks, element: bills.day", 2, Age::Ms(14 * DAY_MS)),
        ("value: 6, unit: m, element: bills.at", 1, Age::Months(6)),
        ("value: 3, unit: y, element: bills.at", 1, Age::Months(36)),
    ] {
        let rows = retention(&entry(value), "").expect(value).rows;
        assert_eq!(rows, Some(RowRetention { column, age }), "{value}");
    }
    let by_partition = "partition: [{column: day, transform: month}, {column: n, transform: \"bucket[4]\"}]";
    let rows = retention(&entry("value: 3, unit: y, element: bills"), by_partition)
        .expect("valid")
        .rows;
    assert_eq!(rows.map(|rows| rows.column), Some(2));
    let default = format!("slaDefaultElement: bills.at\n{}", entry("value: 3, unit: y"));
    assert_eq!(
        retention(&default, "").expect("valid").rows.map(|rows| rows.column),
        Some(1)
    );
}

#[test]
fn one_mistake_makes_one_message() {
    let mut cases: Vec<(String, String, &str)> = Vec::new();
    for (value, expected) in [
        (
            "value: 3, unit: y",
            "a retention without element: write element: the name",
        ),
        (
            "value: 3, unit: y, element: bill.at",
            "element \"bill.at\" is of no schema object",
        ),
        (
            "value: 3, unit: y, element: bills",
            "does not say by which column: write element: bills. and a column",
        ),
        ("value: 3, unit: y, element: bills.n", "a retention by n, which is long"),
        (
            "value: 3, unit: y, element: bills.none",
            "no column \"none\" in the table",
        ),
        (
            "value: 0, unit: y, element: bills.at",
            "write an integer from 1 to 36500",
        ),
        ("unit: y, element: bills.at", "no value: write value: how many units"),
        (
            "value: 3, element: bills.at",
            "no unit: write unit: d, w, m (months) or y",
        ),
        ("value: 3, unit: h, element: bills.at", "unknown unit \"h\""),
        (
            "value: 3, unit: y, element: bills.at}, {property: retention, value: 3, unit: y, element: bills.day",
            "a second retention of bills: remove one",
        ),
    ] {
        cases.push((entry(value), String::new(), expected));
    }
    for (value, expected) in [
        ("snapshots: 23h", "snapshots is \"23h\": write 1d to 36500d"),
        ("staged: 28d", "staged is \"28d\": write 29d to 36500d"),
        ("orphans: 3", "write hours or days: 36h, 30d"),
        ("orphans: 99999999999999999d", "write hours or days"),
        ("quarantine: -5d", "write hours or days"),
        ("quarantine: 36501d", "write 1d to 36500d"),
        ("snapshot: 5d", "did you mean snapshots?"),
        ("raw: {infrequent: 29d}", "infrequent is \"29d\": write 30d to 36500d"),
        ("raw: {infrequent: 721h}", "write whole days: 90d"),
        (
            "raw: {infrequent: 30d, archive: 59d}",
            "write 60d or more, after infrequent",
        ),
        ("raw: {archive: 90d, expire: 90d}", "write 91d or more, after archive"),
        ("raw: {expire: 28d}", "write 29d to 36500d"),
        ("raw: {}", "raw retention without a step"),
        ("raw: {archived: 90d}", "did you mean archive?"),
    ] {
        cases.push((String::new(), format!("retention: {{{value}}}"), expected));
    }
    for (sla, custom, expected) in cases {
        let said = retention(&sla, &custom).expect_err(expected);
        assert!(
            said.contains(expected) && said.lines().count() == 1,
            "{expected}: {said}"
        );
    }
}

/// A contract of one table at that location, with that `raw` retention.
fn of_raw(id: &str, location: &str, raw: &str) -> String {
    format!(
        "version: 1.0.0\nkind: DataContract\napiVersion: v3.1.0\nid: {id}\nstatus: active\ndomain: d\n\
         servers: [{{server: raw, type: s3, location: \"s3://{{raw}}/{location}\", format: csv}}]\n\
         schema:\n  - name: {id}\n    customProperties: [{{property: watershed, value: {{retention: {{{raw}}}}}}}]\n    \
         properties: [{{name: n, logicalType: integer}}]\n"
    )
}

#[test]
fn raw_objects_move_and_go_where_their_folder_is_their_own() {
    let raw = "raw: {infrequent: 30d, archive: 60d, expire: 100d}";
    let bills = of_raw("bills", "bills/*.csv", raw);
    let others = of_raw("others", "others/**", "snapshots: 5d");
    let read = |texts: &[&str]| Contracts::parse(texts.iter().map(|text| ("t", *text)));
    let contracts = read(&[&bills, &others]).expect("valid");
    let of = |id: &str| contracts.by_id(id).expect("there").retention.raw;
    let steps = RawRetention {
        infrequent_days: Some(30),
        archive_days: Some(60),
        expire_days: Some(100),
    };
    assert_eq!((of("bills"), of("others")), (Some(steps), None));
    for (location, expected) in [
        (
            "bills/new/*.csv",
            "about objects of s3://{raw}/bills/new/*.csv in t too",
        ),
        ("**/*.csv", "about objects of s3://{raw}/**/*.csv in t too"),
        ("bills/*.json", "about objects of"),
    ] {
        let said = read(&[&bills, &of_raw("new", location, "snapshots: 5d")])
            .expect_err(expected)
            .to_string();
        assert!(said.contains(expected), "{said}");
    }
    let said = read(&[&of_raw("all", "*.csv", raw)])
        .expect_err("the whole bucket")
        .to_string();
    assert!(said.contains("which is the whole bucket"), "{said}");
}
