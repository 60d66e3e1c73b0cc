//! When a row is sent: its event time, divided by the speed. Pure.

use std::str::FromStr;

/// How much faster than it happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many seconds of event time a second.
    Times(f64),
    /// As fast as the stream takes it.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
        match factor.filter(|factor| factor.is_finite() && *factor > 0.0) {
            Some(factor) => Ok(Self::Times(factor)),
            None => Err(format!(
                "`{text}` is no speed: write 1x, 3600x (an hour a second) or max"
            )),
        }
    }
}

/// The times of one run: the first row's event time is when the run began.
#[derive(Debug)]
pub struct Pace {
    speed: Speed,
    begun_ms: i64,
    first_event_ms: Option<i64>,
}

impl Pace {
    /// Of a run that begins now.
    pub fn new(speed: Speed, now_ms: i64) -> Self {
        Self {
            speed,
            begun_ms: now_ms,
            first_event_ms: None,
        }
    }

    /// When the row of this event time is to be sent. What lies before the first row is late, and is sent at once.
    pub fn due_ms(&mut self, event_ms: i64) -> i64 {
        let first = *self.first_event_ms.get_or_insert(event_ms);
        match self.speed {
            Speed::Max => self.begun_ms,
            // Beyond all times where one of the two is wild: then it is the last moment that there is, or the first.
            Speed::Times(factor) => {
                let since_ms = event_ms as f64 - first as f64;
                self.begun_ms.saturating_add((since_ms / factor) as i64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_a_second() {
        let mut pace = Pace::new("3600x".parse().unwrap(), 10_000);
        let hour = 3_600_000;
        let due: Vec<i64> = [5 * hour, 6 * hour, 7 * hour + hour / 2, 4 * hour]
            .into_iter()
            .map(|event| pace.due_ms(event))
            .collect();
        assert_eq!(due, [10_000, 11_000, 12_500, 9_000]);
        assert_eq!(Pace::new(Speed::Max, 7).due_ms(hour), 7);
    }

    #[test]
    fn wild_times_and_speeds_are_as_far_away_as_there_are_moments() {
        let due = |speed: &str, first: i64, event: i64| {
            let mut pace = Pace::new(speed.parse().unwrap(), 10_000);
            pace.due_ms(first);
            pace.due_ms(event)
        };
        assert_eq!(due("1x", i64::MIN, i64::MAX), i64::MAX);
        assert_eq!(due("1x", i64::MAX, i64::MIN), i64::MIN + 10_000);
        assert_eq!(due("1e-300x", 0, 1), i64::MAX);
        assert_eq!(due("1e300x", 0, i64::MAX), 10_000);
    }

    #[test]
    fn speeds_are_said_with_an_x() {
        assert_eq!("0.5x".parse(), Ok(Speed::Times(0.5)));
        for wrong in ["", "x", "3600", "0x", "-1x", "infx", "NaNx", "MAX"] {
            let error = wrong.parse::<Speed>().unwrap_err();
            assert!(error.contains("3600x"), "{wrong}: {error}");
        }
    }
}
