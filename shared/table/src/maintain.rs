//! What is asked of a table beside new files: which data files and snapshots go for their age, which are swapped for others, and what the ledger
//! says of it then.

use crate::{
    Host, Outcome,
    document::{Document, Expiry},
    ledger::{Holding, Ledger},
    manifests::LoadedManifest,
    plan::Change,
    summary,
};
use iceberg::spec::{DataFile, PrimitiveLiteral, PrimitiveType, Snapshot, TableMetadata, Type};
use std::collections::BTreeMap;
use watershed_lake::{Maintain, MaintenanceRequest, Swap, layout::digest_in_path};
use watershed_ports::{ObjectStore, PortError};

const DAY_US: i64 = 24 * 3_600 * 1_000_000;

/// What is to be removed for its age, of one request.
pub struct Age<'a> {
    request: &'a MaintenanceRequest,
    /// Field of the time.
    field: i32,
    /// Smallest value that stays, in the field's own unit: days or microseconds.
    oldest: i64,
}

impl<'a> Age<'a> {
    fn new(
        request: &'a MaintenanceRequest,
        column: &str,
        before_us: i64,
        metadata: &TableMetadata,
    ) -> Result<Self, PortError> {
        let wrong = |what: String| {
            let table = &request.table;
            PortError::fault(format!("table {table}, retention by column `{column}`: {what}"))
        };
        let field = metadata.current_schema().field_by_name(column);
        let field =
            field.ok_or_else(|| wrong("the table has no such column; name one of it in the contract".into()))?;
        let oldest = match &*field.field_type {
            Type::Primitive(PrimitiveType::Date) => before_us.div_euclid(DAY_US),
            Type::Primitive(PrimitiveType::Timestamp | PrimitiveType::Timestamptz) => before_us,
            other => {
                return Err(wrong(format!(
                    "it is {other}; name a date or a timestamp in the contract"
                )));
            }
        };
        Ok(Self {
            request,
            field: field.id,
            oldest,
        })
    }

    /// Whether every row of the file is older. A null has no age, and a file without bounds is of no known one.
    fn is_past(&self, file: &DataFile) -> bool {
        let newest = match file.upper_bounds().get(&self.field).map(iceberg::spec::Datum::literal) {
            Some(PrimitiveLiteral::Int(days)) => i64::from(*days),
            Some(PrimitiveLiteral::Long(micros)) => *micros,
            _ => return false,
        };
        newest < self.oldest && file.null_value_counts().get(&self.field) == Some(&0)
    }

    /// Whether the manifest lists such a file.
    pub fn is_in(&self, manifest: &LoadedManifest) -> bool {
        manifest.live.iter().any(|entry| self.is_past(entry.data_file()))
    }
}

/// The maintenance of one attempt, and what came of it so far.
pub struct Chores<'a> {
    /// What is to be removed.
    pub ages: Vec<Age<'a>>,
    /// What is to be swapped, with the indexes of their requests.
    pub swaps: Vec<(usize, &'a Swap)>,
    /// Snapshots were forgotten.
    pub expired: bool,
    requests: &'a [MaintenanceRequest],
    expiry: Option<Expiry>,
    outcomes: Vec<Result<Outcome, PortError>>,
}

impl<'a> Chores<'a> {
    /// Of a table that is not there nothing is too old. `evolved`: what the table's contract may not change fails these as well.
    pub fn new(
        requests: &'a [MaintenanceRequest],
        is_there: bool,
        metadata: &TableMetadata,
        evolved: &Result<(), PortError>,
    ) -> Self {
        let mut chores = Self {
            ages: Vec::new(),
            swaps: Vec::new(),
            expired: false,
            requests,
            expiry: None,
            outcomes: Vec::new(),
        };
        for (index, request) in requests.iter().enumerate() {
            let planned = match (evolved, &request.maintain) {
                _ if !is_there => Ok(()),
                (Err(error), _) => Err(error.clone()),
                (
                    _,
                    Maintain::ExpireSnapshots {
                        as_of_ms,
                        erased_before_ms,
                    },
                ) => {
                    let expiry = chores.expiry.get_or_insert_default();
                    expiry.as_of_ms = expiry.as_of_ms.max(*as_of_ms);
                    expiry.erased_before_ms = expiry.erased_before_ms.max(*erased_before_ms);
                    Ok(())
                }
                (_, Maintain::RemoveBefore { column, before_us }) => {
                    Age::new(request, column, *before_us, metadata).map(|age| chores.ages.push(age))
                }
                (_, Maintain::Swap(swap)) => {
                    chores.swaps.push((index, swap));
                    Ok(())
                }
            };
            chores.outcomes.push(planned.map(|()| Outcome::AlreadyApplied));
        }
        chores
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.ages.is_empty() && self.swaps.is_empty() && self.expiry.is_none()
    }

    /// What came of each request.
    pub fn outcomes(&self) -> Vec<Result<Outcome, PortError>> {
        self.outcomes.clone()
    }

    /// What came of the request of that index.
    pub fn came_of(&mut self, index: usize, outcome: Result<Outcome, PortError>) {
        self.outcomes[index] = outcome;
    }

    /// Tokens of those that changed files.
    pub fn tokens(&self) -> Vec<String> {
        let requests = self.requests.iter().zip(&self.outcomes);
        let applied = requests.filter(|(_, outcome)| **outcome == Ok(Outcome::Applied));
        applied.map(|(request, _)| request.token()).collect()
    }

    /// Whether the snapshot was made by one of these.
    pub fn made(&self, snapshot: &Snapshot) -> bool {
        let removing = self.ages.iter().map(|age| age.request);
        let swapping = self.swaps.iter().map(|(index, _)| &self.requests[*index]);
        removing
            .chain(swapping)
            .any(|request| summary::names(snapshot, &request.token()))
    }

    /// Every file that lives, is too old, and does not go anyway, goes.
    pub fn remove(&mut self, location: &str, manifests: &[LoadedManifest], change: &mut Change) -> Counts {
        let mut counts = Counts::default();
        for manifest in manifests {
            for entry in &manifest.live {
                let Some(age) = self.ages.iter().find(|age| age.is_past(entry.data_file())) else {
                    continue;
                };
                let path = entry.file_path();
                let removed = change.removed.entry(manifest.file.manifest_path.clone()).or_default();
                if !removed.insert(path.into()) {
                    continue;
                }
                if let Some(digest) = digest_in_path(location, path) {
                    counts.count(digest, -1);
                }
                let index = self
                    .requests
                    .iter()
                    .position(|request| std::ptr::eq(request, age.request));
                self.outcomes[index.expect("an age is of one of the requests")] = Ok(Outcome::Applied);
            }
        }
        counts
    }

    /// Forgets snapshots, where that is asked for.
    pub fn expire(&mut self, document: &mut Document, host: &dyn Host) {
        let Some(expiry) = self.expiry else { return };
        self.expired = document.expire(Expiry {
            as_of_ms: expiry.as_of_ms.min(host.now_ms()),
            ..expiry
        });
        if !self.expired {
            return;
        }
        for (request, outcome) in self.requests.iter().zip(&mut self.outcomes) {
            if matches!(request.maintain, Maintain::ExpireSnapshots { .. }) && outcome.is_ok() {
                *outcome = Ok(Outcome::Applied);
            }
        }
    }
}

/// How many files of the sources more there are than before, or less, by the digests of the sources; of the same versions.
#[derive(Debug, Default)]
pub struct Counts {
    files: BTreeMap<String, i64>,
}

impl Counts {
    /// So many more.
    pub fn count(&mut self, digest: &str, files: i64) {
        *self.files.entry(digest.into()).or_default() += files;
    }

    /// The sources hold so many files from now on, of the same version: else a later version would look for those that went, and
    /// a request that comes again would bring them back. Files of sources that are appended to are not counted: a request that comes again
    /// is known by its position.
    pub async fn put_into(
        &self,
        ledger: &mut Ledger,
        store: &dyn ObjectStore,
        holdings: &mut BTreeMap<String, Holding>,
    ) -> Result<(), PortError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let sources = ledger
            .load_digests(store, self.files.keys().map(String::as_str))
            .await?;
        let held = ledger.holdings();
        for (digest, files) in &self.files {
            // Of a file whose source the ledger does not know, there is nothing to remember.
            let Some(source) = sources.get(digest) else { continue };
            let holding = holdings.get(source).unwrap_or(&held[source]);
            if let Some(count) = holding.files {
                let left = Holding {
                    files: Some(count.saturating_add_signed(*files)),
                    ..holding.clone()
                };
                holdings.insert(source.clone(), left);
            }
        }
        Ok(())
    }
}
