//! Records that wait to be sent, in the order of the file. Pure.

use std::collections::{HashSet, VecDeque};

/// Records of a request (Amazon Kinesis API, "PutRecords").
pub const MAX_REQUEST_RECORDS: usize = 500;
/// Bytes of a request, keys included.
const MAX_REQUEST_BYTES: usize = 5 * 1_024 * 1_024;
/// Bytes of a record with its key.
pub const MAX_RECORD_BYTES: usize = 1_024 * 1_024;
/// Characters of a partition key.
pub const MAX_KEY_CHARS: usize = 256;

/// A record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its partition key.
    pub key: String,
    /// What the stream is given.
    pub data: String,
    /// Its event time: milliseconds since 1970.
    pub time_ms: i64,
}

impl Outgoing {
    /// What it counts.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.data.len()
    }
}

/// What waits.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// A request has no two records of one key: if it fails in part, no later record of a key is in the stream before an earlier one.
    strict: bool,
}

impl Outbox {
    /// Nothing waits yet.
    pub fn new(strict: bool) -> Self {
        Self {
            waiting: VecDeque::new(),
            strict,
        }
    }

    /// Behind the others.
    pub fn push(&mut self, record: Outgoing) {
        self.waiting.push_back(record);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// None waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next request.
    pub fn take(&mut self) -> Vec<Outgoing> {
        let (mut request, mut left) = (Vec::new(), VecDeque::new());
        let (mut bytes, mut keys) = (0, HashSet::new());
        while let Some(record) = self.waiting.pop_front() {
            if request.len() == MAX_REQUEST_RECORDS || bytes + record.bytes() > MAX_REQUEST_BYTES {
                left.push_back(record);
                break;
            }
            if self.strict && !keys.insert(record.key.clone()) {
                left.push_back(record);
                continue;
            }
            bytes += record.bytes();
            request.push(record);
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        request
    }

    /// Those of the last request that failed, in its order: they go first.
    pub fn put_back(&mut self, failed: Vec<Outgoing>) {
        for record in failed.into_iter().rev() {
            self.waiting.push_front(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn record(key: usize, number: usize, bytes: usize) -> Outgoing {
        Outgoing {
            key: key.to_string(),
            data: format!("{}{number}", " ".repeat(bytes)),
            time_ms: 0,
        }
    }

    #[test]
    fn requests_keep_the_bounds() {
        let mut outbox = Outbox::new(false);
        for n in 0..1_200 {
            outbox.push(record(n, n, 0));
        }
        let sizes: Vec<usize> = (0..4).map(|_| outbox.take().len()).collect();
        assert_eq!(sizes, [500, 500, 200, 0]);
        for n in 0..7 {
            outbox.push(record(n, n, 999_000));
        }
        let sizes: Vec<usize> = (0..3).map(|_| outbox.take().len()).collect();
        assert_eq!(sizes, [5, 2, 0]);
    }

    proptest! {
        /// Whatever fails, all are sent, and with `strict` those of a key in their order.
        #[test]
        fn all_are_sent_in_order(
            keys in proptest::collection::vec(0_usize..5, 0..60),
            fails in proptest::collection::vec(any::<bool>(), 0..200),
            strict in any::<bool>(),
        ) {
            let mut outbox = Outbox::new(strict);
            for (number, key) in keys.iter().enumerate() {
                outbox.push(record(*key, number, 0));
            }
            let (mut sent, mut fails) = (Vec::new(), fails.into_iter());
            while !outbox.is_empty() {
                let request = outbox.take();
                prop_assert!(!request.is_empty());
                let (failed, passed): (Vec<_>, Vec<_>) = request.into_iter().partition(|_| fails.next().unwrap_or(false));
                sent.extend(passed);
                outbox.put_back(failed);
            }
            prop_assert_eq!(sent.len(), keys.len());
            let mut last: HashMap<String, usize> = HashMap::new();
            for record in sent {
                let number: usize = record.data.trim().parse().unwrap();
                let before = last.insert(record.key, number);
                prop_assert!(!strict || before.is_none_or(|before| before < number));
            }
        }
    }
}
