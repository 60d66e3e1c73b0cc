//! How rows lie in the scratch file: column after column, integers as the distance from their smallest in the fewest of
//! 0, 1, 2, 4, 8 or 16 bytes, strings as lengths and bytes. Never leaves the process, so it carries no version.

use crate::error::SinkError;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, PrimitiveArray, RecordBatch,
    StringArray, StructArray, cast::AsArray, types,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, SchemaRef};
use std::sync::Arc;

/// Appends the rows of a batch.
pub fn encode(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), SinkError> {
    out.extend_from_slice(&(batch.num_rows() as u32).to_le_bytes());
    batch.columns().iter().try_for_each(|column| encode_column(column, out))
}

/// The rows that [`encode`] wrote; `bytes` holds nothing else.
pub fn decode(mut bytes: &[u8], schema: &SchemaRef) -> Result<RecordBatch, SinkError> {
    let input = &mut bytes;
    let rows = u32::from_le_bytes(take_array(input)?) as usize;
    let columns: Result<Vec<_>, _> = schema
        .fields()
        .iter()
        .map(|field| decode_column(field.data_type(), rows, input))
        .collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns?)?)
}

fn encode_column(array: &ArrayRef, out: &mut Vec<u8>) -> Result<(), SinkError> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    out.push(u8::from(nulls.is_some()));
    if let Some(nulls) = nulls {
        encode_bits(nulls.inner(), out);
    }
    match array.data_type() {
        DataType::Boolean => encode_bits(array.as_boolean().values(), out),
        DataType::Int32 => encode_primitive::<types::Int32Type>(array, out),
        DataType::Date32 => encode_primitive::<types::Date32Type>(array, out),
        DataType::Int64 => encode_primitive::<types::Int64Type>(array, out),
        DataType::Time64(_) => encode_primitive::<types::Time64MicrosecondType>(array, out),
        DataType::Timestamp(_, _) => encode_primitive::<types::TimestampMicrosecondType>(array, out),
        DataType::Decimal128(_, _) => encode_primitive::<types::Decimal128Type>(array, out),
        DataType::Float32 => out.extend_from_slice(values_bytes::<types::Float32Type>(array)),
        DataType::Float64 => out.extend_from_slice(values_bytes::<types::Float64Type>(array)),
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            encode_strings(array.offsets(), array.values(), out);
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            encode_strings(array.offsets(), array.values(), out);
        }
        DataType::Struct(_) => {
            let fields = array.as_struct().columns();
            fields.iter().try_for_each(|field| encode_column(field, out))?;
        }
        DataType::List(_) => encode_list(array.as_list::<i32>(), out)?,
        other => return Err(SinkError::Internal(format!("a column of type {other} in a table"))),
    }
    Ok(())
}

fn decode_column(kind: &DataType, rows: usize, input: &mut &[u8]) -> Result<ArrayRef, SinkError> {
    let nulls = match take(input, 1)?[0] {
        0 => None,
        _ => Some(NullBuffer::new(decode_bits(rows, input)?)),
    };
    Ok(match kind {
        DataType::Boolean => Arc::new(BooleanArray::new(decode_bits(rows, input)?, nulls)),
        DataType::Int32 => decode_primitive::<types::Int32Type>(kind, rows, nulls, input)?,
        DataType::Date32 => decode_primitive::<types::Date32Type>(kind, rows, nulls, input)?,
        DataType::Int64 => decode_primitive::<types::Int64Type>(kind, rows, nulls, input)?,
        DataType::Time64(_) => decode_primitive::<types::Time64MicrosecondType>(kind, rows, nulls, input)?,
        DataType::Timestamp(_, _) => decode_primitive::<types::TimestampMicrosecondType>(kind, rows, nulls, input)?,
        DataType::Decimal128(_, _) => decode_primitive::<types::Decimal128Type>(kind, rows, nulls, input)?,
        DataType::Float32 => decode_floats::<types::Float32Type>(rows, nulls, input)?,
        DataType::Float64 => decode_floats::<types::Float64Type>(rows, nulls, input)?,
        DataType::Utf8 => {
            let (offsets, bytes) = decode_strings(rows, input)?;
            Arc::new(StringArray::try_new(offsets, bytes, nulls)?)
        }
        DataType::Binary => {
            let (offsets, bytes) = decode_strings(rows, input)?;
            Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?)
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|field| decode_column(field.data_type(), rows, input));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, rows)?)
        }
        DataType::List(element) => {
            let offsets = decode_offsets(rows, input)?;
            let values = decode_column(element.data_type(), offsets[rows] as usize, input)?;
            Arc::new(ListArray::try_new(Arc::clone(element), offsets, values, nulls)?)
        }
        other => return Err(SinkError::Internal(format!("a column of type {other} in a table"))),
    })
}

/// An integer that is written as its distance from the smallest of its column.
trait Narrow: Copy + Ord + Default {
    fn wide(self) -> i128;
    /// `self - min` where `self >= min`, modulo 2^64 for 64 bits and less.
    fn above(self, min: Self) -> u64;
    fn above_wide(self, min: Self) -> u128;
    fn plus(self, distance: u64) -> Self;
    fn plus_wide(self, distance: u128) -> Self;
}

macro_rules! narrow {
    ($type:ty) => {
        impl Narrow for $type {
            fn wide(self) -> i128 {
                i128::from(self)
            }
            fn above(self, min: Self) -> u64 {
                self.wrapping_sub(min) as u64
            }
            fn above_wide(self, min: Self) -> u128 {
                self.wrapping_sub(min) as u128
            }
            fn plus(self, distance: u64) -> Self {
                self.wrapping_add(distance as $type)
            }
            fn plus_wide(self, distance: u128) -> Self {
                self.wrapping_add(distance as $type)
            }
        }
    };
}
narrow!(i32);
narrow!(i64);
narrow!(i128);

fn encode_primitive<T: ArrowPrimitiveType>(array: &ArrayRef, out: &mut Vec<u8>)
where
    T::Native: Narrow,
{
    let array = array.as_primitive::<T>();
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => encode_integers(array.values(), out),
        Some(nulls) => {
            // What lies under a null is anyone's: the smallest instead, which costs no width.
            let min = array.iter().flatten().min().unwrap_or_default();
            let known = |(value, valid): (&T::Native, bool)| if valid { *value } else { min };
            let values: Vec<T::Native> = array.values().iter().zip(nulls.iter()).map(known).collect();
            encode_integers(&values, out);
        }
    }
}

fn encode_integers<T: Narrow>(values: &[T], out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or_default();
    let (min, max) = values
        .iter()
        .fold((first, first), |(min, max), v| (min.min(*v), max.max(*v)));
    let range = max.wide().wrapping_sub(min.wide()).cast_unsigned();
    let width = match range {
        0 => 0_u8,
        0x1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        0x1_0000_0000..=0xffff_ffff_ffff_ffff => 8,
        _ => 16,
    };
    out.extend_from_slice(&min.wide().to_le_bytes());
    out.push(width);
    let start = out.len();
    out.resize(start + values.len() * usize::from(width), 0);
    let to = &mut out[start..];
    match width {
        0 => {}
        1 => to.iter_mut().zip(values).for_each(|(to, v)| *to = v.above(min) as u8),
        2 => put(to, values, |v| (v.above(min) as u16).to_le_bytes()),
        4 => put(to, values, |v| (v.above(min) as u32).to_le_bytes()),
        8 => put(to, values, |v| v.above(min).to_le_bytes()),
        _ => put(to, values, |v| v.above_wide(min).to_le_bytes()),
    }
}

fn put<T: Copy, const N: usize>(to: &mut [u8], values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let (slots, _) = to.as_chunks_mut::<N>();
    slots.iter_mut().zip(values).for_each(|(slot, v)| *slot = bytes(*v));
}

fn decode_integers<T: Narrow>(
    rows: usize,
    from_wide: impl Fn(i128) -> T,
    input: &mut &[u8],
) -> Result<Vec<T>, SinkError> {
    let min = from_wide(i128::from_le_bytes(take_array(input)?));
    let width = take(input, 1)?[0];
    let bytes = take(input, rows * usize::from(width))?;
    Ok(match width {
        0 => vec![min; rows],
        1 => bytes.iter().map(|b| min.plus(u64::from(*b))).collect(),
        2 => get(bytes, |b| min.plus(u64::from(u16::from_le_bytes(b)))),
        4 => get(bytes, |b| min.plus(u64::from(u32::from_le_bytes(b)))),
        8 => get(bytes, |b| min.plus(u64::from_le_bytes(b))),
        _ => get(bytes, |b| min.plus_wide(u128::from_le_bytes(b))),
    })
}

fn get<T, const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|b| value(*b)).collect()
}

/// Makes a native value of the wide one that was written.
trait FromWide {
    fn from_wide(wide: i128) -> Self;
}
impl FromWide for i32 {
    fn from_wide(wide: i128) -> Self {
        wide as i32
    }
}
impl FromWide for i64 {
    fn from_wide(wide: i128) -> Self {
        wide as i64
    }
}
impl FromWide for i128 {
    fn from_wide(wide: i128) -> Self {
        wide
    }
}

fn decode_primitive<T: ArrowPrimitiveType>(
    kind: &DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
    input: &mut &[u8],
) -> Result<ArrayRef, SinkError>
where
    T::Native: Narrow + FromWide,
{
    let values = decode_integers(rows, T::Native::from_wide, input)?;
    Ok(Arc::new(
        PrimitiveArray::<T>::try_new(values.into(), nulls)?.with_data_type(kind.clone()),
    ))
}

/// The values' own bytes, in the machine's order: the scratch file never leaves it.
fn values_bytes<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[u8] {
    let values = array.as_primitive::<T>().values();
    values.inner().as_slice()
}

fn decode_floats<T: ArrowPrimitiveType>(
    rows: usize,
    nulls: Option<NullBuffer>,
    input: &mut &[u8],
) -> Result<ArrayRef, SinkError> {
    // `Buffer::from` of a slice copies into aligned memory.
    let buffer = Buffer::from(take(input, rows * size_of::<T::Native>())?);
    Ok(Arc::new(PrimitiveArray::<T>::try_new(buffer.into(), nulls)?))
}

fn encode_lengths(offsets: &OffsetBuffer<i32>, out: &mut Vec<u8>) {
    let lengths: Vec<i32> = offsets.lengths().map(|length| length as i32).collect();
    encode_integers(&lengths, out);
}

fn decode_offsets(rows: usize, input: &mut &[u8]) -> Result<OffsetBuffer<i32>, SinkError> {
    let lengths = decode_integers(rows, i32::from_wide, input)?;
    let lengths = lengths.into_iter().map(|length| length as usize);
    Ok(OffsetBuffer::<i32>::from_lengths(lengths))
}

/// The lists' lengths, and their elements as a column.
fn encode_list(list: &ListArray, out: &mut Vec<u8>) -> Result<(), SinkError> {
    let offsets = list.offsets();
    encode_lengths(offsets, out);
    let (start, end) = (offsets[0] as usize, offsets[list.len()] as usize);
    encode_column(&list.values().slice(start, end - start), out)
}

fn encode_strings(offsets: &OffsetBuffer<i32>, values: &Buffer, out: &mut Vec<u8>) {
    encode_lengths(offsets, out);
    let (start, end) = (offsets[0] as usize, offsets[offsets.len() - 1] as usize);
    out.extend_from_slice(&values[start..end]);
}

fn decode_strings(rows: usize, input: &mut &[u8]) -> Result<(OffsetBuffer<i32>, Buffer), SinkError> {
    let offsets = decode_offsets(rows, input)?;
    let bytes = take(input, offsets[rows] as usize)?;
    Ok((offsets, Buffer::from(bytes)))
}

fn encode_bits(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    out.extend_from_slice(&bits.sliced()[..bits.len().div_ceil(8)]);
}

fn decode_bits(rows: usize, input: &mut &[u8]) -> Result<BooleanBuffer, SinkError> {
    Ok(BooleanBuffer::new(
        Buffer::from(take(input, rows.div_ceil(8))?),
        0,
        rows,
    ))
}

fn take<'a>(input: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], SinkError> {
    input
        .split_off(..bytes)
        .ok_or_else(|| SinkError::Internal("the scratch file ends inside a batch".into()))
}

fn take_array<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], SinkError> {
    take(input, N).map(|bytes| bytes.try_into().expect("`take` gives as many bytes as were asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{Field, Schema};
    use proptest::prelude::*;

    fn round_trip(array: ArrayRef) -> usize {
        let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("c", array.data_type().clone(), true)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
        let mut bytes = Vec::new();
        // A slice, so that offsets into the buffers count.
        let batch = batch.slice(batch.num_rows() / 3, batch.num_rows() - batch.num_rows() / 3);
        encode(&batch, &mut bytes).unwrap();
        assert_eq!(decode(&bytes, &schema).unwrap(), batch);
        for cut in [0, bytes.len() / 2, bytes.len() - 1] {
            assert!(
                decode(&bytes[..cut], &schema).is_err(),
                "cut at {cut} of {}",
                bytes.len()
            );
        }
        bytes.len()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            longs in prop::collection::vec(prop::option::of(any::<i64>()), 1..200),
            shift in 0_u32..64,
            texts in prop::collection::vec(prop::option::of(".{0,20}"), 1..60),
        ) {
            let longs: Vec<Option<i64>> = longs.into_iter().map(|v| v.map(|v| v >> shift)).collect();
            let as_int = |v: Option<i64>| v.map(|v| v as i32);
            round_trip(Arc::new(longs.iter().copied().collect::<PrimitiveArray<types::Int64Type>>()));
            round_trip(Arc::new(longs.iter().copied().map(as_int).collect::<PrimitiveArray<types::Date32Type>>()));
            let wide = longs.iter().map(|v| v.map(|v| i128::from(v) << (64 - shift)));
            round_trip(Arc::new(wide.collect::<PrimitiveArray<types::Decimal128Type>>()));
            let doubles = longs.iter().map(|v| v.map(|v| f64::from_bits(v.cast_unsigned()))).map(|v| v.filter(|v| !v.is_nan()));
            round_trip(Arc::new(doubles.collect::<PrimitiveArray<types::Float64Type>>()));
            round_trip(Arc::new(longs.iter().map(|v| v.map(|v| v % 2 == 0)).collect::<BooleanArray>()));
            let zoned = longs.iter().copied().collect::<PrimitiveArray<types::TimestampMicrosecondType>>();
            round_trip(Arc::new(zoned.with_timezone("UTC")));
            round_trip(Arc::new(texts.iter().map(|v| v.as_ref().map(String::as_bytes)).collect::<BinaryArray>()));
            let strings: ArrayRef = Arc::new(texts.into_iter().collect::<StringArray>());
            round_trip(Arc::clone(&strings));
            let known = NullBuffer::from((0..strings.len()).map(|n| n % 3 != 1).collect::<Vec<_>>());
            let field = |array: &ArrayRef| Arc::new(Field::new("element", array.data_type().clone(), true));
            let part: ArrayRef = Arc::new(StructArray::new(vec![field(&strings)].into(), vec![strings], Some(known)));
            let lengths: Vec<usize> = (0..part.len()).map(|n| usize::from(n % 2 == 0) * 2).take(part.len() / 2 * 2).collect();
            let rest = part.slice(0, lengths.iter().sum());
            round_trip(Arc::clone(&part));
            if !lengths.is_empty() {
                let nulls = NullBuffer::from(lengths.iter().map(|length| *length > 0).collect::<Vec<_>>());
                round_trip(Arc::new(ListArray::new(field(&rest), OffsetBuffer::from_lengths(lengths), rest, Some(nulls))));
            }
        }
    }

    #[test]
    fn integers_take_as_few_bytes_as_their_range() {
        let of = |last: i64| {
            round_trip(Arc::new(
                (0..300)
                    .map(|n| if n == 299 { last } else { 7 })
                    .collect::<PrimitiveArray<types::Int64Type>>(),
            ))
        };
        let overhead = of(7);
        assert_eq!(
            [of(8), of(300), of(1 << 20), of(1 << 40)].map(|b| (b - overhead) / 200),
            [1, 2, 4, 8]
        );
        assert_eq!(of(i64::MIN), of(1 << 40), "a range that wraps");
    }
}
