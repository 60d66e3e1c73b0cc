//! The emulator: one process group on one loopback port, with its state in one folder.

use crate::{Error, Home, Result, Ui, command, kinesis::Poller, ports, venv::Python};
use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Longest until a started emulator answers.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest until a stopped one has written its state and gone; after that it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(50);
/// Longest until a health check is answered.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// Executions at a time over all functions; more are throttled, as an AWS account's.
const ACCOUNT_CONCURRENCY: &str = "64";
/// Threads that the emulator answers from.
const WORKER_THREADS: &str = "128";
/// Lines of its log that a failed start shows.
const LOG_TAIL_LINES: usize = 15;

/// How long it lives, and what stays of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is stopped; tables and stack are there again at the next start.
    UntilDown,
    /// As long as this process; tables and stack are there again at the next start.
    WithUs,
    /// As long as this process; nothing stays.
    Test,
}

/// A running emulator. Dropping it stops it, where it lives only as long as this process.
#[derive(Debug)]
pub struct Emulator {
    home: Home,
    port: u16,
    process: Option<Child>,
    /// Reads streams, where no process does it.
    poller: Option<Poller>,
}

impl Emulator {
    /// The one that runs on this home's state, whoever started it.
    pub fn running(home: &Home) -> Option<Self> {
        if !locked(home.state()) {
            return None;
        }
        let port = fs::read_to_string(home.state().join("port"))
            .ok()?
            .trim()
            .parse()
            .ok()?;
        Some(Self {
            home: home.clone(),
            port,
            process: None,
            poller: None,
        })
    }

    /// Starts one, and waits until it answers.
    pub fn start(home: &Home, python: &Python, port: Option<u16>, lifetime: Lifetime, ui: Ui) -> Result<Self> {
        let state = home.make(home.state().to_path_buf())?;
        if let Some(other) = Self::running(home) {
            return Err(
                Error::new(format!("the local cloud is up already, on port {}", other.port))
                    .help("use it as it is, or stop it with `cargo local down`"),
            );
        }
        let port = choose_port(&state, port, lifetime)?;
        let step = ui.step("Local cloud");
        let log = File::create(state.join("log")).map_err(Error::doing("cannot write the emulator's log"))?;
        let mut command = python.script("serve.py");
        command.arg(&state).process_group(0).stdout(clone(&log)?).stderr(log);
        environment(&mut command, &state, port, lifetime)?;
        command.stdin(if lifetime == Lifetime::UntilDown {
            Stdio::null()
        } else {
            Stdio::piped()
        });
        let mut process = command.spawn().map_err(Error::doing("cannot start the emulator"))?;
        wait_until_healthy(&mut process, &state, port)?;
        fs::write(state.join("port"), port.to_string()).map_err(Error::doing("cannot write the emulator's port"))?;
        step.done(&format!("up on 127.0.0.1:{port}"));
        let process = (lifetime != Lifetime::UntilDown).then_some(process);
        let mut emulator = Self {
            home: home.clone(),
            port,
            process,
            poller: None,
        };
        if lifetime != Lifetime::UntilDown {
            emulator.poller = Some(Poller::start(&emulator.endpoint(), &home.streams())?);
        }
        Ok(emulator)
    }

    /// `http://127.0.0.1:PORT`. Not `localhost`: that would make bucket names part of host names.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process group that ends with it.
    pub fn group(&self) -> Result<i32> {
        let lock = self.home.state().join("lock");
        let pid = fs::read_to_string(&lock).map_err(Error::doing(lock.display()))?;
        pid.trim().parse().map_err(Error::doing(lock.display()))
    }

    /// It answers.
    pub fn healthy(&self) -> bool {
        healthy(self.port)
    }

    /// Stops it: asks, waits until it has written its state, and kills what is left.
    pub fn stop(mut self, ui: Ui) -> Result<()> {
        let step = ui.step("Stopping the local cloud");
        self.end()?;
        step.done("stopped");
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.poller = None;
        let state = self.home.state().to_path_buf();
        let Some(pid) = fs::read_to_string(state.join("lock")).ok().filter(|_| locked(&state)) else {
            return Ok(());
        };
        if let Some(process) = self.process.take_if(|process| process.id().to_string() != pid.trim()) {
            // Ours was stopped by someone else, and another has taken its place: that one is not ours to stop.
            drop(process);
            return Ok(());
        }
        signal("TERM", &pid)?;
        let begun = Instant::now();
        while locked(&state) {
            if let Some(process) = &mut self.process {
                // A zombie holds no lock, but must be waited for.
                let _ = process.try_wait();
            }
            if begun.elapsed() > STOP_TIMEOUT {
                signal("KILL", &format!("-{pid}"))?;
                break;
            }
            thread::sleep(POLL);
        }
        if let Some(mut process) = self.process.take() {
            let _ = process.wait();
        }
        Ok(())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if self.process.is_some() {
            // Nothing can be done about a failure here; the emulator stops by itself once this process is gone.
            let _ = self.end();
        }
    }
}

/// The wanted port; or else the one that this state knows itself by (queue URLs hold it); or else any.
fn choose_port(state: &Path, wanted: Option<u16>, lifetime: Lifetime) -> Result<u16> {
    if let Some(port) = wanted {
        return ports::wanted(port);
    }
    if lifetime == Lifetime::Test {
        return ports::unusual();
    }
    match fs::read_to_string(state.join("port"))
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        None => ports::any(),
        Some(port) => ports::wanted(port).map_err(|error| {
            error.help(
                "the local lake was made on that port; `cargo local down --wipe` forgets it, or stop the other program",
            )
        }),
    }
}

fn environment(command: &mut Command, state: &Path, port: u16, lifetime: Lifetime) -> Result<()> {
    let persist = if lifetime == Lifetime::Test { "0" } else { "1" };
    let temporary = state.join("tmp");
    fs::create_dir_all(&temporary).map_err(Error::doing(temporary.display()))?;
    // The functions inherit all of it, so only what is named here.
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &temporary)
        .env("TMPDIR", &temporary)
        .env("PYTHONUTF8", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .env("AWS_DEFAULT_REGION", crate::aws::REGION)
        .env("MINISTACK_REGION", crate::aws::REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("PERSIST_STATE", persist)
        .env("S3_PERSIST", persist)
        .env("STATE_DIR", state.join("state"))
        .env("S3_DATA_DIR", state.join("s3"))
        .env("LAMBDA_EXECUTOR", "local")
        .env("LAMBDA_ACCOUNT_CONCURRENCY", ACCOUNT_CONCURRENCY)
        .env("MINISTACK_WORKER_THREADS", WORKER_THREADS)
        // Listeners of its own beside the one port, and Docker: off.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("DOCKER_HOST", format!("unix://{}", state.join("no-docker").display()))
        .env(
            "WATERSHED_TIED",
            if lifetime == Lifetime::UntilDown { "0" } else { "1" },
        );
    Ok(())
}

fn wait_until_healthy(process: &mut Child, state: &Path, port: u16) -> Result<()> {
    let begun = Instant::now();
    while !healthy(port) {
        let ended = process.try_wait().map_err(Error::doing("the emulator"))?;
        if ended.is_none() && begun.elapsed() < START_TIMEOUT {
            thread::sleep(POLL);
            continue;
        }
        let log = fs::read_to_string(state.join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(LOG_TAIL_LINES).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        let _ = signal("KILL", &format!("-{}", process.id()));
        let what = ended.map_or(format!("does not answer on port {port}"), |status| {
            format!("ended ({status})")
        });
        return Err(Error::new(format!("the emulator {what}:\n{}", tail.join("\n")))
            .help(format!("its whole log is {}", state.join("log").display())));
    }
    Ok(())
}

/// Someone holds the lock of this state. The lock goes with its process, so no stale file can say so.
fn locked(state: &Path) -> bool {
    File::open(state.join("lock")).is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

fn healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, HEALTH_TIMEOUT)?;
        stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
        stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(head.ends_with(b"200"))
    };
    ask().unwrap_or(false)
}

fn signal(name: &str, pid: &str) -> Result<()> {
    command::output(Command::new("kill").arg(format!("-{name}")).arg("--").arg(pid.trim())).map(drop)
}

fn clone(file: &File) -> Result<File> {
    file.try_clone()
        .map_err(Error::doing("cannot write the emulator's log"))
}
