//! The `index` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_index::{Config, Indexer, SERVICE, handle};
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let indexer = Indexer::new(config, contracts);
    watershed_ops::run(SERVICE, indexer, |indexer, invocation, event| async move {
        handle(&indexer, invocation, event).await
    })
}
