//! That no primary key comes twice.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::display::array_value_to_string;
use arrow_row::{RowConverter, SortField};
use arrow_schema::ArrowError;
use std::collections::HashSet;
use watershed_lake::TableSpec;
use watershed_sink::arrow_schema;
use xxhash_rust::xxh3::xxh3_128;

/// Rows of a part at most: of each key 128 bits are held, which no two of so many share by chance.
pub const MAX_ROWS: usize = 5_000_000;

/// The keys so far.
pub struct Keys {
    converter: RowConverter,
    columns: Vec<usize>,
    seen: HashSet<u128>,
}

/// What is wrong with the keys of a batch.
#[derive(Debug)]
pub enum KeyError {
    /// This key came before.
    Twice(String),
    /// There are more than [`MAX_ROWS`].
    TooMany,
    /// A bug.
    Arrow(ArrowError),
}

impl Keys {
    /// Of the columns with these indexes.
    pub fn of(table: &TableSpec, columns: &[usize]) -> Result<Self, ArrowError> {
        let schema = arrow_schema(table);
        let fields = columns
            .iter()
            .map(|index| SortField::new(schema.field(*index).data_type().clone()));
        Ok(Self {
            converter: RowConverter::new(fields.collect())?,
            columns: columns.to_vec(),
            seen: HashSet::new(),
        })
    }

    /// Adds those of a batch of the table.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), KeyError> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|index| batch.column(*index).clone()).collect();
        let rows = self.converter.convert_columns(&columns).map_err(KeyError::Arrow)?;
        for (number, row) in rows.iter().enumerate() {
            if !self.seen.insert(xxh3_128(row.data())) {
                let shown = |column: &ArrayRef| array_value_to_string(column, number).map_err(KeyError::Arrow);
                let values: Vec<String> = columns.iter().map(shown).collect::<Result<_, _>>()?;
                return Err(KeyError::Twice(values.join(", ")));
            }
            if self.seen.len() > MAX_ROWS {
                return Err(KeyError::TooMany);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, StringArray};
    use std::{collections::BTreeMap, sync::Arc};
    use watershed_lake::{Column, ColumnType, layout::Zone};

    #[test]
    fn a_key_that_comes_again_is_shown() {
        let column = |id, name, kind| Column::plain(id, name, kind, true, "");
        let table = TableSpec {
            name: "a.b".parse().expect("a name"),
            zone: Zone::Mart,
            columns: vec![
                column(1, "k", ColumnType::String),
                column(2, "v", ColumnType::Long),
                column(3, "n", ColumnType::Long),
            ],
            partition: Vec::new(),
            sort: Vec::new(),
            doc: None,
            properties: BTreeMap::new(),
        };
        let batch = |keys: &[&str], numbers: &[i64]| {
            let keys: ArrayRef = Arc::new(StringArray::from(keys.to_vec()));
            let numbers: ArrayRef = Arc::new(Int64Array::from(numbers.to_vec()));
            let same: ArrayRef = Arc::new(Int64Array::from(vec![0; numbers.len()]));
            RecordBatch::try_new(arrow_schema(&table), vec![keys, same, numbers]).expect("a batch")
        };
        let mut keys = Keys::of(&table, &[2, 0]).expect("columns");
        assert!(keys.add(&batch(&["a", "a", "b"], &[1, 2, 1])).is_ok());
        let again = keys.add(&batch(&["c", "b"], &[1, 1]));
        assert!(matches!(again, Err(KeyError::Twice(key)) if key == "1, b"));
    }
}
