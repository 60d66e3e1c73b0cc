//! Processes of a function that are killed, at random.

use crate::input::mixed;
use std::{
    fs,
    time::{Duration, Instant},
};
use watershed_lake::hex;
use watershed_tests::{Cloud, invoke::get, processes::kill_functions};

/// From one kill to the next, at least.
const LEAST: Duration = Duration::from_millis(200);

/// How often processes are killed.
#[derive(Clone, Copy)]
pub struct Kills {
    /// Longest from one kill to the next.
    pub pause: Duration,
    /// Invocations of the stream's function that shall fail of it: were it to go on, a slow machine would get nowhere.
    pub failures: usize,
}

/// What kills.
pub struct Trouble {
    /// Where the function's code lies: processes are told by it.
    code: String,
    next: Instant,
    kills: Kills,
    /// Processes that were killed.
    pub killed: u64,
}

impl Trouble {
    /// For that function.
    pub fn new(cloud: &Cloud, function: &str, kills: Kills) -> Self {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let configuration = get(cloud.emulator.port(), &path);
        let digest = configuration["CodeSha256"].as_str().expect("code has a digest");
        let digest = aws_smithy_types::base64::decode(digest).expect("digests are told in Base64");
        Self {
            code: hex(&digest),
            next: Instant::now(),
            kills,
            killed: 0,
        }
    }

    /// It happens, if it is time.
    pub fn may_happen(&mut self, cloud: &Cloud) {
        if Instant::now() >= self.next && failed(cloud) < self.kills.failures {
            self.happens(cloud);
            let more = (mixed(self.killed) % 100) as f64 / 100.0;
            self.next = Instant::now() + LEAST + self.kills.pause.mul_f64(more);
        }
    }

    /// Kills the function's processes.
    pub fn happens(&mut self, cloud: &Cloud) {
        self.killed += kill_functions(cloud, |path| path.contains(&self.code)) as u64;
    }
}

/// Invocations that failed.
pub fn failed(cloud: &Cloud) -> usize {
    let log = fs::read_to_string(cloud.home().streams().join("log")).unwrap_or_default();
    log.matches("the function failed").count()
}
