//! Processes of functions, which tests kill.

use crate::Cloud;
use std::{fs, process::Command};

/// Kills every running function of the local cloud whose program's path is `wanted`. Tells how many.
///
/// # Panics
/// Where the local cloud is down, or there is no `ps`.
pub fn kill_functions(cloud: &Cloud, wanted: impl Fn(&str) -> bool) -> usize {
    let lock = fs::read_to_string(cloud.home().state().join("lock")).expect("the local cloud is up");
    let list = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,args="])
        .output()
        .expect("ps lists");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let functions = list.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (pid, parent, path) = (words.next()?, words.next()?, words.next()?);
        (parent == lock.trim() && wanted(path)).then_some(pid)
    });
    let kill = |pid: &str| {
        Command::new("kill")
            .args(["-KILL", pid])
            .status()
            .is_ok_and(|status| status.success())
    };
    functions.filter(|pid| kill(pid)).count()
}
