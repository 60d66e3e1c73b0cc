//! Ways to write dates and times that are tried where a column is not ISO 8601.

use watershed_contract::EpochUnit;

/// Dates that are written so, the one with the day first before the one with the month first.
const DATES: [&str; 17] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
];
/// Times behind such a date.
const TIMES: [&str; 6] = [
    " %H:%M:%S",
    " %H:%M",
    " %H:%M:%S%.f",
    "T%H:%M:%S",
    " %I:%M:%S %p",
    " %I:%M %p",
];
/// Timestamps that are written in other ways, without a zone.
const LOCAL: [&str; 1] = ["%Y%m%d%H%M%S"];
/// Timestamps with their offset.
const ZONED: [&str; 4] = [
    "%Y%m%dT%H%M%S%#z",
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%d.%m.%Y %H:%M:%S %z",
];
/// Digits only: a number that is a date by its range.
pub const COMPACT_DATE: &str = "%Y%m%d";

/// Patterns of dates.
pub fn dates() -> impl Iterator<Item = String> {
    DATES.iter().map(|pattern| (*pattern).to_string())
}

/// Patterns of timestamps, and whether they give the offset.
pub fn timestamps() -> impl Iterator<Item = (String, bool)> {
    let of_date = |date: &'static str| TIMES.iter().map(move |time| (format!("{date}{time}"), false));
    DATES
        .into_iter()
        .flat_map(of_date)
        .chain(LOCAL.iter().map(|pattern| ((*pattern).to_string(), false)))
        .chain(ZONED.iter().map(|pattern| ((*pattern).to_string(), true)))
}

/// The same pattern with day and month the other way round, where there is one.
pub fn other_way_round(pattern: &str) -> Option<String> {
    // "\0" keeps the place of the first of the two.
    let swapped = pattern
        .replacen("%d", "\0", 1)
        .replacen("%m", "%d", 1)
        .replace('\0', "%m");
    let date = swapped.split([' ', 'T']).next().unwrap_or_default();
    (swapped != pattern && DATES.contains(&date)).then_some(swapped)
}

/// Names of columns that hold a date or a time.
pub fn is_time_name(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "date",
        "time",
        "timestamp",
        "ts",
        "datetime",
        "created",
        "updated",
        "modified",
        "at",
        "day",
        "epoch",
        "since",
        "datum",
        "zeit",
    ];
    name.split('_')
        .any(|word| WORDS.contains(&word) || word.ends_with("date") || word.ends_with("timestamp"))
}

/// The unit in which all these numbers are times between 1990 and 2100, if there is one.
pub fn epoch_unit(min: i128, max: i128) -> Option<EpochUnit> {
    const FROM_S: i128 = 631_152_000;
    const TO_S: i128 = 4_102_444_800;
    [
        (EpochUnit::Second, 1),
        (EpochUnit::Millisecond, 1_000),
        (EpochUnit::Microsecond, 1_000_000),
    ]
    .into_iter()
    .find(|(_, factor)| min >= FROM_S * factor && max < TO_S * factor)
    .map(|(unit, _)| unit)
}

/// The contract's word for it.
pub fn epoch_word(unit: EpochUnit) -> &'static str {
    match unit {
        EpochUnit::Second => "second",
        EpochUnit::Millisecond => "millisecond",
        EpochUnit::Microsecond => "microsecond",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_and_month_change_places() {
        assert_eq!(other_way_round("%d/%m/%Y").as_deref(), Some("%m/%d/%Y"));
        assert_eq!(other_way_round("%m/%d/%y %H:%M").as_deref(), Some("%d/%m/%y %H:%M"));
        assert_eq!(other_way_round("%d.%m.%Y"), None);
        assert_eq!(other_way_round("%Y-%m-%d"), None);
        assert_eq!(other_way_round("%d %b %Y"), None);
    }

    #[test]
    fn times_are_known_by_name_and_range() {
        assert!(
            ["created_at", "order_date", "ts", "birthdate"]
                .iter()
                .all(|name| is_time_name(name))
        );
        assert!(["amount", "status", "format"].iter().all(|name| !is_time_name(name)));
        assert_eq!(epoch_unit(1_357_034_400, 1_357_034_500), Some(EpochUnit::Second));
        assert_eq!(
            epoch_unit(1_357_034_400_000, 1_357_034_500_000),
            Some(EpochUnit::Millisecond)
        );
        assert_eq!(epoch_unit(517, 1_357_034_400), None);
    }
}
