//! Where everything lies.

use crate::{Error, Result};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Names the folder, where it shall not be `.local` in the repository.
pub const DIR_VARIABLE: &str = "WATERSHED_LOCAL_DIR";

/// The repository, and the one folder that the local cloud writes to.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
    dir: PathBuf,
    state: PathBuf,
    contracts: PathBuf,
}

impl Home {
    /// Of the repository that this crate was built in. `dir`: the value of [`DIR_VARIABLE`].
    pub fn new(dir: Option<OsString>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root
            .canonicalize()
            .map_err(Error::doing(format!("{}", root.display())))?;
        let dir = match dir.filter(|dir| !dir.is_empty()) {
            Some(dir) => {
                std::path::absolute(&dir).map_err(Error::doing(format!("{DIR_VARIABLE}={}", dir.display())))?
            }
            None => root.join(".local"),
        };
        let state = dir.join("cloud");
        let contracts = root.join("infra/contracts");
        Ok(Self {
            root,
            dir,
            state,
            contracts,
        })
    }

    /// The same repository, venvs and builds, with an emulator of its own whose state lies in `state`.
    #[must_use]
    pub fn with_state(&self, state: &Path) -> Self {
        Self {
            state: state.to_path_buf(),
            ..self.clone()
        }
    }

    /// The same, with other data contracts.
    #[must_use]
    pub fn with_contracts(&self, contracts: &Path) -> Self {
        Self {
            contracts: contracts.to_path_buf(),
            ..self.clone()
        }
    }

    /// The repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The SAM template.
    pub fn template(&self) -> PathBuf {
        self.root.join("infra/template.yaml")
    }

    /// The data contracts.
    pub fn contracts(&self) -> PathBuf {
        self.contracts.clone()
    }

    /// A script of this crate.
    pub fn script(&self, name: &str) -> PathBuf {
        self.root.join("infra/local/python").join(name)
    }

    /// A requirements file of this crate.
    pub fn requirements(&self, name: &str) -> PathBuf {
        self.root.join("infra/local/requirements").join(name)
    }

    /// Where the venvs are made.
    pub fn venvs(&self) -> PathBuf {
        self.dir.join("venv")
    }

    /// Where the demo's files are laid out.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Everything that the emulator keeps.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Where the poller of streams keeps how far it is, and its log.
    pub fn streams(&self) -> PathBuf {
        self.state.join("streams")
    }

    /// Makes a folder of this home and gives it back.
    pub fn make(&self, dir: PathBuf) -> Result<PathBuf> {
        fs::create_dir_all(&dir).map_err(Error::doing(format!("cannot make the folder {}", dir.display())))?;
        Ok(dir)
    }
}
