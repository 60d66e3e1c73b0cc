//! One JSON array of objects, over any number of lines: the whole text, or at a path inside an object around it.

use super::{
    element::ValueEnd,
    envelope::Envelope,
    objects::{Objects, refused},
};
use crate::{
    BLOCK_BYTES, MAX_RECORD_BYTES,
    block::{Block, Record},
    blocks::Blocks,
    compression::Compression,
    fields::{FieldMap, in_order},
    reject::{DecodeError, ObjectReject, Reason, shown},
    text::{CutLine, MAX_CUT_BYTES, TextInput},
};
use std::io::Read;
use watershed_contract::Dataset;

/// Reads blocks of elements. The cells of a row stand in the order of the dataset's columns.
pub struct JsonArrayReader<R> {
    input: TextInput<R>,
    objects: Objects,
    fields: FieldMap,
    envelope: Envelope,
    line: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Inside the array, behind its bracket.
    First,
    /// Inside the array, behind a comma.
    Next,
    /// Behind the array.
    Behind,
    /// Behind everything that is told.
    End,
}

impl<R: Read> JsonArrayReader<R> {
    /// Goes to the array. `records` are the keys that lead to it. Refuses an object that does not have it.
    pub fn open(
        input: R,
        compression: Compression,
        records: &[String],
        dataset: &Dataset,
    ) -> Result<Self, DecodeError> {
        let mut reader = Self {
            input: TextInput::open(input, compression, dataset.encoding)?,
            objects: Objects::new(dataset),
            fields: in_order(dataset),
            envelope: Envelope::new(records),
            line: 1,
            state: State::First,
        };
        reader.find_array()?;
        Ok(reader)
    }

    fn find_array(&mut self) -> Result<(), DecodeError> {
        let beginning = shown(self.input.rest());
        let mut blank = true;
        loop {
            blank &= self.input.rest().iter().all(u8::is_ascii_whitespace);
            let found = self.envelope.push(self.input.rest());
            let problem = match found {
                Ok(Some(at)) => {
                    self.consume(at + 1);
                    return Ok(());
                }
                Err((at, message)) => format!("{message}, at byte {}", self.input.offset() + at as u64),
                Ok(None) => {
                    self.consume(self.input.rest().len());
                    if !self.input.ended() {
                        self.input.fill(BLOCK_BYTES)?;
                        continue;
                    }
                    if blank {
                        self.state = State::End;
                        return Ok(());
                    }
                    "it ends before the array".into()
                }
            };
            let message = format!(
                "the object is not the JSON array of the contract: {problem}; it begins {beginning}; send the array, or mend watershed.records or the server's delimiter in the contract"
            );
            let told = "the object is not the JSON array of the contract: send the array, or mend watershed.records or the server's delimiter in the contract";
            return Err(ObjectReject::new(Reason::WrongFormat, message).without(told).into());
        }
    }

    /// A block of elements; of no element, where there was nothing but space.
    fn elements(&mut self, block: &mut Block) -> Result<(), DecodeError> {
        self.input.fill(BLOCK_BYTES)?;
        loop {
            let used = self.split(block);
            if used > 0 {
                self.input.take(used, &mut block.bytes);
                self.line += count_lines(&block.bytes);
                self.objects.read(block);
                return Ok(());
            }
            let length = self.input.rest().len();
            if self.input.ended() {
                self.truncated(block);
                return Ok(());
            }
            if length > MAX_RECORD_BYTES {
                return self.give_up(block);
            }
            self.input.fill((length * 2).clamp(BLOCK_BYTES, MAX_RECORD_BYTES + 1))?;
        }
    }

    /// Notes the whole elements of what was read. Returns the bytes up to where the next one begins.
    fn split(&mut self, block: &mut Block) -> usize {
        let bytes = self.input.rest();
        let mut at = 0;
        loop {
            at += leading_space(&bytes[at..]);
            if block.is_full() {
                return at;
            }
            let Some(length) = ValueEnd::before(b']').find(&bytes[at..]) else {
                return at;
            };
            let (end, closes) = (at + length, bytes[at + length] == b']');
            if !(closes && length == 0 && self.state == State::First) {
                block.records.push(Record {
                    start: at as u32,
                    end: (at + bytes[at..end].trim_ascii_end().len()) as u32,
                });
            }
            at = end + 1;
            if closes {
                self.state = State::Behind;
                return at;
            }
            self.state = State::Next;
        }
    }

    /// The text ends inside the array: what is left is one refused record.
    fn truncated(&mut self, block: &mut Block) {
        let length = self.input.rest().len();
        self.input.take(length, &mut block.bytes);
        let record = Record {
            start: 0,
            end: block.bytes.trim_ascii_end().len() as u32,
        };
        refused(block, record, truncated_message().into());
        self.state = State::End;
    }

    /// An element longer than the limit: its beginning is kept, the rest is gone over.
    fn give_up(&mut self, block: &mut Block) -> Result<(), DecodeError> {
        let mut message = format!(
            "has no end within {MAX_RECORD_BYTES} bytes: send smaller elements, and look for a bracket or quote that is not closed"
        );
        let mut scan = ValueEnd::before(b']');
        let kept = self.input.rest()[..MAX_CUT_BYTES].to_vec();
        let length = loop {
            let rest = self.input.rest();
            let end = scan.find(rest);
            let closes = end.is_some_and(|end| rest[end] == b']');
            self.consume(end.unwrap_or(rest.len()));
            if end.is_some() {
                let length = self.input.offset() - block.offset;
                self.consume(1);
                self.state = if closes { State::Behind } else { State::Next };
                break length;
            }
            if self.input.ended() {
                message.push_str("; the array has no end either");
                self.state = State::End;
                break self.input.offset() - block.offset;
            }
            self.input.fill(BLOCK_BYTES)?;
        };
        block.cut(CutLine { kept, length }, message);
        Ok(())
    }

    /// Goes over what is behind the array. What should not be there is one refused record, up to the end.
    fn behind(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        loop {
            self.input.fill(BLOCK_BYTES)?;
            let length = self.input.rest().len();
            if let Err((at, message)) = self.envelope.push(self.input.rest()) {
                self.consume(at);
                block.clear(self.input.offset(), self.line, self.objects.width());
                let message = format!("is behind the array: {message}; the rows before it were read");
                block.refuse(self.input.cut_rest()?, Reason::InvalidJson, message);
                self.state = State::End;
                return Ok(true);
            }
            self.consume(length);
            if length == 0 {
                self.state = State::End;
                if self.envelope.is_complete() {
                    return Ok(false);
                }
                block.clear(self.input.offset(), self.line, self.objects.width());
                refused(block, Record { start: 0, end: 0 }, truncated_message().into());
                return Ok(true);
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.line += count_lines(&self.input.rest()[..bytes]);
        self.input.consume(bytes);
    }
}

impl<R: Read> Blocks for JsonArrayReader<R> {
    fn fields(&self) -> &FieldMap {
        &self.fields
    }

    fn met(&self) -> &[String] {
        self.objects.met()
    }

    fn missing(&self) -> Vec<usize> {
        self.objects.missing()
    }

    fn read(&mut self, block: &mut Block) -> Result<bool, DecodeError> {
        block.clear(self.input.offset(), self.line, self.objects.width());
        block.encoding = self.input.encoding();
        match self.state {
            State::First | State::Next => {
                self.elements(block)?;
                Ok(true)
            }
            State::Behind => self.behind(block),
            State::End => Ok(false),
        }
    }
}

fn truncated_message() -> &'static str {
    "is the end of a text that is not whole: the array, or what is around it, is not closed; the rows before it were read: send the object again, whole"
}

fn leading_space(bytes: &[u8]) -> usize {
    bytes.len() - bytes.trim_ascii_start().len()
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
