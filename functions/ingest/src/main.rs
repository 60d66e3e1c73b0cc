//! The `ingest` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_ingest::{Config, Ingest, SERVICE, handle};
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let ingest = Ingest::new(config, contracts);
    watershed_ops::run(SERVICE, ingest, |ingest, invocation, event| async move {
        handle(&ingest, invocation, event).await
    })
}
