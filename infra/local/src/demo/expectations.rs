//! What the contracts promise of the tables, looked at by the deployed function.

use crate::{Emulator, Error, Result, Stack};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest look.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Looked {
    expectations: u64,
    broken: u64,
}

/// Lets it look, as its schedule does.
pub fn ask(emulator: &Emulator, stack: &Stack) -> Result<Looked> {
    let name = stack.output("MonitorFunction")?;
    let url = format!("{}/2015-03-31/functions/{name}/invocations", emulator.endpoint());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .build()
        .into();
    let answer = agent.post(&url).send("{}");
    let mut answer = answer.map_err(Error::doing(&url))?;
    let body = answer.body_mut().read_to_vec().map_err(Error::doing(&url))?;
    let looked = serde_json::from_slice(&body);
    looked.map_err(Error::doing(format!(
        "{name} answered {}",
        String::from_utf8_lossy(&body)
    )))
}

/// As a line.
pub fn shown(looked: Looked) -> String {
    let Looked { expectations, broken } = looked;
    format!(
        "Expectations of the contracts: {} of {expectations} hold\n",
        expectations - broken
    )
}
