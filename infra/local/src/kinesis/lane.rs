//! One of the batches that a shard has under way at a time: records of some keys, in their order.
//!
//! No clock and no call: what happened comes in (records, answers, the time), what is to be done goes out ([`Lane::next`]).

use super::{
    answer::{Answer, Verdict, verdict},
    discard::{Condition, Discarded},
    record::{FRAME_BYTES, Record, Sequence, payload},
    settings::Settings,
};
use std::collections::VecDeque;

/// Largest event of a synchronous invocation (AWS Lambda quotas: "6 MB each for request and response").
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1_024 * 1_024;
/// Until a failed batch is tried again, the first time; then twice as long each time. AWS says "with backoff", not with which.
const FIRST_BACKOFF_MS: i64 = 250;
/// The longest of it.
const MAX_BACKOFF_MS: i64 = 30_000;

/// What a lane wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// The function is to be invoked with this event of so many records; then [`Lane::answered`].
    Invoke(String, usize),
    /// The destination, if there is one, is to be told of these; then [`Lane::discarded`].
    Discard(Discarded),
}

/// Records on their way to the function.
#[derive(Debug, Default)]
pub struct Lane {
    /// Read, and in no batch yet.
    waiting: VecDeque<Record>,
    waiting_bytes: usize,
    /// When the window of the next batch began.
    window_since_ms: Option<i64>,
    /// The parts of the batch, the one that comes first on top.
    batches: Vec<Batch>,
    busy: Busy,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Busy {
    #[default]
    No,
    Invoking,
    /// With so many records of the top batch.
    Discarding(usize),
}

#[derive(Debug)]
struct Batch {
    records: VecDeque<Record>,
    /// Invocations with these records.
    invocations: u32,
    /// Those that count against `MaximumRetryAttempts`.
    failures: u32,
    /// Failures of whatever kind since it was last cut or went on.
    in_a_row: u32,
    not_before_ms: i64,
    exhausted: bool,
    function_error: Option<String>,
}

impl Lane {
    /// Takes up what was read, at this time.
    pub fn push(&mut self, record: Record, now_ms: i64) {
        self.waiting_bytes += record.payload_bytes();
        self.waiting.push_back(record);
        self.window_since_ms.get_or_insert(now_ms);
    }

    /// What is to be done now. Nothing, as long as an invocation or a discard is under way. `closed`: nothing more will be read. `max_age_ms`:
    /// of records that may still be handed on.
    pub fn next(&mut self, settings: &Settings, closed: bool, max_age_ms: i64, now_ms: i64) -> Option<Work> {
        if self.busy != Busy::No {
            return None;
        }
        if self.batches.is_empty() && self.is_due(settings, closed, now_ms) {
            self.gather(settings.batch_size);
        }
        let batch = self.batches.last_mut()?;
        let too_old = |record: &&Record| now_ms - record.arrival_ms > max_age_ms;
        let (condition, count) = if batch.exhausted {
            (Condition::RetryAttemptsExhausted, batch.records.len())
        } else {
            let old = batch.records.iter().take_while(too_old).count();
            (Condition::RecordAgeExceeded, old)
        };
        if let Some(mut discarded) = Discarded::of(condition, batch.records.iter().take(count)) {
            discarded.invocations = batch.invocations;
            discarded.function_error.clone_from(&batch.function_error);
            self.busy = Busy::Discarding(count);
            return Some(Work::Discard(discarded));
        }
        if batch.not_before_ms > now_ms {
            return None;
        }
        self.busy = Busy::Invoking;
        Some(Work::Invoke(payload(batch.records.iter()), batch.records.len()))
    }

    /// When there may be something to do without anything else happening.
    pub fn wake_ms(&self, settings: &Settings) -> Option<i64> {
        match (&self.busy, self.batches.last()) {
            (Busy::No, Some(batch)) => Some(batch.not_before_ms),
            (Busy::No, None) => self.window_since_ms.map(|since| since + settings.window_ms),
            _ => None,
        }
    }

    /// What came of the invocation.
    pub fn answered(&mut self, settings: &Settings, answer: &Answer, now_ms: i64) {
        self.busy = Busy::No;
        // The next window begins as soon as the invocation is over (AWS Lambda, "Batching behavior").
        self.window_since_ms = (!self.waiting.is_empty()).then_some(now_ms);
        let Some(mut batch) = self.batches.pop() else { return };
        batch.invocations += u32::from(!matches!(answer, Answer::Unreached(_)));
        batch.function_error = None;
        let verdict = match answer {
            Answer::Returned(bytes) if settings.reports => verdict(bytes, batch.records.iter()),
            Answer::Returned(_) => Verdict::Done,
            Answer::Failed(error) => {
                batch.function_error = Some(error.clone());
                Verdict::Failed
            }
            Answer::Unreached(_) => {
                batch.wait(now_ms);
                self.batches.push(batch);
                return;
            }
        };
        match verdict {
            Verdict::Done => {}
            Verdict::DoneBefore(place) => {
                batch.records.drain(..place);
                batch.in_a_row = 0;
                // "Bisected at the returned sequence number", and splitting is no attempt.
                if !settings.bisects {
                    batch.count(settings.max_retries);
                }
                batch.wait(now_ms);
                self.batches.push(batch);
            }
            Verdict::Failed if settings.bisects && batch.records.len() > 1 => {
                let (first, second) = batch.halves();
                self.batches.extend([second, first]);
            }
            Verdict::Failed => {
                batch.count(settings.max_retries);
                batch.wait(now_ms);
                self.batches.push(batch);
            }
        }
    }

    /// The destination knows of what was given up.
    pub fn discarded(&mut self, now_ms: i64) {
        let Busy::Discarding(count) = std::mem::take(&mut self.busy) else {
            return;
        };
        if let Some(batch) = self.batches.last_mut() {
            batch.records.drain(..count);
            if batch.records.is_empty() {
                self.batches.pop();
            }
        }
        self.window_since_ms = (!self.waiting.is_empty()).then_some(now_ms);
    }

    /// The first record of which the work is not done.
    pub fn oldest(&self) -> Option<&Sequence> {
        let batched = self.batches.last().and_then(|batch| batch.records.front());
        batched.or(self.waiting.front()).map(|record| &record.sequence)
    }

    /// Bytes of all records.
    pub fn bytes(&self) -> usize {
        let batched = self.batches.iter().flat_map(|batch| &batch.records);
        self.waiting_bytes + batched.map(Record::payload_bytes).sum::<usize>()
    }

    /// No record is left.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.waiting.is_empty()
    }

    fn is_due(&self, settings: &Settings, closed: bool, now_ms: i64) -> bool {
        let Some(since_ms) = self.window_since_ms.filter(|_| !self.waiting.is_empty()) else {
            return false;
        };
        closed
            || self.waiting.len() >= settings.batch_size
            || self.waiting_bytes + FRAME_BYTES >= MAX_PAYLOAD_BYTES
            || now_ms >= since_ms + settings.window_ms
    }

    /// Makes a batch of what waits: at least one record, at most a payload full.
    fn gather(&mut self, batch_size: usize) {
        let (mut bytes, mut count) = (FRAME_BYTES, 0);
        for record in self.waiting.iter().take(batch_size) {
            bytes += record.payload_bytes();
            if count > 0 && bytes > MAX_PAYLOAD_BYTES {
                break;
            }
            count += 1;
        }
        let records: VecDeque<Record> = self.waiting.drain(..count).collect();
        self.waiting_bytes -= records.iter().map(Record::payload_bytes).sum::<usize>();
        self.window_since_ms = None;
        self.batches.push(Batch::new(records));
    }
}

impl Batch {
    fn new(records: VecDeque<Record>) -> Self {
        Self {
            records,
            invocations: 0,
            failures: 0,
            in_a_row: 0,
            not_before_ms: 0,
            exhausted: false,
            function_error: None,
        }
    }

    /// Counts an attempt that failed.
    fn count(&mut self, max_retries: Option<u32>) {
        self.failures += 1;
        self.exhausted = max_retries.is_some_and(|max| self.failures > max);
    }

    fn wait(&mut self, now_ms: i64) {
        let backoff_ms = FIRST_BACKOFF_MS
            .saturating_mul(1 << self.in_a_row.min(16))
            .min(MAX_BACKOFF_MS);
        self.not_before_ms = now_ms + backoff_ms;
        self.in_a_row += 1;
    }

    /// Splitting is no attempt: both have those that are left.
    fn halves(mut self) -> (Self, Self) {
        let second = self.records.split_off(self.records.len().div_ceil(2));
        let second = Self {
            records: second,
            invocations: self.invocations,
            failures: self.failures,
            in_a_row: 0,
            not_before_ms: 0,
            exhausted: false,
            function_error: self.function_error.clone(),
        };
        (self.in_a_row, self.not_before_ms) = (0, 0);
        (self, second)
    }
}
