//! A draft that is committed as it is: `ingest` refuses nothing of what the draft was made of.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{rows, run, texts};
use proptest::prelude::*;
use std::sync::Arc;
use watershed_contract::{Contracts, Dataset, Encoding};
use watershed_infer::{Draft, Layout, Sure, infer};

/// The draft of these bytes, and its dataset.
fn drafted(key: &str, bytes: &[u8]) -> (Draft, Arc<Dataset>) {
    let draft = infer(bytes, key).unwrap_or_else(|refusal| panic!("{key}: {refusal}"));
    let text = draft.yaml();
    let contracts = Contracts::parse([("draft.odcs.yaml", text.as_str())]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let dataset = contracts
        .find_by_key(key)
        .unwrap_or_else(|| panic!("{key} is not at its own place\n{text}"));
    (draft.clone(), Arc::clone(dataset))
}

/// Drafts and ingests: nothing may be refused.
fn ingested(key: &str, bytes: &[u8]) -> (Draft, common::Files) {
    let (draft, dataset) = drafted(key, bytes);
    let (report, files) = run(&dataset, bytes).unwrap();
    let told = (report.object.clone(), report.by_reason.clone());
    assert_eq!(report.rejected, 0, "{told:?}\n{}", draft.yaml());
    assert!(report.object.is_none(), "{told:?}\n{}", draft.yaml());
    assert_eq!(report.accepted, draft.rows as u64, "{}", draft.yaml());
    (draft, files)
}

fn types(draft: &Draft) -> Vec<String> {
    draft.columns.iter().map(|column| column.kind.to_string()).collect()
}

const SHOP: &str = "Order No;ordered;Betrag;paid;note;seen;E-Mail;plz\n\
    1;28.02.2013;12,50;ja;\"a;b\";1357034400;ann@example.org;01067\n\
    2;01.03.2013;3,00;nein;;1357034401;bob@example.org;80331\n\
    3;02.03.2013;NA;ja;x;1357034402;;10115\n";

#[test]
fn a_european_csv() {
    let (draft, files) = ingested("shop/orders/2013.csv", SHOP.as_bytes());
    assert_eq!(
        types(&draft),
        ["int", "date", "string", "boolean", "string", "long", "string", "string"]
    );
    let batches = rows(&files, "data");
    assert_eq!(texts(&batches, "ordered")[0].as_deref(), Some("2013-02-28"));
    assert_eq!(texts(&batches, "paid")[1].as_deref(), Some("false"));
    assert_eq!(texts(&batches, "note")[1], None, "the empty field is null");
    assert_eq!(texts(&batches, "plz")[0].as_deref(), Some("01067"));
    let text = draft.yaml();
    for part in [
        "source: \"Order No\"",
        "%d.%m.%Y",
        "decimal comma",
        "leading zeros",
        "delimiter: \";\"",
        "shop/orders/*.csv*",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(
        !text.contains("example.org") && !draft.report().to_string().contains("example.org"),
        "{text}"
    );
    assert_eq!(
        text,
        infer(SHOP.as_bytes(), "shop/orders/2013.csv").unwrap().yaml(),
        "the same bytes every time"
    );
}

#[test]
fn dates_times_and_epochs() {
    let text = "day,us,both,local,zoned,mixed,created_at,compact_date,at\n\
        2013-01-02,12/31/2013,01/02/2013,2013-01-01T10:00:00,2013-01-01T10:00:00Z,2013-01-01 10:00,1357034400000,20130101,07:30\n\
        2013-01-03,01/30/2013,02/03/2013,2013-01-01 10:00:00.5,2013-01-01 10:00:00+01:00,2013-01-01T10:00:00Z,1357034400001,20131231,23:59\n";
    let (draft, files) = ingested("x/y.csv", text.as_bytes());
    let expected = [
        "date",
        "date",
        "date",
        "timestamp",
        "timestamptz",
        "timestamptz",
        "timestamptz",
        "date",
        "time",
    ];
    assert_eq!(types(&draft), expected);
    let batches = rows(&files, "data");
    assert_eq!(texts(&batches, "us")[0].as_deref(), Some("2013-12-31"));
    assert_eq!(texts(&batches, "compact_date")[1].as_deref(), Some("2013-12-31"));
    let both = &draft.columns[2];
    assert_eq!(
        (both.sure, both.formats.as_slice()),
        (Sure::Unsure, &["%d/%m/%Y".to_string()][..])
    );
    assert!(draft.yaml().contains("day or month first?"), "{}", draft.yaml());
}

#[test]
fn json_keeps_what_quotes_say() {
    let text = "{\"userId\": 1, \"zip\": \"12345\", \"price\": \"1.50\", \"ok\": true, \"tags\": [1], \"x\": null}\n\
        {\"zip\": \"9\\u0030000\", \"userId\": 99999999999, \"price\": \"22.25\", \"ok\": false, \"tags\": {}, \"x\": 1.5}\n";
    let (draft, _) = ingested("events/2013/01/a.json", text.as_bytes());
    assert_eq!(
        types(&draft),
        ["long", "string", "decimal(9,2)", "boolean", "string", "double"]
    );
    assert!(
        draft.place.location.ends_with("events/*/*/*.json*"),
        "{}",
        draft.place.location
    );
    assert!(draft.yaml().contains("source: \"userId\""), "{}", draft.yaml());
}

#[test]
fn parquet_by_its_schema_and_rows() {
    let (_, files) = ingested("shop/orders/2013.csv", SHOP.as_bytes());
    let parquet = files.values().next().unwrap();
    let (draft, again) = ingested("shop/orders/2013.parquet", parquet);
    assert_eq!(
        types(&draft),
        ["int", "date", "string", "boolean", "string", "long", "string", "string"]
    );
    assert_eq!(
        draft.columns[6].personal,
        Some("by its name"),
        "its values are hashed by now"
    );
    assert_eq!(texts(&rows(&again, "data"), "betrag")[0].as_deref(), Some("12,50"));
    // Beginning and footer of a file whose pages are not at hand.
    let end = watershed_infer::footer_bytes(&parquet[parquet.len() - 8..], parquet.len() as u64).unwrap() as usize;
    let bytes = bytes::Bytes::from(parquet.clone());
    let sparse = watershed_infer::Sparse::new(bytes.len() as u64, bytes.slice(..4), bytes.slice(bytes.len() - end..));
    let sample = watershed_infer::Sample::parquet(sparse, "x.parquet").unwrap();
    let sparse = Draft::of(&[sample], "shop/orders/x.parquet").unwrap();
    assert_eq!(types(&sparse), types(&draft));
    assert_eq!((sparse.rows, sparse.complete), (0, false));
    assert!(watershed_contract::parse("x.odcs.yaml", &sparse.yaml()).is_ok());
}

#[tokio::test]
async fn a_large_parquet_file_is_drafted_by_its_footer() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use watershed_ingest::{Ports, draft::Drafted, event::Created};
    use watershed_lake::{LakeLocation, SourceVersion};
    use watershed_ports::{
        faults::Faults,
        memory::{MemoryQueue, MemorySecrets, MemoryStore},
    };
    let hashes = (0..120_000_u64).map(|n| {
        format!(
            "{:016x}{:032x}",
            n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            u128::from(n) << 7
        )
    });
    let columns: [(&str, ArrayRef); 2] = [
        ("Hash", Arc::new(StringArray::from_iter_values(hashes))),
        ("n", Arc::new(Int64Array::from_iter_values(0..120_000))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut parquet = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert!(parquet.len() > watershed_infer::SAMPLE_BYTES);
    let store = Arc::new(MemoryStore::new(Faults::default()));
    let meta = store.insert("raw", "a/b.parquet", parquet);
    let source = SourceVersion {
        bucket: "raw".into(),
        key: "a/b.parquet".into(),
        version_id: None,
        etag: meta.etag,
        sequencer: "01".into(),
    };
    let created = Created {
        source,
        bytes: meta.bytes,
        time_us: 0,
        replay: None,
    };
    let ports = Ports {
        store: store.clone(),
        commits: Arc::new(MemoryQueue::new(Faults::default())),
        parts: Arc::new(MemoryQueue::new(Faults::default())),
        secrets: Arc::new(watershed_ops::Parameters::new(Arc::new(MemorySecrets::new(
            Faults::default(),
        )))),
    };
    let lake = LakeLocation::bucket("lake");
    let drafted = watershed_ingest::draft::draft(&ports, &lake, &created).await.unwrap();
    let wanted = Drafted::Contract("s3://lake/drafts/a/b.parquet.odcs.yaml".into());
    assert_eq!(drafted, wanted);
    let text = String::from_utf8(store.snapshot()["lake/drafts/a/b.parquet.odcs.yaml"].to_vec()).unwrap();
    let dataset = watershed_contract::parse("b.odcs.yaml", &text).unwrap().remove(0);
    assert_eq!(
        (dataset.columns[0].source.as_str(), dataset.kind(1).to_string()),
        ("Hash", "long".to_string())
    );
}

#[test]
fn flights_as_the_demo_has_them() {
    let text = "year,dep_time,arr_delay,carrier,tailnum,origin,time_hour\n\
        2013,517,11,UA,N14228,EWR,2013-01-01T10:00:00Z\n2013,NA,NA,B6,NA,JFK,2013-01-01T10:00:00Z\n\
        2013,542,-33,AA,N619AA,JFK,2013-01-01T11:00:00Z\n";
    let (draft, _) = ingested("nycflights13/flights/2013.csv.gz", text.as_bytes());
    assert_eq!(
        types(&draft),
        ["int", "int", "int", "string", "string", "string", "timestamptz"]
    );
    assert_eq!(
        draft.columns.iter().map(|column| column.nulls).collect::<Vec<_>>(),
        [0, 1, 1, 0, 1, 0, 0]
    );
    assert_eq!(
        (draft.nulls.as_slice(), draft.partition.map(|p| p.column)),
        (&["NA".to_string()][..], Some(6))
    );
}

#[test]
fn compressed_and_cut() {
    use std::io::Write as _;
    let rows: String = (0..400_000)
        .map(|n| format!("{n},2013-01-0{},{}.{:02}\n", 1 + n % 9, n % 700, n % 100))
        .collect();
    let text = format!("id,day,price\n{rows}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let (draft, dataset) = drafted("shop/sales/a.csv.gz", &gzip);
    assert_eq!(types(&draft), ["int", "date", "decimal(9,2)"]);
    assert_eq!((draft.rows, draft.complete), (watershed_infer::MAX_ROWS, false));
    assert_eq!(
        draft.key.as_ref().map(|key| (key.columns.clone(), key.sure)),
        Some((vec![0], Sure::Likely))
    );
    assert_eq!(draft.partition.map(|partition| partition.column), Some(1));
    let (report, _) = run(&dataset, &gzip).unwrap();
    assert_eq!((report.accepted, report.rejected), (400_000, 0));
    let cut = infer(&gzip[..gzip.len() / 8], "shop/sales/a.csv.gz").unwrap();
    assert_eq!((types(&cut), cut.complete), (types(&draft), false));
}

#[test]
fn encodings_and_arrays_are_named_and_read() {
    let utf16: Vec<u8> = "\u{feff}id,café\n1,x\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, told) in [
        (utf16.as_slice(), "encoding: utf-16\n"),
        (b"id,caf\xe9\n1,x\n", "encoding: windows-1252\n"),
        (b"[{\"id\": 1}, {\"id\": 2}]", "delimiter: array\n"),
    ] {
        let (draft, dataset) = drafted("a/b", bytes);
        assert!(draft.yaml().contains(told), "{}", draft.yaml());
        let (report, _) = run(&dataset, bytes).unwrap();
        assert_eq!((report.accepted, report.rejected), (draft.rows as u64, 0), "{told}");
    }
    assert_eq!(
        infer(&b"PK\x03\x04"[..], "a").unwrap_err().message,
        "the object is a ZIP archive (or an Excel workbook)"
    );
    assert_eq!(infer(&b""[..], "a").unwrap_err().message, "the object is empty");
}

#[test]
fn keys_of_two_columns_and_enumerations() {
    let rows: String = (0..240)
        .map(|n| format!("{},{},{}\n", ["AA", "B6", "UA"][n % 3], n / 3, n % 7))
        .collect();
    let (draft, _) = ingested(
        "nyc/flights/x.csv",
        format!("carrier,flight_no,delay\n{rows}").as_bytes(),
    );
    assert_eq!(
        draft.key.as_ref().map(|key| (key.columns.clone(), key.sure)),
        Some((vec![0, 1], Sure::Likely))
    );
    assert_eq!(draft.columns[0].values, ["AA", "B6", "UA"]);
    assert!(
        draft
            .yaml()
            .contains("# guessed: watershed.enum: [\"AA\", \"B6\", \"UA\"]"),
        "{}",
        draft.yaml()
    );
}

/// A column of a known type, and how to write one of its values.
#[derive(Debug, Clone, Copy)]
enum Known {
    Int,
    Long,
    Cents,
    Double,
    Boolean,
    Iso,
    German,
    Stamp,
    Text,
}

impl Known {
    fn write(self, n: u32) -> String {
        let day = 1 + n % 28;
        match self {
            Self::Int => format!("{}", i64::from(n % 20_000) - 10_000),
            Self::Long => format!("{}", i64::from(n) * 7_000_000_000 + 3_000_000_000),
            Self::Cents => format!("{}.{:02}", n % 1_000, n % 97),
            Self::Double => format!("{}.{}", n % 10, "123456789".get(..1 + (n % 7) as usize).unwrap()),
            Self::Boolean => ["true", "false"][n as usize % 2].into(),
            Self::Iso => format!("2013-{:02}-{day:02}", 1 + n % 12),
            Self::German => format!("{day:02}.{:02}.2013", 1 + n % 12),
            Self::Stamp => format!("2013-{:02}-{day:02}T{:02}:00:00Z", 1 + n % 12, n % 24),
            Self::Text => format!("w{n}, \"x\""),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Long => "long",
            Self::Cents => "decimal(9,2)",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Iso | Self::German => "date",
            Self::Stamp => "timestamptz",
            Self::Text => "string",
        }
    }
}

fn known() -> impl Strategy<Value = Known> {
    use Known::{Boolean, Cents, Double, German, Int, Iso, Long, Stamp, Text};
    proptest::sample::select(vec![Int, Long, Cents, Double, Boolean, Iso, German, Stamp, Text])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn generated_csvs_are_recognised(
        columns in proptest::collection::vec(known(), 2..6),
        seed in 0_u32..1_000_000,
        delimiter in proptest::sample::select(vec![",", ";", "\t", "|"]),
        null in proptest::sample::select(vec!["", "NA", "NULL", "\\N"]),
    ) {
        let header: Vec<String> = (0..columns.len()).map(|n| format!("Col {n}")).collect();
        let mut text = header.join(delimiter) + "\n";
        for row in 0..60_u32 {
            let n = seed.wrapping_add(row.wrapping_mul(7_919)) % 1_000_000;
            let cells = columns.iter().zip(0..).map(|(column, at): (&Known, u32)| {
                // One null in every column but the first; the row of another one.
                if at > 0 && row == 10 + at { null.to_string() } else { format!("\"{}\"", column.write(n).replace('"', "\"\"")) }
            });
            text += &(cells.collect::<Vec<_>>().join(delimiter) + "\n");
        }
        let (draft, _) = ingested("x/y.csv", text.as_bytes());
        let expected: Vec<&str> = columns.iter().map(|column| column.kind()).collect();
        prop_assert_eq!(types(&draft), expected);
        prop_assert!(draft.columns.iter().zip(0..).all(|(column, at)| column.nulls == usize::from(at > 0)), "{}", draft.yaml());
    }

    /// A draft or a refusal; and every draft is a contract that refuses no more than was left out.
    #[test]
    fn arbitrary_bytes_give_a_draft_or_a_refusal(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "[a-c0-9,;\"'\n. :/@-]{0,300}".prop_map(String::into_bytes),
            "([a-z]{1,3}[,;][0-9./:-]{1,10}\n){1,20}".prop_map(String::into_bytes),
            "(\\{\"[a-b]\": (1|\"[0-9é]\"|null|\\[\\{\\}\\])\\}[\n,]?){1,20}".prop_map(String::into_bytes),
            "\\[(\\{\"[a-b]\": (1|\"[0-9]\"|null)\\},?){1,20}\\]?".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..100).prop_map(|tail| [b"PAR1".to_vec(), tail, b"PAR1".to_vec()].concat()),
        ],
        key in "[a-z0-9{}*=/._ é-]{0,30}",
    ) {
        let Ok(draft) = infer(bytes.as_slice(), &key) else { return Ok(()) };
        let text = draft.yaml();
        let datasets = watershed_contract::parse("draft.odcs.yaml", &text);
        prop_assert!(datasets.is_ok(), "{}\n{text}", datasets.unwrap_err());
        let is_plain = draft.encoding == Encoding::Utf8 && draft.layout != Layout::JsonArray;
        if is_plain && draft.complete && draft.rows > 0 {
            let (report, _) = run(&datasets.unwrap()[0], &bytes).unwrap();
            prop_assert!(report.object.is_none(), "{:?}\n{text}", report.object);
            prop_assert_eq!((report.accepted, report.rejected), (draft.rows as u64, draft.left_out as u64), "{:?}\n{}", report.by_reason, text);
        }
    }
}
