//! One commit from facts to swap, as often as it takes.

use crate::{
    BACKOFF_MS, Batch, Committed, Effort, MAX_ATTEMPTS, MAX_BACKOFF_MS, MAX_CONCURRENT_IO, MAX_WAITS, Outcome, Ports,
    WAIT_MS, catalog,
    choose::Chosen,
    decide::Verdict,
    document::Document,
    footer::Footer,
    landed::landed,
    ledger::{self, Ledger},
    maintain::Chores,
    manifests, object,
    plan::{self, Wanted},
    snapshot,
    swap::Swappable,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use iceberg::spec::TableMetadata;
use std::collections::{BTreeMap, BTreeSet};
use watershed_lake::{
    CommitRequest, LakeLocation, MaintenanceRequest, TableChanged, TableSpec, layout::metadata_prefix, lineage::Landed,
    table::properties,
};
use watershed_ports::{CatalogEntry, Kind, PortError};

/// What is known of the table when an attempt begins.
pub struct Facts {
    entry: Option<CatalogEntry>,
    document: Document,
    pub location: String,
    pub ledger: Ledger,
}

/// A swap whose success was not reported.
struct Swap {
    metadata_location: String,
    objects: Vec<String>,
    outcome: Committed,
    /// The catalog said that it did not happen. Where the answer was lost it may still happen, even after a reload that
    /// does not show it; then its objects are left to the sweep.
    refused: bool,
}

pub struct Session<'a> {
    pub ports: Ports<'a>,
    lake: &'a LakeLocation,
    pub spec: &'a TableSpec,
    pub requests: &'a [CommitRequest],
    pub maintenance: &'a [MaintenanceRequest],
    /// Read once a request, whatever the number of attempts.
    pub footers: BTreeMap<usize, Vec<Footer>>,
    pub failed: BTreeMap<usize, PortError>,
    /// The same as `footers` of the files that come by swaps.
    pub swap_footers: BTreeMap<usize, Vec<Footer>>,
    swaps: Vec<Swap>,
    effort: Effort,
}

/// How an attempt ended without an error.
enum Step {
    Done(Box<Committed>),
    /// Another was faster, or the answer was lost.
    Again,
}

impl<'a> Session<'a> {
    pub fn new(ports: Ports<'a>, lake: &'a LakeLocation, spec: &'a TableSpec, batch: Batch<'a>) -> Self {
        Self {
            ports,
            lake,
            spec,
            requests: batch.requests,
            maintenance: batch.maintenance,
            footers: BTreeMap::new(),
            failed: BTreeMap::new(),
            swap_footers: BTreeMap::new(),
            swaps: Vec::new(),
            effort: Effort::default(),
        }
    }

    pub async fn run(mut self) -> Committed {
        let mut backoff_ms = BACKOFF_MS;
        for attempt in 1..=MAX_ATTEMPTS {
            if attempt > 1 {
                let jitter = self.ports.host.uuid().as_u64_pair().1 % backoff_ms;
                self.ports.host.sleep_ms(jitter).await;
                backoff_ms = (backoff_ms * 2).min(MAX_BACKOFF_MS);
            }
            self.effort.attempts += 1;
            match self.attempt().await {
                Ok(Step::Done(committed)) => {
                    return Committed {
                        effort: self.effort,
                        ..*committed
                    };
                }
                Ok(Step::Again) => {}
                Err(error) => return self.give_up(&error),
            }
        }
        let table = &self.spec.name;
        self.give_up(&PortError::conflict(format!(
            "table {table}: lost {MAX_ATTEMPTS} races; deliver the requests again"
        )))
    }

    /// Requests that failed by themselves keep their error.
    fn give_up(self, error: &PortError) -> Committed {
        let outcomes = (0..self.requests.len()).map(|index| Err(self.failed.get(&index).unwrap_or(error).clone()));
        Committed {
            outcomes: outcomes.collect(),
            maintained: vec![Err(error.clone()); self.maintenance.len()],
            changed: None,
            landed: BTreeMap::new(),
            effort: self.effort,
        }
    }

    async fn attempt(&mut self) -> Result<Step, PortError> {
        loop {
            if let Some(step) = self.unless_waiting().await? {
                return Ok(step);
            }
            self.effort.waits += 1;
            self.ports.host.sleep_ms(WAIT_MS).await;
        }
    }

    /// None: what a request follows on is not there, and may be under way.
    async fn unless_waiting(&mut self) -> Result<Option<Step>, PortError> {
        let facts = self.load().await?;
        if let Some(done) = self.recognise(&facts).await {
            return Ok(Some(Step::Done(done.into())));
        }
        let mut document = facts.document.clone();
        // What the contract may not change fails only the requests that would change the table.
        let evolved = document.evolve(self.spec);
        let Chosen {
            verdicts,
            wanted,
            document,
            metadata,
        } = self.choose(&facts, &document, &evolved).await?;
        let waiting = verdicts.iter().filter(|verdict| verdict.is_waiting()).count();
        if waiting > 0 && self.effort.waits < MAX_WAITS {
            return Ok(None);
        }
        self.effort.waiting = waiting as u32;
        let chores = Chores::new(self.maintenance, facts.entry.is_some(), &metadata, &evolved);
        if wanted.is_empty() && chores.is_empty() {
            return Ok(Some(self.nothing(&metadata, &verdicts, &chores)));
        }
        let step = self.apply(&facts, document, &metadata, (&verdicts, wanted), chores);
        step.await.map(Some)
    }

    /// The current snapshot, where what was asked before may have lost its announcement.
    fn told_again(&self, metadata: &TableMetadata, verdicts: &[Verdict], chores: &Chores<'_>) -> Option<TableChanged> {
        let is_repeated = verdicts.contains(&Verdict::Nothing(Outcome::AlreadyApplied));
        let current = metadata.current_snapshot()?;
        (is_repeated || chores.made(current)).then(|| snapshot::announce(self.spec, current))
    }

    /// The table is as it should be.
    fn nothing(&self, metadata: &TableMetadata, verdicts: &[Verdict], chores: &Chores<'_>) -> Step {
        let changed = self.told_again(metadata, verdicts, chores);
        let mut committed = self.committed(verdicts, chores, changed);
        committed.landed = self.landed(metadata);
        Step::Done(committed.into())
    }

    fn landed(&self, metadata: &TableMetadata) -> BTreeMap<String, Landed> {
        let kept: Vec<String> = self.maintenance.iter().map(MaintenanceRequest::token).collect();
        let asked = self.requests.iter().map(|request| request.token.as_str());
        landed(metadata, asked.chain(kept.iter().map(String::as_str)))
    }

    async fn load(&self) -> Result<Facts, PortError> {
        let Ports { store, catalog, host } = self.ports;
        let name = &self.spec.name;
        let Some(entry) = catalog.load(name.database(), name.table()).await? else {
            let location = self.lake.table(self.spec);
            let document = Document::new(self.spec, &location, host.uuid(), host.now_ms());
            return Ok(Facts {
                entry: None,
                document,
                location,
                ledger: Ledger::default(),
            });
        };
        let uri = &entry.metadata_location;
        let document = Document::parse(uri, &object::read(store, uri).await?)?;
        let location = document.typed()?.location().trim_end_matches('/').to_string();
        let sources = self.requests.iter().map(|request| request.source.as_str());
        let ledger = Ledger::load(store, document.property(properties::LEDGER), sources).await?;
        Ok(Facts {
            entry: Some(entry),
            document,
            location,
            ledger,
        })
    }

    /// A former swap of this commit that happened after all. The objects of those that did not are removed.
    async fn recognise(&mut self, facts: &Facts) -> Option<Committed> {
        let current = facts.entry.as_ref().map(|entry| entry.metadata_location.as_str());
        let is_ours =
            |swap: &Swap| current == Some(&swap.metadata_location) || facts.document.logs(&swap.metadata_location);
        if let Some(position) = self.swaps.iter().position(is_ours) {
            self.effort.snapshots = u32::from(self.swaps[position].outcome.effort.snapshots > 0);
            return Some(self.swaps.swap_remove(position).outcome);
        }
        for swap in self.swaps.extract_if(.., |swap| swap.refused) {
            for uri in &swap.objects {
                if let Ok(id) = object::id(uri) {
                    // What cannot be removed is swept like any object that no metadata names.
                    let _ = self.ports.store.delete(&id.bucket, &id.key).await;
                }
            }
        }
        None
    }

    fn committed(&self, verdicts: &[Verdict], chores: &Chores<'_>, changed: Option<TableChanged>) -> Committed {
        let outcome = |index: usize| match &verdicts[index] {
            Verdict::Nothing(outcome) => Ok(*outcome),
            Verdict::Apply | Verdict::Same(_) => Ok(Outcome::Applied),
            Verdict::Refused(error) => Err(error.clone()),
            Verdict::Out => Err(self.failed[&index].clone()),
        };
        Committed {
            outcomes: (0..self.requests.len()).map(outcome).collect(),
            maintained: chores.outcomes(),
            changed,
            landed: BTreeMap::new(),
            effort: self.effort,
        }
    }

    async fn apply(
        &mut self,
        facts: &Facts,
        mut document: Document,
        metadata: &TableMetadata,
        (verdicts, wanted): (&[Verdict], Vec<Wanted<'a>>),
        mut chores: Chores<'a>,
    ) -> Result<Step, PortError> {
        let host = self.ports.host;
        let metadata_prefix = metadata_prefix(&facts.location);
        let current = match metadata.current_snapshot() {
            Some(snapshot) => manifests::list(self.ports.store, snapshot.manifest_list()).await?,
            None => Vec::new(),
        };
        let loaded = self.search(&document, &current, &wanted, &chores).await?;
        let mut change = plan::change(&facts.location, &wanted, &loaded);
        if self.rewritten_by_others(metadata, &document, &change.missing) {
            return Ok(Step::Again);
        }
        let mut counts = chores.remove(&facts.location, &loaded, &mut change);
        let table = Swappable {
            location: &facts.location,
            metadata,
            manifests: &current,
            loaded: &loaded,
        };
        self.swap_files(&table, &mut chores, &mut change, &mut counts).await;
        let mut holdings = ledger::holdings_of(wanted.iter().map(|wanted| wanted.request));
        let mut ledger = facts.ledger.clone();
        counts.put_into(&mut ledger, self.ports.store, &mut holdings).await?;
        let mut objects = Vec::new();
        if !holdings.is_empty() {
            let updated = ledger.updated(&holdings, &metadata_prefix, || host.uuid());
            document.set_ledger(&updated.root);
            objects = updated.objects;
        }
        let mut changed = None;
        if !change.is_empty() {
            let mut tokens: BTreeSet<&str> = wanted.iter().map(|wanted| wanted.request.token.as_str()).collect();
            let kept = chores.tokens();
            tokens.extend(kept.iter().map(String::as_str));
            let base = snapshot::Base {
                spec: self.spec,
                metadata,
                manifests: &current,
                loaded: &loaded,
                metadata_prefix: &metadata_prefix,
            };
            changed = Some(snapshot::add(self.ports, &base, &change, &tokens, &mut document, &mut objects).await?);
        }
        chores.expire(&mut document, host);
        if holdings.is_empty() && changed.is_none() && !chores.expired {
            return Ok(self.nothing(metadata, verdicts, &chores));
        }
        let snapshots = u32::from(changed.is_some());
        let changed = changed.or_else(|| self.told_again(metadata, verdicts, &chores));
        let mut outcome = self.committed(verdicts, &chores, changed);
        outcome.effort.snapshots = snapshots;
        self.swap(facts, document, metadata, objects, outcome).await
    }

    async fn swap(
        &mut self,
        facts: &Facts,
        mut document: Document,
        metadata: &TableMetadata,
        objects: Vec<(String, Bytes)>,
        mut outcome: Committed,
    ) -> Result<Step, PortError> {
        let Ports { store, catalog, host } = self.ports;
        let previous = facts.entry.as_ref().map(|entry| entry.metadata_location.as_str());
        document.finish(previous, host.now_ms().max(metadata.last_updated_ms()));
        let made = document.typed()?;
        outcome.landed = self.landed(&made);
        let schema = made.current_schema().clone();
        let version = previous.map_or(0, |uri| metadata_version(uri) + 1);
        let uri = format!(
            "{}{version:05}-{}.metadata.json",
            metadata_prefix(&facts.location),
            host.uuid()
        );
        let mut names: Vec<String> = objects.iter().map(|(uri, _)| uri.clone()).collect();
        names.push(uri.clone());
        let body = document.bytes();
        // The metadata names the others, but nothing names the metadata yet: all can be written at once.
        let all = objects.into_iter().chain([(uri.clone(), body)]);
        let writes = all.map(|(uri, body)| async move { object::put(store, &uri, body).await });
        stream::iter(writes)
            .buffer_unordered(MAX_CONCURRENT_IO)
            .try_collect::<Vec<()>>()
            .await?;
        let mut table = catalog::table(
            self.spec,
            &schema,
            &facts.location,
            uri.clone(),
            previous.map(Into::into),
        );
        // Other engines copy every table property to the catalog, where this one would go stale.
        table.parameters.extend(
            document
                .property(properties::LEDGER)
                .map(|uri| (properties::LEDGER.into(), uri.into())),
        );
        let swapped = match &facts.entry {
            Some(entry) => catalog.swap(entry, &table).await,
            None => catalog.create(&table).await,
        };
        let refused = match swapped {
            Ok(()) => {
                self.effort.snapshots = outcome.effort.snapshots;
                return Ok(Step::Done(outcome.into()));
            }
            Err(error) if error.kind == Kind::Conflict => true,
            Err(error) if error.kind == Kind::Transient => false,
            Err(error) => return Err(error.context(format!("table {}", self.spec.name))),
        };
        self.effort.conflicts += u32::from(refused);
        self.swaps.push(Swap {
            metadata_location: uri,
            objects: names,
            outcome,
            refused,
        });
        Ok(Step::Again)
    }
}

/// `00012-…metadata.json` is version 12.
fn metadata_version(uri: &str) -> u64 {
    let name = uri.rsplit('/').next().unwrap_or_default();
    name.split('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
