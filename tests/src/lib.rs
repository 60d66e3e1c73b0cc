//! What the integration tests share: a local cloud of their own and ways to talk to it, and the functions together on ports in memory.
//!
//! Run them with `cargo test`: the tests of one file share one local cloud, which lives as long as their process.

pub mod answers;
pub mod cloud;
pub mod invoke;
pub mod memory;
pub mod processes;

pub use cloud::Cloud;
pub use memory::Memory;

use watershed_local::{Home, Ui, venv::Python, venv::Venv};

/// The repository, with the venvs where `cargo local` has them.
///
/// # Panics
/// Where the folder cannot be used.
pub fn home() -> Home {
    Home::new(std::env::var_os(watershed_local::home::DIR_VARIABLE)).expect("the local folder can be used")
}

/// The Python of a venv, installed where need be.
///
/// # Panics
/// Where there is no Python, or pip fails: the message says what to do.
pub fn python(venv: Venv) -> Python {
    venv.ensure(&home(), Ui::Silent)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A script of the tests.
pub fn script(name: &str) -> std::path::PathBuf {
    home().root().join("tests/python").join(name)
}
