//! What is said of a run: while it goes on, and at its end.

use super::{outbox::Outgoing, send::Sent};
use chrono::{DateTime, SecondsFormat};
use indicatif::{DecimalBytes, HumanCount};
use serde_json::json;
use std::time::Instant;

/// Rows left out of which it is said why.
const MAX_EXAMPLES: usize = 5;

/// What was met in the files.
#[derive(Debug)]
pub struct Told {
    begun: Instant,
    first_ms: Option<i64>,
    newest_ms: i64,
    /// Rows whose event time is before that of a row that stood before them.
    disordered: u64,
    left_out: u64,
    examples: Vec<String>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            first_ms: None,
            newest_ms: i64::MIN,
            disordered: 0,
            left_out: 0,
            examples: Vec::new(),
        }
    }
}

impl Told {
    /// A row that is sent.
    pub fn row(&mut self, record: &Outgoing) {
        self.first_ms = Some(self.first_ms.map_or(record.time_ms, |first| first.min(record.time_ms)));
        self.disordered += u64::from(record.time_ms < self.newest_ms);
        self.newest_ms = self.newest_ms.max(record.time_ms);
    }

    /// A row that is not.
    pub fn left_out(&mut self, why: String) {
        self.left_out += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(why);
        }
    }

    /// Whether there was one.
    pub fn has_left_out(&self) -> bool {
        self.left_out > 0
    }

    /// While it goes on.
    pub fn line(&self, sent: &Sent) -> String {
        format!(
            "{} records, {} a second, event time {}",
            HumanCount(sent.records),
            self.rate(sent),
            time(self.newest_ms)
        )
    }

    /// For people.
    pub fn table(&self, stream: &str, sent: &Sent) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        let mut lines = vec![
            ("stream", stream.to_string()),
            (
                "records",
                format!(
                    "{} in {seconds:.1} s: {} a second",
                    HumanCount(sent.records),
                    self.rate(sent)
                ),
            ),
            ("bytes", DecimalBytes(sent.bytes).to_string()),
            ("requests", HumanCount(sent.requests).to_string()),
        ];
        if sent.again > 0 {
            lines.push((
                "sent again",
                format!("{} records that the stream refused at first", HumanCount(sent.again)),
            ));
        }
        if let Some(first) = self.first_ms {
            lines.push(("event time", format!("{} to {}", time(first), time(self.newest_ms))));
        }
        if self.disordered > 0 {
            lines.push((
                "out of order",
                format!("{} records are older than one before them", HumanCount(self.disordered)),
            ));
        }
        for (shard, records) in &sent.shards {
            lines.push(("", format!("{} records in {shard}", HumanCount(*records))));
        }
        if self.left_out > 0 {
            lines.push(("left out", format!("{} rows", HumanCount(self.left_out))));
            lines.extend(self.examples.iter().map(|why| ("", why.clone())));
        }
        let lines: Vec<String> = lines
            .iter()
            .map(|(name, text)| format!("  {name:<12} {text}"))
            .collect();
        lines.join("\n")
    }

    /// For machines.
    pub fn json(&self, stream: &str, sent: &Sent) -> String {
        json!({
            "stream": stream,
            "records": sent.records,
            "bytes": sent.bytes,
            "requests": sent.requests,
            "sent_again": sent.again,
            "left_out": self.left_out,
            "out_of_order": self.disordered,
            "first_event_time": self.first_ms.map(time),
            "last_event_time": self.first_ms.map(|_| time(self.newest_ms)),
            "shards": sent.shards,
            "seconds": self.begun.elapsed().as_secs_f64(),
        })
        .to_string()
    }

    /// Records a second.
    fn rate(&self, sent: &Sent) -> HumanCount {
        HumanCount((sent.records as f64 / self.begun.elapsed().as_secs_f64().max(0.001)).round() as u64)
    }
}

fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(String::new, |time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}
