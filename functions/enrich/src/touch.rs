//! Which files a changed reference can have changed the rows of: told by bounds, without reading a row. Pure.

use crate::Target;
use watershed_contract::enrich::{Direction, Matching, Pair, Work};
use watershed_lake::{ColumnType, TableSpec};
use watershed_table::current::{Bound, LiveFile};

const DAY_US: i128 = 86_400_000_000;

/// Whether a row of `file` can have something else added, now that these files of the reference came or went.
pub fn touches(target: Target<'_>, reference: &TableSpec, changed: &[LiveFile], file: &LiveFile) -> bool {
    let Target { dataset, enrichment } = target;
    let joins = enrichment.steps.iter().filter_map(|step| match &step.work {
        Work::Join(join) if join.reference == reference.name => Some(&join.matching),
        _ => None,
    });
    // Of columns that a step added no file knows the bounds beforehand.
    let ours = |pair: &Pair| {
        let column = dataset.table.columns.get(pair.ours)?;
        file.bounds(column.id)
    };
    let mut joins = joins.flat_map(|matching| changed.iter().map(move |changed| (matching, changed)));
    joins.any(|(matching, changed)| {
        let their = |pair: &Pair| changed.bounds(reference.columns[pair.theirs].id);
        let may_be_equal = |pair: &Pair| match (ours(pair), their(pair)) {
            (Some((low, high)), Some((their_low, their_high))) => low <= their_high && their_low <= high,
            _ => true,
        };
        match matching {
            Matching::Lookup { on, .. } => on.iter().all(may_be_equal),
            Matching::AsOf {
                on,
                time,
                direction,
                tolerance_us,
                ..
            } => {
                let far = tolerance_us.map(|us| tolerance(enrichment.table.columns[time.ours].kind, us));
                let near = match (ours(time), their(time)) {
                    (Some(ours), Some(theirs)) => near(&ours, &theirs, *direction, far),
                    _ => true,
                };
                near && on.iter().all(may_be_equal)
            }
            Matching::Nearest { .. } | Matching::Around { .. } | Matching::Region { .. } => true,
        }
    })
}

/// Microseconds in the unit of bounds of that type: dates are counted in days.
fn tolerance(kind: ColumnType, tolerance_us: i64) -> i128 {
    let us = i128::from(tolerance_us);
    if kind == ColumnType::Date { us / DAY_US } else { us }
}

/// Whether a row with a time in `ours` can be joined, or have been, with one with a time in `theirs`.
fn near(ours: &(Bound, Bound), theirs: &(Bound, Bound), direction: Direction, tolerance: Option<i128>) -> bool {
    let [low, high, their_low, their_high] = [&ours.0, &ours.1, &theirs.0, &theirs.1].map(|bound| match bound {
        Bound::Number(number) => *number,
        Bound::Text(_) => 0,
    });
    let after = high >= their_low && tolerance.is_none_or(|far| low <= their_high.saturating_add(far));
    let before = low <= their_high && tolerance.is_none_or(|far| high >= their_low.saturating_sub(far));
    match direction {
        Direction::Backward => after,
        Direction::Forward => before,
        Direction::Nearest => after || before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_just_within_the_tolerance_is_near() {
        let times = |low, high| (Bound::Number(low), Bound::Number(high));
        let (ours, far) = (times(100, 200), Some(10));
        // Theirs, and the directions in which they are near.
        for (theirs, backward, forward) in [
            (times(0, 89), false, false),
            (times(0, 90), true, false),
            (times(200, 210), true, true),
            (times(201, 210), false, true),
            (times(210, 300), false, true),
            (times(211, 300), false, false),
            (times(0, 300), true, true),
        ] {
            let near = |direction| near(&ours, &theirs, direction, far);
            assert_eq!(near(Direction::Backward), backward, "{theirs:?}");
            assert_eq!(near(Direction::Forward), forward, "{theirs:?}");
            assert_eq!(near(Direction::Nearest), backward || forward, "{theirs:?}");
        }
        assert!(near(&ours, &times(0, 1), Direction::Backward, None));
        assert!(!near(&ours, &times(0, 99), Direction::Forward, None));
        assert!(near(&ours, &times(1_000, 1_001), Direction::Forward, None));
    }

    #[test]
    fn a_tolerance_of_dates_is_of_whole_days() {
        let hours = |hours: i64| tolerance(ColumnType::Date, hours * 3_600_000_000);
        assert_eq!([hours(23), hours(24), hours(47)], [0, 1, 1]);
        assert_eq!(tolerance(ColumnType::Timestamp, 5), 5);
    }
}
