//! Paths into nested values.

/// Longest path, in steps: values that are nested deeper are not read.
pub const MAX_PATH_STEPS: usize = 64;

/// One step into a nested JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The value of a key.
    Key(String),
    /// The element at a place, from 0.
    Index(usize),
}

/// Where a value of an XML row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlPath {
    /// Local names of the elements that lead to it, from below the row.
    pub elements: Vec<String>,
    /// It is the attribute of that local name of the last of them, or of the row itself; none: it is the text.
    pub attribute: Option<String>,
}

/// `address.city`, `items[0].sku`; none where the text can only be the name of a key.
pub fn source_path(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (key, mut indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key.into()));
        while let Some(inner) = indexes.strip_prefix('[') {
            let (digits, behind) = inner.split_once(']')?;
            let index: usize = digits.parse().ok()?;
            if index.to_string() != digits {
                return None;
            }
            steps.push(Step::Index(index));
            indexes = behind;
        }
        if !indexes.is_empty() {
            return None;
        }
    }
    (steps.len() <= MAX_PATH_STEPS).then_some(steps)
}

/// `city`, `address/city`, `@id`, `address/@type`.
pub fn xml_path(text: &str) -> Option<XmlPath> {
    let (way, attribute) = match text.rsplit_once('/').map_or(("", text), |(way, last)| (way, last)) {
        (way, last) if last.starts_with('@') => (way, Some(&last[1..])),
        _ => (text, None),
    };
    let elements = if way.is_empty() && attribute.is_some() && !text.starts_with('/') {
        Vec::new()
    } else {
        xml_names(way)?
    };
    let attribute = match attribute {
        Some(name) if !is_xml_name(name) => return None,
        other => other.map(Into::into),
    };
    Some(XmlPath { elements, attribute })
}

/// `orders/order`: local names of XML elements.
pub(crate) fn xml_names(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split('/').map(Into::into).collect();
    (names.len() <= MAX_PATH_STEPS && names.iter().all(|name| is_xml_name(name))).then_some(names)
}

/// A name of XML without prefix, as far as ASCII goes.
fn is_xml_name(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
    first
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c) || !c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> Step {
        Step::Key(key.into())
    }

    #[test]
    fn paths_into_json() {
        assert_eq!(source_path("a"), Some(vec![key("a")]));
        assert_eq!(source_path("Order No"), Some(vec![key("Order No")]));
        assert_eq!(
            source_path("a.b[0][12].c"),
            Some(vec![key("a"), key("b"), Step::Index(0), Step::Index(12), key("c")])
        );
        for text in [
            "", ".", "a.", ".a", "a..b", "[0]", "a[", "a[]", "a[x]", "a[01]", "a[0]b", "a[-1]", "a]b[0]x",
        ] {
            assert_eq!(source_path(text), None, "{text}");
        }
        assert_eq!(source_path(&["a"; 65].join(".")), None);
    }

    #[test]
    fn paths_into_xml() {
        let path = |elements: &[&str], attribute: Option<&str>| {
            Some(XmlPath {
                elements: elements.iter().map(ToString::to_string).collect(),
                attribute: attribute.map(Into::into),
            })
        };
        assert_eq!(xml_path("city"), path(&["city"], None));
        assert_eq!(xml_path("address/city"), path(&["address", "city"], None));
        assert_eq!(xml_path("@id"), path(&[], Some("id")));
        assert_eq!(xml_path("address/@type"), path(&["address"], Some("type")));
        assert_eq!(xml_path("größe"), path(&["größe"], None));
        for text in [
            "", "/", "/a", "a/", "a//b", "@", "a/@", "/@id", "@a/b", "x:a", "a b", "1a", "a/@x:b", "@@a",
        ] {
            assert_eq!(xml_path(text), None, "{text}");
        }
    }
}
