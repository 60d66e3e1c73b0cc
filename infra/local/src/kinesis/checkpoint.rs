//! How far a mapping is, in a file: what was handed on before a restart is not handed on again.

use super::{
    lineage::{Lineage, Listed},
    settings::Start,
    shard::Position,
};
use crate::{Error, Result};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// A mapping's checkpoint. Written each time that it changes.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    lineage: Mutex<Lineage>,
}

/// Where the checkpoint of a mapping lies.
pub fn path(dir: &Path, mapping: &str) -> PathBuf {
    dir.join(format!("{mapping}.json"))
}

impl Checkpoint {
    /// Reads it, or begins anew.
    pub fn open(path: PathBuf) -> Result<Self> {
        let lineage = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(Error::doing(path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Lineage::default(),
            Err(error) => return Err(Error::doing(path.display())(error)),
        };
        Ok(Self {
            path,
            lineage: Mutex::new(lineage),
        })
    }

    /// Takes up what the stream has now; gives the shards to read, and where.
    pub fn look(&self, listed: &[Listed], start: Start, now_ms: i64) -> Result<Vec<(String, Position)>> {
        let readable = |lineage: &mut Lineage| {
            let before = lineage.clone();
            lineage.look(listed, start, now_ms);
            *lineage != before
        };
        self.change(readable)?;
        Ok(self
            .lineage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .readable(listed))
    }

    /// The shard is read on from there.
    pub fn advance(&self, shard: &str, position: Position) -> Result<()> {
        self.change(|lineage| lineage.advance(shard, position))
    }

    /// The shard is read to its end.
    pub fn end(&self, shard: &str) -> Result<()> {
        self.change(|lineage| lineage.end(shard))
    }

    fn change(&self, change: impl FnOnce(&mut Lineage) -> bool) -> Result<()> {
        let mut lineage = self.lineage.lock().unwrap_or_else(PoisonError::into_inner);
        if !change(&mut lineage) {
            return Ok(());
        }
        let text = serde_json::to_vec(&*lineage).map_err(Error::doing(self.path.display()))?;
        // Another name first, so that no crash leaves half a file.
        let half = self.path.with_extension("half");
        fs::write(&half, text).map_err(Error::doing(half.display()))?;
        fs::rename(&half, &self.path).map_err(Error::doing(self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let listed = [
            Listed {
                id: "0".into(),
                parents: Vec::new(),
                closed: true,
            },
            Listed {
                id: "1".into(),
                parents: vec!["0".into()],
                closed: false,
            },
        ];
        let open = || Checkpoint::open(path(dir.path(), "m")).unwrap();
        let first = open().look(&listed, Start::TrimHorizon, 1).unwrap();
        assert_eq!(first, [("0".to_string(), Position::TrimHorizon)]);
        open().advance("0", Position::After("9".into())).unwrap();
        let second = open().look(&listed, Start::TrimHorizon, 1).unwrap();
        assert_eq!(second, [("0".to_string(), Position::After("9".into()))]);
        open().end("0").unwrap();
        let third = open().look(&listed, Start::TrimHorizon, 1).unwrap();
        assert_eq!(third, [("1".to_string(), Position::TrimHorizon)]);
        fs::write(path(dir.path(), "m"), "{").unwrap();
        assert!(Checkpoint::open(path(dir.path(), "m")).is_err());
    }
}
