//! Years, months and days since 1970, of any number: the proleptic Gregorian calendar, in UTC. Pure.

/// Days of 400 years.
const ERA_DAYS: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// Months since 1970-01 of a day since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
pub fn month_of(day: i64) -> i64 {
    let shifted = day + EPOCH_DAYS;
    let (era, of_era) = (shifted.div_euclid(ERA_DAYS), shifted.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    (era * 400 + year_of_era) * 12 + from_march + 2 - 1_970 * 12
}

/// First day, since 1970-01-01, of a month since 1970-01: the other way round (`days_from_civil`).
pub fn first_day(month: i64) -> i64 {
    let from_march = month + 1_970 * 12 - 2;
    let (year, of_year) = (from_march.div_euclid(12), from_march.rem_euclid(12));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day = (153 * of_year + 2) / 5;
    era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day - EPOCH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_lies_in_its_month() {
        for day in -800_000..800_000 {
            let month = month_of(day);
            assert!(first_day(month) <= day && day < first_day(month + 1), "{day}");
        }
        assert_eq!([0, 30, 31, 58, 59, -1].map(month_of), [0, 0, 1, 1, 2, -1]);
        // 2000-02-29, 2100-02-28, 2100-03-01.
        assert_eq!([11_016, 47_540, 47_541].map(month_of), [361, 1_561, 1_562]);
    }
}
