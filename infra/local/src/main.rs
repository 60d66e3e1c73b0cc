//! `cargo local`: parses the command line and says what went wrong.

use clap::Parser as _;
use std::process::ExitCode;
use watershed_local::{Home, Result, home::DIR_VARIABLE};

mod cli;

fn main() -> ExitCode {
    let run = || -> Result<bool> {
        let home = Home::new(std::env::var_os(DIR_VARIABLE))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(watershed_local::Error::doing("cannot start the asynchronous runtime"))?;
        runtime.block_on(cli::Cli::parse().run(&home))
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
