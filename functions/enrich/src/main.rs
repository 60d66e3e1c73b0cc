//! The `enrich` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_enrich::{Config, Enrich, SERVICE, handle};
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let enrich = Enrich::new(config, contracts);
    watershed_ops::run(SERVICE, enrich, |enrich, invocation, event| async move {
        handle(&enrich, invocation, event).await
    })
}
