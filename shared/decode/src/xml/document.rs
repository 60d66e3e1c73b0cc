//! Where the rows of a document are.

use super::{
    MAX_DEPTH, attributes,
    markup::{Found, Kind, Open, declares_entities, find, local_name},
};
use crate::reject::{ObjectReject, Reason, shown};

/// Names of other elements that are kept for a message.
const MAX_OTHERS: usize = 10;

/// What is known of the document up to some place.
pub struct Document {
    /// Local name of a row, or the way to it from the root.
    row: Vec<String>,
    /// Elements around rows.
    open: Open,
    /// The root has begun.
    begun: bool,
    /// A row was found.
    found: bool,
    /// Elements that are no rows, to tell where none is.
    others: Vec<String>,
}

/// One step through it.
pub enum Step {
    /// Nothing of a row up to here.
    Over(usize),
    /// A row, and what is wrong with its markup.
    Row {
        /// Its first byte.
        start: usize,
        /// The one behind its last.
        end: usize,
        /// Why it is refused.
        problem: Option<&'static str>,
    },
    /// The text ends in the middle of the row or the markup that begins here.
    More,
    /// It is not well formed here, around rows.
    Broken(String),
}

impl Document {
    /// With its rows at that path.
    pub fn new(row: &[String]) -> Self {
        Self {
            row: row.to_vec(),
            open: Open::default(),
            begun: false,
            found: false,
            others: Vec::new(),
        }
    }

    /// The next step from `at`. Refuses a document that declares entities.
    pub fn step(&mut self, text: &[u8], at: usize) -> Result<Step, ObjectReject> {
        let (start, end, kind) = match find(text, at) {
            Found::Text => return Ok(self.over(text, at, text.len())),
            Found::Open { start } | Found::Markup { start, .. } if start > at => {
                return Ok(self.over(text, at, start));
            }
            Found::Open { .. } => return Ok(Step::More),
            Found::Markup { start, end, kind } => (start, end, kind),
        };
        Ok(match kind {
            Kind::Other => Step::Over(end),
            Kind::Doctype if declares_entities(&text[start..end]) => {
                let message = "the document declares entities (<!ENTITY), which are never expanded: send it without";
                return Err(ObjectReject::safe(Reason::WrongFormat, message));
            }
            Kind::Doctype if !self.begun => Step::Over(end),
            Kind::Start(_) | Kind::Empty(_) | Kind::Unended(_) if self.begun && self.open.len() == 0 => {
                Step::Broken("there is another element behind the root".into())
            }
            Kind::Start(name) | Kind::Empty(name) | Kind::Unended(name) if self.is_row(name) => self.row(text, start),
            Kind::Start(name) | Kind::Empty(name) if let Some(problem) = ill_formed(&text[start..end], name) => {
                Step::Broken(format!("the tag of {} {problem}", shown(name)))
            }
            Kind::Start(name) if self.open.len() < MAX_DEPTH => {
                self.note(name);
                self.open.push(name);
                Step::Over(end)
            }
            Kind::Start(_) => Step::Broken(format!("elements are nested deeper than {MAX_DEPTH}")),
            Kind::Empty(name) => {
                self.note(name);
                Step::Over(end)
            }
            Kind::End(name) if self.open.names().next_back() == Some(name) => {
                self.open.close(name);
                Step::Over(end)
            }
            Kind::End(name) => Step::Broken(format!("the end tag {} closes no element", shown(name))),
            Kind::Doctype | Kind::Unended(_) | Kind::Stray => {
                Step::Broken(format!("this is no markup: {}", shown(&text[start..])))
            }
        })
    }

    /// Whether a row begins with the text.
    pub fn begins_row(&self, text: &[u8]) -> bool {
        match find(text, 0) {
            Found::Markup {
                start: 0,
                kind: Kind::Start(name) | Kind::Empty(name) | Kind::Unended(name),
                ..
            } => self.is_row(name),
            _ => false,
        }
    }

    /// A row is behind us.
    pub fn row_found(&mut self) {
        self.begun = true;
        self.found = true;
    }

    /// What is missing at the end of the text.
    pub fn unclosed(&self) -> Option<String> {
        let name = self.open.names().next_back()?;
        Some(format!("the element {} is not closed", shown(name)))
    }

    /// Refuses a document of which no element is a row, though it has some that might have been.
    pub fn refuse_without_row(&self) -> Result<(), ObjectReject> {
        if self.found || self.others.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the document has no element `{}`; it has {}: correct watershed.row in the contract, or the document",
            self.row.join("/"),
            self.others.join(", ")
        );
        let told = format!(
            "the document has no element `{}`: correct watershed.row in the contract, or the document",
            self.row.join("/")
        );
        Err(ObjectReject::new(Reason::WrongFormat, message).without(told))
    }

    fn is_row(&self, name: &[u8]) -> bool {
        let is = |known: &String, name: &[u8]| known.as_bytes() == local_name(name);
        match self.row.as_slice() {
            [row] => is(row, name),
            way => {
                let open = self.open.names().chain([name]);
                self.open.len() + 1 == way.len() && way.iter().zip(open).all(|(known, name)| is(known, name))
            }
        }
    }

    fn row(&mut self, text: &[u8], start: usize) -> Step {
        let mut row = RowEnd::default();
        match row.find(text, start) {
            Place::End(end) => {
                self.row_found();
                Step::Row {
                    start,
                    end,
                    problem: row.problem,
                }
            }
            Place::More(_) => Step::More,
            Place::TooDeep => Step::Broken(format!("elements are nested deeper than {MAX_DEPTH}")),
        }
    }

    /// Text between markup: around the root there may be only space.
    fn over(&self, text: &[u8], from: usize, to: usize) -> Step {
        let between = &text[from..to];
        if between.iter().all(u8::is_ascii_whitespace) {
            return Step::Over(to);
        }
        if self.open.len() == 0 {
            return Step::Broken("there is text around the root".into());
        }
        match attributes::text(between, to == text.len()) {
            Ok(0) => Step::More,
            Ok(length) => Step::Over(from + length),
            Err(problem) => Step::Broken(problem),
        }
    }

    /// An element that is no row. An empty root is an empty table, if the way to a row may begin with it.
    fn note(&mut self, name: &[u8]) {
        let expected = match self.row.as_slice() {
            [_] => true,
            way => way[0].as_bytes() == local_name(name),
        };
        if (self.begun || !expected) && self.others.len() < MAX_OTHERS {
            let name = shown(local_name(name));
            if !self.others.contains(&name) {
                self.others.push(name);
            }
        }
        self.begun = true;
    }
}

/// What is not well formed about the attributes of a tag around rows.
fn ill_formed(tag: &[u8], name: &[u8]) -> Option<String> {
    match std::str::from_utf8(tag) {
        Ok(tag) => attributes::problem(tag, name.len()),
        Err(_) => Some("has bytes which are no text".into()),
    }
}

/// Looks for the end of a row. What it has seen it keeps, so that the text may come in pieces.
#[derive(Default)]
pub struct RowEnd {
    open: Open,
    problem: Option<&'static str>,
}

/// Where a row ends.
pub enum Place {
    /// Behind its last byte.
    End(usize),
    /// Not in the text; which was looked at up to here.
    More(usize),
    /// It has too many elements inside each other.
    TooDeep,
}

impl RowEnd {
    /// From `at`: where the row begins, or goes on.
    pub fn find(&mut self, text: &[u8], at: usize) -> Place {
        let mut at = at;
        loop {
            let (start, end, kind) = match find(text, at) {
                Found::Text => return Place::More(text.len()),
                Found::Open { start } => return Place::More(start),
                Found::Markup { start, end, kind } => (start, end, kind),
            };
            match kind {
                Kind::Start(_) | Kind::Unended(_) if self.open.len() >= MAX_DEPTH => return Place::TooDeep,
                Kind::Start(name) => self.open.push(name),
                Kind::Unended(name) => {
                    self.open.push(name);
                    self.problem = Some("has a start tag that does not end");
                }
                Kind::End(name) => match self.open.close(name) {
                    1 => {}
                    0 => self.problem = Some("has an end tag that closes nothing"),
                    _ => self.problem = Some("has an element that is not closed"),
                },
                Kind::Doctype => self.problem = Some("has a DOCTYPE in it"),
                Kind::Stray => self.problem = Some("has a < that begins no markup: write &lt;"),
                Kind::Empty(_) | Kind::Other => {}
            }
            debug_assert!(start < end, "markup has a byte at least");
            if self.open.len() == 0 {
                return Place::End(end);
            }
            at = end;
        }
    }
}
