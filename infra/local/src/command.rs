//! Child processes whose output is progress, and the end of which is shown when they fail.

use crate::{Error, Result};
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

/// Lines of a failed command that are shown.
const TAIL_LINES: usize = 40;

/// A line of the command's output.
#[derive(Debug)]
pub enum Line {
    /// From standard output.
    Out(String),
    /// From standard error.
    Err(String),
}

/// Runs the command to its end, giving each line to `each`. Fails with the last lines of its standard error (and output,
/// where that is empty).
pub fn stream(command: &mut Command, mut each: impl FnMut(&Line)) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::doing(format!("cannot start {name}")))?;
    let (sender, lines) = mpsc::channel();
    let out = child.stdout.take().expect("piped above");
    let err = child.stderr.take().expect("piped above");
    let readers = [forward(out, sender.clone(), Line::Out), forward(err, sender, Line::Err)];
    let (mut out_tail, mut err_tail) = (VecDeque::new(), VecDeque::new());
    for line in lines {
        each(&line);
        let (tail, text) = match line {
            Line::Out(text) => (&mut out_tail, text),
            Line::Err(text) => (&mut err_tail, text),
        };
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(text);
    }
    for reader in readers {
        let _ = reader.join();
    }
    let status = child.wait().map_err(Error::doing(name.clone()))?;
    if status.success() {
        return Ok(());
    }
    let tail = if err_tail.is_empty() { out_tail } else { err_tail };
    Err(Error::new(format!(
        "{name} failed ({status}):\n{}",
        Vec::from(tail).join("\n")
    )))
}

/// Runs the command to its end and gives its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let mut text = String::new();
    stream(command, |line| {
        if let Line::Out(line) = line {
            text.push_str(line);
            text.push('\n');
        }
    })?;
    Ok(text)
}

fn forward(
    from: impl Read + Send + 'static,
    to: mpsc::Sender<Line>,
    wrap: fn(String) -> Line,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(std::result::Result::ok) {
            if to
                .send(wrap(String::from_utf8_lossy(&line).trim_end().to_string()))
                .is_err()
            {
                break;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_what_was_said() {
        let error = output(Command::new("sh").args(["-c", "echo fine; echo bad luck >&2; exit 3"])).unwrap_err();
        assert!(
            error.to_string().contains("bad luck") && error.to_string().contains('3'),
            "{error}"
        );
        assert_eq!(
            output(Command::new("sh").args(["-c", "echo a; echo b"])).unwrap(),
            "a\nb\n"
        );
        let error = output(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().starts_with("cannot start no-such-program"), "{error}");
    }
}
