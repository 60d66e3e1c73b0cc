//! Functions of texts. Places and lengths count characters.

use crate::{
    error::{Failure, Span, Why},
    functions::Function,
    vector::{MAX_TEXT_BYTES, MadeTexts, Room, State, Vector, strict, strict_texts},
};
use regex::Regex;

/// Row by row.
pub(crate) fn call(function: Function, arguments: &[Vector], rows: usize, span: Span) -> Vector {
    let text = |index: usize, row: usize| arguments[index].text(row);
    match function {
        Function::Length => strict(arguments, rows, span, |row| Ok(text(0, row).chars().count() as i64)),
        Function::StartsWith => strict(arguments, rows, span, |row| Ok(text(0, row).starts_with(text(1, row)))),
        Function::EndsWith => strict(arguments, rows, span, |row| Ok(text(0, row).ends_with(text(1, row)))),
        Function::Contains => strict(arguments, rows, span, |row| Ok(text(0, row).contains(text(1, row)))),
        Function::Concat => concat(arguments, rows, span),
        _ => strict_texts(arguments, rows, span, |row, room| write(function, arguments, row, room)),
    }
}

fn write(function: Function, arguments: &[Vector], row: usize, room: &mut Room<'_>) -> Result<(), Why> {
    let text = |index: usize| arguments[index].text(row);
    let number = |index: usize| arguments[index].longs().at(row);
    match function {
        Function::Upper => text(0)
            .chars()
            .flat_map(char::to_uppercase)
            .try_for_each(|c| room.push_char(c)),
        Function::Lower => room.push(&text(0).to_lowercase()),
        Function::Trim => room.push(text(0).trim()),
        Function::LeftTrim => room.push(text(0).trim_start()),
        Function::RightTrim => room.push(text(0).trim_end()),
        Function::Substring => {
            let count = arguments.get(2).map_or(i64::MAX, |count| count.longs().at(row));
            room.push(substring(text(0), number(1), count)?)
        }
        Function::Left => room.push(substring(text(0), 1, number(1))?),
        Function::Right => {
            let length = text(0).chars().count() as i64;
            let count = number(1);
            if count < 0 {
                return Err(Why::Argument);
            }
            room.push(substring(text(0), (length - count).max(0) + 1, i64::MAX)?)
        }
        Function::LeftPad | Function::RightPad => {
            let fill = arguments.get(2).map_or(" ", |fill| fill.text(row));
            pad(text(0), number(1), fill, function == Function::LeftPad, room)
        }
        Function::Replace => replace(text(0), text(1), text(2), room),
        Function::SplitPart => split_part(text(0), text(1), number(2), room),
        _ => (0..arguments.len()).try_for_each(|index| room.push(text(index))),
    }
}

/// The characters `from`, counted from 1, and on; those before the first are not there.
fn substring(text: &str, from: i64, count: i64) -> Result<&str, Why> {
    if count < 0 {
        return Err(Why::Argument);
    }
    let end = from.saturating_add(count).max(1);
    let place = |character: i64| {
        let skipped = usize::try_from(character - 1).unwrap_or(usize::MAX);
        text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at)
    };
    Ok(&text[place(from.max(1))..place(end.max(from.max(1)))])
}

fn pad(text: &str, length: i64, fill: &str, left: bool, room: &mut Room<'_>) -> Result<(), Why> {
    let length = usize::try_from(length).map_err(|_| Why::Argument)?;
    let has = text.chars().count();
    if length > MAX_TEXT_BYTES {
        return Err(Why::TooLong);
    }
    if length <= has || fill.is_empty() {
        return room.push(substring(text, 1, length as i64)?);
    }
    let wanted = length - has;
    let (whole, rest) = (wanted / fill.chars().count(), wanted % fill.chars().count());
    let rest = substring(fill, 1, rest as i64)?;
    // Before anything is written: a row that has no room must cost nothing.
    room.holds(whole * fill.len() + rest.len() + text.len())?;
    if !left {
        room.push(text)?;
    }
    room.push_times(fill, whole)?;
    room.push(rest)?;
    if left { room.push(text) } else { Ok(()) }
}

fn replace(text: &str, what: &str, by: &str, room: &mut Room<'_>) -> Result<(), Why> {
    if what.is_empty() {
        return room.push(text);
    }
    let found = text.matches(what).count();
    room.holds((text.len() - found * what.len()).saturating_add(found.saturating_mul(by.len())))?;
    for (index, part) in text.split(what).enumerate() {
        if index > 0 {
            room.push(by)?;
        }
        room.push(part)?;
    }
    Ok(())
}

/// The part of that number, from 1, or from the end below 0; empty where there is no such part.
fn split_part(text: &str, separator: &str, part: i64, room: &mut Room<'_>) -> Result<(), Why> {
    if part == 0 || separator.is_empty() {
        return Err(Why::Argument);
    }
    let skipped = usize::try_from(part.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let found = if part > 0 {
        text.split(separator).nth(skipped)
    } else {
        text.rsplit(separator).nth(skipped)
    };
    room.push(found.unwrap_or_default())
}

fn concat(arguments: &[Vector], rows: usize, span: Span) -> Vector {
    let mut made = MadeTexts::new(rows);
    for row in 0..rows {
        if let Some(failed) = arguments.iter().find(|argument| argument.state(row) == State::Failed) {
            made.fail(failed.failure(row));
            continue;
        }
        let known = arguments.iter().filter(|argument| argument.state(row) == State::Value);
        made.value(span, |room| {
            known
                .map(|argument| argument.text(row))
                .try_for_each(|text| room.push(text))
        });
    }
    made.finish()
}

/// Every match by what `by` makes of it: `$1` is the first group.
pub(crate) fn replace_matches(pattern: &Regex, by: &str, text: &str, room: &mut Room<'_>) -> Result<(), Why> {
    let mut from = 0;
    let mut made = String::new();
    for captures in pattern.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        // A group is no longer than the match: what would be made is bounded before it is.
        if by.matches('$').count().saturating_mul(whole.len()) > MAX_TEXT_BYTES {
            return Err(Why::TooLong);
        }
        room.push(&text[from..whole.start()])?;
        made.clear();
        captures.expand(by, &mut made);
        room.push(&made)?;
        from = whole.end();
    }
    room.push(&text[from..])
}

/// The text of a group of the first match; null where there is none.
pub(crate) fn group(pattern: &Regex, group: usize, of: &Vector, rows: usize, span: Span) -> Vector {
    let mut made = MadeTexts::new(rows);
    for row in 0..rows {
        match of.state(row) {
            State::Null => made.null(),
            State::Failed => {
                let failure: Failure = of.failure(row);
                made.fail(failure);
            }
            State::Value => {
                let captures = pattern.captures(of.text(row));
                match captures.as_ref().and_then(|captures| captures.get(group)) {
                    Some(found) => made.value(span, |room| room.push(found.as_str())),
                    None => made.null(),
                }
            }
        }
    }
    made.finish()
}
