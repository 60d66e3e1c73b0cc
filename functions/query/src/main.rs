//! The `query` function: see the library for what it does.

use watershed_contract::Contracts;
use watershed_ops::Environment;
use watershed_query::{Api, Config, SERVICE, handle};

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let api = Api::new(config, contracts);
    watershed_ops::run(SERVICE, api, |api, invocation, event| async move {
        Ok(handle(&api, invocation, event).await)
    })
}
