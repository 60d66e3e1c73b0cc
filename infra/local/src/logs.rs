//! The functions' logs.

use crate::{Emulator, Error, Result, venv::Python};

/// Prints the logs of the last `seconds`, of one function or of all; with `follow`, goes on until interrupted.
pub fn print(python: &Python, emulator: &Emulator, function: Option<&str>, seconds: u64, follow: bool) -> Result<()> {
    let suffix = function.map(|name| format!("-{name}")).unwrap_or_default();
    let status = python
        .script("logs.py")
        .args([
            emulator.endpoint(),
            suffix,
            seconds.to_string(),
            if follow { "1" } else { "0" }.into(),
        ])
        .status()
        .map_err(Error::doing("cannot read the logs"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(format!("cannot read the logs ({status})")))
    }
}
