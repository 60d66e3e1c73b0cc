//! The deployed API by way of Athena, over the real tables: its rows are those that the function itself finds.

use crate::{
    api::{QUESTIONS, api, plain},
    cloud,
};
use std::time::Duration;
use watershed_aws_athena::Athena;
use watershed_local::{Ui, aws};
use watershed_ports::{Kind, Progress, Queries as _};
use watershed_tests::cloud::wait;

/// What Athena's SQL has another word for.
const ONLY_HERE: &str = "TIMESTAMPTZ";

/// More rows than a page has, of each type that the tables have.
const OTHERS: [&str; 5] = [
    "SELECT tailnum, year, manufacturer, seats, engine FROM nyc.planes ORDER BY tailnum",
    "SELECT time_hour, origin, temp, wind_gust, precip FROM nyc.weather WHERE origin = 'JFK' ORDER BY time_hour LIMIT 2500",
    "SELECT time_hour, dep_time, dep_delay, tailnum, cancelled FROM nyc.flights_enriched WHERE dest = 'LEX' OR tailnum IS NULL ORDER BY time_hour, carrier, flight LIMIT 50",
    "SELECT dep_time, flight FROM nyc.flights WHERE dest = 'SJU' AND carrier = 'B6' ORDER BY dep_time DESC, time_hour, flight LIMIT 20",
    "SELECT f.origin, 'it''s \\ \"é\"' AS text, '' AS empty, max(f.time_hour) AS last FROM nyc.flights f GROUP BY f.origin ORDER BY 1",
];

#[test]
fn rows_by_athena_are_those_of_the_function() {
    let api = api();
    for sql in QUESTIONS.iter().filter(|sql| !sql.contains(ONLY_HERE)).chain(&OTHERS) {
        let here = api.ask(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let later = api
            .ask_later(sql, Ui::Silent)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(!here.rows.is_empty() && later.bytes_read > 0, "{sql}");
        assert_eq!(later.rows.len(), here.rows.len(), "{sql}");
        assert_eq!(plain(&later.rows), plain(&here.rows), "{sql}");
    }
}

#[test]
fn the_same_request_is_one_query_which_its_caller_can_end() {
    let api = api();
    // So long that it is still running when it is ended.
    let sql = "SELECT count(*) AS n FROM nyc.flights a JOIN nyc.flights b ON a.dest = b.dest AND a.dep_delay + b.dep_delay > 1000000";
    let [one, two] = [(), ()].map(|()| api.begin(sql).unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(one.id, two.id);
    let path = format!("/query/{}", one.id);
    let ended = api.end(&one.id).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ended.status, 204, "{}", String::from_utf8_lossy(&ended.body));
    let mut look = || {
        let response = api.send(&path, "application/json", None);
        response.unwrap_or_else(|error| panic!("{error}"))
    };
    let looks = std::iter::repeat_with(&mut look).find(|response| response.status != 202);
    assert_eq!(looks.expect("it ends").status, 410);
    let unknown = api.end("0123456789abcdef0123456789abcdef");
    assert_eq!(unknown.unwrap_or_else(|error| panic!("{error}")).status, 404);
}

#[test]
fn what_athena_cannot_run_is_told_at_its_place() {
    let api = api();
    // A function that only the engine here has.
    let sql = "SELECT origin,\n  nyc.flights.dest, arrow_typeof(dest)\nFROM nyc.flights LIMIT 1";
    let error = api.ask_later(sql, Ui::Silent).expect_err("Athena has no arrow_typeof");
    let expected = format!("{:>width$}", "^", width = "    nyc.flights.dest, a".len());
    assert!(error.to_string().contains(&expected), "{error}");
    // What it has no word for is told before it is asked.
    let error = api
        .begin("SELECT carrier::text FROM nyc.airlines")
        .expect_err("Athena has no ::");
    assert!(error.to_string().contains("write CAST(value AS type)"), "{error}");
}

#[test]
fn the_adapter_tells_what_athena_says() {
    let cloud = cloud();
    let workgroup = cloud
        .stack
        .output("AthenaWorkGroupName")
        .unwrap_or_else(|error| panic!("{error}"));
    wait(async {
        let athena = Athena::new(&aws::config(&cloud.emulator.endpoint()), workgroup);
        let token = |nth: u8| format!("{nth:032}");
        let sql = "SELECT 1 AS one, CAST(NULL AS VARCHAR) AS none, '' AS empty, CAST(2.5 AS DECIMAL(9, 2)) AS price";
        let started = athena.start(sql, &token(1)).await.expect("it is begun");
        assert_eq!(athena.start(sql, &token(1)).await.as_ref(), Ok(&started));
        assert_ne!(athena.start(sql, &token(2)).await.as_ref(), Ok(&started));
        let other = athena.start("SELECT 2", &token(1)).await.expect_err("another text");
        assert_eq!(other.kind, Kind::Fault, "{other}");
        let malformed = athena
            .start("SELECT 1 FROM WHERE", &token(3))
            .await
            .expect_err("no SQL");
        assert!(
            malformed.kind == Kind::Rejected && malformed.message.starts_with("line 1:15: "),
            "{malformed}"
        );
        while athena.look(&started).await.expect("it is known").progress != Progress::Succeeded {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let page = athena.page(&started, None).await.expect("it has rows");
        let text = |text: &str| Some(text.to_string());
        assert_eq!(
            (page.rows, page.next),
            (vec![vec![text("1"), None, text(""), text("2.50")]], None)
        );
        let price = &page.columns[3];
        assert_eq!(
            (&*price.name, &*price.kind, price.precision, price.scale),
            ("price", "decimal", 9, 2)
        );
        athena.cancel(&started).await.expect("it has ended already");
        for unknown in [athena.look("x").await.map(drop), athena.page("x", None).await.map(drop)] {
            assert_eq!(unknown.map_err(|error| error.kind), Err(Kind::Rejected));
        }
    });
}
