//! The `aggregate` function: see the library for what it does.

use watershed_aggregate::{Aggregate, Config, SERVICE, handle};
use watershed_contract::Contracts;
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let aggregate = Aggregate::new(config, contracts);
    watershed_ops::run(SERVICE, aggregate, |aggregate, invocation, event| async move {
        handle(&aggregate, invocation, event).await
    })
}
