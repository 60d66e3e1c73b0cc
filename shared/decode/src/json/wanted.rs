//! What is wanted of an object: the columns' sources as a tree of keys and indexes. Only what is in it is looked into.

use std::collections::HashMap;
use watershed_contract::{Step, source_path};

/// Everything that the columns are read from.
pub struct Wanted {
    nodes: Vec<Node>,
    columns: usize,
    marks: usize,
}

/// What is wanted of one object or array.
#[derive(Default)]
pub struct Node {
    fields: Vec<Field>,
    index: HashMap<Vec<u8>, usize>,
    items: HashMap<usize, Target>,
}

/// A wanted key.
pub struct Field {
    key: Key,
    /// What its value is for.
    pub target: Target,
}

/// What a value is for.
#[derive(Debug, Default)]
pub struct Target {
    /// The column that it is.
    pub column: Option<usize>,
    /// The node of what is wanted inside.
    pub below: Option<usize>,
    /// Its own number, to know that it was there.
    pub mark: usize,
    /// Mark of the key that is spelled like the whole path: it goes before the path.
    pub literal: Option<usize>,
}

impl Wanted {
    /// By the columns' sources, in their order; those that are true are names of keys, whatever they look like.
    pub fn new<'a>(sources: impl Iterator<Item = (&'a str, bool)>) -> Self {
        let mut wanted = Self {
            nodes: vec![Node::default()],
            columns: 0,
            marks: 0,
        };
        let mut literals = Vec::new();
        for (column, (source, literal)) in sources.enumerate() {
            wanted.columns += 1;
            match source_path(source) {
                Some(path) if path.len() > 1 && !literal => {
                    let target = wanted.insert(&path);
                    target.column = Some(column);
                    literals.push((column, source, path));
                }
                _ => wanted.insert(&[Step::Key(source.into())]).column = Some(column),
            }
        }
        // Behind the others: they are rarely there, and keys are looked for in this order.
        for (column, source, path) in literals {
            let literal = wanted.insert(&[Step::Key(source.into())]);
            literal.column = Some(column);
            let mark = literal.mark;
            wanted.insert(&path).literal = Some(mark);
        }
        wanted
    }

    /// Of a whole object.
    pub fn root(&self) -> &Node {
        &self.nodes[0]
    }

    /// The node of a target.
    pub fn node(&self, index: Option<usize>) -> Option<&Node> {
        index.map(|index| &self.nodes[index])
    }

    /// How many columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many marks.
    pub fn marks(&self) -> usize {
        self.marks
    }

    /// Columns of which no mark was seen.
    pub fn unseen(&self, seen: &[u64]) -> Vec<usize> {
        let targets = self.nodes.iter().flat_map(|node| {
            let fields = node.fields.iter().map(|field| &field.target);
            fields.chain(node.items.values())
        });
        let mut found = vec![false; self.columns];
        for target in targets {
            if let Some(column) = target.column {
                found[column] |= seen[target.mark] > 0;
            }
        }
        (0..self.columns).filter(|column| !found[*column]).collect()
    }

    /// What the value at the path is for; makes the way to it.
    fn insert(&mut self, path: &[Step]) -> &mut Target {
        let (last, way) = path.split_last().expect("a path has a step");
        let mut node = 0;
        for step in way {
            let next = self.nodes.len();
            node = *self.step(node, step).below.get_or_insert(next);
            if node == next {
                self.nodes.push(Node::default());
            }
        }
        self.step(node, last)
    }

    fn step(&mut self, node: usize, step: &Step) -> &mut Target {
        let new = Target {
            mark: self.marks,
            ..Target::default()
        };
        let Node { fields, index, items } = &mut self.nodes[node];
        let target = match step {
            Step::Index(at) => items.entry(*at).or_insert(new),
            Step::Key(key) => {
                let at = *index.entry(key.as_bytes().to_vec()).or_insert(fields.len());
                if at == fields.len() {
                    fields.push(Field {
                        key: Key::new(key.as_bytes()),
                        target: new,
                    });
                }
                &mut fields[at].target
            }
        };
        if target.mark == self.marks {
            self.marks += 1;
        }
        target
    }
}

impl Node {
    /// The field of that number, if the text at `at` is its key, written without escape, and a colon; and where that ends. Objects usually
    /// have their keys in one order, so that this is the only question that is asked of most keys.
    #[inline]
    pub fn expected(&self, field: usize, text: &[u8], at: usize) -> Option<(&Field, usize)> {
        let field = self.fields.get(field)?;
        field
            .key
            .stands_at(text, at)
            .then(|| (field, at + field.key.written.len()))
    }

    /// The field of a key, and its number.
    pub fn find(&self, key: &[u8]) -> Option<(&Field, usize)> {
        let at = *self.index.get(key)?;
        Some((&self.fields[at], at))
    }

    /// The target of an array's item.
    pub fn item(&self, index: usize) -> Option<&Target> {
        self.items.get(&index)
    }
}

impl Field {
    /// The key, for people.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.key.text).into_owned()
    }
}

/// A key, to be compared with text.
struct Key {
    text: Vec<u8>,
    /// `"key":`; empty where the key cannot be written without an escape.
    written: Vec<u8>,
    /// The first bytes of it as a number, and which of the number's bits those are.
    head: (u128, u128),
}

/// Bytes that one number holds.
const HEAD_BYTES: usize = 16;

impl Key {
    fn new(text: &[u8]) -> Self {
        let escaped = text.iter().any(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
        let written = if escaped {
            Vec::new()
        } else {
            [b"\"", text, b"\":"].concat()
        };
        let (mut head, mut mask) = ([0; HEAD_BYTES], [0; HEAD_BYTES]);
        let length = written.len().min(HEAD_BYTES);
        head[..length].copy_from_slice(&written[..length]);
        mask[..length].fill(u8::MAX);
        Self {
            text: text.to_vec(),
            written,
            head: (u128::from_le_bytes(head), u128::from_le_bytes(mask)),
        }
    }

    #[inline]
    fn stands_at(&self, text: &[u8], at: usize) -> bool {
        if self.written.is_empty() {
            return false;
        }
        let (head, mask) = self.head;
        match text[at..].first_chunk::<HEAD_BYTES>() {
            Some(chunk) if u128::from_le_bytes(*chunk) & mask != head => false,
            Some(_) if self.written.len() <= HEAD_BYTES => true,
            _ => text[at..].starts_with(&self.written),
        }
    }
}
