//! The `monitor` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_monitor::{Config, Monitor, SERVICE, handle};
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let monitor = Monitor::new(config, contracts);
    watershed_ops::run(SERVICE, monitor, |monitor, invocation, event| async move {
        handle(&monitor, invocation, event).await
    })
}
