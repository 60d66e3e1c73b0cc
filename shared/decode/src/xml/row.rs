//! The element of a row into cells.

use super::{
    MAX_DEPTH,
    attributes::{NO_REFERENCE, attributes, references},
    markup::local_name,
};
use crate::{
    block::{Block, Cell},
    drift::OtherNames,
    reject::{Reason, Violation, shown},
};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use std::collections::HashMap;
use watershed_contract::XmlPath;

/// Reads the rows of blocks.
pub struct Rows {
    nodes: Vec<Node>,
    columns: usize,
    /// For each node, and behind them for each column, the number of the row that had it last.
    seen: Vec<u64>,
    row: u64,
    /// Text of the cells, to go behind the block's text.
    texts: Vec<u8>,
    open: Vec<Element>,
    /// Elements and attributes that are none of the contract's, where anything is done about them.
    others: Option<OtherNames>,
    /// Local names of the open elements below the row, with a slash before each; kept only for `others`.
    path: String,
}

/// What is wanted of an element.
#[derive(Debug, Default)]
struct Node {
    children: HashMap<Vec<u8>, usize>,
    attributes: HashMap<Vec<u8>, usize>,
    column: Option<usize>,
}

/// An element that is open.
#[derive(Debug, Clone, Copy)]
struct Element {
    node: Option<usize>,
    text: usize,
    nil: bool,
    has_elements: bool,
}

/// Why a row is refused.
pub(super) type Problem = (Reason, String);

impl Rows {
    /// With the columns at these paths below the row.
    pub fn new(columns: &[XmlPath], others: Option<OtherNames>) -> Self {
        let mut nodes = vec![Node::default()];
        for (column, path) in columns.iter().enumerate() {
            let mut at = 0;
            for name in &path.elements {
                let next = nodes.len();
                at = *nodes[at].children.entry(name.as_bytes().to_vec()).or_insert(next);
                if at == next {
                    nodes.push(Node::default());
                }
            }
            match &path.attribute {
                Some(name) => _ = nodes[at].attributes.insert(name.as_bytes().to_vec(), column),
                None => nodes[at].column = Some(column),
            }
        }
        Self {
            seen: vec![0; nodes.len() + columns.len()],
            nodes,
            columns: columns.len(),
            row: 0,
            texts: Vec::new(),
            open: Vec::new(),
            others,
            path: String::new(),
        }
    }

    /// Paths to be added that were met.
    pub fn met(&self) -> &[String] {
        self.others.as_ref().map_or(&[], OtherNames::met)
    }

    /// Columns that no row had.
    pub fn missing(&self) -> Vec<usize> {
        let mut found = vec![false; self.columns];
        for (node, seen) in self.nodes.iter().zip(&self.seen) {
            if let Some(column) = node.column {
                found[column] = *seen > 0;
            }
            for column in node.attributes.values() {
                found[*column] = self.seen[self.nodes.len() + column] > 0;
            }
        }
        (0..self.columns).filter(|column| !found[*column]).collect()
    }

    /// Cells of a row.
    pub fn width(&self) -> usize {
        self.columns
    }

    /// Reads every row of the block, whose bytes are their text and nothing more, but for those that are refused already.
    pub fn read(&mut self, block: &mut Block) {
        self.texts.clear();
        block.pad_row();
        let text = std::mem::take(&mut block.bytes);
        let mut refused = std::mem::take(&mut block.violations).into_iter().peekable();
        for row in 0..block.records.len() {
            if let Some(known) = refused.next_if(|violation| violation.row as usize == row) {
                block.violations.push(known);
                continue;
            }
            let record = block.records[row];
            let bytes = &text[record.start as usize..record.end as usize];
            // What is not UTF-8 is found and told for the block as a whole.
            let Ok(element) = std::str::from_utf8(bytes) else {
                continue;
            };
            if let Err((reason, message)) = self.element(element, block, row, text.len()) {
                block.cells[row * self.columns..(row + 1) * self.columns].fill(Cell::ABSENT);
                block.violations.retain(|violation| violation.row as usize != row);
                push(block, row, reason, message);
            } else if let Some((reason, message)) = self.others.as_mut().and_then(OtherNames::end) {
                push(block, row, reason, message);
            }
        }
        block.bytes = text;
        block.bytes.extend_from_slice(&self.texts);
    }

    fn element(&mut self, text: &str, block: &mut Block, row: usize, base: usize) -> Result<(), Problem> {
        self.row += 1;
        self.open.clear();
        self.path.clear();
        if let Some(others) = &mut self.others {
            others.begin();
        }
        if let Some(at) = text.bytes().position(is_control) {
            let what = format!("a control character at byte {at} of the row");
            return Err(not_xml(&what));
        }
        let mut reader = Reader::from_str(text);
        loop {
            match reader.read_event().map_err(|error| not_xml(&error))? {
                Event::Start(tag) => self.start(&tag, block, row, base)?,
                Event::Empty(tag) => {
                    self.start(&tag, block, row, base)?;
                    self.end(block, row, base);
                }
                Event::End(_) => self.end(block, row, base),
                Event::Text(text) => self.text(&text.xml10_content()),
                Event::CData(text) => self.text(&text.xml10_content()),
                Event::GeneralRef(name) => {
                    let c = reference(&name)?;
                    self.text(c.encode_utf8(&mut [0; 4]));
                }
                Event::DocType(_) | Event::Decl(_) => return Err(not_xml(&"a declaration inside an element")),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if self.open.is_empty() => return Ok(()),
                Event::Eof => return Err(not_xml(&"an element is not closed")),
            }
        }
    }

    fn start(&mut self, tag: &BytesStart<'_>, block: &mut Block, row: usize, base: usize) -> Result<(), Problem> {
        if self.open.len() >= MAX_DEPTH {
            return Err((Reason::InvalidXml, format!("is nested deeper than {MAX_DEPTH}")));
        }
        let name = tag.name();
        let node = match self.open.last_mut() {
            None => Some(0),
            Some(around) => {
                around.has_elements = true;
                let node = around.node.map(|node| &self.nodes[node]);
                node.and_then(|node| node.children.get(local_name(name.0.as_bytes())).copied())
            }
        };
        if self.others.is_some() && !self.open.is_empty() {
            self.path.push('/');
            self.path.push_str(local_part(name.0));
        }
        if let Some(node) = node {
            self.once(node, || format!("element `{}`", name.0))?;
        }
        let nil = self.attributes(tag, node, block, row, base)?;
        self.open.push(Element {
            node,
            text: self.texts.len(),
            nil,
            has_elements: false,
        });
        Ok(())
    }

    fn once(&mut self, mark: usize, what: impl Fn() -> String) -> Result<(), Problem> {
        if std::mem::replace(&mut self.seen[mark], self.row) == self.row {
            return Err((Reason::RepeatedKey, format!("has the {} twice", what())));
        }
        Ok(())
    }

    /// Reads the attributes that are columns; true: the element says that it is null.
    fn attributes(
        &mut self,
        tag: &BytesStart<'_>,
        node: Option<usize>,
        block: &mut Block,
        row: usize,
        base: usize,
    ) -> Result<bool, Problem> {
        let mut nil = false;
        attributes(tag, |name, value| {
            if name == "xmlns" || name.starts_with("xmlns:") {
                return references(value);
            }
            let local = local_name(name.as_bytes());
            if local == b"nil" && local.len() < name.len() {
                nil = matches!(value, "true" | "1");
            }
            let column = node.and_then(|node| self.nodes[node].attributes.get(local).copied());
            if let Some(column) = column {
                self.once(self.nodes.len() + column, || format!("attribute `{name}`"))?;
                let start = base + self.texts.len();
                unescape(value, &mut self.texts)?;
                block.cells[row * self.columns + column] = Cell::new(start, base + self.texts.len());
                return Ok(());
            }
            if let Some(others) = self.others.as_mut().filter(|_| !is_markup(name)) {
                let path = format!("{}/@{}", self.path, local_part(name));
                others.note(path.trim_start_matches('/'));
            }
            references(value)
        })?;
        Ok(nil)
    }

    fn text(&mut self, text: &str) {
        let column = self.open.last().and_then(|element| self.nodes[element.node?].column);
        if column.is_some() {
            self.texts.extend_from_slice(text.as_bytes());
        }
    }

    fn end(&mut self, block: &mut Block, row: usize, base: usize) {
        let Some(element) = self.open.pop() else { return };
        if let Some(others) = self.others.as_mut().filter(|_| !self.open.is_empty()) {
            if element.node.is_none() && !element.has_elements {
                others.note(&self.path[1..]);
            }
            self.path.truncate(self.path.rfind('/').unwrap_or(0));
        }
        let Some(column) = element.node.and_then(|node| self.nodes[node].column) else {
            return;
        };
        if element.has_elements {
            block.violations.push(Violation {
                row: row as u32,
                column: Some(column as u32),
                reason: Reason::Type,
                message: "is an element with elements in it: name one of them by its path in the contract's source"
                    .into(),
            });
        } else if !element.nil {
            block.cells[row * self.columns + column] = Cell::new(base + element.text, base + self.texts.len());
        }
    }
}

fn push(block: &mut Block, row: usize, reason: Reason, message: String) {
    block.violations.push(Violation {
        row: row as u32,
        column: None,
        reason,
        message,
    });
}

/// Production 2 of XML 1.0: of the characters below the space only three are there.
fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

/// The name without its prefix.
fn local_part(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Attributes that say something of the document, not of what it is about (XML Schema 1.1 Part 1, 2.7; XML 1.0, 2.10 and 2.12).
fn is_markup(name: &str) -> bool {
    name.starts_with("xsi:") || name.starts_with("xml:")
}

pub(super) fn not_xml(what: &dyn std::fmt::Display) -> Problem {
    (Reason::InvalidXml, format!("is not XML: {what}"))
}

/// The character that `&name;` stands for. Entities that a document declares are never looked up.
pub(super) fn reference(name: &str) -> Result<char, Problem> {
    let named = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    };
    let (digits, radix) = match name.strip_prefix("#x") {
        Some(digits) => (digits, 16),
        None => (name.strip_prefix('#').unwrap_or_default(), 10),
    };
    let numbered = || {
        let plain = digits.chars().all(|c| c.is_digit(radix));
        char::from_u32(u32::from_str_radix(digits, radix).ok().filter(|_| plain)?)
    };
    // Production 2 of XML 1.0: no other control characters.
    let is_character =
        |c: &char| (*c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}')) || matches!(c, '\t' | '\n' | '\r');
    named.or_else(|| numbered().filter(is_character)).ok_or_else(|| {
        let message = format!(
            "has the reference {}: only &lt; &gt; &amp; &quot; &apos; and characters by number are known",
            shown(format!("&{name};").as_bytes())
        );
        (Reason::InvalidXml, message)
    })
}

/// The text of an attribute: references resolved, white space as spaces (XML 1.0, 3.3.3).
fn unescape(value: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    let mut rest = value;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        if let Some(behind) = rest.strip_prefix('&') {
            let (name, behind) = behind.split_once(';').ok_or_else(|| not_xml(&NO_REFERENCE))?;
            let c = reference(name)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            rest = behind;
        } else {
            out.push(b' ');
            rest = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(())
}
