//! The local cloud: `cargo local …`.
//!
//! Installs a pinned emulator of AWS in a project-local Python venv, starts it on loopback, builds the functions with the
//! host toolchain, deploys `infra/template.yaml` through CloudFormation and sends data. What lands is read back by pyiceberg
//! and DuckDB, which share no code with Watershed. Everything it writes lies under one folder ([`Home`]). Unix only.
//!
//! * [`home`]: where everything lies. [`venv`]: Python and its packages.
//! * [`emulator`]: start, stop, status. [`ports`]: which port.
//! * [`package`]: build and zip. [`template`]: code locations. [`stack`]: CloudFormation.
//! * [`aws`]: clients. [`lake`]: what the tables hold, and SQL. [`logs`]: the functions' logs.
//! * [`seed`]: the demo's files and records. [`demo`]: all of it in one go.
//! * [`try_files`]: `ingest` on local files; [`refused`]: what it refused. [`infer_files`]: draft contracts from files.
//! * [`detect`]: anomalies in series.
//! * [`kinesis`]: the event source poller of streams. [`stream`]: files as a stream.
//! * [`replay`]: a replay, from its request to its report.
//! * [`ui`]: progress. [`command`]: child processes. [`error`]: what a person can act on.

pub mod api;
pub mod aws;
pub mod command;
pub mod demo;
pub mod detect;
pub mod emulator;
pub mod error;
pub mod home;
pub mod infer_files;
pub mod kinesis;
pub mod lake;
pub mod logs;
pub mod package;
pub mod ports;
pub mod refused;
pub mod replay;
pub mod search;
pub mod seed;
pub mod stack;
pub mod stream;
mod table;
pub mod template;
pub mod try_files;
pub mod ui;
pub mod venv;

pub use emulator::Emulator;
pub use error::{Error, Result};
pub use home::Home;
pub use stack::Stack;
pub use ui::Ui;
