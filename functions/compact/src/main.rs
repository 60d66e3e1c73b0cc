//! The `compact` function: see the library for what it does.

use watershed_compact::{Compact, Config, SERVICE, handle};
use watershed_contract::Contracts;
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let compact = Compact::new(config, contracts);
    watershed_ops::run(SERVICE, compact, |compact, invocation, event| async move {
        handle(&compact, invocation, event).await
    })
}
