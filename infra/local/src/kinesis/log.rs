//! What the poller says: a line for each thing that happened, in a file.

use crate::{Error, Result};
use chrono::{DateTime, SecondsFormat};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Things whose last line is remembered; beyond that, all are forgotten.
const MAX_REMEMBERED: usize = 1_000;

/// A file of lines. What cannot be written is left out: nothing depends on it.
#[derive(Debug)]
pub struct Log(Mutex<(File, HashMap<String, String>)>);

impl Log {
    /// Goes on at the end of the file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(Mutex::new((
            file.map_err(Error::doing(path.display()))?,
            HashMap::new(),
        ))))
    }

    /// Something happened to `what`.
    pub fn say(&self, what: &str, happened: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.1.remove(what);
        line(&mut inner.0, what, happened);
    }

    /// The same, unless it is what was said of `what` the last time.
    pub fn say_once(&self, what: &str, happened: &str) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, said) = &mut *inner;
        if said.get(what).is_some_and(|last| last == happened) {
            return;
        }
        if said.len() == MAX_REMEMBERED {
            said.clear();
        }
        said.insert(what.into(), happened.into());
        line(file, what, happened);
    }
}

fn line(file: &mut File, what: &str, happened: &str) {
    let time = DateTime::from_timestamp_millis(super::now_ms()).unwrap_or_default();
    let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let _ = writeln!(file, "{time} {what}: {}", happened.replace('\n', " "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_change_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = Log::open(&path).unwrap();
        for happened in ["down", "down", "up", "up", "down\nand out"] {
            log.say_once("stream", happened);
        }
        log.say("stream", "begun");
        let text = std::fs::read_to_string(&path).unwrap();
        let said: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(
            said,
            ["stream: down", "stream: up", "stream: down and out", "stream: begun"]
        );
    }
}
