//! Which request of each source counts. Pure.

use crate::{Outcome, append, ledger::Holding};
use std::collections::BTreeMap;
use watershed_lake::CommitRequest;
use watershed_ports::{Kind, PortError};

/// What shall come of each request, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is to be done.
    Nothing(Outcome),
    /// The table shall hold its files.
    Apply,
    /// The same request as the one at that index.
    Same(usize),
    /// Not as things stand: it waits for another (transient), or may not be sent (fault).
    Refused(PortError),
    /// It was found faulty before; as if it were not there.
    Out,
}

impl Verdict {
    /// Whether it waits for another request.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Refused(error) if error.kind == Kind::Transient)
    }
}

/// Appends follow on each other ([`append::chain`]). Of what replaces, the newest counts ([`newest`]). A source is of one kind: the one
/// that the ledger knows, or else that of its first request.
pub fn decide(
    requests: &[CommitRequest],
    is_out: impl Fn(usize) -> bool,
    holdings: &BTreeMap<String, Holding>,
) -> Vec<Verdict> {
    let mut appended: BTreeMap<&str, bool> = holdings
        .iter()
        .map(|(source, held)| (source.as_str(), held.is_appended()))
        .collect();
    let (mut appends, mut replaces, mut verdicts) = (Vec::new(), Vec::new(), vec![Verdict::Out; requests.len()]);
    for (index, request) in requests.iter().enumerate().filter(|(index, _)| !is_out(*index)) {
        let is_append = request.append.is_some();
        if *appended.entry(&request.source).or_insert(is_append) != is_append {
            verdicts[index] = Verdict::Refused(mixed(request));
        } else if is_append {
            appends.push(index);
        } else {
            replaces.push(index);
        }
    }
    for (index, verdict) in append::chain(requests, appends.into_iter(), holdings) {
        verdicts[index] = verdict;
    }
    for (index, verdict) in newest(requests, &replaces, holdings) {
        verdicts[index] = verdict;
    }
    verdicts
}

fn mixed(request: &CommitRequest) -> PortError {
    let (is, does) = match request.append {
        Some(_) => ("is replaced as a whole", "appends"),
        None => ("is appended to", "replaces"),
    };
    let CommitRequest { source, table, .. } = request;
    PortError::fault(format!(
        "source {source} of table {table} {is}, and this request {does}: a source is of one kind; give what is of the other a \
         name of its own"
    ))
}

/// Per source the newest order wins, among the requests at these indexes and against the ledger. Of equal orders with different tokens
/// the one that comes later wins: the same version was made anew (the contract's text changed but not its version).
fn newest(
    requests: &[CommitRequest],
    indexes: &[usize],
    holdings: &BTreeMap<String, Holding>,
) -> Vec<(usize, Verdict)> {
    let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
    for &index in indexes {
        let request = &requests[index];
        let best = newest.entry(&request.source).or_insert(index);
        let current = &requests[*best];
        // A repetition does not count as later: else the two of A, B, A would take turns.
        if request.order > current.order || (request.order == current.order && request.token != current.token) {
            *best = index;
        }
    }
    let verdict = |index: usize| {
        let request = &requests[index];
        let held = holdings.get(&request.source);
        if held.is_some_and(|held| held.order == request.order && held.token == request.token) {
            return Verdict::Nothing(Outcome::AlreadyApplied);
        }
        let best = newest[request.source.as_str()];
        if best != index && requests[best].token == request.token {
            return Verdict::Same(best);
        }
        let is_older = held.is_some_and(|held| held.order > request.order);
        if best != index || is_older {
            Verdict::Nothing(Outcome::Superseded)
        } else {
            Verdict::Apply
        }
    };
    indexes.iter().map(|&index| (index, verdict(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        Verdict::{Apply, Nothing, Out, Same},
        *,
    };
    use watershed_lake::SourceOrder;

    fn request(source: &str, sequencer: &str, prefix: &str) -> CommitRequest {
        CommitRequest::new(
            "a.b".parse().unwrap(),
            "c".into(),
            source.into(),
            SourceOrder::s3(sequencer, (1, 0, 0)),
            prefix.into(),
            Vec::new(),
            None,
        )
    }

    fn holding(request: &CommitRequest) -> BTreeMap<String, Holding> {
        BTreeMap::from([(request.source.clone(), Holding::of(request))])
    }

    #[test]
    fn the_newest_of_a_source_wins() {
        let requests = [
            request("x", "02", "p2"),
            request("x", "01", "p1"),
            request("y", "01", "q"),
            request("x", "02", "p2"),
        ];
        let verdicts = decide(&requests, |_| false, &BTreeMap::new());
        assert_eq!(verdicts, [Apply, Nothing(Outcome::Superseded), Apply, Same(0)]);
        let without_newest = decide(&requests, |index| index == 0 || index == 3, &BTreeMap::new());
        assert_eq!(without_newest, [Out, Apply, Apply, Out]);
    }

    #[test]
    fn the_ledger_knows_what_was_applied() {
        let (old, new) = (request("x", "01", "p1"), request("x", "02", "p2"));
        let again = request("x", "02", "p3");
        let verdict =
            |request: &CommitRequest| decide(std::slice::from_ref(request), |_| false, &holding(&new)).remove(0);
        assert_eq!(verdict(&old), Verdict::Nothing(Outcome::Superseded));
        assert_eq!(verdict(&new), Verdict::Nothing(Outcome::AlreadyApplied));
        assert_eq!(verdict(&again), Verdict::Apply, "the same version made anew replaces");
        assert_eq!(verdict(&request("x", "03", "p4")), Verdict::Apply);
    }
}
