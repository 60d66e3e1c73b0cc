//! One invocation's log: JSON lines on standard output, the last of them wide, with the invocation's metrics embedded.

use serde_json::{Map, Value, json};
use std::{
    fmt,
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// CloudWatch namespace of every metric.
pub const NAMESPACE: &str = "Watershed";
/// Metrics that one line may declare (CloudWatch, "Specification: Embedded metric format").
pub const MAX_METRICS: usize = 100;
/// Longest text value in a log line, in bytes: what is longer is cut, so that bad input cannot flood the log.
pub const MAX_VALUE_BYTES: usize = 2_048;

/// How much a line matters. `ERROR` means that someone must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What happened.
    Info,
    /// What someone may want to look at.
    Warn,
    /// What someone must act on.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        })
    }
}

/// CloudWatch's units, as far as used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::Milliseconds => "Milliseconds",
            Self::Seconds => "Seconds",
        }
    }
}

/// The machine's clock: milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

static WARM: AtomicBool = AtomicBool::new(false);

/// What is known of the running invocation. [`Invocation::finish`] prints its wide line.
pub struct Invocation {
    service: &'static str,
    function: String,
    request_id: String,
    trace: Option<String>,
    deadline: SystemTime,
    started: Instant,
    fields: Map<String, Value>,
    metrics: Vec<(&'static str, Unit, f64)>,
    out: Box<dyn Write + Send>,
}

impl Invocation {
    /// Begins. `function` is the name that it is deployed under: metrics are told apart by it, so that two stages in one
    /// account do not mix. `out` is standard output but in tests; `cold_start` is told of the first one in a process.
    pub fn begin(
        service: &'static str,
        function: &str,
        request_id: &str,
        trace: Option<String>,
        deadline: SystemTime,
        out: Box<dyn Write + Send>,
    ) -> Self {
        let cold = !WARM.swap(true, Ordering::Relaxed);
        let mut fields = Map::new();
        fields.insert("cold_start".into(), cold.into());
        Self {
            service,
            function: function.into(),
            request_id: request_id.into(),
            trace,
            deadline,
            started: Instant::now(),
            fields,
            metrics: Vec::new(),
            out,
        }
    }

    /// The trace header to hand on: `Root=1-…;Parent=…;Sampled=1` (AWS X-Ray, "Tracing header").
    pub fn trace(&self) -> Option<&str> {
        self.trace.as_deref()
    }

    /// Milliseconds until the service kills this invocation.
    pub fn remaining_ms(&self) -> u64 {
        self.deadline
            .duration_since(SystemTime::now())
            .map_or(0, |left| left.as_millis() as u64)
    }

    /// A field of the wide line.
    pub fn field(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.into(), bounded(value.into()));
    }

    /// A metric of the wide line; a name that stands there already adds up.
    pub fn metric(&mut self, name: &'static str, unit: Unit, value: f64) {
        if let Some((.., sum)) = self.metrics.iter_mut().find(|(known, ..)| *known == name) {
            *sum += value;
        } else if self.metrics.len() < MAX_METRICS {
            self.metrics.push((name, unit, value));
        }
    }

    /// A line of its own, for what happened to one item.
    pub fn log(&mut self, level: Level, message: &'static str, fields: Value) {
        let mut line = self.head(level, message);
        if let Value::Object(fields) = fields {
            line.extend(fields.into_iter().map(|(name, value)| (name, bounded(value))));
        }
        self.print(line);
    }

    /// A line of its own with metrics of one item, which `dimension` names by what it is and its name.
    pub fn measure(
        &mut self,
        message: &'static str,
        dimension: (&'static str, &str),
        metrics: &[(&'static str, Unit, f64)],
    ) {
        let mut line = self.head(Level::Info, message);
        line.insert(dimension.0.into(), bounded(dimension.1.into()));
        embed(&mut line, &["function", dimension.0], metrics);
        self.print(line);
    }

    /// The wide line.
    pub fn finish(mut self, message: &'static str) {
        let duration_ms = self.started.elapsed().as_secs_f64() * 1e3;
        self.metric("Duration", Unit::Milliseconds, (duration_ms * 1e3).round() / 1e3);
        let mut line = self.head(Level::Info, message);
        line.append(&mut self.fields);
        embed(&mut line, &["function"], &self.metrics);
        self.print(line);
    }

    fn head(&self, level: Level, message: &str) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("level".into(), level.to_string().into());
        line.insert("message".into(), message.into());
        line.insert("service".into(), self.service.into());
        line.insert("function".into(), self.function.clone().into());
        line.insert("request_id".into(), self.request_id.clone().into());
        if let Some(trace) = &self.trace {
            line.insert("trace".into(), bounded(trace.clone().into()));
        }
        line
    }

    fn print(&mut self, line: Map<String, Value>) {
        // A log that cannot be written has nowhere to say so.
        let _ = writeln!(self.out, "{}", Value::Object(line));
        let _ = self.out.flush();
    }
}

/// Metrics in the embedded metric format (Amazon CloudWatch, "Embedded metric format specification").
fn embed(line: &mut Map<String, Value>, dimensions: &[&str], metrics: &[(&'static str, Unit, f64)]) {
    let declared = metrics
        .iter()
        .map(|(name, unit, _)| json!({"Name": name, "Unit": unit.name()}));
    let declared: Vec<Value> = declared.collect();
    line.extend(
        metrics
            .iter()
            .map(|(name, _, value)| ((*name).to_string(), json!(value))),
    );
    line.insert(
        "_aws".into(),
        json!({"Timestamp": now_ms(), "CloudWatchMetrics":
            [{"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": declared}]}),
    );
}

fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > MAX_VALUE_BYTES => {
            let mut end = MAX_VALUE_BYTES;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            format!("{}… ({} bytes)", &text[..end], text.len()).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn metrics_of_one_item_have_its_name_as_a_dimension() {
        let buffer = Buffer::default();
        let mut invocation = Invocation::begin(
            "monitor",
            "dev-monitor",
            "r-1",
            None,
            SystemTime::now(),
            Box::new(buffer.clone()),
        );
        invocation.measure(
            "expectations",
            ("dataset", "nyc.flights"),
            &[("Rows", Unit::Count, 5.0), ("Age", Unit::Seconds, 0.5)],
        );
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["dataset"], &line["Rows"], &line["Age"]),
            (&json!("nyc.flights"), &json!(5.0), &json!(0.5))
        );
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(declared["Dimensions"], json!([["function", "dataset"]]));
        assert_eq!(declared["Metrics"][1], json!({"Name": "Age", "Unit": "Seconds"}));
    }

    #[test]
    fn the_wide_line_is_embedded_metric_format() {
        let buffer = Buffer::default();
        let trace = Some("Root=1-a;Sampled=1".to_string());
        let mut invocation = Invocation::begin(
            "ingest",
            "dev-ingest",
            "r-1",
            trace,
            SystemTime::now(),
            Box::new(buffer.clone()),
        );
        invocation.log(Level::Warn, "cut", json!({"raw": "é".repeat(4_000)}));
        invocation.metric("RowsAccepted", Unit::Count, 2.0);
        invocation.metric("RowsAccepted", Unit::Count, 3.0);
        invocation.field("objects", 1);
        invocation.finish("invocation");
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines[0]["raw"].as_str().unwrap().len() < MAX_VALUE_BYTES + 40);
        let wide = &lines[1];
        assert_eq!(wide["RowsAccepted"], 5.0);
        assert_eq!(wide["objects"], 1);
        assert_eq!(wide["trace"], "Root=1-a;Sampled=1");
        assert_eq!(wide["function"], "dev-ingest");
        let metrics = &wide["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Namespace"], NAMESPACE);
        assert_eq!(metrics["Dimensions"], json!([["function"]]));
        assert_eq!(metrics["Metrics"][0], json!({"Name": "RowsAccepted", "Unit": "Count"}));
        assert!(wide["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
    }
}
