//! Making vectors row by row.

use super::{Data, MAX_TEXT_BYTES, Native, State, Vector};
use crate::error::{Failure, Span, Why};
use arrow_array::StringArray;
use arrow_buffer::OffsetBuffer;

/// Makes a vector row by row.
pub(crate) struct Made<T> {
    values: Vec<T>,
    states: Vec<State>,
    failures: Vec<(u32, Failure)>,
}

impl<T: Default> Made<T> {
    pub(crate) fn new(rows: usize) -> Self {
        Self {
            values: Vec::with_capacity(rows),
            states: Vec::with_capacity(rows),
            failures: Vec::new(),
        }
    }

    pub(crate) fn value(&mut self, value: T) {
        self.values.push(value);
        self.states.push(State::Value);
    }

    pub(crate) fn null(&mut self) {
        self.values.push(T::default());
        self.states.push(State::Null);
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failures.push((self.states.len() as u32, failure));
        self.values.push(T::default());
        self.states.push(State::Failed);
    }

    fn rows(states: Vec<State>, failures: Vec<(u32, Failure)>, data: Data) -> Vector {
        Vector {
            data,
            states: states.iter().any(|state| *state != State::Value).then_some(states),
            failures,
            constant: false,
        }
    }
}

impl<T: Native> Made<T> {
    pub(crate) fn finish(self) -> Vector {
        Self::rows(self.states, self.failures, T::data(self.values))
    }
}

/// Makes a vector of texts row by row.
pub(crate) struct MadeTexts {
    bytes: String,
    ends: Made<i32>,
}

impl MadeTexts {
    pub(crate) fn new(rows: usize) -> Self {
        let mut ends = Made::new(rows + 1);
        ends.values.push(0);
        Self {
            bytes: String::new(),
            ends,
        }
    }

    /// Takes up what `write` appends, unless it fails.
    pub(crate) fn value(&mut self, span: Span, write: impl FnOnce(&mut Room<'_>) -> Result<(), Why>) {
        let before = self.bytes.len();
        match write(&mut Room { bytes: &mut self.bytes }) {
            Ok(()) => {
                self.ends.value(self.bytes.len() as i32);
            }
            Err(why) => {
                self.bytes.truncate(before);
                self.fail(Failure { span, why });
            }
        }
    }

    pub(crate) fn null(&mut self) {
        self.ends.null();
        self.end_here();
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.ends.fail(failure);
        self.end_here();
    }

    fn end_here(&mut self) {
        if let Some(end) = self.ends.values.last_mut() {
            *end = self.bytes.len() as i32;
        }
    }

    pub(crate) fn finish(self) -> Vector {
        let offsets = OffsetBuffer::new(self.ends.values.into());
        let texts = StringArray::new(offsets, self.bytes.into_bytes().into(), None);
        Made::<i32>::rows(self.ends.states, self.ends.failures, Data::Texts(texts))
    }
}

/// Where a text is written: it fails where there is no room for it.
pub(crate) struct Room<'b> {
    bytes: &'b mut String,
}

impl Room<'_> {
    /// Fails where it has no room for so many bytes.
    pub(crate) fn holds(&self, bytes: usize) -> Result<(), Why> {
        if bytes > MAX_TEXT_BYTES - self.bytes.len() {
            return Err(Why::TooLong);
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, text: &str) -> Result<(), Why> {
        self.holds(text.len())?;
        self.bytes.push_str(text);
        Ok(())
    }

    pub(crate) fn push_times(&mut self, text: &str, times: usize) -> Result<(), Why> {
        self.holds(text.len().saturating_mul(times))?;
        (0..times).for_each(|_| self.bytes.push_str(text));
        Ok(())
    }

    pub(crate) fn push_char(&mut self, c: char) -> Result<(), Why> {
        self.push(c.encode_utf8(&mut [0; 4]))
    }
}

/// What the row's arguments have together: a value, where all of them have one.
#[inline]
fn together(arguments: &[Vector], row: usize) -> Result<State, Failure> {
    let mut state = State::Value;
    for argument in arguments {
        match argument.state(row) {
            State::Value => {}
            State::Null => state = State::Null,
            State::Failed => return Err(argument.failure(row)),
        }
    }
    Ok(state)
}

/// Null where an argument is null, failed where one failed; else what `value` makes of the row.
pub(crate) fn strict<T: Native>(
    arguments: &[Vector],
    rows: usize,
    span: Span,
    mut value: impl FnMut(usize) -> Result<T, Why>,
) -> Vector {
    let mut made = Made::new(rows);
    for row in 0..rows {
        match together(arguments, row) {
            Err(failure) => made.fail(failure),
            Ok(State::Value) => match value(row) {
                Ok(found) => made.value(found),
                Err(why) => made.fail(Failure { span, why }),
            },
            Ok(_) => made.null(),
        }
    }
    made.finish()
}

/// The same for texts.
pub(crate) fn strict_texts(
    arguments: &[Vector],
    rows: usize,
    span: Span,
    mut write: impl FnMut(usize, &mut Room<'_>) -> Result<(), Why>,
) -> Vector {
    let mut made = MadeTexts::new(rows);
    for row in 0..rows {
        match together(arguments, row) {
            Err(failure) => made.fail(failure),
            Ok(State::Value) => made.value(span, |room| write(row, room)),
            Ok(_) => made.null(),
        }
    }
    made.finish()
}
