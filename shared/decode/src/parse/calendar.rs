//! Months of the proleptic Gregorian calendar, as days since 1970-01-01.

/// A month of a year.
#[derive(Clone, Copy)]
pub struct Month {
    /// The last day before it, since 1970-01-01.
    pub before: i32,
    /// How many it has.
    pub days: i32,
}

impl Month {
    /// `month` is 1 to 12, `year` from 0 on.
    #[inline]
    pub fn of(year: i32, month: i32) -> Self {
        match MONTHS.get((year - FIRST_YEAR).cast_unsigned() as usize * 12 + month as usize - 1) {
            Some(known) => *known,
            None => Self::reckoned(year, month),
        }
    }

    const fn reckoned(year: i32, month: i32) -> Self {
        Self {
            before: days_from_civil(year, month, 1) - 1,
            days: days_in_month(year, month),
        }
    }
}

/// Of [`MONTHS`].
const FIRST_YEAR: i32 = 1900;
/// The months of two hundred years, which most dates are of.
static MONTHS: [Month; 200 * 12] = {
    let mut months = [Month { before: 0, days: 0 }; 200 * 12];
    let mut at = 0;
    while at < months.len() {
        months[at] = Month::reckoned(FIRST_YEAR + at as i32 / 12, at as i32 % 12 + 1);
        at += 1;
    }
    months
};

const fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`), for years from 0.
const fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
