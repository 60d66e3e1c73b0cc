//! The detectors of a window: one for each key and watched column, fed with what windows hold when they close.

use std::collections::{BTreeMap, BTreeSet};
use watershed_anomaly::{Detector, Verdict};
use watershed_contract::{Detect, OutputColumn, Window};
use watershed_lake::{Column, ColumnType, windows::column};
use watershed_stream::{Bounds, Firing, Kind, Output, Scalar};

/// Bytes of a series beside its key and its detectors: places, and what a map takes.
const SERIES_BYTES: usize = 96;

/// Detectors of one kind of window, by key. A state beyond the window's bounds loses the keys whose last window is the longest ago.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// What is watched, and how: a detector that was made for something else is not used.
    names: Vec<String>,
    bounds: Bounds,
    series: BTreeMap<Box<[u8]>, Series>,
    /// Keys by their last turn.
    recent: BTreeSet<(u64, Box<[u8]>)>,
    turn: u64,
    bytes: usize,
    evicted: u64,
}

/// The detectors of a key.
#[derive(Debug, Clone, PartialEq, Default)]
struct Series {
    /// Which window of all keys was its last.
    turn: u64,
    /// The begin of that window: earlier ones, and the same again, are no news.
    start_ms: i64,
    /// Encoded, one for each name; empty: none yet.
    detectors: Vec<Vec<u8>>,
}

/// What is said of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// Which of [`Window::detectors`] says it.
    pub detector: usize,
    /// What.
    pub verdict: Verdict,
}

impl Watch {
    /// That has seen nothing.
    pub fn new(window: &Window) -> Self {
        let name = |detect: &Detect| {
            let settings: Vec<String> = detect.settings.values().map(|value| value.to_string()).collect();
            format!("{} {}", watched(window, detect).name, settings.join(" "))
        };
        Self {
            names: window.detectors.iter().map(name).collect(),
            bounds: window.spec.bounds(),
            series: BTreeMap::new(),
            recent: BTreeSet::new(),
            turn: 0,
            bytes: 0,
            evicted: 0,
        }
    }

    /// Keys that had to go since it was read.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bytes that it takes, about.
    pub fn weight(&self) -> usize {
        self.bytes
    }

    /// Shows it a firing. Only a window that closed is looked at, and each key's windows in their order: a correction says of the past what
    /// nobody waits for any more.
    pub fn observe(&mut self, window: &Window, firing: &Firing) -> Vec<Said> {
        if self.names.is_empty() || firing.kind != Kind::Final {
            return Vec::new();
        }
        let known = self.series.remove(&firing.key);
        if let Some(known) = &known {
            if known.start_ms >= firing.start_ms {
                self.series.insert(firing.key.clone(), known.clone());
                return Vec::new();
            }
            self.recent.remove(&(known.turn, firing.key.clone()));
            self.bytes -= known.bytes(&firing.key);
        }
        let mut series = known.unwrap_or_default();
        series.detectors.resize(self.names.len(), Vec::new());
        (self.turn, series.turn, series.start_ms) = (self.turn + 1, self.turn + 1, firing.start_ms);
        let outputs = firing.partial.outputs(&window.spec);
        let mut said = Vec::new();
        for (at, (detect, state)) in window.detectors.iter().zip(&mut series.detectors).enumerate() {
            let Some(value) = number(window, detect, &outputs) else {
                continue;
            };
            // What cannot be read is learnt again.
            let known = Detector::decode(state).ok();
            let fresh = || Detector::new(&detect.settings).expect("the contract's settings are checked");
            let mut detector = known.unwrap_or_else(fresh);
            let verdict = detector.observe(firing.start_ms, value);
            *state = detector.encode();
            said.push(Said { detector: at, verdict });
        }
        self.put(firing.key.clone(), series);
        self.bound();
        said
    }

    fn put(&mut self, key: Box<[u8]>, series: Series) {
        self.bytes += series.bytes(&key);
        self.recent.insert((series.turn, key.clone()));
        self.series.insert(key, series);
    }

    fn bound(&mut self) {
        while self.series.len() > self.bounds.keys || self.bytes > self.bounds.bytes {
            let Some((_, key)) = self.recent.pop_first() else {
                return;
            };
            let series = self.series.remove(&key).expect("each key has one turn");
            self.bytes -= series.bytes(&key);
            self.evicted += 1;
        }
    }

    /// Of a shard that was split or merged: of the parents' keys those that it owns. Of a key that several have, the detectors that have seen
    /// more.
    pub fn inherit(window: &Window, parents: Vec<Self>, owns: impl Fn(&[u8]) -> bool) -> Self {
        let mut keys = BTreeMap::<Box<[u8]>, Series>::new();
        for parent in parents {
            for (key, series) in parent.series.into_iter().filter(|(key, _)| owns(key)) {
                let better = keys.get(&key).is_none_or(|known| known.rows() < series.rows());
                if better {
                    keys.insert(key, series);
                }
            }
        }
        let mut child = Self::new(window);
        let mut ordered: Vec<(Box<[u8]>, Series)> = keys.into_iter().collect();
        ordered.sort_by_key(|(_, series)| series.turn);
        for (key, series) in ordered {
            child.turn += 1;
            let turn = child.turn;
            child.put(key, Series { turn, ..series });
        }
        child.bound();
        child
    }

    /// Bytes for a checkpoint: the same of the same.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes);
        put_length(&mut out, self.names.len());
        for name in &self.names {
            put_bytes(&mut out, name.as_bytes());
        }
        out.extend_from_slice(&self.turn.to_le_bytes());
        put_length(&mut out, self.series.len());
        for (key, series) in &self.series {
            put_bytes(&mut out, key);
            out.extend_from_slice(&series.turn.to_le_bytes());
            out.extend_from_slice(&series.start_ms.to_le_bytes());
            for detector in &series.detectors {
                put_bytes(&mut out, detector);
            }
        }
        out
    }

    /// What [`Self::encode`] wrote, for the window as it is now: detectors of columns that are no longer watched so are left out. None: the
    /// bytes are something else.
    pub fn decode(window: &Window, bytes: &[u8]) -> Option<Self> {
        let mut watch = Self::new(window);
        let mut input = bytes;
        let mut names = Vec::new();
        for _ in 0..take_length(&mut input)? {
            names.push(std::str::from_utf8(take_bytes(&mut input)?).ok()?);
        }
        watch.turn = u64::from_le_bytes(take(&mut input)?);
        for _ in 0..take_length(&mut input)? {
            let key: Box<[u8]> = take_bytes(&mut input)?.into();
            let (turn, start_ms) = (
                u64::from_le_bytes(take(&mut input)?),
                i64::from_le_bytes(take(&mut input)?),
            );
            let mut detectors = vec![Vec::new(); watch.names.len()];
            for name in &names {
                let state = take_bytes(&mut input)?;
                if let Some(at) = watch.names.iter().position(|wanted| wanted == name) {
                    detectors[at] = state.to_vec();
                }
            }
            watch.put(
                key,
                Series {
                    turn,
                    start_ms,
                    detectors,
                },
            );
        }
        watch.bound();
        input.is_empty().then_some(watch)
    }
}

impl Series {
    fn bytes(&self, key: &[u8]) -> usize {
        SERIES_BYTES + key.len() + self.detectors.iter().map(Vec::len).sum::<usize>()
    }

    /// Windows that its detectors have seen.
    fn rows(&self) -> u64 {
        let detectors = self.detectors.iter().filter_map(|state| Detector::decode(state).ok());
        detectors.map(|detector| detector.rows()).sum()
    }
}

/// The column of the window's table that is watched.
pub fn watched<'w>(window: &'w Window, detect: &Detect) -> &'w Column {
    &window.table.columns[column::COUNT + window.key.len() + detect.output]
}

/// What it holds, as a number; none: it is null.
fn number(window: &Window, detect: &Detect, outputs: &[Output]) -> Option<f64> {
    let scaled = |digits: i128| match watched(window, detect).kind {
        ColumnType::Decimal { scale, .. } => digits as f64 / 10_f64.powi(scale.into()),
        _ => digits as f64,
    };
    let OutputColumn { aggregate, quantile } = window.outputs[detect.output];
    match &outputs[aggregate] {
        Output::Integer(value) => Some(*value as f64),
        Output::Float(value) | Output::Scalar(Scalar::Float(value)) => Some(*value),
        Output::Decimal(digits) | Output::Scalar(Scalar::Decimal(digits)) => Some(scaled(*digits)),
        Output::Scalar(Scalar::Int(value)) => Some(*value as f64),
        Output::Quantiles(values) => values.get(quantile?).copied(),
        Output::Null | Output::Overflow | Output::Scalar(_) | Output::Top(_) => None,
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("keys and states are bounded");
    out.extend_from_slice(&length.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*taken)
}

fn take_length(input: &mut &[u8]) -> Option<usize> {
    take(input).map(|bytes| u32::from_le_bytes(bytes) as usize)
}

fn take_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_length(input)?;
    let (taken, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(taken)
}
