//! Which requests of a source that is appended to follow on what the table holds. Pure.
//!
//! Of such a source the ledger knows one position: everything up to it is in the table, once. A request tells what it follows on, so
//! whatever comes in whatever order is one of four: the next, known, too early, or not what the sender may send.

use crate::{Outcome, decide::Verdict, ledger::Holding};
use std::collections::BTreeMap;
use watershed_lake::{CommitRequest, SourceOrder};
use watershed_ports::PortError;

/// Verdicts of the append requests at these indexes, of any sources. Those of one source that follow on each other apply
/// together, in whatever order they stand.
pub fn chain(
    requests: &[CommitRequest],
    indexes: impl Iterator<Item = usize>,
    holdings: &BTreeMap<String, Holding>,
) -> BTreeMap<usize, Verdict> {
    let mut sources: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in indexes {
        sources.entry(&requests[index].source).or_default().push(index);
    }
    let mut verdicts = BTreeMap::new();
    for (source, mut indexes) in sources {
        let held = holdings.get(source).map(|held| &held.order);
        let mut end = End { held, last: None };
        // A request follows on one of a smaller order: in their order, whoever can follow does.
        indexes.sort_by_key(|index| (&requests[*index].order, *index));
        for index in indexes {
            verdicts.insert(index, end.verdict(requests, index));
        }
    }
    verdicts
}

/// How far the table holds a source.
struct End<'a> {
    /// By the ledger.
    held: Option<&'a SourceOrder>,
    /// With the requests so far: the last that applies.
    last: Option<usize>,
}

impl End<'_> {
    fn verdict(&mut self, requests: &[CommitRequest], index: usize) -> Verdict {
        let CommitRequest {
            source, order, append, ..
        } = &requests[index];
        let after = append.as_ref().and_then(|append| append.after.as_ref());
        if after.is_some_and(|after| after >= order) {
            let what = format!(
                "source {source}: nothing lies behind {} and up to {order}: `append.after` must be less than `order`",
                place(after)
            );
            return Verdict::Refused(PortError::fault(what));
        }
        if self.held.is_some_and(|held| order <= held) {
            return Verdict::Nothing(Outcome::AlreadyApplied);
        }
        if let Some(last) = self.last.filter(|last| *order <= requests[*last].order) {
            return Verdict::Same(last);
        }
        let end = self.last.map(|last| &requests[last].order).or(self.held);
        if after == end {
            self.last = Some(index);
            return Verdict::Apply;
        }
        Verdict::Refused(if after > end {
            PortError::transient(format!(
                "source {source}: the table holds it up to {}, and this request follows on {}: what lies between has not come \
                 yet. It is delivered again; if the requests between are among the dead letters, send those back first",
                place(end),
                place(after)
            ))
        } else {
            PortError::fault(format!(
                "source {source}: the table holds it up to {}, and this request has what lies from {} to {order}, so some of it \
                 again: requests of one source must follow on each other. Nothing was changed",
                place(end),
                place(after)
            ))
        })
    }
}

/// For people; none is the beginning.
fn place(order: Option<&SourceOrder>) -> &str {
    order.map_or("its beginning", SourceOrder::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::decide;
    use proptest::prelude::*;
    use watershed_ports::Kind;

    fn order(number: u32) -> SourceOrder {
        SourceOrder::kinesis(&number.to_string(), 0).unwrap()
    }

    fn replace(source: &str, number: u32) -> CommitRequest {
        let table = "a.b".parse().unwrap();
        CommitRequest::new(
            table,
            "c".into(),
            source.into(),
            order(number),
            "p".into(),
            Vec::new(),
            None,
        )
    }

    /// From `after`, 0 is the beginning, up to `number`.
    fn append(source: &str, after: u32, number: u32) -> CommitRequest {
        replace(source, number).appending((after > 0).then(|| order(after)))
    }

    fn held(requests: &[CommitRequest]) -> BTreeMap<String, Holding> {
        requests
            .iter()
            .map(|request| (request.source.clone(), Holding::of(request)))
            .collect()
    }

    /// `apply`, `known`, `same N`, or the kind of the error.
    fn verdicts(requests: &[CommitRequest], holdings: &BTreeMap<String, Holding>) -> Vec<String> {
        let all = decide(requests, |_| false, holdings).into_iter();
        all.map(|verdict| match verdict {
            Verdict::Apply => "apply".into(),
            Verdict::Nothing(Outcome::AlreadyApplied) => "known".into(),
            Verdict::Same(index) => format!("same {index}"),
            Verdict::Refused(error) => error.kind.to_string(),
            other => format!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn what_follows_applies_in_whatever_order_it_stands() {
        let none = BTreeMap::new();
        let requests = [
            append("x", 7, 9),
            append("y", 0, 5),
            append("x", 0, 3),
            append("x", 3, 7),
        ];
        assert_eq!(verdicts(&requests, &none), ["apply"; 4]);
        assert_eq!(
            verdicts(&[append("x", 7, 9), append("x", 0, 3), append("x", 9, 12)], &none),
            ["transient", "apply", "transient"]
        );
        assert_eq!(
            verdicts(&[append("x", 3, 7)], &none),
            ["transient"],
            "the first has not come"
        );
    }

    #[test]
    fn what_the_ledger_holds_changes_nothing_and_what_overlaps_it_is_a_fault() {
        let held = held(&[append("x", 3, 7)]);
        for known in [
            append("x", 3, 7),
            append("x", 0, 3),
            append("x", 4, 6),
            append("x", 2, 7),
        ] {
            assert_eq!(verdicts(&[known], &held), ["known"]);
        }
        assert_eq!(
            verdicts(&[append("x", 7, 9), append("x", 8, 9)], &held),
            ["apply", "same 0"]
        );
        for wrong in [
            append("x", 0, 9),
            append("x", 3, 9),
            append("x", 6, 8),
            append("x", 9, 9),
            append("x", 10, 9),
        ] {
            assert_eq!(verdicts(&[wrong], &held), ["fault"]);
        }
        assert_eq!(verdicts(&[append("x", 8, 9)], &held), ["transient"]);
        let cut_twice = [append("x", 7, 12), append("x", 7, 9), append("x", 9, 11)];
        assert_eq!(verdicts(&cut_twice, &held), ["fault", "apply", "apply"]);
        assert_eq!(
            verdicts(&[append("x", 7, 9), append("x", 7, 9)], &held),
            ["apply", "same 0"]
        );
    }

    #[test]
    fn a_source_is_of_one_kind() {
        let (appended, replaced) = (held(&[append("x", 0, 7)]), held(&[replace("x", 7)]));
        for request in [replace("x", 7), replace("x", 8), replace("x", 1)] {
            assert_eq!(verdicts(&[request], &appended), ["fault"]);
        }
        for request in [append("x", 7, 8), append("x", 0, 7)] {
            assert_eq!(verdicts(&[request], &replaced), ["fault"]);
        }
        let both = [replace("x", 7), append("x", 0, 8), append("y", 0, 8), replace("y", 9)];
        assert_eq!(verdicts(&both, &BTreeMap::new()), ["apply", "fault", "apply", "fault"]);
        let without = decide(&both, |index| index == 0, &BTreeMap::new());
        assert_eq!(without[1], Verdict::Apply, "what is out says nothing");
    }

    #[test]
    fn messages_say_what_is_wrong() {
        let message = |request: CommitRequest| {
            let held = held(&[append("kinesis://s/1", 0, 7)]);
            match decide(&[request], |_| false, &held).remove(0) {
                Verdict::Refused(error) => (error.kind, error.message),
                other => panic!("{other:?}"),
            }
        };
        let (kind, text) = message(append("kinesis://s/1", 8, 9));
        assert_eq!(kind, Kind::Transient);
        let up_to = format!("source kinesis://s/1: the table holds it up to {}", order(7));
        assert!(
            text.starts_with(&up_to) && text.contains(&format!("follows on {}", order(8))),
            "{text}"
        );
        let (_, text) = message(append("kinesis://s/1", 0, 9));
        assert!(
            text.contains("from its beginning to") && text.contains("must follow on each other"),
            "{text}"
        );
        let (_, text) = message(append("kinesis://s/1", 9, 9));
        assert!(text.contains("`append.after` must be less than `order`"), "{text}");
        let (_, text) = message(replace("kinesis://s/1", 9));
        assert!(text.contains("is appended to, and this request replaces"), "{text}");
    }

    proptest! {
        /// Whatever is asked in whatever order: what applies is a chain from the ledger's position on, and is as long as it can be.
        #[test]
        fn what_applies_is_one_chain(
            start in 0_u32..4,
            ranges in proptest::collection::vec((0_u32..8, 1_u32..9), 0..12),
        ) {
            let holdings = if start > 0 { held(&[append("x", 0, start)]) } else { BTreeMap::new() };
            let requests: Vec<_> = ranges.iter().map(|(after, order)| append("x", *after, *order)).collect();
            let verdicts = decide(&requests, |_| false, &holdings);
            let applied = ranges.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Verdict::Apply);
            let mut applied: Vec<(u32, u32)> = applied.map(|(range, _)| *range).collect();
            applied.sort_unstable();
            let mut end = start;
            for (after, order) in applied {
                prop_assert_eq!(after, end);
                end = order;
            }
            for ((after, order), verdict) in ranges.iter().zip(&verdicts) {
                let expected = match () {
                    () if after >= order => matches!(verdict, Verdict::Refused(error) if error.kind == Kind::Fault),
                    () if *order <= start => *verdict == Verdict::Nothing(Outcome::AlreadyApplied),
                    () if *after == end => false,
                    () if *after > end => matches!(verdict, Verdict::Refused(error) if error.kind == Kind::Transient),
                    () => matches!(verdict, Verdict::Apply | Verdict::Same(_) | Verdict::Refused(_)),
                };
                prop_assert!(expected, "{after}..{order}: {verdict:?}, from {start} to {end}");
            }
        }
    }
}
