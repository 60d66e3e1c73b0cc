//! The `commit` function: see the library for what it does.

use watershed_commit::{Commit, Config, SERVICE, handle};
use watershed_contract::Contracts;
use watershed_ops::Environment;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = Config::parse(Environment::new(std::env::vars()))?;
    let contracts = Contracts::load(&config.contracts)?;
    let commit = Commit::new(config, contracts);
    watershed_ops::run(SERVICE, commit, |commit, invocation, event| async move {
        handle(&commit, invocation, event).await
    })
}
