//! The second half of the demo: the year's departures go by as a stream, and what `analyze` made of them.

use super::plot::{self, Mark};
use crate::{
    Emulator, Error, Home, Result, Stack, Ui, aws,
    lake::{Current, Format, Reader, Watcher},
    seed,
    stream::{Replay, Report, pace::Speed},
};
use chrono::NaiveDate;
use indicatif::HumanCount;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The table of the records.
const TABLE: &str = "departures";
/// What else comes of them.
const BESIDE: [&str; 5] = ["_quarantine", "_late", "_hourly", "_daily", "_anomalies"];
/// Records of one airport keep their order.
const KEY: &str = "origin";
/// Longest without anything that changes.
const PATIENCE: Duration = Duration::from_mins(2);
/// When nothing has changed for so long, windows of the last batch are in their tables, too.
const QUIET: Duration = Duration::from_secs(3);
/// Airport whose year is drawn.
const AIRPORT: &str = "EWR";
/// First and last day, and what they are known as.
const BLIZZARD: (&str, &str, &str) = ("2013-02-08", "2013-02-09", "blizzard Nemo");

/// Sends the departures, unless they are there from an earlier demo, and waits until their rows are in their tables.
pub async fn replay(home: &Home, emulator: &Emulator, stack: &Stack, ui: Ui) -> Result<Option<Report>> {
    let departures = seed::departures(home)?;
    let watcher = Watcher::new(emulator);
    let mut report = None;
    if arrived(&look(&watcher).await?) == 0 {
        let replay = Replay {
            contract: format!("{}.{TABLE}", super::DATABASE),
            inputs: departures.files,
            speed: Speed::Max,
            stream: Some(stack.output("Stream")?.into()),
            shards: None,
            limit: None,
            time: None,
            key: Some(KEY.into()),
            strict: false,
            json: false,
        };
        let begun = Instant::now();
        let sent = replay.send(home, emulator, ui).await?;
        ui.step("Departures streamed").since(begun).done(&sent.line());
        report = Some(sent);
    }
    wait(&watcher, emulator, stack, departures.count, ui).await?;
    Ok(report)
}

/// Until each record stands in the table or in quarantine, and nothing moves any more.
async fn wait(watcher: &Watcher, emulator: &Emulator, stack: &Stack, sent: u64, ui: Ui) -> Result<()> {
    let sqs = aws_sdk_sqs::Client::new(&aws::config(&emulator.endpoint()));
    let step = ui.counted("Departures committed", sent);
    let (mut last, mut changed) = (look(watcher).await?, Instant::now());
    loop {
        let waiting = super::backlog(&sqs, stack).await?;
        let tables = look(watcher).await?;
        if tables != last {
            (last, changed) = (tables, Instant::now());
        }
        let found = arrived(&last);
        step.at(found);
        step.note(format!("{waiting} messages under way"));
        if found == sent && waiting == 0 && changed.elapsed() > QUIET {
            step.done(&HumanCount(sent).to_string());
            return Ok(());
        }
        if changed.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            let what = format!("{found} of {sent} departures are in their tables, and nothing moved for {seconds} s");
            return Err(Error::new(what).help(
                "`cargo local logs analyze` shows what the function says; after a demo that was broken off, begin anew with `cargo local down --wipe`",
            ));
        }
        tokio::time::sleep(super::POLL).await;
    }
}

/// The tables as they are: that of the records, then those beside it.
async fn look(watcher: &Watcher) -> Result<Vec<Option<Current>>> {
    let mut tables = Vec::new();
    for suffix in std::iter::once("").chain(BESIDE) {
        tables.push(watcher.current(super::DATABASE, &format!("{TABLE}{suffix}")).await?);
    }
    Ok(tables)
}

/// Records that were accepted or refused.
fn arrived(tables: &[Option<Current>]) -> u64 {
    tables.iter().take(2).flatten().map(|table| table.rows).sum()
}

/// Of rows with one id, the one with the highest revision.
fn newest(table: &str) -> String {
    format!(
        "(SELECT * FROM nyc.{TABLE}_{table} QUALIFY row_number() OVER (PARTITION BY id ORDER BY revision DESC) = 1)"
    )
}

/// The windows that hold.
fn windows(name: &str) -> String {
    format!("(SELECT * FROM {} WHERE kind <> 'retracted')", newest(name))
}

/// Questions to what came of the stream, each with its title.
pub fn questions() -> Vec<(String, String)> {
    let (daily, anomalies) = (windows("daily"), newest("anomalies"));
    let (begin, end, name) = BLIZZARD;
    let airports = format!(
        "SELECT origin, CAST(sum(flights) AS BIGINT) AS flights, CAST(sum(cancellations) AS BIGINT) AS cancelled, \
         round(sum(mean_delay * departed) / sum(departed), 1) AS mean_delay_minutes, max(worst_delay) AS worst_delay_minutes, \
         count(*) AS days FROM {daily} GROUP BY origin ORDER BY origin"
    );
    let days = format!(
        "SELECT strftime(window_start, '%Y-%m-%d') AS \"day (UTC)\", origin, flights, CAST(cancellations AS BIGINT) AS cancelled, \
         round(100 * cancelled_share, 1) AS percent, round(mean_delay, 1) AS mean_delay_minutes, round(delay_p90, 0) AS p90_delay_minutes \
         FROM {daily} ORDER BY cancelled_share DESC, origin LIMIT 6"
    );
    let open = format!(
        "SELECT (SELECT count(*) FROM nyc.{TABLE}) AS departures, CAST(sum(flights) AS BIGINT) AS \"in days that are over\", \
         max(strftime(window_end, '%Y-%m-%d %H:%M')) AS \"until (UTC)\" FROM {daily}"
    );
    let unusual = format!(
        "SELECT strftime(a.time, '%Y-%m-%d %H:%M') AS \"hour (UTC)\", a.airport, a.\"column\", round(a.observed, 3) AS observed, \
         round(a.expected, 3) AS expected, a.signal, round(a.score, 2) AS score, round(w.wind_gust) AS wind_gust, w.precip, w.visib, \
         CASE WHEN CAST(a.time AS DATE) BETWEEN DATE '{begin}' AND DATE '{end}' THEN '{name}' ELSE '' END AS \"known as\" \
         FROM (SELECT *, json_extract_string(key, '$.origin') AS airport FROM {anomalies}) a \
         LEFT JOIN nyc.weather w ON w.origin = a.airport AND w.time_hour = a.time ORDER BY a.time, a.airport, a.\"column\""
    );
    let refused = format!(
        "SELECT reason, \"column\", shard, sequence_number, message FROM nyc.{TABLE}_quarantine ORDER BY sequence_number"
    );
    [
        ("From the stream: delays by airport, of its daily windows", airports),
        ("Its days with the most cancellations", days),
        ("The last day is still open: no later record has closed it", open),
        ("Its records that were refused, and where they are", refused),
        (
            "Hours that were unusual (spread: the steps from hour to hour), and the weather then (gust in mph, rain in inches, visibility in miles)",
            unusual,
        ),
    ]
    .map(|(title, query)| (title.to_string(), query))
    .into()
}

/// The year of one airport, its anomalies marked.
pub fn drawn(reader: &Reader) -> Result<String> {
    let days = format!(
        "SELECT strftime(window_start, '%Y-%m-%d') AS day, mean_delay FROM {} \
         WHERE origin = '{AIRPORT}' AND mean_delay IS NOT NULL ORDER BY 1",
        windows("daily")
    );
    let marks = format!(
        "SELECT DISTINCT strftime(time, '%Y-%m-%d') AS day FROM {} WHERE json_extract_string(key, '$.origin') = '{AIRPORT}' ORDER BY 1",
        newest("anomalies")
    );
    let answers = reader.report(&[("days", &days), ("marks", &marks)], Format::Json)?;
    let answers: Value = serde_json::from_str(&answers).map_err(Error::doing("the reader's answer"))?;
    Ok(format!(
        "\nMean delay of departures from {AIRPORT} in minutes, day by day; ▲ unusual hours\n\n{}",
        plot_of(&answers)
    ))
}

fn plot_of(answers: &Value) -> String {
    let rows = |title: &str| answers[title].as_array().cloned().unwrap_or_default();
    let date = |row: &Value| row["day"].as_str().and_then(|text| text.parse::<NaiveDate>().ok());
    let days: Vec<(NaiveDate, f64)> = rows("days")
        .iter()
        .filter_map(|row| Some((date(row)?, row["mean_delay"].as_f64()?)))
        .collect();
    let (begin, end, name) = BLIZZARD;
    let marks: Vec<Mark> = rows("marks")
        .iter()
        .filter_map(date)
        .map(|date| Mark {
            date,
            name: (begin..=end).contains(&date.to_string().as_str()).then_some(name),
        })
        .collect();
    plot::year(&days, &marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_blizzard_is_named_in_the_plot() {
        let day = |text: &str, delay: f64| json!({"day": text, "mean_delay": delay});
        let days = [day("2013-01-01", 9.0), day("2013-02-09", 35.0), day("2013-12-31", 7.0)];
        let answers = |marks: Value| json!({"days": days, "marks": marks});
        let text = plot_of(&answers(json!([{"day": "2013-02-09"}, {"day": "2013-12-05"}])));
        assert_eq!(
            (text.matches('▲').count(), text.matches("Nemo").count()),
            (2, 1),
            "{text}"
        );
        assert!(!plot_of(&answers(json!([{"day": "2013-02-10"}]))).contains("Nemo"));
    }

    #[test]
    fn records_are_rows_and_refused_rows() {
        let of = |rows| {
            Some(Current {
                snapshot: 1,
                made_ms: 1,
                rows,
                snapshots: 1,
            })
        };
        assert_eq!(arrived(&[of(7), of(2), None, of(100)]), 9);
        assert_eq!(arrived(&[None, None]), 0);
    }
}
