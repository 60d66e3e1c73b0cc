//! By time: of the rows of a reference that have the key, the one that held at the time.

use crate::{
    answer::rows_of,
    error::{BuildError, JoinError, shown},
    intern::NONE,
    key::Keys,
    kind::{Family, Kind, Scale},
    read,
};
use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_schema::DataType;
use std::{ops::Range, time::Duration};

/// Which row of the reference belongs to a time. One at the very time always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The last at or before it.
    Backward,
    /// The first at or after it.
    Forward,
    /// The nearer of both; of two as near the earlier.
    Nearest,
}

/// Rows of a reference by key and time: what was known when.
#[derive(Debug)]
pub struct AsOf {
    keys: Keys,
    time_type: DataType,
    family: Family,
    /// Nanoseconds of a tick.
    nanos: i64,
    /// Where the rows of each key's number begin, and where the last ones end.
    starts: Vec<u32>,
    /// Of each key in ascending order.
    ticks: Vec<i64>,
    /// The reference's rows, as `ticks` lie.
    rows: Vec<u32>,
    without_key: usize,
}

impl AsOf {
    /// Over all rows of a reference: by no, one or more key columns, as those of a [`Lookup`](crate::Lookup), and by a time, which is a
    /// timestamp or a date. A row whose key or time is null matches nothing. Two rows of one key and time are an error.
    pub fn build(by: &[ArrayRef], time: &ArrayRef) -> Result<Self, BuildError> {
        let wrong = || BuildError::TimeType {
            found: time.data_type().clone(),
        };
        let (family, nanos) = point_in_time(time.data_type()).ok_or_else(wrong)?;
        let ticks = read::ticks(time.as_ref()).ok_or_else(wrong)?;
        let (keys, mut numbers) = Keys::build(by, time.len())?;
        if let Some(nulls) = time.nulls() {
            let null = |(row, _): &(usize, &mut u32)| nulls.is_null(*row);
            numbers
                .iter_mut()
                .enumerate()
                .filter(null)
                .for_each(|(_, number)| *number = NONE);
        }
        let starts = starts(&numbers, keys.count() as usize);
        let mut sorted = vec![(0_i64, 0_u32); starts.last().map_or(0, |end| *end as usize)];
        let mut ends = starts.clone();
        for ((row, number), tick) in (0_u32..).zip(&numbers).zip(ticks.iter()) {
            if let Some(end) = ends.get_mut(*number as usize) {
                sorted[*end as usize] = (*tick, row);
                *end += 1;
            }
        }
        for run in starts.windows(2) {
            let run = &mut sorted[run[0] as usize..run[1] as usize];
            run.sort_unstable();
            if let Some(twice) = run.windows(2).find(|two| two[0].0 == two[1].0) {
                return Err(BuildError::Duplicate {
                    key: shown(by.iter().chain([time]), twice[0].1 as usize),
                    first: twice[0].1 as usize,
                    second: twice[1].1 as usize,
                });
            }
        }
        Ok(Self {
            keys,
            time_type: time.data_type().clone(),
            family,
            nanos,
            starts,
            without_key: numbers.len() - sorted.len(),
            ticks: sorted.iter().map(|(tick, _)| *tick).collect(),
            rows: sorted.iter().map(|(_, row)| *row).collect(),
        })
    }

    /// For each row of a batch the reference's row of the same key that belongs to the time, if it is no farther away than the
    /// tolerance; null where key or time is null, or there is none. The time may have another unit, and is compared exactly; but dates,
    /// timestamps without a zone and those with one are three kinds that do not compare.
    pub fn rows(
        &self,
        by: &[ArrayRef],
        time: &ArrayRef,
        direction: Direction,
        tolerance: Option<Duration>,
    ) -> Result<UInt32Array, JoinError> {
        let kind = Kind::of(time.data_type());
        let scale = kind.and_then(|kind| kind.to(Kind::Time(self.family, self.nanos)));
        let ticks = read::ticks(time.as_ref());
        let (scale, ticks) = scale.zip(ticks).ok_or_else(|| JoinError::Types {
            what: "the time".into(),
            reference: self.time_type.clone(),
            batch: time.data_type().clone(),
        })?;
        let mut numbers = self.keys.find(by, time.len())?;
        let asked = Asked {
            index: self,
            scale,
            direction,
            reach: tolerance.map(|tolerance| reach(tolerance, self.nanos, scale)),
        };
        // Rows mostly come in the order of their time. The search begins where it ended for the key, unless there are more keys than rows.
        let mut last = vec![
            0;
            if self.starts.len() <= numbers.len() {
                self.starts.len()
            } else {
                0
            }
        ];
        for (row, (number, tick)) in numbers.iter_mut().zip(ticks.iter()).enumerate() {
            if *number == NONE || time.is_null(row) {
                *number = NONE;
                continue;
            }
            let hint = last.get_mut(*number as usize);
            *number = asked.row(*number as usize, *tick, hint);
        }
        Ok(rows_of(numbers))
    }

    /// Rows of the reference that have null in their key or time, which nothing matches.
    pub fn without_key(&self) -> usize {
        self.without_key
    }

    /// What the index takes, in bytes; the reference's columns, which it does not keep, aside.
    pub fn size_bytes(&self) -> usize {
        let words = self.starts.capacity() + self.rows.capacity();
        self.keys.size_bytes() + words * size_of::<u32>() + self.ticks.capacity() * size_of::<i64>()
    }

    fn run(&self, number: usize) -> Range<usize> {
        self.starts[number] as usize..self.starts[number + 1] as usize
    }
}

/// Family and nanoseconds of a tick, of a date or timestamp.
fn point_in_time(kind: &DataType) -> Option<(Family, i64)> {
    match Kind::of(kind) {
        Some(Kind::Time(family, nanos)) if family != Family::OfDay => Some((family, nanos)),
        _ => None,
    }
}

/// Where the rows of each number begin, were they sorted by it, and where the last ones end.
fn starts(numbers: &[u32], count: usize) -> Vec<u32> {
    let mut starts = vec![0; count + 1];
    for number in numbers.iter().filter(|number| **number != NONE) {
        starts[*number as usize + 1] += 1;
    }
    let mut before = 0;
    for start in &mut starts {
        before += *start;
        *start = before;
    }
    starts
}

/// The tolerance in the finer of the two units, rounded down.
fn reach(tolerance: Duration, nanos: i64, scale: Scale) -> i128 {
    let unit = i128::from(nanos) / scale.over;
    i128::try_from(tolerance.as_nanos()).unwrap_or(i128::MAX) / unit
}

struct Asked<'i> {
    index: &'i AsOf,
    /// From the batch's ticks to the reference's.
    scale: Scale,
    direction: Direction,
    reach: Option<i128>,
}

impl Asked<'_> {
    /// The reference's row, or [`NONE`].
    fn row(&self, number: usize, tick: i64, hint: Option<&mut u32>) -> u32 {
        let run = self.index.run(number);
        let ticks = &self.index.ticks[run.clone()];
        let (floor, whole) = self.floor(tick);
        let upto = match i64::try_from(floor) {
            Ok(floor) => match hint {
                Some(hint) => {
                    *hint = upto(ticks, *hint as usize, floor) as u32;
                    *hint as usize
                }
                None => ticks.partition_point(|tick| *tick <= floor),
            },
            Err(_) if floor > 0 => ticks.len(),
            Err(_) => 0,
        };
        let before = upto.checked_sub(1);
        let after = (upto < ticks.len()).then_some(upto);
        let same = before.filter(|before| whole && i128::from(ticks[*before]) == floor);
        let gap = |at: usize| (i128::from(tick) * self.scale.times - i128::from(ticks[at]) * self.scale.over).abs();
        let found = match (self.direction, before, after) {
            (Direction::Backward, before, _) => before,
            (Direction::Forward, _, after) => same.or(after),
            (Direction::Nearest, Some(before), Some(after)) if gap(after) < gap(before) => Some(after),
            (Direction::Nearest, before, after) => before.or(after),
        };
        found
            .filter(|at| self.reach.is_none_or(|reach| gap(*at) <= reach))
            .map_or(NONE, |at| self.index.rows[run.start + at])
    }

    /// The tick in the reference's unit, rounded down; and whether it is that exactly.
    fn floor(&self, tick: i64) -> (i128, bool) {
        let tick = i128::from(tick);
        match self.scale.over {
            1 => (tick * self.scale.times, true),
            over => (tick.div_euclid(over), tick % over == 0),
        }
    }
}

/// How many ticks are at or before `time`: a search that takes steps from `from`, each twice as far as the last.
fn upto(ticks: &[i64], from: usize, time: i64) -> usize {
    let mut step = 1;
    let range = if ticks.get(from).is_some_and(|tick| *tick <= time) {
        let mut low = from + 1;
        while ticks.get(low + step - 1).is_some_and(|tick| *tick <= time) {
            low += step;
            step *= 2;
        }
        low..ticks.len().min(low + step)
    } else {
        let mut high = from.min(ticks.len());
        while high >= step && ticks[high - step] > time {
            high -= step;
            step *= 2;
        }
        high.saturating_sub(step)..high
    };
    range.start + ticks[range].partition_point(|tick| *tick <= time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_ends_in_the_same_place_wherever_it_begins() {
        let ticks: Vec<i64> = (0..40).map(|at| at * 10).collect();
        for time in -15..420 {
            let expected = ticks.partition_point(|tick| *tick <= time);
            for from in 0..=ticks.len() {
                assert_eq!(upto(&ticks, from, time), expected, "{time} from {from}");
            }
        }
        assert_eq!(upto(&[], 0, 5), 0);
    }
}
