//! The `replay` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_ops::Environment;
use watershed_replay::{Config, Replay, SERVICE, handle};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let replay = Replay::new(config, contracts);
    watershed_ops::run(SERVICE, replay, |replay, invocation, event| async move {
        handle(&replay, invocation, event).await
    })
}
