//! The type of a column: the first of the candidates that reads every value, as `ingest` would read it.

use crate::{
    Sure,
    numbers::Shape,
    temporal::{self, COMPACT_DATE},
    values::{NULLS, Values, block_of, probe},
};
use arrow_array::{ArrayRef, cast::AsArray, types};
use std::{collections::BTreeSet, ops::RangeInclusive};
use watershed_contract::{
    Case, Checks, ColumnRule, EpochUnit, Locale, NumberFormat, Personal, TemporalFormat, limits::MAX_PRECISION,
};
use watershed_decode::{block::Block, parse::ColumnParser};
use watershed_lake::ColumnType;

/// Values that a pattern is tried on before that.
const FIRST_VALUES: usize = 3;
/// Percentage of values that a type may fail on and still be worth a word.
const NEARLY_PERCENT: usize = 5;
/// Days from 1970-01-01 to 1000-01-01 and to 9999-12-31: a year of two digits that is read as one of four lies before.
const DAYS: RangeInclusive<i64> = -354_285..=2_932_896;
/// The same for a number of eight digits: 1900-01-01 to 2100-01-01.
const COMPACT_DAYS: RangeInclusive<i64> = -25_567..=47_482;
/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;
/// Spellings of true and false beside those that the contract reads anyway.
const BOOLEANS: [(&str, &str); 7] = [
    ("ja", "nein"),
    ("j", "n"),
    ("oui", "non"),
    ("si", "no"),
    ("wahr", "falsch"),
    ("vrai", "faux"),
    ("on", "off"),
];
/// Spellings that the contract reads anyway.
const USUAL: ([&str; 5], [&str; 5]) = (["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]);
/// Words in names of columns whose numbers are amounts of money.
const MONEY: [&str; 12] = [
    "price", "amount", "cost", "total", "fee", "tax", "revenue", "salary", "balance", "betrag", "preis", "discount",
];

/// How a column's values are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    pub kind: ColumnType,
    pub formats: Vec<String>,
    pub epoch: Option<EpochUnit>,
    pub booleans: Option<(&'static str, &'static str)>,
    /// A timestamp without offset is taken for one of UTC.
    pub utc: bool,
    pub sure: Sure,
    pub notes: Vec<String>,
}

impl Guess {
    /// Nothing but the type.
    pub fn plain(kind: ColumnType, sure: Sure) -> Self {
        Self {
            kind,
            formats: Vec::new(),
            epoch: None,
            booleans: None,
            utc: false,
            sure,
            notes: Vec::new(),
        }
    }

    fn likely(kind: ColumnType) -> Self {
        Self::plain(kind, Sure::Likely)
    }

    fn note(mut self, sure: Sure, note: impl Into<String>) -> Self {
        self.sure = self.sure.min(sure);
        self.notes.push(note.into());
        self
    }

    /// Reads values so; `nulls` are null.
    pub fn parser(&self, nulls: &BTreeSet<String>) -> ColumnParser {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_string()).collect::<BTreeSet<_>>();
        let usual = || (set(&USUAL.0), set(&USUAL.1));
        let booleans = self.booleans.map_or_else(usual, |(yes, no)| (set(&[yes]), set(&[no])));
        let utc = || "Etc/UTC".parse().expect("a zone of the IANA database");
        let rule = ColumnRule {
            source: String::new(),
            literal: false,
            position: 0,
            personal: Personal::Keep,
            trim: true,
            nulls: nulls.clone(),
            case: Case::Keep,
            temporal: TemporalFormat {
                patterns: self.formats.clone(),
                zone: self.utc.then(utc),
                epoch: self.epoch,
                locale: Locale::default(),
            },
            number: NumberFormat::default(),
            booleans,
            checks: Checks::default(),
            computed: None,
            fields: Vec::new(),
        };
        ColumnParser::new(&rule, self.kind)
    }
}

/// The column's type.
pub fn guess(values: &Values<'_>) -> Guess {
    let probe = probe(values);
    if probe.is_empty() {
        return Guess::plain(ColumnType::String, Sure::Unsure).note(Sure::Unsure, "no value in the sample");
    }
    let (quoted, nested) = values.quoted_and_nested();
    if nested {
        return Guess::likely(ColumnType::String).note(Sure::Likely, "nested JSON, kept as its text");
    }
    let tried = Tried {
        values,
        shape: Shape::of(values.values()),
        probe: block_of(&probe),
        first: block_of(&probe[..probe.len().min(FIRST_VALUES)]),
        distinct: probe.len(),
        quoted,
        nulls: NULLS.iter().map(|null| (*null).to_string()).collect(),
    };
    tried
        .boolean()
        .or_else(|| tried.number())
        .or_else(|| tried.temporal())
        .unwrap_or_else(|| tried.text())
}

/// A column that candidates are tried on.
struct Tried<'a> {
    values: &'a Values<'a>,
    shape: Shape,
    probe: Block,
    first: Block,
    distinct: usize,
    quoted: bool,
    nulls: BTreeSet<String>,
}

impl Tried<'_> {
    /// The columns, where the candidate reads all of it.
    fn fits(&self, guess: &Guess) -> Option<Vec<ArrayRef>> {
        let parser = guess.parser(&self.nulls);
        for block in [&self.first, &self.probe] {
            let mut violations = Vec::new();
            parser.parse(block, Some(0), 0, &mut violations);
            if !violations.is_empty() {
                return None;
            }
        }
        let (arrays, unread) = self.values.read(&parser);
        (unread == 0).then_some(arrays)
    }

    fn boolean(&self) -> Option<Guess> {
        let flag_name = self
            .values
            .name
            .split('_')
            .next()
            .is_some_and(|word| ["is", "has", "flag"].contains(&word));
        let usual = Guess::likely(ColumnType::Boolean);
        if self.distinct <= 6 && !(self.quoted && self.shape.plain > 0) && self.fits(&usual).is_some() {
            // Ones and zeros are numbers unless the name says otherwise; one letter alone may be a code.
            let words = self.values.values().all(|value| value.len() > 1);
            if self.shape.plain == 0 && (words || self.distinct > 1) {
                return Some(usual);
            }
            return flag_name.then(|| usual.note(Sure::Unsure, "boolean by its name"));
        }
        let other = BOOLEANS.iter().map(|pair| Guess {
            booleans: Some(*pair),
            ..Guess::likely(ColumnType::Boolean)
        });
        other
            .filter(|_| self.distinct > 1 && self.distinct <= 6)
            .find(|guess| self.fits(guess).is_some())
    }

    fn number(&self) -> Option<Guess> {
        let shape = &self.shape;
        if shape.with_digit < shape.values || shape.leading_zeros > 0 {
            return None;
        }
        let all_plain = shape.plain == shape.values;
        if all_plain && shape.pointed == 0 && !self.quoted {
            return Some(self.integer());
        }
        if all_plain && shape.pointed > 0 && shape.whole == shape.pointed && shape.max_decimals == 1 && !self.quoted {
            let guess = self.integer();
            return Some(guess.note(
                Sure::Unsure,
                "whole numbers that are written with .0; DOUBLE if others may come",
            ));
        }
        let money = self.values.name.split('_').any(|word| MONEY.contains(&word));
        if all_plain
            && shape.pointed > 0
            && ((shape.decimals_agree() && shape.max_decimals > 1) || (money && shape.max_decimals <= 4))
            && let Some(guess) = decimal(shape.max_whole_digits, shape.max_decimals)
            && self.fits(&guess).is_some()
        {
            return Some(guess.note(Sure::Likely, "precision with room for larger values"));
        }
        let double = Guess::likely(ColumnType::Double);
        (!self.quoted && self.fits(&double).is_some()).then_some(double)
    }

    fn integer(&self) -> Guess {
        let Some(arrays) = self.fits(&Guess::likely(ColumnType::Long)) else {
            let wide = decimal(self.shape.max_whole_digits, 0).filter(|guess| self.fits(guess).is_some());
            return wide.unwrap_or_else(|| Guess::likely(ColumnType::String));
        };
        let numbers = || {
            arrays
                .iter()
                .flat_map(|array| array.as_primitive::<types::Int64Type>().iter().flatten())
        };
        let (min, max) = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
        let by_name = temporal::is_time_name(self.values.name);
        if let Some(epoch) = temporal::epoch_unit(min.into(), max.into()).filter(|_| by_name && self.shape.pointed == 0)
        {
            let guess = Guess {
                epoch: Some(epoch),
                ..Guess::likely(ColumnType::TimestampTz)
            };
            let note = format!("{}s since 1970, by name and range", temporal::epoch_word(epoch));
            return guess.note(Sure::Likely, note);
        }
        if self.shape.lengths == (8, 8) && (by_name || self.distinct > 2) {
            let compact = Guess {
                formats: vec![COMPACT_DATE.into()],
                ..Guess::likely(ColumnType::Date)
            };
            let in_range = |arrays: Vec<ArrayRef>| days(&arrays).all(|day| COMPACT_DAYS.contains(&day));
            if self.fits(&compact).is_some_and(in_range) {
                let sure = if by_name { Sure::Likely } else { Sure::Unsure };
                return compact.note(sure, "numbers of eight digits that are dates");
            }
        }
        // Half of what the narrower type holds leaves room to grow.
        let half = i64::from(i32::MAX / 2);
        Guess::likely(if (-half..=half).contains(&min) && (-half..=half).contains(&max) {
            ColumnType::Int
        } else {
            ColumnType::Long
        })
    }

    fn temporal(&self) -> Option<Guess> {
        if self.shape.with_digit < self.shape.values || self.shape.lengths.0 < 5 || self.shape.lengths.1 > 40 {
            return None;
        }
        let iso = [
            Guess::likely(ColumnType::Date),
            Guess::likely(ColumnType::Time),
            Guess::likely(ColumnType::Timestamp),
            Guess::likely(ColumnType::TimestampTz),
        ];
        if let Some(guess) = iso.into_iter().find(|guess| self.fits(guess).is_some()) {
            return Some(if guess.kind == ColumnType::Timestamp {
                local(guess)
            } else {
                guess
            });
        }
        let mixed = Guess {
            utc: true,
            ..Guess::likely(ColumnType::TimestampTz)
        };
        if self.fits(&mixed).is_some() {
            return Some(mixed.note(Sure::Unsure, "some values have no zone; timeZone says which is theirs"));
        }
        let dates = temporal::dates().map(|pattern| (pattern, ColumnType::Date));
        let stamps = temporal::timestamps().map(|(pattern, zoned)| {
            (
                pattern,
                if zoned {
                    ColumnType::TimestampTz
                } else {
                    ColumnType::Timestamp
                },
            )
        });
        for (pattern, kind) in dates.chain(stamps) {
            let guess = Guess {
                formats: vec![pattern.clone()],
                ..Guess::likely(kind)
            };
            if !self.is_plausible(&guess) {
                continue;
            }
            let guess = if kind == ColumnType::Timestamp {
                local(guess)
            } else {
                guess
            };
            let other = temporal::other_way_round(&pattern).map(|other| Guess {
                formats: vec![other],
                ..Guess::likely(kind)
            });
            return Some(match other.filter(|other| self.is_plausible(other)) {
                Some(other) => {
                    let note = format!(
                        "day or month first? no value is above 12 in either place; else {}",
                        other.formats[0]
                    );
                    guess.note(Sure::Unsure, note)
                }
                None => guess,
            });
        }
        None
    }

    /// Reads every value, and as a day of this calendar's last thousand years and what comes.
    fn is_plausible(&self, guess: &Guess) -> bool {
        self.fits(guess)
            .is_some_and(|arrays| days(&arrays).all(|day| DAYS.contains(&day)))
    }

    fn text(&self) -> Guess {
        let text = Guess::likely(ColumnType::String);
        let shape = &self.shape;
        if shape.leading_zeros > 0 && shape.plain == shape.values {
            return text.note(Sure::Likely, "digits with leading zeros, which a number would lose");
        }
        if shape.commas > 0 && shape.commas + shape.plain == shape.values {
            return text.note(Sure::Likely, "numbers with a decimal comma; ingest reads a point");
        }
        if self.quoted && shape.plain == shape.values {
            return text.note(Sure::Likely, "numbers in quotes");
        }
        for kind in [
            ColumnType::Long,
            ColumnType::Double,
            ColumnType::Date,
            ColumnType::Timestamp,
        ] {
            let parser = Guess::likely(kind).parser(&self.nulls);
            let mut of_probe = Vec::new();
            parser.parse(&self.probe, Some(0), 0, &mut of_probe);
            if of_probe.len() * 2 > self.distinct {
                continue;
            }
            let (_, unread) = self.values.read(&parser);
            if unread > 0 && unread * 100 <= shape.values * NEARLY_PERCENT {
                let note = format!("all but {unread} of {} values could be read as {kind}", shape.values);
                return text.note(Sure::Unsure, note);
            }
        }
        text
    }
}

fn local(guess: Guess) -> Guess {
    guess.note(
        Sure::Likely,
        "no zone is written; TIMESTAMP_TZ with timeZone if it is known",
    )
}

/// With room for two digits more, in the width of 32, 64 or 128 bits.
fn decimal(whole_digits: usize, decimals: usize) -> Option<Guess> {
    let needed = whole_digits + decimals;
    let precision = [9, 18]
        .into_iter()
        .find(|p| needed + 2 <= *p)
        .unwrap_or(usize::from(MAX_PRECISION));
    (needed <= precision).then(|| {
        let (precision, scale) = (precision as u8, decimals as u8);
        Guess::likely(ColumnType::Decimal { precision, scale })
    })
}

/// Days since 1970-01-01 of dates and timestamps.
fn days(arrays: &[ArrayRef]) -> impl Iterator<Item = i64> {
    arrays.iter().flat_map(|array| {
        let dates = array.as_primitive_opt::<types::Date32Type>();
        let stamps = array.as_primitive_opt::<types::TimestampMicrosecondType>();
        let of_dates = dates
            .into_iter()
            .flat_map(|dates| dates.iter().flatten().map(i64::from));
        let of_stamps = stamps
            .into_iter()
            .flat_map(|stamps| stamps.iter().flatten().map(|us| us.div_euclid(DAY_US)));
        of_dates.chain(of_stamps)
    })
}
