//! The detector: asks each signal, weighs the answers, says why.

use crate::{
    Reason, SettingError, Settings, Signal, StateError, Verdict,
    calm::Calm,
    extremes::Extremes,
    level::Level,
    mixture::Mixture,
    season::{Hour, Memory, Season},
    sequence::Sequence,
    shapes::Shapes,
    state::{Damage, Reader, Writer},
    steps::{Step, Steps},
    surprise::Surprise,
    verdict::SIGNALS,
};

/// A state is never larger, whatever the series; most are a quarter of it.
pub const MAX_STATE_BYTES: usize = 6 * 1_024;
/// Values beyond this count as this.
const LARGEST: f64 = 1e30;
/// Smallest deviation that counts where the level is zero.
const LEAST_DEVIATION: f64 = 1e-12;
/// Surprise of the score 0.5, in nats.
const HALF_NATS: f64 = 8.0;
/// So many deviations around what was expected are told as usual.
const USUAL_DEVIATIONS: f64 = 3.0;
/// What of each signal is too little to tell apart, in the order of [`Signal::ALL`].
const FLOORS: [f64; SIGNALS] = [0.05, 0.3, 0.2, 0.01, 0.5, 0.5, 0.2, 0.1, 0.3];
/// Where a new extreme stands in [`Signal::ALL`].
const RECORD: usize = Signal::Record as usize;

/// What is known of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Detector {
    settings: Settings,
    series: Option<Series>,
}

/// From the first value on.
#[derive(Debug, Clone, PartialEq)]
struct Series {
    rows: u64,
    level: Level,
    mixture: Mixture,
    shapes: Shapes,
    sequence: Sequence,
    extremes: Extremes,
    season: Season,
    steps: Steps,
    /// Recent mean, in deviations from the level.
    drift: f64,
    /// Recent mean of the surprise.
    density: f64,
    surprises: [Surprise; SIGNALS],
    calm: Calm,
}

/// What a row met: for the reason.
struct Met {
    value: f64,
    mean: f64,
    deviation: f64,
    low: f64,
    high: f64,
    hour: Hour,
    step: Step,
    drift: f64,
}

impl Detector {
    /// Knows nothing yet.
    pub fn new(settings: &Settings) -> Result<Self, SettingError> {
        settings.check()?;
        Ok(Self {
            settings: settings.clone(),
            series: None,
        })
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Rows with a value that it has seen.
    pub fn rows(&self) -> u64 {
        self.series.as_ref().map_or(0, |series| series.rows)
    }

    /// Says what is to be said of a row, and learns from it. `time_ms` is since 1970, UTC.
    pub fn observe(&mut self, time_ms: i64, value: f64) -> Verdict {
        if !value.is_finite() {
            return Verdict::NONE;
        }
        let value = value.clamp(-LARGEST, LARGEST);
        let series = self.series.get_or_insert_with(|| Series::new(value));
        series.observe(time_ms, value, &self.settings)
    }

    /// Its state, for [`Detector::decode`]: at most [`MAX_STATE_BYTES`]. A decoded detector gives the same verdicts, bit for bit.
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::new();
        self.settings.values().for_each(|value| to.f64(value));
        to.u8(u8::from(self.series.is_some()));
        if let Some(series) = &self.series {
            series.write(&mut to);
        }
        to.finish()
    }

    /// A detector as it was encoded. Never panics, whatever the bytes are.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let mut from = Reader::new(bytes)?;
        let read = |from: &mut Reader| -> Result<Self, Damage> {
            let mut settings = Settings::default();
            for setting in Settings::ALL {
                let value = from.f64()?;
                if let Some(place) = settings.get_mut(setting.name) {
                    *place = value;
                }
            }
            settings.check().map_err(|_| Damage)?;
            let series = match from.u8()? {
                0 => None,
                1 => Some(Series::read(from)?),
                _ => return Err(Damage),
            };
            Ok(Self { settings, series })
        };
        read(&mut from)
            .and_then(|detector| from.done().map(|()| detector))
            .map_err(|Damage| StateError::Damaged { bytes: bytes.len() })
    }
}

impl Series {
    fn new(value: f64) -> Self {
        Self {
            rows: 0,
            level: Level::new(value),
            mixture: Mixture::new(),
            shapes: Shapes::new(),
            sequence: Sequence::new(),
            extremes: Extremes::new(value),
            season: Season::new(),
            steps: Steps::new(value),
            drift: 0.0,
            density: 0.0,
            surprises: std::array::from_fn(|_| Surprise::new()),
            calm: Calm::new(),
        }
    }

    fn observe(&mut self, time_ms: i64, value: f64, settings: &Settings) -> Verdict {
        let row = self.rows;
        self.rows += 1;
        let floor = (self.level.mean().abs() * settings.min_effect).max(LEAST_DEVIATION);
        let flat = self.level.deviation(0.0) < floor && (value - self.level.mean()).abs() < floor;
        let (answers, met) = self.ask(time_ms, value, row, floor, settings);
        let growth = (1.0 + 1.0 / settings.memory_rows) as f32;
        let mut nats: [f64; SIGNALS] =
            std::array::from_fn(|at| self.surprises[at].observe(answers[at], FLOORS[at], growth));
        nats[RECORD] *= settings.record_weight;
        let (most, surprise) = weigh(&nats);
        self.density += (surprise - self.density) / settings.window_rows;
        if (row as f64) < settings.warm_up_rows {
            return Verdict::NONE;
        }
        let surprise = if flat { 0.0 } else { surprise };
        let heard = self.calm.observe(surprise, row, settings);
        let score = heard.nats / (heard.nats + HALF_NATS);
        let alarm = heard.news && score >= settings.alarm_score;
        Verdict {
            score: score as f32,
            alarm,
            reason: alarm.then(|| met.reason(Signal::ALL[most])),
        }
    }

    /// The answers of the signals, in the order of [`Signal::ALL`], each of them then taught the row.
    fn ask(&mut self, time_ms: i64, value: f64, row: u64, floor: f64, settings: &Settings) -> ([f64; SIGNALS], Met) {
        // At the beginning everything is forgotten in as many rows as there are.
        let rate = |rows: f64| 1.0 / rows.min(row as f64 + 1.0);
        let (recent, level, long) = (
            rate(settings.window_rows),
            rate(settings.level_rows),
            rate(settings.memory_rows),
        );
        let (mean, deviation) = (self.level.mean(), self.level.deviation(floor));
        let deviations = (value - mean) / deviation;
        let clip = settings.clip_deviations;
        let hour = self.season.expect(time_ms, mean, floor);
        let (low, high) = (self.extremes.low, self.extremes.high);
        let step = self.steps.observe(value, floor, clip, recent, level);
        self.drift += (deviations.clamp(-clip, clip) - self.drift) * recent;
        let answers = [
            self.mixture.observe(deviations / settings.bin_deviations, recent, long),
            self.shapes.observe(deviations, row, 1.0 / settings.memory_rows),
            self.sequence.observe(deviations, 1.0 / settings.window_rows),
            self.extremes
                .observe(value, mean, deviation, 1.0 / settings.memory_rows),
            (value - hour.expected).abs() / hour.deviation,
            step.jump,
            self.drift.abs(),
            step.spread,
            self.density,
        ];
        let memory = Memory {
            visits: settings.season_visits as u8,
            rate: level,
        };
        self.season
            .observe(time_ms, value, hour, clip * deviation.max(hour.deviation), memory);
        self.level.observe(value, row, deviation, clip, level);
        let met = Met {
            value,
            mean,
            deviation,
            low,
            high,
            hour,
            step,
            drift: self.drift,
        };
        (answers, met)
    }

    fn write(&self, to: &mut Writer) {
        to.u64(self.rows);
        self.level.write(to);
        self.mixture.write(to);
        self.shapes.write(to);
        self.sequence.write(to);
        self.extremes.write(to);
        self.season.write(to);
        self.steps.write(to);
        to.f64(self.drift);
        to.f64(self.density);
        self.surprises.iter().for_each(|surprise| surprise.write(to));
        self.calm.write(to);
    }

    fn read(from: &mut Reader) -> Result<Self, Damage> {
        let mut series = Self {
            rows: from.u64()?,
            level: Level::read(from)?,
            mixture: Mixture::read(from)?,
            shapes: Shapes::read(from)?,
            sequence: Sequence::read(from)?,
            extremes: Extremes::read(from)?,
            season: Season::read(from)?,
            steps: Steps::read(from)?,
            drift: from.f64()?,
            density: from.f64()?,
            ..Self::new(0.0)
        };
        for surprise in &mut series.surprises {
            *surprise = Surprise::read(from)?;
        }
        series.calm = Calm::read(from)?;
        Ok(series)
    }
}

/// The most surprised signal, and the mean of the three largest surprises.
fn weigh(nats: &[f64; SIGNALS]) -> (usize, f64) {
    let (mut most, mut top) = (0, [0.0_f64; 3]);
    for (at, value) in nats.iter().enumerate() {
        if *value > top[0] {
            (top, most) = ([*value, top[0], top[1]], at);
        } else if *value > top[1] {
            top = [top[0], *value, top[1]];
        } else if *value > top[2] {
            top[2] = *value;
        }
    }
    (most, top.iter().sum::<f64>() / top.len() as f64)
}

impl Met {
    fn reason(&self, signal: Signal) -> Reason {
        let around = |expected: f64, deviation: f64, observed: f64| Reason {
            signal,
            expected,
            low: expected - USUAL_DEVIATIONS * deviation,
            high: expected + USUAL_DEVIATIONS * deviation,
            observed,
        };
        match signal {
            Signal::Record => Reason {
                signal,
                expected: self.mean,
                low: self.low,
                high: self.high,
                observed: self.value,
            },
            Signal::Season => around(self.hour.expected, self.hour.deviation, self.value),
            Signal::Jump => around(self.step.last, self.step.usual, self.value),
            Signal::Drift => around(self.mean, self.deviation, self.mean + self.drift * self.deviation),
            Signal::Spread => Reason {
                low: 0.0,
                ..around(self.step.usual, self.step.usual, self.step.recent)
            },
            Signal::Mixture | Signal::Shape | Signal::Sequence | Signal::Density => {
                around(self.mean, self.deviation, self.value)
            }
        }
    }
}
