//! Parts of dates and times.

use std::fmt;

/// A part of a date or time, as `extract`, `date_trunc` and `interval` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    /// Monday is 1, Sunday 7 (ISO 8601); `extract` only.
    DayOfWeek,
    /// From 1; `extract` only.
    DayOfYear,
    /// Seconds since 1970-01-01T00:00:00Z; `extract` only.
    Epoch,
}

impl Unit {
    const ALL: [(&'static str, Self); 11] = [
        ("year", Self::Year),
        ("quarter", Self::Quarter),
        ("month", Self::Month),
        ("week", Self::Week),
        ("day", Self::Day),
        ("hour", Self::Hour),
        ("minute", Self::Minute),
        ("second", Self::Second),
        ("isodow", Self::DayOfWeek),
        ("doy", Self::DayOfYear),
        ("epoch", Self::Epoch),
    ];

    /// Of that word; of several, as in `3 days`, the plural does as well.
    pub(crate) fn named(word: &str) -> Option<Self> {
        let singular = word.strip_suffix('s').unwrap_or(word);
        let found = Self::ALL.iter().find(|(name, _)| *name == word || *name == singular);
        found.map(|(_, unit)| *unit)
    }

    /// What may stand in that place.
    pub(crate) fn names(extract: bool) -> Vec<&'static str> {
        let units = Self::ALL.iter().filter(|(_, unit)| extract || unit.is_span());
        units.map(|(name, _)| *name).collect()
    }

    /// True where it is a span of time.
    pub(crate) fn is_span(self) -> bool {
        !matches!(self, Self::DayOfWeek | Self::DayOfYear | Self::Epoch)
    }

    /// True where a date alone has it.
    pub(crate) fn is_of_dates(self) -> bool {
        !self.is_of_times()
    }

    /// True where a time of day has it.
    pub(crate) fn is_of_times(self) -> bool {
        matches!(self, Self::Hour | Self::Minute | Self::Second)
    }

    /// Microseconds; none for months and longer, which differ.
    pub(crate) fn micros(self) -> Option<i64> {
        match self {
            Self::Second => Some(1_000_000),
            Self::Minute => Some(60_000_000),
            Self::Hour => Some(3_600_000_000),
            Self::Day => Some(86_400_000_000),
            Self::Week => Some(604_800_000_000),
            _ => None,
        }
    }

    /// Months; none for what is shorter.
    pub(crate) fn months(self) -> Option<i64> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
            _ => None,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, unit)| unit == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}
