//! The state of one aggregate, in one slice of one key.

use crate::{
    aggregate::{Slot, Take},
    codec::{MAX_VARINT_BYTES, MAX_WIDE_BYTES, Reader, put, put_bytes, put_signed, put_signed_wide, put_wide},
    distinct::Distinct,
    error::DecodeError,
    exact::ExactSum,
    quantile::Quantiles,
    top::Top,
    value::{InputType, MAX_TEXT_BYTES, Scalar, Value},
};
use std::cmp::Ordering;

/// Where a record stands in its stream. Kinesis numbers records within a shard, and the numbers of a later shard are higher;
/// records that a producer put together in one have a number of their own below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The sequence number: its digits before the last 38. Those of Kinesis have 56 in all, which 128 bits do not hold.
    pub high: u128,
    /// The sequence number: its last 38 digits.
    pub sequence: u128,
    /// The number within an aggregated record, else 0.
    pub sub: u64,
}

/// State of one aggregate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Accumulator {
    Count(u64),
    Sum(ExactSum),
    Extreme(Option<Scalar>),
    Edge(Option<Box<Edge>>),
    Distinct(Box<Distinct>),
    Quantiles(Box<Quantiles>),
    Top(Box<Top>),
}

/// A first or last value, and where it stood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edge {
    event_ms: i64,
    position: Position,
    value: Scalar,
}

impl Accumulator {
    pub(crate) fn new(slot: &Slot) -> Self {
        match slot.take {
            Take::Count => Self::Count(0),
            Take::Sum | Take::Squares => Self::Sum(ExactSum::default()),
            Take::Min | Take::Max => Self::Extreme(None),
            Take::First | Take::Last => Self::Edge(None),
            Take::Distinct { precision } => Self::Distinct(Box::new(Distinct::new(precision))),
            Take::Quantiles { .. } => Self::Quantiles(Box::default()),
            Take::Top { .. } => Self::Top(Box::default()),
        }
    }

    /// Something that is read of it, and no more.
    #[inline]
    pub(crate) fn kind(&self) -> u64 {
        u64::from(matches!(self, Self::Count(_)))
    }

    /// Of a value that is none of null, NaN and negative zero.
    #[inline]
    pub(crate) fn add(&mut self, take: Take, value: Value<'_>, event_ms: i64, position: Position) {
        match self {
            Self::Count(count) => *count = count.saturating_add(1),
            Self::Sum(sum) => match (take, value) {
                (Take::Squares, Value::Int(value)) => sum.add_integer_square(value.into()),
                (Take::Squares, Value::Decimal(value)) => sum.add_integer_square(value),
                (Take::Squares, Value::Float(value)) => sum.add_float_square(value),
                (_, Value::Int(value)) => sum.add_integer(value.into()),
                (_, Value::Decimal(value)) => sum.add_integer(value),
                (_, Value::Float(value)) => sum.add_float(value),
                // The plan takes sums of numbers only.
                _ => {}
            },
            Self::Extreme(held) => {
                let wanted = extreme(take);
                if held.as_ref().is_none_or(|held| held.order(value) == wanted) {
                    *held = value.scalar();
                }
            }
            Self::Edge(held) => {
                let better = |held: &Edge| edge_order(held, event_ms, position, value) == extreme(take);
                if held.as_deref().is_none_or(better) {
                    *held = value.scalar().map(|value| {
                        Box::new(Edge {
                            event_ms,
                            position,
                            value,
                        })
                    });
                }
            }
            Self::Distinct(distinct) => distinct.add(value),
            Self::Quantiles(quantiles) => {
                if let Take::Quantiles { mapping, decimals } = take {
                    quantiles.add(mapping, float(value, decimals));
                }
            }
            Self::Top(top) => {
                if let Take::Top { capacity } = take {
                    add_top(top, capacity, value);
                }
            }
        }
    }

    /// Of the same slot.
    #[inline]
    pub(crate) fn merge(&mut self, take: Take, other: &Self) {
        match (self, other) {
            (Self::Count(ours), Self::Count(theirs)) => *ours = ours.saturating_add(*theirs),
            (Self::Sum(ours), Self::Sum(theirs)) => ours.merge(theirs),
            (Self::Extreme(ours), Self::Extreme(Some(theirs))) => {
                let wanted = extreme(take);
                if ours.as_ref().is_none_or(|ours| ours.order(theirs.value()) == wanted) {
                    *ours = Some(theirs.clone());
                }
            }
            (Self::Edge(ours), Self::Edge(Some(theirs))) => {
                let (event_ms, position, value) = (theirs.event_ms, theirs.position, theirs.value.value());
                let better = |ours: &Edge| edge_order(ours, event_ms, position, value) == extreme(take);
                if ours.as_deref().is_none_or(better) {
                    *ours = Some(theirs.clone());
                }
            }
            (Self::Distinct(ours), Self::Distinct(theirs)) => ours.merge(theirs),
            (Self::Quantiles(ours), Self::Quantiles(theirs)) => ours.merge(theirs),
            (Self::Top(ours), Self::Top(theirs)) => ours.merge(theirs),
            // Nothing on the other side; accumulators of one slot are of one kind.
            _ => {}
        }
    }

    /// No fewer bytes than [`Self::encode`] makes, and a function of the state alone.
    #[inline]
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Count(_) => MAX_VARINT_BYTES,
            Self::Sum(sum) => sum.weight(),
            Self::Extreme(value) => 1 + value.as_ref().map_or(0, scalar_weight),
            Self::Edge(None) => 1,
            Self::Edge(Some(edge)) => 1 + 2 * MAX_VARINT_BYTES + 2 * MAX_WIDE_BYTES + scalar_weight(&edge.value),
            Self::Distinct(distinct) => distinct.weight(),
            Self::Quantiles(quantiles) => quantiles.weight(),
            Self::Top(top) => top.weight(),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Count(count) => put(out, *count),
            Self::Sum(sum) => sum.encode(out),
            Self::Extreme(None) | Self::Edge(None) => out.push(0),
            Self::Extreme(Some(value)) => {
                out.push(1);
                encode_scalar(value, out);
            }
            Self::Edge(Some(edge)) => {
                out.push(1);
                put_signed(out, edge.event_ms);
                put_wide(out, edge.position.high);
                put_wide(out, edge.position.sequence);
                put(out, edge.position.sub);
                encode_scalar(&edge.value, out);
            }
            Self::Distinct(distinct) => distinct.encode(out),
            Self::Quantiles(quantiles) => quantiles.encode(out),
            Self::Top(top) => top.encode(out),
        }
    }

    pub(crate) fn decode(slot: &Slot, inputs: &[InputType], input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = inputs[slot.input];
        Ok(match slot.take {
            Take::Count => Self::Count(input.get()?),
            Take::Sum | Take::Squares => Self::Sum(ExactSum::decode(input)?),
            Take::Min | Take::Max => Self::Extreme(if input.flag()? {
                Some(decode_scalar(kind, input)?)
            } else {
                None
            }),
            Take::First | Take::Last => Self::Edge(if input.flag()? {
                Some(Box::new(Edge {
                    event_ms: input.get_signed()?,
                    position: Position {
                        high: input.get_wide()?,
                        sequence: input.get_wide()?,
                        sub: input.get()?,
                    },
                    value: decode_scalar(kind, input)?,
                }))
            } else {
                None
            }),
            Take::Distinct { precision } => Self::Distinct(Box::new(Distinct::decode(precision, input)?)),
            Take::Quantiles { .. } => Self::Quantiles(Box::new(Quantiles::decode(input)?)),
            Take::Top { .. } => Self::Top(Box::new(Top::decode(input)?)),
        })
    }
}

impl Edge {
    pub(crate) fn value(&self) -> &Scalar {
        &self.value
    }
}

/// How what is held must compare with what comes, for that to take its place.
#[inline]
fn extreme(take: Take) -> Ordering {
    match take {
        Take::Min | Take::First => Ordering::Greater,
        _ => Ordering::Less,
    }
}

/// By event time, then place; where shards have given two records the same of both, by value.
#[inline]
fn edge_order(held: &Edge, event_ms: i64, position: Position, value: Value<'_>) -> Ordering {
    (held.event_ms, held.position)
        .cmp(&(event_ms, position))
        .then_with(|| held.value.order(value))
}

fn float(value: Value<'_>, decimals: u8) -> f64 {
    match value {
        Value::Int(value) => value as f64,
        Value::Decimal(value) => value as f64 / power_of_ten(decimals),
        Value::Float(value) => value,
        // The plan takes quantiles of numbers only.
        _ => 0.0,
    }
}

/// By multiplication, which is the same everywhere.
pub(crate) fn power_of_ten(exponent: u8) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 10.0)
}

fn add_top(top: &mut Top, capacity: usize, value: Value<'_>) {
    match value {
        Value::Null => {}
        Value::Text(text) => top.add(capacity, text),
        Value::Int(value) | Value::Timestamp(value) => top.add(capacity, value.to_string().as_bytes()),
        Value::Decimal(value) => top.add(capacity, value.to_string().as_bytes()),
        Value::Float(value) => top.add(capacity, value.to_string().as_bytes()),
        Value::Bool(value) => top.add(capacity, value.to_string().as_bytes()),
    }
}

fn scalar_weight(value: &Scalar) -> usize {
    match value {
        Scalar::Text(text) => 2 + text.len(),
        Scalar::Int(_) | Scalar::Timestamp(_) => MAX_VARINT_BYTES,
        Scalar::Decimal(_) => MAX_WIDE_BYTES,
        Scalar::Float(_) => 8,
        Scalar::Bool(_) => 1,
    }
}

fn encode_scalar(value: &Scalar, out: &mut Vec<u8>) {
    match value {
        Scalar::Int(value) | Scalar::Timestamp(value) => put_signed(out, *value),
        Scalar::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
        Scalar::Decimal(value) => put_signed_wide(out, *value),
        Scalar::Text(value) => put_bytes(out, value),
        Scalar::Bool(value) => out.push(u8::from(*value)),
    }
}

fn decode_scalar(kind: InputType, input: &mut Reader<'_>) -> Result<Scalar, DecodeError> {
    Ok(match kind {
        InputType::Int => Scalar::Int(input.get_signed()?),
        InputType::Timestamp => Scalar::Timestamp(input.get_signed()?),
        InputType::Decimal { .. } => Scalar::Decimal(input.get_signed_wide()?),
        InputType::Bool => Scalar::Bool(input.flag()?),
        InputType::Float => Scalar::Float(f64::from_le_bytes(input.fixed()?)),
        InputType::Text => Scalar::Text(input.get_bytes(MAX_TEXT_BYTES)?.into()),
    })
}
