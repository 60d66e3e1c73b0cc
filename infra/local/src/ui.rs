//! Progress on standard error: a spinner or bar on a terminal, one line a step elsewhere, nothing where asked for nothing.

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// Between two frames of a spinner.
const TICK: Duration = Duration::from_millis(100);
/// Steps shorter than this are told without their time.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ui {
    /// For people.
    Shown,
    /// For machines and tests.
    Silent,
}

/// Something that takes its time.
pub struct Step {
    ui: Ui,
    bar: ProgressBar,
    name: String,
    begun: Instant,
}

impl Ui {
    /// Begins a step of unknown length.
    pub fn step(self, name: &str) -> Step {
        self.begin(name, None, "{spinner} {prefix} {wide_msg:.dim}")
    }

    /// Begins a step of known length.
    pub fn counted(self, name: &str, total: u64) -> Step {
        let template = "{spinner} {prefix} [{bar:30}] {human_pos}/{human_len} {wide_msg:.dim}";
        self.begin(name, Some(total), template)
    }

    /// Begins a step over so many bytes.
    pub fn bytes(self, name: &str, total: u64) -> Step {
        let template = "{spinner} {prefix} [{bar:30}] {bytes}/{total_bytes} {binary_bytes_per_sec:.dim}";
        self.begin(name, Some(total), template)
    }

    fn begin(self, name: &str, total: Option<u64>, template: &str) -> Step {
        let bar = self.bar(total);
        bar.set_style(style(template));
        bar.set_prefix(name.to_string());
        Step {
            ui: self,
            bar,
            name: name.into(),
            begun: Instant::now(),
        }
    }

    /// A line for people.
    pub fn say(self, line: &str) {
        if self == Self::Shown {
            eprintln!("{line}");
        }
    }

    fn bar(self, total: Option<u64>) -> ProgressBar {
        let visible = self == Self::Shown && std::io::stderr().is_terminal();
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        if visible {
            bar.enable_steady_tick(TICK);
        }
        bar
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .expect("templates are constants of this file")
        .progress_chars("━╸ ")
}

impl Step {
    /// What it is at now.
    pub fn note(&self, note: impl Into<String>) {
        self.bar.set_message(note.into());
    }

    /// How far it is.
    pub fn at(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// It was begun at that time already.
    #[must_use]
    pub fn since(self, begun: Instant) -> Self {
        Self { begun, ..self }
    }

    /// It is done: leaves one line.
    pub fn done(self, result: &str) {
        self.bar.finish_and_clear();
        let took = self.begun.elapsed();
        let time = if took < WORTH_TELLING {
            String::new()
        } else {
            format!(" ({})", HumanDuration(took))
        };
        let gap = if result.is_empty() { "" } else { ": " };
        self.ui.say(&format!("✓ {}{gap}{result}{time}", self.name));
    }

    /// It was not needed, or tells itself: leaves nothing.
    pub fn skip(self) {
        self.clear();
    }

    /// Takes its bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
