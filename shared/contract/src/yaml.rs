//! YAML 1.2 text to a tree that knows its lines. Bounded in size, depth and alias expansion.

use crate::diagnostic::{Report, shown};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// Largest contract, in bytes.
pub const MAX_CONTRACT_BYTES: usize = 1 << 20;
/// Deepest nesting of lists and mappings.
pub const MAX_NESTING: usize = 64;
/// Most nodes of a document, those that aliases repeat counted each time.
pub const MAX_NODES: usize = 100_000;

/// Line and column, from 1.
pub(crate) type Position = (usize, usize);

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) position: Position,
    pub(crate) value: Value<'a>,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// `plain`: without quotes, so that it may be a number, a truth value or null.
    Scalar {
        text: Cow<'a, str>,
        plain: bool,
    },
    List(Vec<Node<'a>>),
    Map(Vec<(Key<'a>, Node<'a>)>),
}

/// A key and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Key<'a> {
    pub(crate) position: Position,
    pub(crate) text: Cow<'a, str>,
}

/// The one document of `text`. None, and a report, where it is no YAML, or beyond a limit.
pub(crate) fn read<'a>(text: &'a str, report: &Report) -> Option<Node<'a>> {
    let whole = (0, 0);
    if text.len() > MAX_CONTRACT_BYTES {
        let message = format!("{} bytes of contract", text.len());
        report.add(
            whole,
            "",
            message,
            format!("write at most {MAX_CONTRACT_BYTES}, or several contracts"),
        );
        return None;
    }
    let mut tree = Builder::new(report);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => tree.event(event, span)?,
            Err(error) => {
                let at = (error.marker().line(), error.marker().col() + 1);
                report.add(
                    at,
                    "",
                    format!("not YAML: {}", error.info()),
                    "correct the syntax".into(),
                );
                return None;
            }
        }
    }
    if tree.root.is_none() {
        report.add(
            whole,
            "",
            "an empty document".into(),
            "write a data contract (ODCS v3.1.0)".into(),
        );
    }
    tree.root
}

/// A list or mapping whose end is not yet seen.
struct Open<'a> {
    node: Node<'a>,
    /// The key whose value comes next.
    key: Option<Key<'a>>,
    anchor: usize,
    /// Nodes before it.
    before: usize,
}

struct Builder<'a, 'r> {
    report: &'r Report,
    open: Vec<Open<'a>>,
    root: Option<Node<'a>>,
    /// What each anchor stands for, and of how many nodes it is made.
    anchors: BTreeMap<usize, (Node<'a>, usize)>,
    nodes: usize,
    documents: usize,
}

impl<'a, 'r> Builder<'a, 'r> {
    fn new(report: &'r Report) -> Self {
        Self {
            report,
            open: Vec::new(),
            root: None,
            anchors: BTreeMap::new(),
            nodes: 0,
            documents: 0,
        }
    }

    /// None: beyond a limit, which is reported; there is no use in going on.
    fn event(&mut self, event: Event<'a>, span: Span) -> Option<()> {
        let position = (span.start.line(), span.start.col() + 1);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(position, "a second document", "write one document a file");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !self.is_text(tag, position);
                self.count(1, position)?;
                self.close(
                    Node {
                        position,
                        value: Value::Scalar { text, plain },
                    },
                    anchor,
                    1,
                );
            }
            Event::SequenceStart(anchor, tag) => {
                self.is_text(tag, position);
                self.enter(
                    Node {
                        position,
                        value: Value::List(Vec::new()),
                    },
                    anchor,
                )?;
            }
            Event::MappingStart(anchor, tag) => {
                self.is_text(tag, position);
                self.enter(
                    Node {
                        position,
                        value: Value::Map(Vec::new()),
                    },
                    anchor,
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open {
                    node, anchor, before, ..
                } = self.open.pop().expect("the parser pairs starts and ends");
                self.check_keys(&node);
                let size = self.nodes - before;
                self.close(node, anchor, size);
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                None => return self.stop(position, "an alias of what encloses it", "write the value out"),
                Some((node, size)) => {
                    self.count(size, position)?;
                    self.close(node, 0, size);
                }
            },
        }
        Some(())
    }

    fn enter(&mut self, node: Node<'a>, anchor: usize) -> Option<()> {
        if self.open.len() >= MAX_NESTING {
            return self.stop(
                node.position,
                "nested too deep",
                &format!("nest at most {MAX_NESTING} levels"),
            );
        }
        let before = self.nodes;
        self.count(1, node.position)?;
        self.open.push(Open {
            node,
            key: None,
            anchor,
            before,
        });
        Some(())
    }

    fn count(&mut self, nodes: usize, position: Position) -> Option<()> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return self.stop(
                position,
                "too large a document",
                &format!("write at most {MAX_NODES} values"),
            );
        }
        Some(())
    }

    fn stop(&self, position: Position, message: &str, help: &str) -> Option<()> {
        self.report.add(position, "", message.into(), help.into());
        None
    }

    /// A value is complete: into what encloses it.
    fn close(&mut self, node: Node<'a>, anchor: usize, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match (&mut parent.node.value, parent.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(entries), Some(key)) => entries.push((key, node)),
            (Value::Map(_), None) => {
                let Node { position, value } = node;
                let text = match value {
                    Value::Scalar { text, .. } => text,
                    Value::List(_) | Value::Map(_) => {
                        self.report
                            .add(position, "", "a key that is no text".into(), "write a name".into());
                        Cow::Borrowed("")
                    }
                };
                parent.key = Some(Key { position, text });
            }
            (Value::Scalar { .. }, _) => unreachable!("only lists and mappings are entered"),
        }
    }

    fn check_keys(&self, node: &Node<'a>) {
        let Value::Map(entries) = &node.value else { return };
        let mut seen = BTreeSet::new();
        for (key, _) in entries {
            if key.text == "<<" {
                let help = "YAML 1.2 has no merge: write the keys out".into();
                self.report.add(key.position, "", "a merge key".into(), help);
            } else if !seen.insert(&key.text) {
                let message = format!("key {} a second time", shown(&key.text));
                self.report.add(key.position, "", message, "write it once".into());
            }
        }
    }

    /// True for `!!str`. Other tags than those of the core schema mean nothing here, so they are reported.
    fn is_text(&self, tag: Option<Cow<'a, Tag>>, position: Position) -> bool {
        let Some(tag) = tag else { return false };
        // The non-specific tag `!` says of a scalar that it is text (YAML 1.2.2, 6.8.1).
        if tag.is_yaml_core_schema() || (tag.handle.is_empty() && tag.suffix == "!") {
            return tag.suffix == "str" || tag.suffix == "!";
        }
        self.report.add(
            position,
            "",
            format!("tag {}", shown(&tag.to_string())),
            "write no tag".into(),
        );
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        let report = Report::new("f");
        let node = read(text, &report);
        match report.result(node) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        let report = Report::new("f");
        let node = read("a: 1\nb:\n  - x\n  - 'y'\n", &report).expect("valid");
        let Value::Map(entries) = &node.value else {
            panic!("a mapping")
        };
        assert_eq!(entries[1].0.position, (2, 1));
        let Value::List(items) = &entries[1].1.value else {
            panic!("a list")
        };
        assert_eq!(items[1].position, (4, 5));
        assert!(matches!(items[0].value, Value::Scalar { plain: true, .. }));
        assert!(matches!(items[1].value, Value::Scalar { plain: false, .. }));
    }

    #[test]
    fn what_is_beyond_a_limit_is_refused() {
        assert!(errors(&"[".repeat(200))[0].contains("nested too deep"));
        assert!(errors(&"x".repeat(MAX_CONTRACT_BYTES + 1))[0].contains("bytes of contract"));
        let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let below = vec![format!("*a{}", level - 1); 10].join(",");
            laughs.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert!(errors(&laughs)[0].contains("too large"), "{:?}", errors(&laughs));
        assert!(errors(&"- x\n".repeat(MAX_NODES + 1))[0].contains("too large"));
    }

    #[test]
    fn what_yaml_leaves_open_is_refused() {
        assert!(errors("a: 1\na: 2\n")[0].starts_with("f:2: key \"a\" a second time"));
        assert!(errors("a: &a {b: *a}\n")[0].contains("alias"));
        assert!(errors("a: &x {b: 1}\nc: {<<: *x}\n")[0].contains("merge key"));
        assert!(errors("---\na: 1\n---\nb: 1\n")[0].contains("second document"));
        assert!(errors("")[0].contains("empty document"));
        assert!(errors("a: [1\n")[0].contains("not YAML"));
        assert!(errors("a: !thing 1\n")[0].contains("tag"));
        assert!(errors("? [a]\n: b\n")[0].contains("key that is no text"));
    }
}
