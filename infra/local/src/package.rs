//! Builds the functions with the host's toolchain and zips what Lambda wants.

use crate::{
    Error, Home, Result, Ui,
    command::{self, Line},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{Cursor, Write},
    path::{Path, PathBuf},
    process::Command,
};
use watershed_lake::layout::Digest;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// What Lambda runs, by name (AWS Lambda, "Building a custom runtime").
const BOOTSTRAP: &str = "bootstrap";
/// Files that a layer may hold.
const MAX_LAYER_FILES: usize = 1_000;

/// What a deployment package is made of, and its name, which is a digest of that.
#[derive(Debug, Clone)]
pub struct Package {
    /// Object key of the zip.
    pub key: String,
    /// Name in the zip, file, whether it can be executed.
    files: Vec<(String, PathBuf, bool)>,
}

#[derive(Deserialize)]
struct Artifact {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds every binary of the workspace: same profile and features as the tests, so that nothing is compiled twice.
/// Gives the executables by name.
pub fn build(home: &Home, ui: Ui) -> Result<BTreeMap<String, PathBuf>> {
    let step = ui.step("Functions");
    let mut executables = BTreeMap::new();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(home.root()).args([
        "build",
        "--workspace",
        "--bins",
        "--message-format",
        "json-render-diagnostics",
    ]);
    // What this cargo was told of itself by another one: build scripts look at it, and all would be compiled again each time.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
        cargo.env_remove(name);
    }
    command::stream(&mut cargo, |line| match line {
        Line::Err(text) => step.note(text.trim().to_string()),
        Line::Out(text) => {
            if let Some((name, path)) = executable(text) {
                executables.insert(name, path);
            }
        }
    })
    .map_err(|error| error.help("the functions do not compile: mend that first"))?;
    step.done("built");
    Ok(executables)
}

/// Whether cargo sets the variable for the package that it runs (The Cargo Book, "Environment Variables").
fn is_of_a_package(name: &OsStr) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    let name = name.to_string_lossy();
    name == "OUT_DIR" || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn executable(line: &str) -> Option<(String, PathBuf)> {
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    if artifact.reason != "compiler-artifact" {
        return None;
    }
    Some((artifact.target?.name, artifact.executable?))
}

impl Package {
    /// A function's: its binary as `bootstrap`.
    pub fn function(name: &str, executable: &Path) -> Result<Self> {
        Self::of(name, vec![(BOOTSTRAP.into(), executable.to_path_buf(), true)])
    }

    /// A layer's: the files of a folder.
    pub fn layer(name: &str, dir: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir).map_err(Error::doing(dir.display()))? {
            let path = entry.map_err(Error::doing(dir.display()))?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                files.push((name.to_string_lossy().into_owned(), path.clone(), false));
            }
        }
        if files.len() > MAX_LAYER_FILES {
            return Err(Error::new(format!(
                "{} holds more than {MAX_LAYER_FILES} files",
                dir.display()
            )));
        }
        files.sort();
        Self::of(name, files)
    }

    fn of(name: &str, files: Vec<(String, PathBuf, bool)>) -> Result<Self> {
        let mut digest = Digest::new();
        for (name, path, _) in &files {
            digest.part(name.as_bytes());
            digest.part(&fs::read(path).map_err(Error::doing(path.display()))?);
        }
        Ok(Self {
            key: format!("{name}-{}.zip", digest.hex()),
            files,
        })
    }

    /// The zip. Stored, not compressed: it travels over loopback only.
    pub fn zip(&self) -> Result<Vec<u8>> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, path, executable) in &self.files {
            let mode = if *executable { 0o755 } else { 0o644 };
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .unix_permissions(mode);
            zip.start_file(name, options).map_err(Error::doing(path.display()))?;
            let bytes = fs::read(path).map_err(Error::doing(path.display()))?;
            zip.write_all(&bytes).map_err(Error::doing(path.display()))?;
        }
        Ok(zip.finish().map_err(Error::doing(&self.key))?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_after_what_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ingest");
        fs::write(&path, b"one").unwrap();
        let one = Package::function("ingest", &path).unwrap();
        assert_eq!(one.key, Package::function("ingest", &path).unwrap().key);
        assert!(one.zip().unwrap().windows(9).any(|bytes| bytes == b"bootstrap"));
        fs::write(&path, b"two").unwrap();
        assert_ne!(one.key, Package::function("ingest", &path).unwrap().key);
        assert_eq!(Package::layer("contracts", dir.path()).unwrap().files.len(), 1);
    }

    #[test]
    fn executables_are_read_from_cargo() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"name":"ingest","kind":["bin"]},"executable":"/t/ingest"}"#;
        assert_eq!(executable(line), Some(("ingest".into(), "/t/ingest".into())));
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(executable("warning: text"), None);
    }
}
