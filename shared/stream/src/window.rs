//! Which windows a point in event time belongs to. All times are milliseconds.

use crate::spec::MAX_OPEN_WINDOWS;

/// The shortest window, slide, gap and early period.
pub const MIN_PERIOD_MS: i64 = 1;
/// The longest window, gap and session: a year and a day.
pub const MAX_PERIOD_MS: i64 = 367 * 86_400_000;
/// Slices of a hopping window (size by the greatest common divisor of size and slide).
pub const MAX_SLICES: i64 = 1_000;
/// Windows that a record of a hopping window belongs to.
pub const MAX_OVERLAPS: i64 = 1_000;

/// How event time is cut in windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowSpec {
    /// Windows of one size, one behind the other: `[n · size + offset, (n + 1) · size + offset)`.
    Tumbling {
        /// Length.
        size_ms: i64,
        /// Where windows begin, counted from 1970-01-01T00:00Z: 0 to below the size.
        offset_ms: i64,
    },
    /// Windows of one size, of which one begins every slide: `[n · slide + offset, n · slide + offset + size)`.
    Hopping {
        /// Length.
        size_ms: i64,
        /// From one begin to the next; no longer than the size.
        slide_ms: i64,
        /// Where windows begin, counted from 1970-01-01T00:00Z: 0 to below the slide.
        offset_ms: i64,
    },
    /// From a key's first record to the gap behind its last: records that are less than the gap apart are in one session. A
    /// record that would make a session longer than `max_ms` begins another one.
    Session {
        /// Time without a record that ends a session.
        gap_ms: i64,
        /// From the first record of a session to its last.
        max_ms: i64,
    },
}

/// Windows of a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) size: i64,
    pub(crate) slide: i64,
    pub(crate) offset: i64,
    /// Length of a slice: no window begins or ends inside one.
    pub(crate) slice: i64,
}

/// A validated [`WindowSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Grid(Grid),
    Session { gap: i64, most: i64 },
}

impl WindowSpec {
    pub(crate) fn shape(self, wrong: &mut Vec<String>) -> Shape {
        let mut period = |name: &str, value: i64| {
            if !(MIN_PERIOD_MS..=MAX_PERIOD_MS).contains(&value) {
                wrong.push(format!("{name} is {MIN_PERIOD_MS} to {MAX_PERIOD_MS} ms, not {value}"));
            }
        };
        match self {
            Self::Tumbling { size_ms, offset_ms } => {
                period("the size of a window", size_ms);
                grid(size_ms, size_ms, offset_ms, wrong)
            }
            Self::Hopping {
                size_ms,
                slide_ms,
                offset_ms,
            } => {
                period("the size of a window", size_ms);
                period("the slide", slide_ms);
                if slide_ms > size_ms {
                    wrong.push(format!(
                        "a slide of {slide_ms} ms leaves records between windows of {size_ms} ms out: make it no longer"
                    ));
                }
                grid(size_ms, slide_ms, offset_ms, wrong)
            }
            Self::Session { gap_ms, max_ms } => {
                period("the gap of sessions", gap_ms);
                period("the longest session", max_ms);
                Shape::Session {
                    gap: gap_ms,
                    most: max_ms,
                }
            }
        }
    }
}

impl Shape {
    /// Keys that a state may be bound to, so that no more than [`MAX_OPEN_WINDOWS`] are open.
    pub(crate) fn most_keys(self) -> usize {
        let overlaps = match self {
            Self::Grid(grid) => usize::try_from(grid.size / grid.slide.max(1)).unwrap_or(1).max(1),
            Self::Session { .. } => 1,
        };
        MAX_OPEN_WINDOWS / overlaps
    }
}

impl WindowSpec {
    /// Keys that a state of these windows may be bound to; none where the windows themselves are wrong.
    pub fn most_keys(self) -> Option<usize> {
        let mut wrong = Vec::new();
        let shape = self.shape(&mut wrong);
        wrong.is_empty().then(|| shape.most_keys())
    }
}

fn grid(size: i64, slide: i64, offset: i64, wrong: &mut Vec<String>) -> Shape {
    let pane = common_divisor(size.max(1), slide.max(1));
    if size / pane > MAX_SLICES {
        wrong.push(format!(
            "windows of {size} ms every {slide} ms have {} slices of {pane} ms, and {MAX_SLICES} at most: let the slide \
             divide the size",
            size / pane
        ));
    }
    if size / slide.max(1) > MAX_OVERLAPS {
        wrong.push(format!(
            "a record would be in {} windows, {MAX_OVERLAPS} at most",
            size / slide.max(1)
        ));
    }
    if !(0..slide.max(1)).contains(&offset) {
        wrong.push(format!("an offset is 0 to below {slide} ms, not {offset}"));
    }
    Shape::Grid(Grid {
        size,
        slide,
        offset,
        slice: pane,
    })
}

fn common_divisor(left: i64, right: i64) -> i64 {
    if right == 0 {
        left
    } else {
        common_divisor(right, left % right)
    }
}

impl Grid {
    /// Begin of the slice that holds the time.
    #[inline]
    pub(crate) fn slice_of(&self, time: i64) -> i64 {
        align(time, self.slice, self.offset)
    }

    /// Begin of the last window that holds the time, or that begins before it where windows are apart.
    #[inline]
    pub(crate) fn last_of(&self, time: i64) -> i64 {
        align(time, self.slide, self.offset)
    }

    /// Begin of the first window that ends behind the time.
    #[inline]
    pub(crate) fn first_ending_after(&self, time: i64) -> i64 {
        align(time - self.size, self.slide, self.offset) + self.slide
    }
}

/// The last `n · step + offset` that is not behind the time.
#[inline]
pub(crate) fn align(time: i64, step: i64, offset: i64) -> i64 {
    time - (time - offset).rem_euclid(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_a_time() {
        let Shape::Grid(grid) = (WindowSpec::Hopping {
            size_ms: 60,
            slide_ms: 25,
            offset_ms: 3,
        })
        .shape(&mut Vec::new()) else {
            panic!("a grid")
        };
        assert_eq!(grid.slice, 5);
        for time in -200..200 {
            let (first, last) = (grid.first_ending_after(time), grid.last_of(time));
            let holds = |start: i64| start <= time && time < start + 60;
            let expected: Vec<i64> = (-400..400).filter(|at| (at - 3) % 25 == 0 && holds(*at)).collect();
            let found: Vec<i64> = (first..=last).step_by(25).collect();
            assert_eq!(found, expected);
            let slice = grid.slice_of(time);
            assert!(slice <= time && time < slice + 5);
        }
    }
}
