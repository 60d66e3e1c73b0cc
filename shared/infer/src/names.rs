//! Names: of columns and tables, of the place where objects lie, and what the object's own name says.

use std::collections::HashSet;
use watershed_contract::limits::MAX_LOCATION_BYTES;
pub use watershed_lake::name::standard;

/// Endings that say how an object is compressed.
const COMPRESSED: [&str; 4] = ["gz", "gzip", "zst", "zstd"];
/// Endings of what stands beside data.
const BESIDE: [&str; 10] = [
    "crc", "md5", "sha1", "sha256", "sha512", "sig", "asc", "tmp", "part", "lock",
];
/// Before every location.
const RAW: &str = "s3://{raw}/";

/// What the ending of a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// Delimited text.
    Csv,
    /// Nothing that is of use.
    Other,
}

/// Where a dataset lies and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// `s3://{raw}/folder/*.csv*`.
    pub location: String,
}

/// True where an object of that key and size may be data: not empty, no marker (`_SUCCESS`), no checksum (`.crc`), not hidden.
pub fn is_data(key: &str, bytes: u64) -> bool {
    let name = file_name(key);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    bytes > 0
        && !name.is_empty()
        && !name.starts_with(['_', '.'])
        && !name.ends_with("_$folder$")
        && !BESIDE.contains(&ending.as_str())
}

fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The endings of the name, lower case, last one first.
fn endings(key: &str) -> impl Iterator<Item = String> {
    let mut parts: Vec<&str> = file_name(key).split('.').skip(1).collect();
    parts.reverse();
    parts.into_iter().map(str::to_lowercase)
}

/// What the key's ending says, compression aside.
pub fn extension(key: &str) -> Extension {
    match endings(key)
        .find(|ending| !COMPRESSED.contains(&ending.as_str()))
        .as_deref()
    {
        Some("csv" | "tsv" | "tab" | "psv") => Extension::Csv,
        _ => Extension::Other,
    }
}

/// Where the dataset of the object lies: its folder, with `*` for the file and for folders that look like partitions.
pub fn place(key: &str) -> Place {
    let folders: Vec<&str> = key
        .split('/')
        .rev()
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    let stable: Vec<&str> = folders.iter().copied().filter(|folder| !varies(folder)).collect();
    let stem = file_name(key).split('.').next().unwrap_or_default();
    let from_file = without_numbers(stem);
    let (database, table) = match stable[..] {
        [] => ("", from_file.as_str()),
        [only] => ("", only),
        [.., above, last] => (above, last),
    };
    Place {
        database: identifier(database, "lake"),
        table: identifier(table, "objects"),
        location: location(&folders, key),
    }
}

fn location(folders: &[&str], key: &str) -> String {
    let ending = endings(key).find(|ending| !COMPRESSED.contains(&ending.as_str()));
    let plain = |ending: &str| !ending.is_empty() && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    // A name such as v1.2 has no ending; and upper case is another key.
    let ending = ending.filter(|ending| plain(ending) && file_name(key).contains(&format!(".{ending}")));
    let file = ending.map_or_else(|| "*".into(), |ending| format!("*.{ending}*"));
    let parts: Vec<&str> = folders
        .iter()
        .map(|folder| if varies(folder) { "*" } else { folder })
        .collect();
    let whole: String = parts.iter().map(|part| format!("{part}/")).collect::<String>() + &file;
    if RAW.len() + whole.len() > MAX_LOCATION_BYTES {
        return format!("{RAW}**");
    }
    format!("{RAW}{whole}")
}

/// `2013`, `2013-01`, `year=2013`: a folder of which there are many. And what a location cannot spell.
fn varies(folder: &str) -> bool {
    let digits = folder.bytes().filter(u8::is_ascii_digit).count();
    folder.contains(['=', '{', '}', '*'])
        || folder.is_empty()
        || (digits > 0 && folder.bytes().all(|b| b.is_ascii_digit() || b"-_.TZ:".contains(&b)))
}

/// `orders_2024-01-05` → `orders`.
fn without_numbers(stem: &str) -> String {
    let words = stem
        .split(['_', '-', ' ', '.'])
        .filter(|word| word.bytes().any(|b| !b.is_ascii_digit()));
    words.collect::<Vec<_>>().join("_")
}

/// The columns' names for the source's, each once.
pub fn columns(sources: &[String]) -> Vec<String> {
    let mut taken = HashSet::new();
    sources
        .iter()
        .enumerate()
        .map(|(index, source)| {
            let base = identifier(source, &format!("column_{}", index + 1));
            let numbered = (2..).map(|n| format!("{base}_{n}"));
            let name = std::iter::once(base.clone())
                .chain(numbered)
                .find(|name| !taken.contains(name));
            let name = name.expect("there is always another number");
            taken.insert(name.clone());
            name
        })
        .collect()
}

/// The name as an identifier; `otherwise` where nothing is left.
pub fn identifier(name: &str, otherwise: &str) -> String {
    watershed_lake::name::identifier(name).unwrap_or_else(|| otherwise.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        let sources = [
            "  Dep Time (UTC)",
            "depTime",
            "dep_time",
            "Größe",
            "",
            "2nd",
            "名前",
            "ID",
        ]
        .map(String::from);
        assert_eq!(
            columns(&sources),
            [
                "dep_time_utc",
                "dep_time",
                "dep_time_2",
                "groesse",
                "column_5",
                "c_2nd",
                "column_7",
                "id"
            ]
        );
    }

    #[test]
    fn a_place_is_the_folder() {
        for (key, database, table, location) in [
            (
                "shop/orders/2013.csv.gz",
                "shop",
                "orders",
                "s3://{raw}/shop/orders/*.csv*",
            ),
            (
                "shop/orders/year=2013/01/x.ndjson",
                "shop",
                "orders",
                "s3://{raw}/shop/orders/*/*/*.ndjson*",
            ),
            ("orders/a", "lake", "orders", "s3://{raw}/orders/*"),
            ("Orders_2024-01-05.csv", "lake", "orders", "s3://{raw}/*.csv*"),
            ("x/{a}/b.CSV", "lake", "x", "s3://{raw}/x/*/*"),
        ] {
            let place = place(key);
            assert_eq!(
                (&*place.database, &*place.table, &*place.location),
                (database, table, location),
                "{key}"
            );
        }
        assert_eq!(place(&"a".repeat(1024)).location, "s3://{raw}/*");
        assert_eq!(place(&format!("{}/x", "a".repeat(1022))).location, "s3://{raw}/**");
    }

    #[test]
    fn markers_are_no_data() {
        for key in [
            "a/_SUCCESS",
            "a/.x.csv.crc",
            "a/x.csv.crc",
            "a/b_$folder$",
            "a/",
            "a/x.MD5",
        ] {
            assert!(!is_data(key, 10), "{key}");
        }
        assert!(is_data("a/x.csv", 10) && !is_data("a/x.csv", 0));
    }
}
