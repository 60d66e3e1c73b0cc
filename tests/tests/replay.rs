//! Doing it again after a contract was mended: the tables end as if it had been right from the beginning.

use serde_json::{Value, json};
use watershed_ingest::parts::Sizes;
use watershed_ports::faults::Fault;
use watershed_replay::Report;
use watershed_tests::{
    Memory,
    memory::{Functions, LAKE},
};

/// Keys of the raw zone end so, and their rows are right, wrong, and wrong for the mended contract as well.
const FILES: [(&str, &str); 3] = [
    ("a.csv", "id,amount\n1,5\n2,\"6,5\"\n3,x\n"),
    ("b.csv", "id,amount\n4,7\n5,8\n"),
    ("c.csv", "id,amount\n6,\"9,5\"\n,1\n"),
];
/// Fields that differ between the first and the second time: which contract refused, and which entity tag or event time it was.
const OF_THE_RUN: [&str; 3] = ["contract_version", "source_version", "source_time"];

fn contract(version: &str, separators: &str) -> String {
    format!(
        "version: {version}\nkind: DataContract\napiVersion: v3.1.0\nid: sales\nstatus: active\ndomain: shop\n\
         servers:\n  - {{server: raw, type: s3, location: \"s3://{{raw}}/sales/*.csv\", format: csv}}\n\
         schema:\n  - name: sales\n    customProperties: [{{property: watershed, value: {{multiline: false}}}}]\n    properties:\n\
         \x20     - {{name: id, logicalType: integer, required: true}}\n\
         \x20     - name: amount\n        logicalType: number\n        physicalType: \"DECIMAL(9,2)\"\n        \
         customProperties: [{{property: watershed, value: {{{separators}}}}}]\n"
    )
}

fn old() -> String {
    contract("1.0.0", "nulls: []")
}

fn mended() -> String {
    contract("1.0.1", "decimalSeparator: \",\"")
}

/// Rows of both tables.
async fn tables(memory: &Memory) -> [Vec<String>; 2] {
    [
        memory.rows("shop.sales", &[]).await,
        memory.rows("shop.sales_quarantine", &OF_THE_RUN).await,
    ]
}

fn files() -> impl Iterator<Item = (String, String)> {
    FILES
        .iter()
        .map(|(key, body)| (format!("sales/{key}"), (*body).to_string()))
}

/// The files under the old contract.
async fn ingested() -> Memory {
    let memory = Memory::new();
    for (key, body) in files() {
        memory.drop_files([(key.as_str(), body)]);
    }
    memory.run(&memory.deploy(&old())).await;
    assert_eq!(memory.rows("shop.sales_quarantine", &[]).await.len(), 4);
    memory
}

/// What the tables hold where the contract was right from the beginning.
async fn wanted() -> [Vec<String>; 2] {
    let memory = Memory::new();
    for (key, body) in files() {
        memory.drop_files([(key.as_str(), body)]);
    }
    memory.run(&memory.deploy(&mended())).await;
    tables(&memory).await
}

async fn replay(memory: &Memory, functions: &Functions, request: &Value) -> Report {
    let event = json!({"detail-type": "ReplayRequested", "source": "watershed", "detail": request});
    memory.replays.push(event.to_string());
    memory.run(functions).await;
    report(memory, request["replay"].as_str().unwrap_or_default())
}

fn report(memory: &Memory, id: &str) -> Report {
    let objects = memory.store.snapshot();
    let body = objects
        .get(&format!("{LAKE}/replays/{id}/report.json"))
        .expect("there is a report");
    serde_json::from_slice(body).expect("a report")
}

#[tokio::test]
async fn quarantined_rows_pass_once_the_contract_is_mended() {
    let memory = ingested().await;
    let request = json!({"replay": "commas", "quarantine": {"table": "shop.sales", "reasons": ["type"]}});
    let report = replay(&memory, &memory.deploy(&mended()), &request).await;
    assert!(report.complete, "{report:?}");
    assert_eq!((report.sources.planned, report.sources.done), (2, 2));
    assert_eq!(report.selected, [("type".to_string(), 3)].into());
    let rows = &report.rows;
    assert_eq!(
        (rows.quarantined_before, rows.quarantined, rows.passed, rows.accepted),
        (4, 2, 2, 3)
    );
    assert_eq!(tables(&memory).await, wanted().await);
    let finished = memory
        .bus
        .events()
        .into_iter()
        .filter(|(_, kind, _)| kind == "ReplayFinished");
    assert_eq!(finished.count(), 1);
}

#[tokio::test]
async fn what_is_read_in_parts_is_told_once_it_is_joined() {
    let mut memory = ingested().await;
    let bytes = |bytes: u64| std::num::NonZeroU64::new(bytes).expect("above 0");
    memory.sizes = Sizes {
        split_above: bytes(20),
        part: bytes(7),
        ..Sizes::default()
    };
    let request = json!({"replay": "in-parts", "quarantine": {"table": "shop.sales"}});
    let report = replay(&memory, &memory.deploy(&mended()), &request).await;
    assert!(report.complete, "{report:?}");
    assert_eq!(
        (report.sources.done, report.rows.passed, report.rows.accepted),
        (2, 2, 3)
    );
    assert_eq!(tables(&memory).await, wanted().await);
    let parts = memory.store.snapshot();
    assert!(
        parts.keys().any(|key| key.starts_with("lake/parts/")),
        "{:?}",
        parts.keys()
    );
}

#[tokio::test]
async fn only_the_sources_that_are_asked_for_are_done_again() {
    let memory = ingested().await;
    let functions = memory.deploy(&mended());
    let of = |id: &str, mut selection: Value| {
        selection["table"] = "shop.sales_quarantine".into();
        json!({"replay": id, "quarantine": selection})
    };
    for (id, selection, planned) in [
        ("by-reason", json!({"reasons": ["required"]}), 1),
        ("by-prefix", json!({"prefix": "sales/a"}), 1),
        (
            "by-time",
            json!({"from": "2026-01-01", "to": "2026-01-01T00:00:01Z"}),
            2,
        ),
        ("too-late", json!({"from": "2026-01-01T00:00:01Z"}), 0),
        ("too-early", json!({"to": "2026-01-01"}), 0),
    ] {
        let report = replay(&memory, &memory.deploy(&old()), &of(id, selection)).await;
        assert_eq!((report.sources.planned, report.complete), (planned, true), "{id}");
        assert_eq!(report.rows.passed, 0, "{id}: the contract is as it was");
    }
    let report = replay(&memory, &functions, &of("all", json!({}))).await;
    assert_eq!((report.sources.planned, report.rows.passed), (2, 2));
    assert_eq!(tables(&memory).await, wanted().await);
}

#[tokio::test]
async fn objects_that_no_event_told_of_are_filled_in_and_events_still_win() {
    let memory = Memory::new();
    let mut late = None;
    for (key, body) in files() {
        late = Some(memory.put(&key, body));
    }
    memory.put("others/x.csv", "no contract\n");
    let functions = memory.deploy(&mended());
    let report = replay(
        &memory,
        &functions,
        &json!({"replay": "backfill", "objects": {"prefix": ""}}),
    )
    .await;
    assert_eq!(
        (report.sources.planned, report.sources.done, report.sources.unmatched),
        (3, 3, 1)
    );
    assert_eq!(report.rows.quarantined_before, 0);
    assert_eq!(tables(&memory).await, wanted().await);
    memory.raw.push(late.expect("a file was put"));
    memory.run(&functions).await;
    assert_eq!(tables(&memory).await, wanted().await);
    let newer = memory.put("sales/b.csv", "id,amount\n40,7\n");
    memory.raw.push(newer);
    memory.run(&functions).await;
    let rows = memory.rows("shop.sales", &[]).await;
    assert!(
        rows.contains(&"40|7.00".to_string()) && !rows.contains(&"4|7.00".to_string()),
        "{rows:?}"
    );
}

#[tokio::test]
async fn what_is_overwritten_meanwhile_stays_as_its_newest_version() {
    let memory = ingested().await;
    let functions = memory.deploy(&mended());
    let event = json!({"replay": "commas", "quarantine": {"table": "shop.sales"}}).to_string();
    memory.replays.push(event);
    // Planned and sent, not yet ingested.
    let sent = memory.step(&functions, &memory.replays).await;
    assert_eq!((sent, memory.objects.messages().len()), (1, 2));
    let newer = memory.put("sales/a.csv", "id,amount\n1,1\n");
    memory.raw.push(newer);
    memory.store.remove("raw", "sales/c.csv");
    memory.run(&functions).await;
    let report = report(&memory, "commas");
    assert!(report.complete, "{report:?}");
    assert_eq!((report.sources.superseded, report.sources.done), (2, 0));
    let rows = memory.rows("shop.sales", &[]).await;
    assert_eq!(rows, ["1|1.00", "4|7.00", "5|8.00"]);
    let gone = replay(
        &memory,
        &functions,
        &json!({"replay": "again", "quarantine": {"table": "shop.sales"}}),
    )
    .await;
    assert_eq!((gone.sources.gone, gone.sources.planned), (1, 0));
    assert_eq!(gone.examples, ["s3://raw/sales/c.csv"]);
}

#[tokio::test]
async fn a_name_is_of_one_request_and_asked_again_it_goes_on() {
    let memory = ingested().await;
    let functions = memory.deploy(&mended());
    let request = json!({"replay": "once", "quarantine": {"table": "shop.sales"}});
    let first = replay(&memory, &functions, &request).await;
    let plan = |memory: &Memory| memory.store.snapshot()["lake/replays/once/plan.ndjson"].clone();
    let before = plan(&memory);
    assert_eq!(replay(&memory, &functions, &request).await, first);
    assert_eq!(plan(&memory), before);
    let other = json!({"replay": "once", "objects": {"prefix": ""}});
    let refused = memory.invoke_replay(&functions, &other).await.unwrap_err().to_string();
    assert!(refused.contains("choose a name"), "{refused}");
    let unknown = json!({"replay": "x", "quarantine": {"table": "shop.sails"}});
    let refused = memory
        .invoke_replay(&functions, &unknown)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("shop.sails"), "{refused}");
}

/// Files of so many rows each, all wrong for the old contract, and for the mended one but the first `wrong` of each.
async fn many(files: usize, rows: usize, wrong: usize) -> Memory {
    let memory = Memory::new();
    for file in 0..files {
        let body = (0..rows).fold(String::from("id,amount\n"), |mut body, row| {
            let id = file * rows + row;
            body.push_str(&if row < wrong {
                format!("{id},x\n")
            } else {
                format!("{id},\"{row},5\"\n")
            });
            body
        });
        memory.drop_files([(format!("sales/{file:05}.csv").as_str(), body)]);
    }
    memory.run(&memory.deploy(&old())).await;
    memory
}

async fn replay_many(memory: Memory, [files, rows, wrong]: [usize; 3]) {
    let functions = memory.deploy(&mended());
    let begun = std::time::Instant::now();
    let report = replay(
        &memory,
        &functions,
        &json!({"replay": "all", "quarantine": {"table": "shop.sales"}}),
    )
    .await;
    let [total, wrong] = [files * rows, files * wrong].map(|rows| rows as u64);
    println!(
        "{files} sources, {total} quarantined rows: {:.1} s, {report:?}",
        begun.elapsed().as_secs_f64()
    );
    assert!(report.complete);
    assert_eq!(report.sources.done, files as u64);
    let counts = [
        report.rows.quarantined_before,
        report.rows.quarantined,
        report.rows.passed,
        report.rows.accepted,
    ];
    assert_eq!(counts, [total, wrong, total - wrong, total - wrong]);
    let [accepted, quarantined] = tables(&memory).await;
    assert_eq!(
        [accepted.len(), quarantined.len()].map(|rows| rows as u64),
        [total - wrong, wrong]
    );
    let mut ids: Vec<&str> = accepted.iter().filter_map(|row| row.split('|').next()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len() as u64, total - wrong, "each row once");
}

#[tokio::test]
async fn where_time_runs_out_the_next_invocation_goes_on() {
    let size = [600, 2, 1];
    let mut memory = many(size[0], size[1], size[2]).await;
    memory.timeout = std::time::Duration::from_secs(9);
    let functions = memory.deploy(&mended());
    memory
        .replays
        .push(json!({"replay": "all", "quarantine": {"table": "shop.sales"}}).to_string());
    memory.step(&functions, &memory.replays).await;
    assert_eq!(memory.objects.messages().len(), 500);
    assert_eq!(
        memory.replays.messages(),
        [r#"{"replay":"all","go_on":{"send":{"from":500}}}"#]
    );
    replay_many(memory, size).await;
}

/// `cargo test --release -p watershed-tests --test replay -- --ignored --nocapture`
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_million_rows_of_ten_thousand_objects() {
    let size = [10_000, 100, 1];
    replay_many(many(size[0], size[1], size[2]).await, size).await;
}

#[tokio::test]
async fn whatever_call_fails_the_tables_end_the_same() {
    let wanted = wanted().await;
    let request = json!({"replay": "commas", "quarantine": {"table": "shop.sales"}});
    let clean = ingested().await;
    clean.faults.clear();
    let report_wanted = replay(&clean, &clean.deploy(&mended()), &request).await;
    assert_eq!(tables(&clean).await, wanted);
    let calls = clean.faults.calls().len();
    assert!(calls > 40, "{calls} calls");
    for fault in Fault::ALL {
        for call in 0..calls {
            let memory = ingested().await;
            memory.faults.plan(call, fault);
            let report = replay(&memory, &memory.deploy(&mended()), &request).await;
            memory.faults.clear();
            assert_eq!(tables(&memory).await, wanted, "call {call}, {fault:?}");
            assert_eq!(report.rows, report_wanted.rows, "call {call}, {fault:?}");
        }
    }
}
