//! `cargo local detect`: anomalies in series of CSV, by the code that the functions run.

mod read;
mod show;

use crate::{Error, Result, Ui};
use read::Rows;
pub(crate) use read::time as time_ms;
use show::Shown;
use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
    time::Instant,
};
use watershed_anomaly::{Detector, Settings};

/// Head of what is written.
const HEAD: &str = "timestamp,value,anomaly_score";

/// What to do.
#[derive(Debug)]
pub struct Detection {
    /// The series.
    pub source: Source,
    /// Where the scores go: a file, or a folder for a folder; none: to standard output.
    pub output: Option<PathBuf>,
    /// Of every detector.
    pub settings: Settings,
}

/// Where the series are.
#[derive(Debug)]
pub enum Source {
    /// One.
    File(PathBuf),
    /// One.
    StandardInput,
    /// One a file.
    Folder(PathBuf),
}

impl Detection {
    /// Reads, scores, writes; shows what was found where a person looks on.
    pub fn run(&self, ui: Ui) -> Result<()> {
        match &self.source {
            Source::Folder(folder) => self.folder(folder, ui),
            Source::StandardInput => self.one("standard input", io::stdin().lock(), ui),
            Source::File(file) => {
                let name = file.display().to_string();
                self.one(&name, open(file)?, ui)
            }
        }
    }

    fn one(&self, name: &str, input: impl BufRead, ui: Ui) -> Result<()> {
        let shown = if let Some(output) = &self.output {
            into_file(output, |to| self.score(name, input, to))?
        } else {
            let mut to = BufWriter::new(io::stdout().lock());
            let shown = self.score(name, input, &mut to);
            to.flush().map_err(Error::doing("standard output"))?;
            shown?
        };
        if io::stderr().is_terminal() {
            ui.say(&shown.text());
        }
        Ok(())
    }

    fn folder(&self, folder: &Path, ui: Ui) -> Result<()> {
        let output = self.output.as_deref().unwrap_or(folder);
        if output.starts_with(folder) {
            let (folder, output) = (folder.display(), output.display());
            return Err(Error::new(format!("{output} lies in {folder}, whose files are read")).help("write beside it"));
        }
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        if files.is_empty() {
            let error = Error::new(format!("no .csv file lies below {}", folder.display()));
            return Err(error.help("name a folder as DIR/CATEGORY/FILE.csv"));
        }
        let step = ui.counted("scoring", files.len() as u64);
        let (begun, mut rows, mut alarms) = (Instant::now(), 0, 0);
        for (number, file) in files.iter().enumerate() {
            let name = file.strip_prefix(folder).unwrap_or(file);
            step.at(number as u64);
            step.note(name.display().to_string());
            let input = open(file)?;
            let shown = into_file(&output.join(name), |to| {
                self.score(&file.display().to_string(), input, to)
            })?;
            rows += shown.rows();
            alarms += shown.alarms();
        }
        let per_second = rows as f64 / begun.elapsed().as_secs_f64().max(f64::EPSILON);
        step.done(&format!(
            "{} series, {rows} rows, {alarms} alarms, {per_second:.0} rows a second, written below {}",
            files.len(),
            output.display()
        ));
        Ok(())
    }

    /// Scores one series.
    fn score(&self, name: &str, input: impl BufRead, to: &mut impl Write) -> Result<Shown> {
        let mut detector = Detector::new(&self.settings).map_err(Error::doing("settings"))?;
        let mut shown = Shown::new();
        let mut rows = Rows::new(name, input)?;
        writeln!(to, "{HEAD}").map_err(Error::doing("cannot write the scores"))?;
        while let Some(row) = rows.next_row()? {
            let verdict = detector.observe(row.time_ms, row.value);
            writeln!(to, "{},{},{}", row.timestamp, row.text, verdict.score)
                .map_err(Error::doing("cannot write the scores"))?;
            shown.observe(row.timestamp, row.value, &verdict);
        }
        Ok(shown)
    }
}

fn open(file: &Path) -> Result<BufReader<File>> {
    let name = file.display();
    let meta = fs::metadata(file).map_err(Error::doing(&name))?;
    if meta.is_dir() {
        return Err(Error::new(format!("{name} is a folder")).help("name a file in it, or write --folder before it"));
    }
    File::open(file).map(BufReader::new).map_err(Error::doing(&name))
}

/// Writes a file that is there whole or not at all.
fn into_file<T>(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> Result<T>) -> Result<T> {
    let name = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::doing(folder.display()))?;
    let scratch = tempfile::NamedTempFile::new_in(folder).map_err(Error::doing(&name))?;
    let mut to = BufWriter::new(scratch.as_file());
    let written = write(&mut to)?;
    to.flush().map_err(Error::doing(&name))?;
    drop(to);
    scratch.persist(path).map_err(Error::doing(&name))?;
    Ok(written)
}

/// The .csv files below a folder, in the order of their names.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> = entries
        .map_err(Error::doing(folder.display()))?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("csv")) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A spike in row 300 of 400.
    fn series() -> String {
        let row = |row: usize| {
            let value = if row == 300 { 95 } else { 20 + row * 37 % 11 };
            format!("2024-01-{:02} {:02}:00:00,{value}\n", 1 + row / 24, row % 24)
        };
        format!("timestamp,value\n{}", (0..400).map(row).collect::<String>())
    }

    fn detection(source: Source, output: PathBuf) -> Detection {
        Detection {
            source,
            output: Some(output),
            settings: Settings::default(),
        }
    }

    #[test]
    fn a_file_is_scored_row_by_row() {
        let folder = tempfile::tempdir().expect("a folder");
        let (input, output) = (
            folder.path().join("cpu.csv"),
            folder.path().join("new").join("scored.csv"),
        );
        fs::write(&input, series()).expect("written");
        detection(Source::File(input), output.clone())
            .run(Ui::Silent)
            .expect("scored");
        let scored = fs::read_to_string(output).expect("written");
        let lines: Vec<&str> = scored.lines().collect();
        assert_eq!((lines.len(), lines[0]), (401, HEAD));
        assert_eq!(lines[1], "2024-01-01 00:00:00,20,0");
        let score = |line: &str| {
            line.rsplit(',')
                .next()
                .and_then(|score| score.parse::<f32>().ok())
                .expect("a score")
        };
        let most = (1..lines.len())
            .max_by(|a, b| score(lines[*a]).total_cmp(&score(lines[*b])))
            .expect("rows");
        assert!(lines[most].starts_with("2024-01-13 12:00:00,95,0."), "{}", lines[most]);
    }

    #[test]
    fn a_folder_is_scored_file_by_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, results) = (folder.path().join("data"), folder.path().join("results"));
        for name in ["aws/cpu.csv", "aws/disk.csv", "web/hits.csv"] {
            let path = data.join(name);
            fs::create_dir_all(path.parent().expect("a category")).expect("made");
            fs::write(path, series()).expect("written");
        }
        fs::write(data.join("README"), "not a series").expect("written");
        detection(Source::Folder(data.clone()), results.clone())
            .run(Ui::Silent)
            .expect("scored");
        let mut written = Vec::new();
        collect(&results, &mut written).expect("read");
        let names: Vec<_> = written
            .iter()
            .map(|path| path.strip_prefix(&results).expect("below").display().to_string())
            .collect();
        assert_eq!(names, ["aws/cpu.csv", "aws/disk.csv", "web/hits.csv"]);
        let inside = detection(Source::Folder(data.clone()), data.join("results"))
            .run(Ui::Silent)
            .expect_err("reads itself");
        assert!(inside.to_string().contains("write beside it"), "{inside}");
        let empty = detection(Source::Folder(folder.path().join("none")), results).run(Ui::Silent);
        assert!(empty.is_err());
    }

    #[test]
    fn a_wrong_line_leaves_no_file_and_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let (input, output) = (folder.path().join("cpu.csv"), folder.path().join("scored.csv"));
        fs::write(&input, series() + "2024-02-01 00:00:00,many\n").expect("written");
        let told = detection(Source::File(input.clone()), output.clone())
            .run(Ui::Silent)
            .expect_err("no number")
            .to_string();
        assert_eq!(
            told,
            format!(
                "{}:402: value is `many`\n  write a number, or nothing where it is missing",
                input.display()
            )
        );
        assert!(!output.exists());
        assert_eq!(
            fs::read_dir(folder.path()).expect("read").count(),
            1,
            "no scratch file is left"
        );
    }
}
