//! Configuration from the environment: read once, all errors at once.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

/// The environment's variables, and what was found wrong with them so far.
#[derive(Debug)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    errors: Vec<String>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment is not complete: {}", self.0.join("; "))
    }
}

impl Environment {
    /// Of these variables: `std::env::vars()` in `main`, anything in a test.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            errors: Vec::new(),
        }
    }

    /// A variable that must be set and not be empty. `what` says in a few words what it is.
    pub fn required(&mut self, name: &str, what: &str) -> String {
        let value = self.variables.get(name).cloned().unwrap_or_default();
        if value.is_empty() {
            self.errors.push(format!("{name} is not set: {what}"));
        }
        value
    }

    /// A variable with a default; what is set must parse.
    pub fn or<T: FromStr>(&mut self, name: &str, what: &str, default: T) -> T {
        match self.variables.get(name).filter(|value| !value.is_empty()) {
            None => default,
            Some(value) => value.parse().unwrap_or_else(|_| {
                self.errors.push(format!("{name} is `{value}`: {what}"));
                default
            }),
        }
    }

    /// Folder with the data contracts, `*.odcs.yaml`: where their layer is mounted, unless told otherwise.
    pub fn contracts(&mut self) -> PathBuf {
        self.or(
            "WATERSHED_CONTRACTS",
            "the folder with the data contracts",
            PathBuf::from("/opt"),
        )
    }

    /// Bucket of the lake.
    pub fn lake_bucket(&mut self) -> String {
        self.required("WATERSHED_LAKE_BUCKET", "the bucket of the lake")
    }

    /// Queue of the committer.
    pub fn commit_queue_url(&mut self) -> String {
        self.required("WATERSHED_COMMIT_QUEUE_URL", "the URL of the committer's queue")
    }

    /// Event bus that functions tell on: the account's own, unless told otherwise.
    pub fn event_bus(&mut self) -> String {
        self.or("WATERSHED_EVENT_BUS", "the event bus", String::from("default"))
    }

    /// Whether OpenLineage events are put on the event bus, beside the lake.
    pub fn sends_lineage(&mut self) -> bool {
        self.or("WATERSHED_SEND_LINEAGE", "true or false", false)
    }

    /// Secret with the key of hashed columns; none where no column is hashed.
    pub fn hash_secret(&mut self) -> Option<String> {
        let what = "the secret with the key of hashed columns";
        Some(self.or("WATERSHED_HASH_SECRET", what, String::new())).filter(|name| !name.is_empty())
    }

    /// Folder for scratch files: the system's, `/tmp` in Lambda, unless told otherwise.
    pub fn scratch(&mut self) -> PathBuf {
        self.or("WATERSHED_SCRATCH", "a folder for scratch files", std::env::temp_dir())
    }

    /// The configuration that was made of it, if nothing was wrong.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors(self.errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_are_told_at_once() {
        let mut environment = Environment::new([("N".to_string(), "x".to_string()), ("E".into(), String::new())]);
        let _ = environment.required("A", "the bucket of the lake");
        let _ = environment.required("E", "a queue");
        let n: u32 = environment.or("N", "a number of rows", 5);
        let errors = environment.finish(n).expect_err("three errors");
        assert_eq!(
            errors.0,
            [
                "A is not set: the bucket of the lake",
                "E is not set: a queue",
                "N is `x`: a number of rows"
            ]
        );
    }
}
