//! Real files and a real stream through the deployed template and the real functions, and back by an independent reader and the API.

mod expectations;
mod plot;
mod stream;
mod weather;

use crate::{
    Emulator, Error, Home, Result, Stack, Ui,
    api::{Answer, Api},
    aws,
    lake::{Current, Format, Reader, Watcher},
    seed::{self, File},
    stack::QUEUES,
    stream::Report,
    venv::Python,
};
use aws_sdk_sqs::types::QueueAttributeName;
use expectations::Looked;
use indicatif::HumanCount;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Database of the demo's tables.
const DATABASE: &str = "nyc";
/// Longest until everything stands in the tables.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Between two looks at the tables.
const POLL: Duration = Duration::from_millis(250);

const DELAYS: (&str, &str) = (
    "Who kept New York waiting in 2013? (joined with the airlines' table)",
    "SELECT a.name AS airline, count(*) AS flights, round(avg(f.dep_delay), 1) AS mean_delay_minutes, \
     round(100.0 * avg(CASE WHEN f.dep_delay > 60 THEN 1 ELSE 0 END), 1) AS percent_over_an_hour \
     FROM nyc.flights f JOIN nyc.airlines a ON f.carrier = a.carrier \
     GROUP BY a.name ORDER BY mean_delay_minutes DESC LIMIT 5",
);
const MONTHS: (&str, &str) = (
    "And when?",
    "SELECT strftime(time_hour, '%Y-%m') AS \"month (UTC)\", count(*) AS flights, count(*) - count(dep_time) AS cancelled, \
     round(avg(dep_delay), 1) AS mean_delay_minutes FROM nyc.flights GROUP BY 1 ORDER BY 1",
);
const NULLS: (&str, &str) = (
    "Nulls of nyc.flights",
    "SELECT count(*) - count(dep_time) AS dep_time, count(*) - count(arr_time) AS arr_time, \
     count(*) - count(arr_delay) AS arr_delay, count(*) - count(air_time) AS air_time, \
     count(*) - count(tailnum) AS tailnum FROM nyc.flights",
);
const QUARANTINE: (&str, &str) = (
    "What was refused, and why",
    "SELECT reason, \"column\", count(*) AS rows, min(message) AS example \
     FROM nyc.flights_quarantine GROUP BY reason, \"column\" ORDER BY rows DESC, reason",
);

/// A table whose rows are joined with others, and what is made of it.
const FLIGHTS: &str = "flights";
const ENRICHED: &str = "flights_enriched";

/// Deploys, sends the files, waits until the tables hold them, and prints what an independent reader finds.
pub async fn run(home: &Home, python: &Python, emulator: &Emulator, ui: Ui, json: bool) -> Result<()> {
    let stack = Stack::deploy(home, emulator, ui).await?;
    let files = seed::files(home, python)?;
    let begun_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64);
    let begun = Instant::now();
    let step = ui.counted("Files sent", files.len() as u64);
    for (sent, file) in files.iter().enumerate() {
        step.note(&file.key);
        step.at(sent as u64);
        seed::put(emulator, stack.output("RawBucket")?, file).await?;
    }
    step.done(&format!("{} to s3://{}", files.len(), stack.output("RawBucket")?));
    wait(emulator, &stack, &files, begun_ms, ui).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let streamed = stream::replay(home, emulator, &stack, ui).await?;
    let step = ui.step("Reading back with pyiceberg and DuckDB");
    let reader = Reader::new(python, emulator);
    let weather = weather::ask(&Api::new(emulator, &stack)?)?;
    let looked = expectations::ask(emulator, &stack)?;
    let report = if json {
        machines(&reader, seconds, streamed.as_ref(), (&weather, looked))?
    } else {
        people(&reader, &weather, looked)?
    };
    step.done("");
    println!("{report}");
    Ok(())
}

/// What is asked, of files and of the stream, each question with its title.
fn questions() -> Vec<(String, String)> {
    let of_files = [NULLS, DELAYS, MONTHS, QUARANTINE].map(|(title, query)| (title.to_string(), query.to_string()));
    of_files.into_iter().chain(stream::questions()).collect()
}

fn answers(reader: &Reader, format: Format) -> Result<String> {
    let questions = questions();
    let titled: Vec<(&str, &str)> = questions
        .iter()
        .map(|(title, query)| (title.as_str(), query.as_str()))
        .collect();
    reader.report(&titled, format)
}

fn machines(
    reader: &Reader,
    seconds: f64,
    streamed: Option<&Report>,
    (weather, looked): (&Answer, Looked),
) -> Result<String> {
    let (tables, answers) = (reader.tables(Format::Json)?, answers(reader, Format::Json)?);
    let history = reader.snapshots("nyc.flights", Format::Json)?;
    let streamed = streamed.map_or_else(|| "null".into(), Report::json);
    let weather = serde_json::to_string(weather).map_err(Error::doing("the API's answer"))?;
    let looked = serde_json::to_string(&looked).map_err(Error::doing("the expectations"))?;
    Ok(format!(
        "{{\"seconds\": {seconds:.3}, \"streamed\": {streamed}, \"tables\": {}, \"snapshots\": {}, \"answers\": {}, \"weather\": {weather}, \"expectations\": {looked}}}",
        tables.trim(),
        history.trim(),
        answers.trim()
    ))
}

fn people(reader: &Reader, weather: &Answer, looked: Looked) -> Result<String> {
    let (tables, answers) = (reader.tables(Format::Table)?, answers(reader, Format::Table)?);
    let drawn = stream::drawn(reader)?;
    let history = reader.snapshots("nyc.flights", Format::Table)?;
    Ok(format!(
        "\nTables\n\n{tables}\nSnapshots of nyc.flights\n\n{history}{answers}{drawn}{}\n{}\n\
         Go on:\n  cargo local sql \"SELECT dest, count(*) AS n FROM nyc.flights GROUP BY dest ORDER BY n DESC LIMIT 5\"\n  \
         cargo local up          keeps the local cloud running; drop your own files in it\n  \
         cargo local query \"…\"   asks the deployed API, once it is up\n  \
         cargo local down --wipe forgets everything",
        weather::shown(weather),
        expectations::shown(looked)
    ))
}

/// Until every row that was sent stands in its table or in its quarantine, and nothing is under way.
async fn wait(emulator: &Emulator, stack: &Stack, files: &[File], begun_ms: i64, ui: Ui) -> Result<()> {
    let watcher = Watcher::new(emulator);
    let sqs = aws_sdk_sqs::Client::new(&aws::config(&emulator.endpoint()));
    let sent: u64 = files.iter().map(|file| file.rows).sum();
    let step = ui.counted("Rows committed", sent);
    let begun = Instant::now();
    loop {
        let (mut found, mut flights, mut all_new) = (0, 0, true);
        for table in files.iter().map(|file| file.table).collect::<BTreeSet<_>>() {
            let data = watcher.current(DATABASE, table).await?;
            let refused = watcher
                .current(DATABASE, &format!("{table}{}", watershed_lake::quarantine::SUFFIX))
                .await?;
            found += rows(data) + rows(refused);
            if table == FLIGHTS {
                flights = rows(data);
            }
            all_new &= data.is_some_and(|data| data.made_ms >= begun_ms);
        }
        step.at(found);
        let waiting = backlog(&sqs, stack).await?;
        let all_enriched = rows(watcher.current(DATABASE, ENRICHED).await?) == flights;
        step.note(format!("{waiting} messages under way"));
        if all_new && all_enriched && found == sent && waiting == 0 {
            step.done(&HumanCount(sent).to_string());
            return Ok(());
        }
        if begun.elapsed() > TIMEOUT {
            return Err(Error::new(format!(
                "after {} s the tables hold {found} of {sent} rows, and {waiting} messages are under way",
                TIMEOUT.as_secs()
            ))
            .help("`cargo local logs` shows what the functions say; lines with ERROR first"));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn rows(current: Option<Current>) -> u64 {
    current.map_or(0, |current| current.rows)
}

/// Messages that wait or are being worked on, in all queues that lead to tables.
async fn backlog(sqs: &aws_sdk_sqs::Client, stack: &Stack) -> Result<u64> {
    let mut total = 0;
    for output in QUEUES {
        let url = stack.output(output)?;
        let answer = sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await;
        let attributes = answer.map_err(Error::doing(url))?.attributes.unwrap_or_default();
        for name in [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ] {
            total += attributes
                .get(&name)
                .and_then(|count| count.parse::<u64>().ok())
                .unwrap_or(0);
        }
    }
    Ok(total)
}
