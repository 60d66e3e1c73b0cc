//! A Python venv with pinned packages, made once and used by everything that needs Python here.

use crate::{
    Error, Home, Result, Ui,
    command::{self, Line},
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};
use watershed_lake::layout::Digest;

/// The oldest Python that the packages run on.
pub const OLDEST: (u32, u32) = (3, 10);
/// Names a Python to use, where the first one that is found is not wanted.
pub const PYTHON_VARIABLE: &str = "WATERSHED_PYTHON";
/// Looked for in this order.
const CANDIDATES: [&str; 7] = [
    "python3",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.14",
    "python",
];

/// What a venv is for. Several, because their packages do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Venv {
    /// The emulator, pyiceberg, DuckDB and the demo's data.
    Lake,
    /// The linters of template and contracts.
    Checks,
    /// What asks the API whatever its description allows.
    Api,
    /// What looks whether lineage is OpenLineage.
    Lineage,
}

/// One `pip install` of a venv.
struct Install {
    file: &'static str,
    options: &'static [&'static str],
}

impl Venv {
    fn name(self) -> &'static str {
        match self {
            Self::Lake => "lake",
            Self::Checks => "checks",
            Self::Api => "api",
            Self::Lineage => "lineage",
        }
    }

    fn installs(self) -> &'static [Install] {
        match self {
            Self::Lake => &[
                Install {
                    file: "lake.txt",
                    options: &[],
                },
                Install {
                    file: "data.txt",
                    options: &["--no-deps"],
                },
            ],
            Self::Checks => &[Install {
                file: "checks.txt",
                options: &[],
            }],
            Self::Api => &[Install {
                file: "api.txt",
                options: &[],
            }],
            Self::Lineage => &[Install {
                file: "lineage.txt",
                options: &[],
            }],
        }
    }

    /// The venv's Python, after whatever had to be installed. Indexes and proxies are those of the user's pip configuration.
    /// Two processes at once: the second waits for the first.
    pub fn ensure(self, home: &Home, ui: Ui) -> Result<Python> {
        let venvs = home.make(home.venvs())?;
        let dir = venvs.join(self.name());
        let stamp = venvs.join(format!("{}.stamp", self.name()));
        let python = Python {
            path: dir.join("bin/python"),
            scripts: home.script(""),
        };
        let lock = venvs.join(format!("{}.lock", self.name()));
        let lock = File::create(&lock).map_err(Error::doing(lock.display()))?;
        let step = ui.step("Python packages");
        step.note("waiting for another process that installs them");
        lock.lock().map_err(Error::doing("cannot lock the venv"))?;
        step.note("");
        let wanted = self.digest(home)?;
        if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) && python.path.exists() {
            step.skip();
            return Ok(python);
        }
        // Without its stamp the venv does not count: an interrupted install starts over.
        let _ = fs::remove_file(&stamp);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(Error::doing(dir.display()))?;
        }
        let base = find_python(std::env::var(PYTHON_VARIABLE).ok())?;
        command::output(Command::new(&base).args(["-m", "venv"]).arg(&dir))?;
        for install in self.installs() {
            let mut pip = python.command("-m");
            pip.args(["pip", "install", "--disable-pip-version-check", "--progress-bar", "off"])
                .args(install.options)
                .arg("-r")
                .arg(home.requirements(install.file));
            command::stream(&mut pip, |line| {
                if let Line::Out(text) = line {
                    step.note(text.trim().to_string());
                }
            })
            .map_err(|error| {
                error.help("pip could not install the packages: check the network and pip's own configuration")
            })?;
        }
        fs::write(&stamp, wanted).map_err(Error::doing(stamp.display()))?;
        step.done(&format!("{} venv is ready", self.name()));
        Ok(python)
    }

    fn digest(self, home: &Home) -> Result<String> {
        let mut digest = Digest::new();
        digest.part(home.venvs().as_os_str().as_encoded_bytes());
        for install in self.installs() {
            let path = home.requirements(install.file);
            digest.part(&fs::read(&path).map_err(Error::doing(path.display()))?);
        }
        Ok(digest.hex())
    }
}

/// The Python of a venv.
#[derive(Debug, Clone)]
pub struct Python {
    path: PathBuf,
    scripts: PathBuf,
}

impl Python {
    /// Runs one of this crate's scripts.
    pub fn script(&self, name: &str) -> Command {
        self.command(self.scripts.join(name))
    }

    /// `python ARGUMENT`, in a clean environment: nothing of the user's AWS or Python settings reaches it.
    pub fn command(&self, argument: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(&self.path);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["AWS_", "PYTHON", "VIRTUAL_ENV"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                command.env_remove(&name);
            }
        }
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUTF8", "1")
            .arg(argument);
        command
    }

    /// A program that a package of the venv brought.
    pub fn tool(&self, name: &str) -> Command {
        let path = self.path.with_file_name(name);
        let mut command = self.command("-I");
        command.arg(path);
        command
    }
}

/// The first Python that is new enough and can make a venv.
fn find_python(named: Option<String>) -> Result<PathBuf> {
    let candidates: Vec<String> = match named.filter(|name| !name.is_empty()) {
        Some(name) => vec![name],
        None => CANDIDATES.map(String::from).to_vec(),
    };
    let mut found = Vec::new();
    for name in &candidates {
        let Ok(version) = version_of(Path::new(name)) else {
            continue;
        };
        if version >= OLDEST {
            let venv = Command::new(name).args(["-c", "import venv, ensurepip"]).output();
            if venv.is_ok_and(|out| out.status.success()) {
                return Ok(name.into());
            }
            found.push(format!("{name} is {}.{} without the module venv", version.0, version.1));
        } else {
            found.push(format!("{name} is {}.{}", version.0, version.1));
        }
    }
    let (major, minor) = OLDEST;
    let found = if found.is_empty() {
        format!("none of {} is there", candidates.join(", "))
    } else {
        found.join("; ")
    };
    Err(Error::new(format!(
        "the local cloud needs Python {major}.{minor} or newer with venv, and found none: {found}"
    ))
    .help(format!(
        "install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python), \
             or name one with {PYTHON_VARIABLE}=/path/to/python3"
    )))
}

fn version_of(python: &Path) -> Result<(u32, u32)> {
    let text = command::output(
        Command::new(python).args(["-c", "import sys; print(sys.version_info[0], sys.version_info[1])"]),
    )?;
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => Ok((major, minor)),
        _ => Err(Error::new(format!("{} does not tell its version", python.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_python_is_said_plainly() {
        let error = find_python(Some("no-such-python".into())).unwrap_err().to_string();
        assert!(
            error.contains("no-such-python") && error.contains("install it"),
            "{error}"
        );
    }

    #[test]
    fn a_python_that_is_too_old_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("python");
        fs::write(&old, "#!/bin/sh\necho 3 6\n").unwrap();
        let mut permissions = fs::metadata(&old).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        fs::set_permissions(&old, permissions).unwrap();
        let error = find_python(Some(old.display().to_string())).unwrap_err().to_string();
        assert!(error.contains("is 3.6"), "{error}");
    }
}
