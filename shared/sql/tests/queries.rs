//! Queries over real tables: rows, states, pruning, what is hidden, what is refused.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use common::{World, limits, shown, spec};
use proptest::prelude::*;
use std::{sync::Arc, time::Duration};
use watershed_lake::{TableSpec, Transform};
use watershed_sql::{Limits, SqlError, error::Limit};

fn sales() -> TableSpec {
    spec(
        "sales",
        &[
            ("day", "date"),
            ("item", "string"),
            ("price", "decimal(9,2)"),
            ("pieces", "int"),
        ],
        Some(Transform::Month),
    )
}

async fn shop() -> World {
    let world = World::default();
    let rows: &[&[&str]] = &[
        &["2024-01-01", "tea", "2.50", "3"],
        &["2024-01-31", "milk", "0.99", "1"],
        &["2024-02-01", "tea", "2.60", "null"],
        &["2024-03-09", "null", "10.00", "7"],
    ];
    world.lake.put(&sales(), "a", 1, rows).await;
    let items = spec("items", &[("name", "string"), ("kind", "string")], None);
    world
        .lake
        .put(&items, "i", 1, &[&["tea", "drink"], &["milk", "dairy"]])
        .await;
    world
}

#[tokio::test]
async fn tables_are_joined_grouped_and_sorted() {
    let world = shop().await;
    let sql = "SELECT i.kind, count(*) AS n, sum(price * pieces) AS paid FROM shop.sales s LEFT JOIN shop.items i ON s.item = i.name \
               GROUP BY i.kind ORDER BY n DESC, kind";
    assert_eq!(
        world.ask(sql).await.unwrap(),
        ["drink|2|7.50", "dairy|1|0.99", "|1|70.00"]
    );
    let sql =
        "SELECT max(day) - min(day) AS span, min(item), avg(price) FROM shop.sales WHERE price BETWEEN 0.99 AND 2.6";
    assert_eq!(world.ask(sql).await.unwrap().len(), 1);
    assert_eq!(
        world
            .ask("SELECT upper(item), date_trunc('month', day)::date FROM shop.sales WHERE item LIKE 't%' ORDER BY 2")
            .await
            .unwrap(),
        ["TEA|2024-01-01", "TEA|2024-02-01"]
    );
    let explained = world.ask("EXPLAIN SELECT * FROM shop.sales").await.unwrap();
    assert!(!explained.is_empty());
}

#[tokio::test]
async fn an_earlier_state_is_asked_for_beside_the_one_of_now() {
    let world = shop().await;
    let before = watershed_table::Host::now_ms(&world.lake.host);
    world.lake.host.pass(60_000);
    world
        .lake
        .put(&sales(), "a", 2, &[&["2024-01-01", "tea", "9.99", "1"]])
        .await;
    let then = chrono::DateTime::from_timestamp_millis(before).unwrap().to_rfc3339();
    let sql = format!(
        "SELECT (SELECT count(*) FROM shop.sales), (SELECT count(sales.item) FROM shop.sales FOR TIMESTAMP AS OF TIMESTAMP '{then}')"
    );
    assert_eq!(world.ask(&sql).await.unwrap(), ["1|3"]);
}

#[tokio::test]
async fn only_what_a_query_needs_is_read() {
    let world = shop().await;
    let engine = world.engine(limits());
    let mut bytes = Vec::new();
    for sql in [
        "SELECT * FROM shop.sales",
        "SELECT sum(pieces) FROM shop.sales",
        "SELECT sum(pieces) FROM shop.sales WHERE day >= DATE '2024-02-15'",
        "SELECT count(*) FROM shop.sales",
        "SELECT sum(pieces) FROM shop.sales WHERE day > DATE '2025-01-01'",
        "SELECT count(*) FROM shop.sales WHERE price > 1000",
    ] {
        let (_, read) = world.ask_of(&engine, sql).await.unwrap();
        bytes.push(read);
    }
    let [all, one_column, one_file, counted, none, too_dear] = bytes[..] else {
        panic!("six")
    };
    assert!(all > one_column && one_column > one_file && one_file > 0, "{bytes:?}");
    assert_eq!([counted, none, too_dear], [0, 0, 0]);
}

#[tokio::test]
async fn of_a_large_file_the_pages_are_read_that_bounds_leave() {
    const ROWS: i64 = 400_000;
    let world = World::default();
    let readings = spec("readings", &[("at", "long"), ("value", "long")], None);
    // Scattered, so that no encoding makes the column small.
    let scattered = |row: i64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64);
    let columns: [ArrayRef; 2] = [
        Arc::new(Int64Array::from_iter_values(0..ROWS)),
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(scattered))),
    ];
    let batch = RecordBatch::try_new(watershed_sink::arrow_schema(&readings), columns.into()).unwrap();
    world.lake.put_batch(&readings, "r", 1, batch).await;
    let engine = world.engine(limits());
    let (_, whole) = world
        .ask_of(&engine, "SELECT max(value) FROM shop.readings")
        .await
        .unwrap();
    let sql = "SELECT value FROM shop.readings WHERE at BETWEEN 200000 AND 200001";
    let (rows, some) = world.ask_of(&engine, sql).await.unwrap();
    assert_eq!(shown(&rows), [200_000, 200_001].map(|row| scattered(row).to_string()));
    assert!(some * 4 < whole, "{some} of {whole} bytes");
}

#[tokio::test]
async fn columns_are_hidden_and_rows_are_chosen_before_the_query_sees_them() {
    let mut world = shop().await;
    world.hidden = ["price".to_string()].into();
    assert_eq!(
        world.ask("SELECT * FROM shop.sales WHERE pieces = 1").await.unwrap(),
        ["2024-01-31|milk|1"]
    );
    let error = world.ask("SELECT item, price FROM shop.sales").await.unwrap_err();
    assert!(error.to_string().contains("no column `price`"), "{error}");
    world.hidden.clear();
    world.filter = Some("day < DATE '2024-02-01' AND price > 1".into());
    let sql = "SELECT s.item FROM shop.sales AS s";
    assert_eq!(world.ask(sql).await.unwrap(), ["tea"]);
    assert_eq!(world.ask("SELECT count(*) FROM shop.sales").await.unwrap(), ["1"]);
}

#[tokio::test]
async fn what_is_wrong_is_told_where_it_stands() {
    let world = shop().await;
    for (sql, expected, at) in [
        ("SELECT itm FROM shop.sales", "did you mean `item`?", Some((1, 8))),
        (
            "SELECT s.day,\n  s.nothing FROM shop.sales s",
            "no column `nothing`",
            Some((2, 3)),
        ),
        ("SELECT frobnicate(item) FROM shop.sales", "frobnicate", None),
        ("SELECT day, count(*) FROM shop.sales", "GROUP BY", Some((1, 8))),
        ("SELECT item + 1 FROM shop.sales WHERE day", "", None),
        (
            "SELECT * FROM shop.sales s JOIN shop.sales t ON s.day = t.day WHERE item = 'x'",
            "several",
            Some((1, 69)),
        ),
    ] {
        let SqlError::Invalid { message, place, .. } = world.ask(sql).await.expect_err(sql) else {
            panic!("{sql}");
        };
        assert!(message.contains(expected), "{sql}: {message}");
        if at.is_some() {
            assert_eq!(place.map(|place| (place.line, place.column)), at, "{sql}: {message}");
        }
    }
    for sql in [
        "SELECT 1 / (pieces - 7) FROM shop.sales",
        "SELECT item::int FROM shop.sales",
        "SELECT 1 FROM shop.sales WHERE regexp_like(item, '(((a{1,1000}){1,1000}){1,1000})')",
        "SELECT 1 FROM shop.sales WHERE regexp_like(item, '(')",
    ] {
        let error = world.ask(sql).await.expect_err(sql);
        assert!(matches!(error, SqlError::Failed(_)), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn what_takes_too_much_is_stopped() {
    let world = shop().await;
    let small = Limits {
        memory_bytes: 2 << 20,
        time: Duration::from_millis(800),
        ..limits()
    };
    let engine = world.engine(small);
    let numbers = "generate_series(1, 3000000) AS a(x)";
    for (sql, expected) in [
        (
            "SELECT count(*) FROM generate_series(1, 10000) a(x), generate_series(1, 1000000000) b(y) WHERE x + y = 3"
                .to_string(),
            Limit::Time,
        ),
        (
            format!("SELECT x, count(*) FROM {numbers} GROUP BY x ORDER BY 2"),
            Limit::Memory,
        ),
        (
            format!("SELECT repeat('x', 1000) || x FROM {numbers} ORDER BY 1 DESC"),
            Limit::Memory,
        ),
    ] {
        let error = world.ask_of(&engine, &sql).await.expect_err(&sql);
        assert!(
            matches!(&error, SqlError::Limit(limit, _) if *limit == expected),
            "{sql}: {error:?}"
        );
    }
    let few = world.engine(Limits {
        scan_bytes: 100,
        ..limits()
    });
    let error = world.ask_of(&few, "SELECT * FROM shop.sales").await.unwrap_err();
    assert!(
        matches!(&error, SqlError::Limit(Limit::Scan, what) if what.contains("name fewer columns")),
        "{error:?}"
    );
    assert_eq!(
        shown(&world.ask_of(&few, "SELECT count(*) FROM shop.sales").await.unwrap().0),
        ["4"]
    );
}

#[tokio::test]
async fn what_would_compare_all_with_all_is_told_before_it_begins() {
    let world = World::default();
    let table = spec("n", &[("n", "long")], None);
    let rows: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    let rows: Vec<[&str; 1]> = rows.iter().map(|row| [row.as_str()]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| &row[..]).collect();
    world.lake.put(&table, "a", 1, &rows).await;
    let error = world
        .ask("SELECT count(*) FROM shop.n a JOIN shop.n b ON a.n + b.n = 7")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("each of 50000 rows with each of 50000"),
        "{error}"
    );
    let counted = world
        .ask("SELECT count(*) FROM shop.n a JOIN shop.n b ON a.n = b.n WHERE a.n > 10")
        .await;
    assert_eq!(counted.unwrap(), ["49989"]);
}

#[tokio::test]
async fn a_store_that_fails_is_no_fault_of_the_query() {
    let world = shop().await;
    let engine = world.engine(limits());
    world.ask_of(&engine, "SELECT item FROM shop.sales").await.unwrap();
    for uri in world
        .lake
        .store
        .snapshot()
        .keys()
        .filter(|uri| uri.ends_with(".parquet"))
    {
        let (bucket, key) = uri.split_once('/').unwrap();
        watershed_ports::ObjectStore::delete(&*world.lake.store, bucket, key)
            .await
            .unwrap();
    }
    let error = world.ask_of(&engine, "SELECT item FROM shop.sales").await.unwrap_err();
    assert!(matches!(error, SqlError::Port(_)), "{error:?}");
}

type Row = (i64, Option<String>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever files there are and whatever is asked of their bounds, pruning leaves out none of the rows.
    #[test]
    fn pruning_loses_no_row(
        files in prop::collection::vec(prop::collection::vec((0i64..40, prop::option::of("[a-d]{1,20}")), 1..6), 1..6),
        (low, high) in (0i64..40, 0i64..40),
        text in "[a-d]{1,20}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::default();
            let table = spec("t", &[("n", "long"), ("s", "string")], None);
            for (number, rows) in files.iter().enumerate() {
                let rows: Vec<[String; 2]> =
                    rows.iter().map(|(n, s)| [n.to_string(), s.clone().unwrap_or_else(|| "null".into())]).collect();
                let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
                let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
                world.lake.put(&table, &number.to_string(), 1, &rows).await;
            }
            let all = files.iter().flatten();
            let count = |keep: &dyn Fn(&Row) -> bool| all.clone().filter(|row| keep(row)).count();
            for (condition, expected) in [
                (format!("n BETWEEN {low} AND {high}"), count(&|row| low <= row.0 && row.0 <= high)),
                (format!("n = {low} OR s = '{text}'"), count(&|row| row.0 == low || row.1.as_deref() == Some(&text))),
                (format!("s >= '{text}' AND n <> {high}"), count(&|row| row.1.as_deref() >= Some(&text) && row.0 != high)),
                (format!("s IS NULL AND n < {high}"), count(&|row| row.1.is_none() && row.0 < high)),
                (format!("NOT (s < '{text}')"), count(&|row| row.1.as_deref().is_some_and(|s| s >= text.as_str()))),
                (format!("n IN ({low}, {high})"), count(&|row| row.0 == low || row.0 == high)),
            ] {
                let found = world.ask(&format!("SELECT count(*) FROM shop.t WHERE {condition}")).await.unwrap();
                prop_assert_eq!(&found, &[expected.to_string()], "{}", condition);
                let found = world.ask(&format!("SELECT s FROM shop.t WHERE {condition}")).await.unwrap();
                prop_assert_eq!(found.len(), expected, "{}", condition);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn queries_run_beside_each_other() {
    let world = Arc::new(shop().await);
    let engine = Arc::new(world.engine(limits()));
    let ask = |n: usize| {
        let (world, engine) = (Arc::clone(&world), Arc::clone(&engine));
        async move {
            let sql = format!("SELECT count(*) + {n} FROM shop.sales WHERE pieces > 0");
            shown(&world.ask_of(&engine, &sql).await.unwrap().0)
        }
    };
    let answers = futures::future::join_all((0..20).map(ask)).await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, [(3 + n).to_string()]);
    }
}

#[tokio::test]
async fn files_that_are_older_than_the_tables_columns_are_read_as_it_is_now() {
    let world = World::default();
    let before = spec("t", &[("a", "int"), ("b", "string")], None);
    world.lake.put(&before, "old", 1, &[&["1", "x"], &["7", "y"]]).await;
    let now = spec("t", &[("a", "long"), ("b", "string"), ("c", "double")], None);
    world.lake.put(&now, "new", 1, &[&["5000000000", "z", "0.5"]]).await;
    for (sql, expected) in [
        ("SELECT sum(a), count(c), count(*) FROM shop.t", "5000000008|1|3"),
        ("SELECT count(*), max(b) FROM shop.t WHERE c IS NULL", "2|y"),
        ("SELECT b, c FROM shop.t WHERE a BETWEEN 2 AND 8", "y|"),
        ("SELECT b FROM shop.t WHERE c > 0.1 AND a > 4000000000", "z"),
    ] {
        assert_eq!(world.ask(sql).await.expect(sql), [expected], "{sql}");
    }
}
