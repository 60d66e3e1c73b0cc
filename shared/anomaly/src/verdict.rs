//! What is said of a row.

use std::fmt;

/// What of a series surprised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Recent values are spread over other places than in the long run.
    Mixture,
    /// The last rows have a shape that was not seen.
    Shape,
    /// The last rows follow each other as they seldom do.
    Sequence,
    /// Larger or smaller than anything remembered.
    Record,
    /// Not what this hour of the week has.
    Season,
    /// Far from the row before.
    Jump,
    /// The recent level is not the long-run one.
    Drift,
    /// Rows move more, or less, from one to the next than they did.
    Spread,
    /// Small surprises come closer together.
    Density,
}

/// How many signals there are.
pub(crate) const SIGNALS: usize = 9;

impl Signal {
    /// All, in the order in which they are kept.
    pub const ALL: [Self; SIGNALS] = [
        Self::Mixture,
        Self::Shape,
        Self::Sequence,
        Self::Record,
        Self::Season,
        Self::Jump,
        Self::Drift,
        Self::Spread,
        Self::Density,
    ];

    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mixture => "mixture",
            Self::Shape => "shape",
            Self::Sequence => "sequence",
            Self::Record => "record",
            Self::Season => "season",
            Self::Jump => "jump",
            Self::Drift => "drift",
            Self::Spread => "spread",
            Self::Density => "density",
        }
    }

    /// What `observed` and `expected` of a [`Reason`] are then.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Mixture => "recent values lie elsewhere than in the long run",
            Self::Shape => "the last 8 rows have a shape that was not seen",
            Self::Sequence => "the last rows follow each other as they seldom do",
            Self::Record => "beyond all that is remembered",
            Self::Season => "not what this hour of the week has",
            Self::Jump => "far from the row before",
            Self::Drift => "the recent mean is not the long-run one",
            Self::Spread => "the size of the steps from row to row changed",
            Self::Density => "small surprises come closer together",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a row is an alarm. In the series' own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    /// What surprised most.
    pub signal: Signal,
    /// What was expected.
    pub expected: f64,
    /// From here on it would have been usual.
    pub low: f64,
    /// Up to here it would have been usual.
    pub high: f64,
    /// What was there: the row's value; for drift the recent mean, for spread the recent step.
    pub observed: f64,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            signal,
            expected,
            low,
            high,
            observed,
        } = self;
        write!(
            f,
            "{}: observed {observed:.6}, expected {expected:.6} ({low:.6} to {high:.6})",
            signal.meaning()
        )
    }
}

/// What is said of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// How anomalous, from 0 to below 1; comparable between series.
    pub score: f32,
    /// Whether someone should look.
    pub alarm: bool,
    /// Why; of alarms only.
    pub reason: Option<Reason>,
}

impl Verdict {
    /// Nothing to be said: warming up, or no value.
    pub(crate) const NONE: Self = Self {
        score: 0.0,
        alarm: false,
        reason: None,
    };
}
