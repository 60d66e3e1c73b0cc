//! Anomalies in a series of values, told while it goes by: one pass, one small state a series, no training and nothing to be set for it.
//!
//! ```
//! use watershed_anomaly::{Detector, Settings};
//!
//! let mut detector = Detector::new(&Settings::default())?;
//! let mut alarms = Vec::new();
//! for row in 0..2_000_i64 {
//!     let value = if row == 1_500 { 90.0 } else { 20.0 + (row * 37 % 11) as f64 };
//!     let verdict = detector.observe(row * 300_000, value);
//!     alarms.extend(verdict.reason.map(|reason| (row, reason.to_string())));
//! }
//! assert_eq!(alarms.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1_500]);
//! # Ok::<(), watershed_anomaly::SettingError>(())
//! ```
//!
//! | | |
//! |---|---|
//! | signals | [`Signal`]: nine questions to each row, cheap, answered from fading counts |
//! | surprise | each answer in nats of its own rarity in this series, so that no signal has a unit or a threshold |
//! | score | mean of the three largest surprises S, as S / (S + 8); one signal alone is chance more often than three |
//! | calm | what goes on after an alarm is no second alarm, unless it surprises clearly more |
//! | effect | deviations are measured in units no smaller than a share of the level: a millionth is no event |
//!
//! A value that is no number (NaN, infinite) is a missing row: it gets the score 0 and changes nothing. Rows are taken in the order in which
//! they come; their time says only which hour of the week it is, so a repeated time, one that runs backwards, and a gap are no errors. Values
//! beyond ±1e30 count as ±1e30. All is arithmetic that IEEE 754 fixes, so the same rows give the same bits everywhere.
//!
//! How well it does, and how that was measured: `EVALUATION.md`.

mod calm;
mod detector;
mod extremes;
mod level;
mod maths;
mod mixture;
mod season;
mod sequence;
mod settings;
mod shapes;
mod state;
mod steps;
mod surprise;
mod verdict;

pub use detector::{Detector, MAX_STATE_BYTES};
pub use settings::{Setting, SettingError, Settings};
pub use state::StateError;
pub use verdict::{Reason, Signal, Verdict};
