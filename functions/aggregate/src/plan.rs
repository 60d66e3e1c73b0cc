//! What is to be done when a table has changed: which parts of the aggregated table are to be made anew.

use crate::{
    Aggregate, Ports, Target,
    changed::parts_of,
    epoch::Moment,
    message::Unit,
    part::{Parts, WHOLE},
};
use async_trait::async_trait;
use std::collections::BTreeSet;
use watershed_contract::{Dataset, aggregate::Input};
use watershed_follow::{Follower, Planned, Unit as _, held, plan, states};
use watershed_lake::{TableName, TableSpec, layout::aggregate_source};
use watershed_ops::now_ms;
use watershed_ports::PortError;
use watershed_table::current::{Current, LiveFile};

/// Who looks at the inputs of an aggregate.
pub(crate) struct Planner<'p> {
    pub(crate) aggregate: &'p Aggregate,
    pub(crate) ports: &'p Ports,
    pub(crate) target: Target<'p>,
}

impl Planner<'_> {
    /// Looks at the inputs, and asks for every part that is to be made anew.
    pub async fn plan(&self) -> Result<Planned, PortError> {
        let uri = self.aggregate.lake.aggregation(self.table());
        plan(self, (&*self.ports.store, &*self.ports.own), &uri, now_ms()).await
    }

    fn spec(&self, input: &Input) -> &TableSpec {
        self.aggregate.spec(&input.table)
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let Target { dataset, aggregation } = self.target;
        aggregation.partition.map(|field| Parts::of(&dataset.table, field))
    }

    /// The parts that what came to an input or went can have changed. A fault: that is not known.
    async fn changed(&self, input: &Input, since: &Moment, now: &Moment) -> Result<BTreeSet<String>, PortError> {
        let name = &input.table;
        let (before, metadata) = (since.inputs.get(name), now.inputs.get(name));
        if before == metadata {
            return Ok(BTreeSet::new());
        }
        let (Some(before), Some(metadata)) = (before, metadata) else {
            return Err(PortError::fault(format!("{name} was no input before")));
        };
        let store = &*self.ports.store;
        let (before, state) = (Current::at(store, before).await?, Current::at(store, metadata).await?);
        let difference = state.since(&before, store).await?;
        let files = [difference.added, difference.removed].concat();
        if files.is_empty() {
            return Ok(BTreeSet::new());
        }
        match (self.parts(), input.column) {
            (None, _) => Ok(BTreeSet::from([WHOLE.to_string()])),
            (Some(_), None) => Err(PortError::fault(format!(
                "{name} is another, and each of its rows can be of every part"
            ))),
            (Some(parts), Some(column)) => self.named(&parts, (input, column), &files).await,
        }
    }

    /// The names of the parts of the rows in these files of an input.
    async fn named(
        &self,
        parts: &Parts<'_>,
        (input, column): (&Input, usize),
        files: &[LiveFile],
    ) -> Result<BTreeSet<String>, PortError> {
        let found = parts_of(&*self.ports.store, parts, (self.spec(input), column), files).await?;
        Ok(found.iter().map(|value| parts.name(value)).collect())
    }
}

#[async_trait]
impl Follower for Planner<'_> {
    type Moment = Moment;

    fn dataset(&self) -> &Dataset {
        self.target.dataset
    }

    fn table(&self) -> &TableName {
        &self.target.dataset.table.name
    }

    fn ask(&self, source: &str, epoch: u64) -> String {
        let unit = Unit {
            aggregate: self.table().clone(),
            part: source.into(),
            epoch,
        };
        unit.body()
    }

    async fn moment(&self) -> Result<Result<Moment, TableName>, PortError> {
        let Target { dataset, aggregation } = self.target;
        let tables = aggregation.inputs.iter().map(|input| &input.table).collect();
        let inputs = match states(&*self.ports.catalog, tables).await? {
            Ok(inputs) => inputs,
            Err(missing) => return Ok(Err(missing)),
        };
        Ok(Ok(Moment {
            contract: dataset.digest.clone(),
            contract_version: dataset.version,
            inputs,
        }))
    }

    async fn differing(&self, since: &Moment, now: &Moment) -> Vec<Result<BTreeSet<String>, PortError>> {
        let mut found = Vec::new();
        if since.contract != now.contract {
            found.push(Err(PortError::fault("the contract or its query is another")));
        }
        for input in &self.target.aggregation.inputs {
            found.push(self.changed(input, since, now).await);
        }
        found
    }

    /// All parts that mapped inputs have rows of, and those that the table has still.
    async fn everything(&self, moment: &Moment) -> Result<BTreeSet<String>, PortError> {
        let (store, table) = (&*self.ports.store, &self.target.dataset.table);
        // By whichever contract they were made.
        let ours = (&table.name, &*self.aggregate.lake.table(table));
        let mut found = held(store, &*self.ports.catalog, ours, &aggregate_source(&table.name, "")).await?;
        let Some(parts) = self.parts() else {
            found.insert(WHOLE.into());
            return Ok(found);
        };
        for input in &self.target.aggregation.inputs {
            let (Some(column), Some(metadata)) = (input.column, moment.inputs.get(&input.table)) else {
                continue;
            };
            let files = Current::at(store, metadata).await?.files(store).await?;
            found.extend(self.named(&parts, (input, column), &files).await?);
        }
        Ok(found)
    }
}
