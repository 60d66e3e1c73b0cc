//! The `analyze` function: see the library for what it does.

use serde_json::value::RawValue;
use watershed_analyze::{Analyze, Config, SERVICE, handle};
use watershed_contract::Contracts;
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let analyze = Analyze::new(config, contracts);
    watershed_ops::run(
        SERVICE,
        analyze,
        |analyze, invocation, event: Box<RawValue>| async move {
            handle(&analyze, invocation, event.get().as_bytes()).await
        },
    )
}
