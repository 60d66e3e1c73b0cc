//! Columns that a table has because a source had them, and that its contract does not name.

use crate::{
    layout::Digest,
    table::{Column, ColumnType},
};
use serde::{Deserialize, Serialize};

/// Smallest field id of an added column: those of contracts are below.
pub const FIRST_ADDED_ID: i32 = 1_000_000;
/// How many ids there are for added columns. With the first one they stay far below those that Iceberg keeps for itself
/// (specification, "Reserved Field IDs": the last 200 of 2^31).
const ADDED_IDS: u64 = 1_000_000_000;
/// Smallest field id that is made for a field inside a column: behind those of added columns.
pub const FIRST_NESTED_ID: i32 = 1_100_000_000;
/// How many of those there are.
const NESTED_IDS: u64 = 1_000_000_000;
/// Most columns that one object adds.
pub const MAX_ADDED_COLUMNS: usize = 100;
/// Most columns that sources add to one table, over all its time.
pub const MAX_ADDED_OF_TABLE: usize = 1_000;

/// A column that the source had beside those of the contract. Always optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedColumn {
    /// Iceberg field id: [`added_id`] of the name.
    pub id: i32,
    /// `[a-z][a-z0-9_]*`.
    pub name: String,
    /// Its type, as Iceberg spells it.
    #[serde(rename = "type", with = "spelled")]
    pub kind: ColumnType,
}

impl AddedColumn {
    /// Of a name that is an identifier.
    pub fn new(name: &str, kind: ColumnType) -> Self {
        Self {
            id: added_id(name),
            name: name.into(),
            kind,
        }
    }

    /// As a column of the table.
    pub fn column(&self) -> Column {
        let doc = "Added from the source; the contract does not name it";
        Column::plain(self.id, &self.name, self.kind, false, doc)
    }
}

/// The field id of an added column: the same wherever the column is met first, without asking anyone.
pub fn added_id(name: &str) -> i32 {
    FIRST_ADDED_ID + number(b"column", name, ADDED_IDS)
}

/// The field id of a field inside a column, where the contract gives none: made of the names that lead to it, `address.city`, so that
/// it stays where it is when others come and go.
pub fn nested_id(path: &str) -> i32 {
    FIRST_NESTED_ID + number(b"field", path, NESTED_IDS)
}

/// A number below `limit` that is the same for the same text.
fn number(what: &[u8], text: &str, limit: u64) -> i32 {
    let mut digest = Digest::new();
    digest.part(what);
    digest.part(text.as_bytes());
    let hash = u64::from_str_radix(&digest.hex()[..16], 16).expect("a digest is of hex digits");
    i32::try_from(hash % limit).expect("the limits are below 2^31")
}

mod spelled {
    use super::ColumnType;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    pub fn serialize<S: Serializer>(kind: &ColumnType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(kind)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ColumnType, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_names_for_ever() {
        assert_eq!(added_id("tail_number"), added_id("tail_number"));
        assert_ne!(added_id("tail_number"), added_id("tail_numbers"));
        for name in ["a", "b", "tail_number", "x_1"] {
            assert!((FIRST_ADDED_ID..FIRST_ADDED_ID + 1_000_000_000).contains(&added_id(name)));
        }
    }

    #[test]
    fn ids_of_fields_are_behind_those_of_added_columns() {
        assert_eq!(nested_id("address.city"), nested_id("address.city"));
        assert_ne!(nested_id("address.city"), nested_id("address.zip"));
        for path in ["a.b", "a.element", "address.city", "x_1.y_2.z"] {
            assert!((FIRST_NESTED_ID..i32::MAX - 200).contains(&nested_id(path)));
        }
    }

    #[test]
    fn a_column_is_the_same_after_json() {
        let column = AddedColumn::new("price", ColumnType::Decimal { precision: 9, scale: 2 });
        let json = serde_json::to_string(&column).unwrap_or_default();
        assert!(json.ends_with(r#""name":"price","type":"decimal(9,2)"}"#), "{json}");
        assert_eq!(serde_json::from_str::<AddedColumn>(&json).ok(), Some(column));
    }
}
