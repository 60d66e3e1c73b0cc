//! The poller as a process, where the emulator outlives the command that started it: in its process group, so that both end together.

use super::poller::Poll;
use crate::{Emulator, Error, Home, Result};
use std::{
    fs::OpenOptions,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::{sync::watch, time::sleep};

/// The command of `cargo local` that [`run`]s it.
pub const COMMAND: &str = "poll";
/// Between two looks whether the emulator is there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Starts this program once more, as a poller.
pub fn spawn(home: &Home, emulator: &Emulator) -> Result<()> {
    let dir = home.make(home.streams())?;
    let said = dir.join("stderr");
    let file = OpenOptions::new().create(true).append(true).open(&said);
    let program = std::env::current_exe().map_err(Error::doing("cannot find this program"))?;
    let mut command = Command::new(program);
    command.arg(COMMAND).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(file.map_err(Error::doing(said.display()))?);
    let spawned = command.process_group(emulator.group()?).spawn();
    spawned
        .map(drop)
        .map_err(Error::doing("cannot start the poller of streams"))
}

/// Polls until the emulator is gone.
pub async fn run(home: &Home) -> Result<()> {
    let emulator = Emulator::running(home).ok_or_else(|| Error::new("the local cloud is down"))?;
    let poll = Poll::new(&emulator.endpoint(), &home.streams())?;
    let (_alive, stop) = watch::channel(false);
    let gone = async {
        while Emulator::running(home).is_some() {
            sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = poll.run(stop) => {}
        () = gone => {}
    }
    Ok(())
}
