//! The text of a polygon, in either notation: rings of positions, and what a ring must be.

use crate::{
    geojson,
    place::{is_latitude, is_longitude},
    wkt,
};

/// Positions of a ring, the first of which stands again as the last (RFC 7946 §3.1.6).
const MIN_POSITIONS: usize = 4;
/// Numbers of a position: longitude, latitude, and up to two that are passed over (altitude, a measure).
const MIN_NUMBERS: usize = 2;
const MAX_NUMBERS: usize = 4;
/// Degrees of longitude that a polygon may span. One that spans more was most likely not cut at the antimeridian.
const MAX_SPAN: f64 = 180.0;

/// Longitude and latitude, in degrees.
pub(crate) type Position = [f64; 2];

/// The outer ring, then those of holes.
pub(crate) type Rings = Vec<Vec<Position>>;

/// What is wrong, and at which byte of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Wrong {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// The polygons of a text: GeoJSON where it begins with a brace, else WKT.
pub(crate) fn polygons(text: &str) -> Result<Vec<Rings>, Wrong> {
    if text.trim_start().starts_with('{') {
        geojson::polygons(text)
    } else {
        wkt::polygons(text)
    }
}

/// A polygon's rings, `at` being where it begins: the whole may be too wide.
pub(crate) fn polygon(rings: Rings, at: usize) -> Result<Rings, Wrong> {
    let longitudes = || rings.iter().flatten().map(|position| position[0]);
    let (west, east) = (
        longitudes().fold(f64::MAX, f64::min),
        longitudes().fold(f64::MIN, f64::max),
    );
    if east - west > MAX_SPAN {
        let message = format!(
            "the polygon spans {} degrees of longitude, and at most {MAX_SPAN} are meant: cut it in two at the antimeridian (RFC 7946, 3.1.9)",
            east - west
        );
        return Err(Wrong::new(at, message));
    }
    Ok(rings)
}

/// A text that is read from its beginning to its end.
pub(crate) struct Scanner<'t> {
    text: &'t str,
    pub(crate) at: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
    }

    /// Whether the character stands next; it is taken if so.
    pub(crate) fn takes(&mut self, character: char) -> bool {
        self.skip_space();
        let there = self.text[self.at..].starts_with(character);
        if there {
            self.at += character.len_utf8();
        }
        there
    }

    pub(crate) fn expect(&mut self, characters: &[char]) -> Result<char, Wrong> {
        for character in characters {
            if self.takes(*character) {
                return Ok(*character);
            }
        }
        let expected: Vec<String> = characters.iter().map(|character| format!("`{character}`")).collect();
        Err(Wrong::new(
            self.at,
            format!("{} is missing, {}", expected.join(" or "), self.instead()),
        ))
    }

    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        self.skip_space();
        if self.text[self.at..].is_empty() {
            return Ok(());
        }
        Err(Wrong::new(self.at, format!("the text goes on, {}", self.instead())))
    }

    /// The letters that stand next, in capitals.
    pub(crate) fn word(&mut self) -> String {
        self.skip_space();
        let word = self.while_next(|character| character.is_ascii_alphabetic());
        word.to_ascii_uppercase()
    }

    fn number(&mut self) -> Result<f64, Wrong> {
        self.skip_space();
        let start = self.at;
        let number = self.while_next(|character| matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => {
                self.at = start;
                Err(Wrong::new(start, format!("a number is missing, {}", self.instead())))
            }
        }
    }

    /// Whether a number could stand next.
    fn is_number(&mut self) -> bool {
        self.skip_space();
        self.text[self.at..].starts_with(|character: char| matches!(character, '0'..='9' | '+' | '-' | '.'))
    }

    /// Two to four numbers, of which the first two count. Between them stands a comma, or white space.
    pub(crate) fn position(&mut self, comma: bool) -> Result<Position, Wrong> {
        self.skip_space();
        let start = self.at;
        let mut numbers = vec![self.number()?];
        while numbers.len() < MAX_NUMBERS && if comma { self.takes(',') } else { self.is_number() } {
            numbers.push(self.number()?);
        }
        if numbers.len() < MIN_NUMBERS {
            return Err(Wrong::new(
                self.at,
                "a position has two numbers, longitude and latitude",
            ));
        }
        let (longitude, latitude) = (numbers[0], numbers[1]);
        if !is_longitude(longitude) {
            return Err(Wrong::new(start, format!("{longitude} is no longitude: -180 to 180")));
        }
        if !is_latitude(latitude) {
            let message = format!("{latitude} is no latitude: -90 to 90; the longitude stands first");
            return Err(Wrong::new(start, message));
        }
        Ok([longitude, latitude])
    }

    /// One or more items between brackets, with commas between them.
    pub(crate) fn list<T>(
        &mut self,
        brackets: (char, char),
        mut item: impl FnMut(&mut Self) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        self.expect(&[brackets.0])?;
        let mut items = vec![item(self)?];
        while self.expect(&[',', brackets.1])? == ',' {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// A ring of positions, as the notation writes them.
    pub(crate) fn ring(
        &mut self,
        brackets: (char, char),
        position: impl FnMut(&mut Self) -> Result<Position, Wrong>,
    ) -> Result<Vec<Position>, Wrong> {
        self.skip_space();
        let start = self.at;
        let ring = self.list(brackets, position)?;
        if ring.len() < MIN_POSITIONS {
            let message = format!(
                "a ring has {MIN_POSITIONS} positions or more, and this one {}",
                ring.len()
            );
            return Err(Wrong::new(start, message));
        }
        if ring.first() != ring.last() {
            return Err(Wrong::new(start, "a ring ends where it begins, and this one does not"));
        }
        Ok(ring)
    }

    fn while_next(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let end = rest.find(|character| !is(character)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// What stands there instead.
    fn instead(&self) -> String {
        match self.text[self.at..].chars().next() {
            Some(character) => format!("and `{character}` stands there"),
            None => "and the text is at its end".into(),
        }
    }
}
