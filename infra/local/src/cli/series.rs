//! In which series anomalies are looked for.

use clap::Args;
use std::path::PathBuf;
use watershed_anomaly::Settings;
use watershed_local::{
    Error, Result,
    detect::{Detection, Source},
};

/// What stands under the help of `cargo local detect`.
pub const EXAMPLES: &str = "Examples:\n  \
    cargo local detect cpu.csv --output scored.csv\n  \
    cargo local sql --csv \"SELECT time_hour AS timestamp, avg(dep_delay) AS value FROM nyc.flights GROUP BY 1 ORDER BY 1\" | cargo local detect -\n  \
    cargo local detect --folder NAB/data --output results     a whole benchmark: results/CATEGORY/FILE.csv";

/// One series or many.
#[derive(Debug, Args)]
pub struct Series {
    /// CSV with a header that has `timestamp` and `value`; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "folder")]
    file: Option<PathBuf>,
    /// Instead of one file: each .csv below this folder, a series each
    #[arg(long, value_name = "DIR", conflicts_with = "file", requires = "output")]
    folder: Option<PathBuf>,
    /// Write the scores to this file [default: standard output], or with --folder to files of the same names below this folder
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Another value for a setting; may be given several times (shared/anomaly tells what they are)
    #[arg(long, value_name = "NAME=NUMBER")]
    set: Vec<String>,
}

impl Series {
    /// What is to be done.
    pub fn detection(self) -> Result<Detection> {
        let source = match (self.folder, self.file) {
            (Some(folder), _) => Source::Folder(folder),
            (None, Some(file)) if file.as_os_str() == "-" => Source::StandardInput,
            (None, file) => Source::File(file.unwrap_or_default()),
        };
        Ok(Detection {
            source,
            output: self.output,
            settings: settings(&self.set)?,
        })
    }
}

fn settings(changes: &[String]) -> Result<Settings> {
    let mut settings = Settings::default();
    for change in changes {
        let wrong = || {
            let names: Vec<&str> = Settings::ALL.iter().map(|setting| setting.name).collect();
            Error::new(format!("--set {change} is no setting and its value"))
                .help(format!("write NAME=NUMBER; names are {}", names.join(", ")))
        };
        let (name, value) = change.split_once('=').ok_or_else(wrong)?;
        let place = settings.get_mut(name).ok_or_else(wrong)?;
        *place = value.parse().map_err(|_| wrong())?;
    }
    settings.check().map_err(Error::doing("--set"))?;
    Ok(settings)
}
