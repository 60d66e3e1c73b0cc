//! A year on a terminal: bars of eighths of a line, months below them, and marks under the days that stand out. Pure.

use chrono::{Datelike as _, NaiveDate};

/// Columns of the bars, at most.
const WIDTH: usize = 100;
/// Lines of the bars.
const HEIGHT: usize = 6;
/// Columns of the labels before the bars.
const LABEL: usize = 8;
/// A column of a line, filled from below.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Letters of a month's name.
const MONTH: usize = 3;

/// A day that stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub date: NaiveDate,
    /// What it is known as.
    pub name: Option<&'static str>,
}

/// Bars from 0 up, each as high as the highest of its days; what is below 0 has none. `days` are in order; of none, nothing is drawn.
pub fn year(days: &[(NaiveDate, f64)], marks: &[Mark]) -> String {
    let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) else {
        return String::new();
    };
    let scale = Scale::new(*first, *last);
    let mut out = bars(days, &scale);
    let mut line = vec!['─'; scale.width];
    for at in marks.iter().filter_map(|mark| scale.column(mark.date)) {
        line[at] = '▲';
    }
    out.push_str(&labelled("", '└', &line));
    out.push_str(&labelled("", ' ', &months(&scale)));
    let mut named: Vec<&str> = Vec::new();
    for mark in marks {
        if let (Some(name), Some(at)) = (mark.name, scale.column(mark.date))
            && !named.contains(&name)
        {
            named.push(name);
            out.push_str(&labelled("", ' ', &flag(name, at, scale.width)));
        }
    }
    out
}

/// Which column a day is in.
struct Scale {
    first: NaiveDate,
    days: usize,
    width: usize,
}

impl Scale {
    fn new(first: NaiveDate, last: NaiveDate) -> Self {
        let days = usize::try_from((last - first).num_days()).unwrap_or(0) + 1;
        Self {
            first,
            days,
            width: days.min(WIDTH),
        }
    }

    fn column(&self, date: NaiveDate) -> Option<usize> {
        let day = usize::try_from((date - self.first).num_days()).ok()?;
        (day < self.days).then(|| day * self.width / self.days)
    }
}

fn bars(days: &[(NaiveDate, f64)], scale: &Scale) -> String {
    let mut heights = vec![0.0_f64; scale.width];
    for (date, value) in days {
        if let Some(at) = scale.column(*date) {
            heights[at] = heights[at].max(*value);
        }
    }
    let top = heights.iter().copied().fold(0.0, f64::max);
    let unit = top.max(f64::MIN_POSITIVE) / (HEIGHT * 8) as f64;
    let mut out = String::new();
    for line in (0..HEIGHT).rev() {
        let label = match line {
            0 => "0".into(),
            _ if line == HEIGHT - 1 => format!("{top:.0}"),
            _ => String::new(),
        };
        let filled = |height: &f64| ((height / unit).round() as usize).saturating_sub(line * 8).min(8);
        let cells: Vec<char> = heights.iter().map(|height| EIGHTHS[filled(height)]).collect();
        out.push_str(&labelled(&label, '│', &cells));
    }
    out
}

/// Each month's name where it begins, or where the days do.
fn months(scale: &Scale) -> Vec<char> {
    let mut line = vec![' '; scale.width];
    let mut free = 0;
    for date in scale.first.iter_days().take(scale.days) {
        let begins = date.day() == 1 || date == scale.first;
        let at = scale
            .column(date)
            .filter(|at| begins && *at >= free && at + MONTH <= scale.width);
        if let Some(at) = at {
            line.splice(at..at + MONTH, date.format("%b").to_string().chars());
            free = at + MONTH + 1;
        }
    }
    line
}

/// A name that points up to a column; from the left where there is no room to the right.
fn flag(name: &str, at: usize, width: usize) -> Vec<char> {
    let length = name.chars().count() + 2;
    let (begin, text) = if at + length <= width || at + 1 < length {
        (at, format!("╰ {name}"))
    } else {
        (at + 1 - length, format!("{name} ╯"))
    };
    std::iter::repeat_n(' ', begin).chain(text.chars()).collect()
}

fn labelled(label: &str, edge: char, cells: &[char]) -> String {
    let cells: String = cells.iter().collect();
    format!("{}\n", format!("{label:>LABEL$} {edge}{cells}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn days(first: &str, values: impl IntoIterator<Item = f64>) -> Vec<(NaiveDate, f64)> {
        date(first).iter_days().zip(values).collect()
    }

    #[test]
    fn a_year_fits_a_terminal_with_its_months_and_the_storm() {
        let mut all = days("2013-01-01", (0..365).map(|day| f64::from(day % 7)));
        all[39].1 = 48.0;
        let storm = Some("blizzard");
        let mark = |text, name| Mark { date: date(text), name };
        let marks = [
            mark("2013-02-08", storm),
            mark("2013-02-09", storm),
            mark("2013-12-30", Some("new year")),
        ];
        let text = year(&all, &marks);
        let lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
        assert_eq!(lines.len(), HEIGHT + 4, "{text}");
        assert!(lines.iter().all(|line| line.len() <= LABEL + 2 + WIDTH), "{text}");
        // 8 and 9 February are one column: bar, mark and name stand in it.
        let at = LABEL + 2 + 39 * WIDTH / 365;
        for (line, wanted) in [(0, '█'), (5, '█'), (6, '▲'), (8, '╰')] {
            assert_eq!(lines[line][at], wanted, "{text}");
        }
        assert_eq!(text.matches("blizzard").count(), 1, "{text}");
        assert!(text.starts_with("      48 │"), "{text}");
        let months: String = lines[7].iter().collect();
        let names: Vec<&str> = months.split_whitespace().collect();
        let all = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        assert_eq!(names, all);
        assert!(text.ends_with("new year ╯\n"), "{text}");
    }

    #[test]
    fn bars_are_as_high_as_their_days() {
        let text = year(&days("2013-03-30", [48.0, 0.4, 0.6, f64::NAN, -3.0, 24.0]), &[]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "      48 │█");
        assert_eq!(lines[3], "         │█    █");
        assert_eq!(lines[5], "       0 │█ ▁  █");
        assert_eq!(lines[6], "         └──────");
        assert_eq!(lines[7], "          Mar", "April has no room: {text}");
    }

    #[test]
    fn nothing_and_marks_beside_the_days_draw_nothing() {
        assert_eq!(year(&[], &[]), "");
        let mark = |text| Mark {
            date: date(text),
            name: Some("x"),
        };
        let text = year(&days("2013-03-30", [0.0]), &[mark("2013-03-29"), mark("2013-03-31")]);
        assert!(!text.contains('▲') && !text.contains('x'), "{text}");
    }
}
