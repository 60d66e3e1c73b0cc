//! How fast the sink is, and how much memory it takes, on TPC-H's lineitem.
//!
//! ```text
//! cargo run --release -p watershed-sink --example encode -- MODE [FILE.parquet | ROWS] [MEMORY_MIB] [BATCH_ROWS]
//! ```
//! `MODE`: `plain`, `month` (84 partitions by ship date), `sorted` (by ship date and order key), `both`. Without a file,
//! rows are made that look like lineitem's. Only CPU time inside the sink is counted; MB are those of the rows as CSV.

use arrow_array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::{collections::BTreeMap, error::Error, fs::File, sync::Arc, time::Duration};
use watershed_lake::{Column, ColumnType, PartitionField, SortField, TableName, TableSpec, Transform, layout::Zone};
use watershed_sink::{FinishedFile, Sink, SinkError, SinkSettings, arrow_schema};

type Failure = Box<dyn Error>;

/// Bytes of a line of lineitem.csv at scale 1, on average.
const CSV_BYTES_PER_ROW: f64 = 127.6;
const DEFAULT_ROWS: usize = 6_001_215;
const SHIP_DATE: usize = 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mode = arguments.first().map_or("plain", String::as_str);
    let input = arguments.get(1).cloned().unwrap_or_else(|| DEFAULT_ROWS.to_string());
    let memory_mib: usize = arguments.get(2).map_or(Ok(64), |text| text.parse())?;
    let batch_rows: usize = arguments.get(3).map_or(Ok(8_192), |text| text.parse())?;

    let spec = spec(mode)?;
    let directory = std::env::temp_dir().join(format!("watershed-encode-{}", std::process::id()));
    let settings = SinkSettings {
        memory_bytes: memory_mib << 20,
        ..SinkSettings::new(directory)
    };
    let mut sink = Sink::new(&spec, &BTreeMap::new(), settings)?;
    let (mut bytes, mut inside) = (0, Duration::ZERO);
    let mut emit = |file: FinishedFile| {
        bytes += file.bytes;
        std::fs::remove_file(&file.local).map_err(|e| SinkError::Emit(Box::new(e)))
    };
    let mut write = |batch: RecordBatch| -> Result<(), Failure> {
        let start = cpu_time();
        sink.write(batch, &mut emit)?;
        inside += cpu_time().saturating_sub(start);
        Ok(())
    };
    match input.parse::<usize>() {
        Ok(rows) => generate(&spec, rows, batch_rows, &mut write)?,
        Err(_) => read(&spec, &input, batch_rows, &mut write)?,
    }
    let start = cpu_time();
    let report = sink.finish(&mut emit)?;
    inside += cpu_time().saturating_sub(start);
    let csv = report.rows as f64 * CSV_BYTES_PER_ROW / 1e6;
    println!(
        "{mode}: {} rows, {} files of {:.1} MB in all, {:.1} MB spilled, {:.2} s of CPU, {:.0} MB/s, {} of memory at most",
        report.rows,
        report.files,
        bytes as f64 / 1e6,
        report.spilled_bytes as f64 / 1e6,
        inside.as_secs_f64(),
        csv / inside.as_secs_f64(),
        peak_memory(),
    );
    Ok(())
}

/// CPU time of this thread, by Linux's scheduler: other processes do not count.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown".into(), |value| value.trim().into())
}

fn spec(mode: &str) -> Result<TableSpec, Failure> {
    use ColumnType::{Date, Decimal, Int, Long, String};
    let money = Decimal {
        precision: 15,
        scale: 2,
    };
    let kinds = [
        ("l_orderkey", Long),
        ("l_partkey", Long),
        ("l_suppkey", Long),
        ("l_linenumber", Int),
        ("l_quantity", money),
        ("l_extendedprice", money),
        ("l_discount", money),
        ("l_tax", money),
        ("l_returnflag", String),
        ("l_linestatus", String),
        ("l_shipdate", Date),
        ("l_commitdate", Date),
        ("l_receiptdate", Date),
        ("l_shipinstruct", String),
        ("l_shipmode", String),
        ("l_comment", String),
    ];
    let column = |(id, (name, kind)): (i32, (&str, ColumnType))| Column {
        id,
        name: name.into(),
        kind,
        required: true,
        doc: None,
        fields: Vec::new(),
        classification: None,
        tags: Vec::new(),
        searchable: false,
    };
    let month = PartitionField {
        column: SHIP_DATE,
        transform: Transform::Month,
        name: "l_shipdate_month".into(),
    };
    let sort = [SHIP_DATE, 0].map(|column| SortField {
        column,
        descending: false,
    });
    let (partition, sort) = match mode {
        "plain" => (vec![], vec![]),
        "month" => (vec![month], vec![]),
        "sorted" => (vec![], sort.to_vec()),
        "both" => (vec![month], sort.to_vec()),
        other => return Err(format!("`{other}` is not a mode: plain, month, sorted or both").into()),
    };
    Ok(TableSpec {
        name: TableName::new("tpch", "lineitem")?,
        zone: Zone::Preprocessed,
        columns: (1..).zip(kinds).map(column).collect(),
        partition,
        sort,
        doc: None,
        properties: BTreeMap::new(),
    })
}

type Write<'a> = dyn FnMut(RecordBatch) -> Result<(), Failure> + 'a;

fn read(spec: &TableSpec, path: &str, batch_rows: usize, write: &mut Write<'_>) -> Result<(), Failure> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(File::open(path)?, options)?;
    for batch in reader.with_batch_size(batch_rows).build()? {
        write(RecordBatch::try_new(arrow_schema(spec), batch?.columns().to_vec())?)?;
    }
    Ok(())
}

/// xorshift64*: the same rows every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) * limit) >> 32
    }
}

fn generate(spec: &TableSpec, rows: usize, batch_rows: usize, write: &mut Write<'_>) -> Result<(), Failure> {
    let (mut random, mut order) = (Random(42), 1);
    for start in (0..rows).step_by(batch_rows) {
        write(batch(spec, batch_rows.min(rows - start), &mut random, &mut order)?)?;
    }
    Ok(())
}

/// What comments are made of.
const WORDS: [&str; 16] = [
    "carefully",
    "quickly",
    "final",
    "pending",
    "deposits",
    "accounts",
    "regular",
    "ironic",
    "packages",
    "the",
    "requests",
    "sleep",
    "furiously",
    "across",
    "bold",
    "instructions",
];

fn batch(spec: &TableSpec, rows: usize, random: &mut Random, order: &mut i64) -> Result<RecordBatch, Failure> {
    /// Days from 1970-01-01 to 1992-01-02, and dates from there: 84 months.
    const FIRST_DAY: i32 = 8_036;
    const DAYS: u64 = 2_526;
    const INSTRUCTIONS: [&str; 4] = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"];
    const MODES: [&str; 7] = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"];
    let longs = |r: &mut Random, limit| (0..rows).map(|_| r.below(limit).cast_signed() + 1).collect::<Vec<_>>();
    let money = |values: Vec<i64>| -> Result<ArrayRef, Failure> {
        let array = Decimal128Array::from_iter_values(values.into_iter().map(i128::from));
        Ok(Arc::new(array.with_precision_and_scale(15, 2)?))
    };
    let strings = |r: &mut Random, words: &[&'static str]| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            (0..rows).map(|_| words[r.below(words.len() as u64) as usize]),
        ))
    };
    let quantity: Vec<i64> = longs(random, 50).into_iter().map(|v| v * 100).collect();
    let ship: Vec<i32> = (0..rows).map(|_| FIRST_DAY + random.below(DAYS) as i32).collect();
    let later = |r: &mut Random, days| -> ArrayRef {
        Arc::new(Date32Array::from_iter_values(
            ship.iter().map(|day| day + r.below(days) as i32),
        ))
    };
    let comments = (0..rows).map(|_| {
        let words: Vec<&str> = (0..2 + random.below(4))
            .map(|_| WORDS[random.below(16) as usize])
            .collect();
        words.join(" ")
    });
    let comments: ArrayRef = Arc::new(StringArray::from_iter_values(comments));
    let orders = (0..rows).map(|row| {
        *order += i64::from(row % 4 == 0);
        *order
    });
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(orders)),
        Arc::new(Int64Array::from(longs(random, 200_000))),
        Arc::new(Int64Array::from(longs(random, 10_000))),
        Arc::new(Int32Array::from_iter_values((0..rows).map(|row| row as i32 % 4 + 1))),
        money(quantity)?,
        money(longs(random, 9_000_000))?,
        money(longs(random, 11))?,
        money(longs(random, 9))?,
        strings(random, &["A", "N", "R"]),
        strings(random, &["F", "O"]),
        Arc::new(Date32Array::from(ship.clone())),
        later(random, 60),
        later(random, 30),
        strings(random, &INSTRUCTIONS),
        strings(random, &MODES),
        comments,
    ];
    Ok(RecordBatch::try_new(arrow_schema(spec), columns)?)
}
