//! Which requests of a session count, and their files, checked.

use crate::{
    MAX_CONCURRENT_IO, check,
    decide::{Verdict, decide},
    document::Document,
    footer,
    plan::{self, Wanted},
    session::{Facts, Session},
};
use futures::{StreamExt, TryStreamExt, stream};
use iceberg::spec::{DataFile, TableMetadata};
use std::collections::btree_map::Entry;
use watershed_lake::message::MAX_FILES_PER_REQUEST;
use watershed_ports::PortError;

/// Requests that count, and the table that they want.
pub struct Chosen<'a> {
    pub verdicts: Vec<Verdict>,
    pub wanted: Vec<Wanted<'a>>,
    pub document: Document,
    pub metadata: TableMetadata,
}

impl<'a> Session<'a> {
    /// Which requests count, with their files checked. A request whose check fails is out, and what it had superseded
    /// counts again; each turn puts at least one out, so there are at most as many turns as requests. What is chosen comes
    /// with the table as it is to be: `base` and the columns that the requests which count add.
    pub async fn choose(
        &mut self,
        facts: &Facts,
        base: &Document,
        evolved: &Result<(), PortError>,
    ) -> Result<Chosen<'a>, PortError> {
        let holdings = facts.ledger.holdings();
        loop {
            let verdicts = decide(self.requests, |index| self.failed.contains_key(&index), &holdings);
            let mut wanted = Vec::new();
            let mut is_settled = true;
            let mut document = base.clone();
            let mut metadata = document.typed()?;
            for (index, _) in verdicts
                .iter()
                .enumerate()
                .filter(|(_, verdict)| **verdict == Verdict::Apply)
            {
                let request = &self.requests[index];
                let mut checked = evolved.clone();
                if checked.is_ok() && !request.added.is_empty() {
                    checked = document.add_columns(&request.table.to_string(), &request.added);
                    metadata = document.typed()?;
                }
                let checked = match checked {
                    Ok(()) => self.files(index, facts, &metadata).await,
                    Err(error) => Err(error),
                };
                match checked {
                    Ok(files) => {
                        let held_files = holdings.get(&request.source).and_then(|held| held.files);
                        wanted.push(Wanted {
                            index,
                            request,
                            files,
                            held_files: held_files.unwrap_or(0),
                        });
                    }
                    Err(error) => {
                        is_settled = false;
                        self.fail(index, &error);
                    }
                }
            }
            if is_settled {
                return Ok(Chosen {
                    verdicts,
                    wanted,
                    document,
                    metadata,
                });
            }
        }
    }

    /// The request is out, and so are its repetitions.
    pub fn fail(&mut self, index: usize, error: &PortError) {
        let token = &self.requests[index].token;
        for (same, _) in self
            .requests
            .iter()
            .enumerate()
            .filter(|(_, request)| request.token == *token)
        {
            self.failed.insert(same, error.clone());
        }
    }

    /// The request's data files, checked against the table.
    async fn files(
        &mut self,
        index: usize,
        facts: &Facts,
        metadata: &TableMetadata,
    ) -> Result<Vec<DataFile>, PortError> {
        let request = &self.requests[index];
        let prefix = plan::prefix(&facts.location, request);
        if !request.prefix.starts_with(&prefix) || !request.prefix.ends_with('/') {
            let what = format!(
                "files of {} must lie under {prefix}, not {}",
                request.source, request.prefix
            );
            return Err(PortError::fault(what));
        }
        if request.files.len() > MAX_FILES_PER_REQUEST {
            let count = request.files.len();
            return Err(PortError::fault(format!(
                "a request names {count} files; at most {MAX_FILES_PER_REQUEST} are allowed"
            )));
        }
        if let Some(path) = check::repeated_path(&request.files) {
            return Err(PortError::fault(format!("the request names {path} twice")));
        }
        let store = self.ports.store;
        if let Entry::Vacant(vacant) = self.footers.entry(index) {
            let reads = request.files.iter().map(|file| {
                let uri = request.uri(file);
                async move { footer::read(store, &uri, file.bytes).await }
            });
            vacant.insert(stream::iter(reads).buffered(MAX_CONCURRENT_IO).try_collect().await?);
        }
        let target = check::Target::of(metadata);
        let files = request.files.iter().zip(&self.footers[&index]);
        files
            .map(|(file, footer)| {
                let uri = request.uri(file);
                check::data_file(target, &uri, file, footer).map_err(|what| PortError::fault(format!("{uri}: {what}")))
            })
            .collect()
    }
}
