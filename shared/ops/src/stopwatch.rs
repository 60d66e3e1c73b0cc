//! Where an invocation's time goes.

use std::time::Instant;

/// Names parts of an invocation, one behind the other, and how long they took.
#[derive(Debug)]
pub struct Stopwatch {
    since: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            laps: Vec::new(),
        }
    }
}

impl Stopwatch {
    /// What was done since the last lap was this. Laps of one name add up.
    pub fn lap(&mut self, name: &'static str) {
        let now = Instant::now();
        let ms = (now - self.since).as_secs_f64() * 1e3;
        self.since = now;
        match self.laps.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += ms,
            None => self.laps.push((name, ms)),
        }
    }

    /// Names and milliseconds, in the order in which they first came.
    pub fn laps(&self) -> &[(&'static str, f64)] {
        &self.laps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laps_of_a_name_add_up() {
        let mut watch = Stopwatch::default();
        for name in ["read", "work", "read"] {
            watch.lap(name);
        }
        let names: Vec<&str> = watch.laps().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["read", "work"]);
        assert!(watch.laps().iter().all(|(_, ms)| *ms >= 0.0));
    }
}
