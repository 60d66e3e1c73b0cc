//! What is known of a window: mergeable with what others know of it, and finished into values.

use crate::{
    accumulator::{Accumulator, Position, power_of_ten},
    aggregate::Recipe,
    codec::{MAX_VARINT_BYTES, Reader, put},
    error::DecodeError,
    exact::{ExactSum, Total},
    seal,
    spec::Spec,
    value::{InputType, Output, Value},
};

/// How the bytes of a partial result begin.
const MAGIC: &str = "WSPR";
/// Of the bytes of a partial result.
const VERSION: u8 = 2;

/// The accumulators of a window, of some of its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    records: u64,
    accumulators: Box<[Accumulator]>,
}

impl Partial {
    /// Of no record.
    pub fn new(spec: &Spec) -> Self {
        Self {
            records: 0,
            accumulators: spec.plan.slots.iter().map(Accumulator::new).collect(),
        }
    }

    /// Records in it.
    pub fn records(&self) -> u64 {
        self.records
    }

    pub(crate) fn accumulators(&self) -> &[Accumulator] {
        &self.accumulators
    }

    /// The change of [`Self::weight`].
    #[inline]
    pub(crate) fn add(&mut self, spec: &Spec, values: &[Value<'_>], event_ms: i64, position: Position) -> isize {
        self.records = self.records.saturating_add(1);
        let mut grown = 0;
        for (slot, accumulator) in spec.plan.slots.iter().zip(&mut self.accumulators) {
            let value = values[slot.input].normal();
            if value != Value::Null {
                let before = accumulator.weight();
                accumulator.add(slot.take, value, event_ms, position);
                grown += accumulator.weight() as isize - before as isize;
            }
        }
        grown
    }

    /// Adds what another part of the same window knows. Both are of the same spec.
    pub fn merge(&mut self, spec: &Spec, other: &Self) {
        self.records = self.records.saturating_add(other.records);
        let others = self.accumulators.iter_mut().zip(&other.accumulators);
        for (slot, (ours, theirs)) in spec.plan.slots.iter().zip(others) {
            ours.merge(slot.take, theirs);
        }
    }

    /// The finished values, one for each aggregate.
    pub fn outputs(&self, spec: &Spec) -> Vec<Output> {
        spec.plan.recipes.iter().map(|recipe| self.output(recipe)).collect()
    }

    fn output(&self, recipe: &Recipe) -> Output {
        match recipe {
            Recipe::Records => Output::Integer(self.records.into()),
            Recipe::Plain { slot } => self.plain(*slot),
            Recipe::Sum { count, .. } if self.count(*count) == 0 => Output::Null,
            Recipe::Sum { sum, kind, .. } => sum_of(self.sum(*sum), *kind),
            Recipe::Mean { sum, count, decimals } => match self.count(*count) {
                0 => Output::Null,
                count => Output::Float(float(&self.sum(*sum).total()) / power_of_ten(*decimals) / count as f64),
            },
            Recipe::Stddev {
                sum,
                squares,
                count,
                decimals,
            } => match self.count(*count) {
                0 | 1 => Output::Null,
                count => Output::Float(deviation(self.sum(*sum), self.sum(*squares), count) / power_of_ten(*decimals)),
            },
            Recipe::Quantiles {
                slot,
                mapping,
                probabilities,
            } => match &self.accumulators[*slot] {
                Accumulator::Quantiles(quantiles) => match quantiles.quantiles(*mapping, probabilities) {
                    values if values.is_empty() => Output::Null,
                    values => Output::Quantiles(values),
                },
                _ => Output::Null,
            },
            Recipe::Top { slot, values } => match &self.accumulators[*slot] {
                Accumulator::Top(top) => Output::Top(top.values(*values)),
                _ => Output::Null,
            },
        }
    }

    fn plain(&self, slot: usize) -> Output {
        match &self.accumulators[slot] {
            Accumulator::Count(count) => Output::Integer((*count).into()),
            Accumulator::Distinct(distinct) => Output::Integer(distinct.estimate().into()),
            Accumulator::Extreme(Some(value)) => Output::Scalar(value.clone()),
            Accumulator::Edge(Some(edge)) => Output::Scalar(edge.value().clone()),
            _ => Output::Null,
        }
    }

    fn count(&self, slot: usize) -> u64 {
        match &self.accumulators[slot] {
            Accumulator::Count(count) => *count,
            _ => 0,
        }
    }

    fn sum(&self, slot: usize) -> &ExactSum {
        match &self.accumulators[slot] {
            Accumulator::Sum(sum) => sum,
            _ => unreachable!("the plan made this slot a sum"),
        }
    }

    /// No fewer bytes than [`Self::encode_bare`] makes.
    pub(crate) fn weight(&self) -> usize {
        MAX_VARINT_BYTES + self.accumulators.iter().map(Accumulator::weight).sum::<usize>()
    }

    pub(crate) fn encode_bare(&self, out: &mut Vec<u8>) {
        put(out, self.records);
        self.accumulators.iter().for_each(|accumulator| accumulator.encode(out));
    }

    pub(crate) fn decode_bare(spec: &Spec, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let records = input.get()?;
        let slots = spec.plan.slots.iter();
        let accumulators = slots.map(|slot| Accumulator::decode(slot, &spec.inputs, input));
        Ok(Self {
            records,
            accumulators: accumulators.collect::<Result<_, _>>()?,
        })
    }

    /// As a row of a table may hold it: equal partial results give equal bytes.
    pub fn encode(&self, spec: &Spec) -> Vec<u8> {
        let mut out = seal::begin(MAGIC, VERSION, spec.fingerprint());
        self.encode_bare(&mut out);
        seal::close(out)
    }

    /// What [`Self::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are something else, damaged, of another version, or written for other windows, inputs or aggregates.
    pub fn decode(spec: &Spec, bytes: &[u8]) -> Result<Self, DecodeError> {
        let body = seal::open(bytes, "partial result", MAGIC, VERSION, spec.fingerprint())?;
        let mut input = Reader::new(body);
        let partial = Self::decode_bare(spec, &mut input)?;
        input.end()?;
        Ok(partial)
    }
}

fn sum_of(sum: &ExactSum, kind: InputType) -> Output {
    match (sum.total(), kind) {
        (Total::Unbounded(value), _) => Output::Float(value),
        (Total::Finite(total), InputType::Float) => Output::Float(total.float()),
        (Total::Finite(total), InputType::Decimal { .. }) => total.integer().map_or(Output::Overflow, Output::Decimal),
        (Total::Finite(total), _) => total.integer().map_or(Output::Overflow, Output::Integer),
    }
}

fn float(total: &Total) -> f64 {
    match total {
        Total::Unbounded(value) => *value,
        Total::Finite(total) => total.float(),
    }
}

/// `√((n·Σx² - (Σx)²) / (n·(n - 1)))`: what is under the root is exact up to its one rounding, so nothing cancels.
fn deviation(sum: &ExactSum, squares: &ExactSum, count: u64) -> f64 {
    match (sum.total(), squares.total()) {
        (Total::Finite(sum), Total::Finite(squares)) => {
            let spread = squares.times_count(count).less(&sum.times(&sum));
            spread.root_of_quotient(count as f64 * (count - 1) as f64)
        }
        _ => f64::NAN,
    }
}
