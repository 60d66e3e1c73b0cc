//! All contracts of a deployment, and which of them an object belongs to.

use crate::{
    aggregate::{self, SQL_SUFFIX},
    dataset::{Dataset, LocationPattern},
    diagnostic::{Diagnostic, Errors},
    document::{self, Located},
    made::{self, References},
    yaml::MAX_CONTRACT_BYTES,
};
use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};
use watershed_lake::TableName;

/// Most contracts of a deployment.
pub const MAX_CONTRACTS: usize = 1_000;
/// End of a contract's file name.
pub const FILE_SUFFIX: &str = ".odcs.yaml";

/// The datasets of all contracts. No two share an id, a table, an object or a stream.
#[derive(Debug, Clone, Default)]
pub struct Contracts {
    datasets: Vec<Arc<Dataset>>,
}

impl Contracts {
    /// Every `*.odcs.yaml` of the folder, in the order of their names, with the queries `*.sql` beside them.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, a file that cannot be read included. A folder without contract is an error.
    pub fn load(dir: &Path) -> Result<Self, Errors> {
        let folder = dir.display().to_string();
        let files = read_files(dir).map_err(|Unreadable { name, error }| {
            let file = name.unwrap_or_else(|| folder.clone());
            fault(
                file,
                format!("cannot be read: {error}"),
                format!("put a UTF-8 file in {folder} that can be"),
            )
        })?;
        let contracts = files.iter().filter(|(name, _)| name.ends_with(FILE_SUFFIX)).count();
        if contracts == 0 || contracts > MAX_CONTRACTS {
            let message = format!("{contracts} files *{FILE_SUFFIX}");
            return Err(fault(folder, message, format!("put 1 to {MAX_CONTRACTS} there")));
        }
        Self::parse(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Of file names and texts. A name `*.sql` is that of a query, which contracts name; other names are for messages only.
    ///
    /// # Errors
    /// Everything that is wrong with any of them, or with two of them together.
    pub fn parse<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> Result<Self, Errors> {
        Self::read(files, References::There)
    }

    fn read<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>, references: References) -> Result<Self, Errors> {
        let mut found: Vec<(&str, Located)> = Vec::new();
        let mut errors: Vec<Diagnostic> = Vec::new();
        let mut texts = aggregate::Texts::new();
        for (name, text) in files {
            if name.ends_with(SQL_SUFFIX) {
                texts.insert(name, text);
                continue;
            }
            match document::read(name, text) {
                Ok(datasets) => found.extend(datasets.into_iter().map(|dataset| (name, dataset))),
                Err(wrong) => errors.extend(wrong.into_inner()),
            }
        }
        made::enrich(&mut found, references, &mut errors);
        made::aggregate(&mut found, references, &texts, &mut errors);
        clashes(&found, &mut errors);
        match Errors::of(errors) {
            Some(errors) => Err(errors),
            None => Ok(Self {
                datasets: found
                    .into_iter()
                    .map(|(_, located)| Arc::new(located.dataset))
                    .collect(),
            }),
        }
    }

    /// The dataset that the object of that key (decoded) belongs to. Of several that match, the one with the longest part before
    /// its first wildcard; it is the only such one.
    pub fn find_by_key(&self, key: &str) -> Option<&Arc<Dataset>> {
        let located = self.datasets.iter().filter_map(|d| Some((d, d.location()?)));
        let matching = located.filter(|(_, location)| location.key.is_match(key));
        matching
            .max_by_key(|(_, location)| location.prefix().len())
            .map(|(dataset, _)| dataset)
    }

    /// The dataset that the records of that stream belong to.
    pub fn by_stream(&self, name: &str) -> Option<&Arc<Dataset>> {
        let is_it = |dataset: &&Arc<Dataset>| dataset.stream().is_some_and(|stream| stream.name == name);
        self.datasets.iter().find(is_it)
    }

    /// The dataset of that [`Dataset::id`].
    pub fn by_id(&self, id: &str) -> Option<&Arc<Dataset>> {
        self.datasets.iter().find(|d| d.id == id)
    }

    /// The dataset that a table of that name is made of.
    pub fn by_table(&self, name: &TableName) -> Option<&Arc<Dataset>> {
        self.datasets.iter().find(|d| d.table_of(name).is_some())
    }

    /// In the order of the files, and within one in its own.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Dataset>> {
        self.datasets.iter()
    }
}

/// A file, or the folder, that cannot be read.
struct Unreadable {
    name: Option<String>,
    error: io::Error,
}

/// The only I/O of this crate: names and texts.
fn read_files(dir: &Path) -> Result<Vec<(String, String)>, Unreadable> {
    let whole = |error| Unreadable { name: None, error };
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(dir).map_err(whole)? {
        let name = entry.map_err(whole)?.file_name().to_string_lossy().into_owned();
        if name.ends_with(FILE_SUFFIX) || name.ends_with(SQL_SUFFIX) {
            names.push(name);
        }
    }
    names.sort();
    // A query for each, and one file more: that tells that there are too many.
    names.truncate(2 * MAX_CONTRACTS + 1);
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let path = dir.join(&name);
        let read = fs::metadata(&path).and_then(|meta| {
            let fits = meta.len() <= MAX_CONTRACT_BYTES as u64;
            let limit = || io::Error::other(format!("{} bytes, at most {MAX_CONTRACT_BYTES} are read", meta.len()));
            if fits { fs::read_to_string(&path) } else { Err(limit()) }
        });
        match read {
            Ok(text) => files.push((name, text)),
            Err(error) => {
                return Err(Unreadable {
                    name: Some(name),
                    error,
                });
            }
        }
    }
    Ok(files)
}

fn fault(file: String, message: String, help: String) -> Errors {
    Errors::of(vec![Diagnostic {
        file,
        line: 0,
        column: 0,
        path: String::new(),
        message,
        help,
    }])
    .expect("it has one diagnostic")
}

/// Reports every pair that cannot both be.
fn clashes(found: &[(&str, Located)], errors: &mut Vec<Diagnostic>) {
    let mut add = |file: &str, located: &Located, message: String, help: &str| {
        let path = format!("schema.{}", located.dataset.table.name.table());
        let (line, column) = located.position;
        errors.push(Diagnostic {
            file: file.into(),
            line,
            column,
            path,
            message,
            help: help.into(),
        });
    };
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    let mut tables: BTreeMap<&TableName, &str> = BTreeMap::new();
    let mut streams: BTreeMap<&str, &str> = BTreeMap::new();
    let mut prefixes: BTreeMap<&str, Vec<(&str, &LocationPattern)>> = BTreeMap::new();
    for (file, located) in found {
        let dataset = &located.dataset;
        if let Some(other) = ids.insert(&dataset.id, file) {
            add(
                file,
                located,
                format!("id {} is taken in {other}", dataset.id),
                "write another id, or name",
            );
        }
        for name in dataset.tables().map(|table| &table.name) {
            if let Some(other) = tables.insert(name, file) {
                let message = format!("table {name} is also made by {other}");
                add(
                    file,
                    located,
                    message,
                    "write another name or database; every table has a _quarantine beside it, and that of a stream has more",
                );
            }
        }
        if let Some(stream) = dataset.stream()
            && let Some(other) = streams.insert(&stream.name, file)
        {
            let message = format!("stream {} is also read by {other}", stream.name);
            add(file, located, message, "write one contract for each stream");
        }
        let Some(location) = dataset.location() else { continue };
        let same_prefix = prefixes.entry(location.prefix()).or_default();
        for (other_file, other) in same_prefix.iter() {
            if location.overlaps(other) {
                let (ours, theirs) = (&location.text, &other.text);
                let message = format!("location {ours} takes objects of {theirs} in {other_file}");
                add(file, located, message, "write locations that differ before the first *");
            }
        }
        same_prefix.push((file, location));
    }
    for (file, located) in found
        .iter()
        .filter(|(_, located)| located.dataset.retention.raw.is_some())
    {
        if let Some(message) = shared_folder(&located.dataset, found) {
            let help =
                "write a location in a folder of its own: s3://{raw}/folder/*.csv; S3 knows only what keys begin with";
            add(file, located, message, help);
        }
    }
}

/// Why the retention of raw objects would be that of other objects too: the rule is for all that begin as the location does.
fn shared_folder(dataset: &Dataset, found: &[(&str, Located)]) -> Option<String> {
    let Some(location) = dataset.location() else {
        let kind = if dataset.stream().is_some() {
            "a stream"
        } else {
            "an aggregate"
        };
        return Some(format!("raw retention of {kind}, which has no raw objects"));
    };
    let (location, prefix) = (&location.text, location.prefix());
    if prefix.is_empty() {
        return Some(format!("raw retention of {location}, which is the whole bucket"));
    }
    let others = found.iter().filter(|(_, other)| other.dataset.id != dataset.id);
    let mut located = others.filter_map(|(file, other)| Some((file, other.dataset.location()?)));
    let (other_file, theirs) =
        located.find(|(_, theirs)| theirs.prefix().starts_with(prefix) || prefix.starts_with(theirs.prefix()))?;
    let theirs = &theirs.text;
    Some(format!(
        "raw retention of {location}, which is about objects of {theirs} in {other_file} too"
    ))
}

/// The datasets of one contract, or everything that is wrong with it by itself: an enrichment that names tables of other contracts is left out.
/// `file_name` is for messages only.
pub fn parse(file_name: &str, text: &str) -> Result<Vec<Arc<Dataset>>, Errors> {
    Contracts::read([(file_name, text)], References::Elsewhere).map(|contracts| contracts.datasets)
}
