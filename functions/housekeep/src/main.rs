//! The `housekeep` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_housekeep::{Config, Housekeep, SERVICE, handle};
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let housekeep = Housekeep::new(config, contracts);
    watershed_ops::run(SERVICE, housekeep, |housekeep, invocation, event| async move {
        handle(&housekeep, invocation, event).await
    })
}
