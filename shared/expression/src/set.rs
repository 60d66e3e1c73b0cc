//! The values of an `in` list that are known beforehand.

use crate::vector::{Data, Made, State, Vector};

/// Values of one type, in order, so that one is found without a look at the others.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    values: Sorted,
    /// The list has a null: what is not in it may be that.
    has_null: bool,
}

#[derive(Debug, Clone)]
enum Sorted {
    Longs(Vec<i64>),
    Wides(Vec<i128>),
    Texts(Vec<Box<str>>),
}

impl Set {
    /// Of these literals, which are of one type; none where values of that type are not kept in order.
    pub(crate) fn new(literals: &[&Vector]) -> Option<Self> {
        let known = || literals.iter().filter(|literal| literal.state(0) == State::Value);
        let mut values = match known().next()?.data {
            Data::Longs(_) => Sorted::Longs(known().map(|literal| literal.longs().at(0)).collect()),
            Data::Wides(_) => Sorted::Wides(known().map(|literal| literal.wides().at(0)).collect()),
            Data::Texts(_) => Sorted::Texts(known().map(|literal| literal.text(0).into()).collect()),
            Data::Booleans(_) | Data::Doubles(_) | Data::Nothing => return None,
        };
        match &mut values {
            Sorted::Longs(values) => values.sort_unstable(),
            Sorted::Wides(values) => values.sort_unstable(),
            Sorted::Texts(values) => values.sort_unstable(),
        }
        Some(Self {
            values,
            has_null: known().count() < literals.len(),
        })
    }

    /// Whether each value is in the list.
    pub(crate) fn holds(&self, of: &Vector, rows: usize) -> Vector {
        let mut made: Made<bool> = Made::new(rows);
        let (longs, wides) = (of.longs(), of.wides());
        for row in 0..rows {
            match of.state(row) {
                State::Null => made.null(),
                State::Failed => made.fail(of.failure(row)),
                State::Value => {
                    let found = match &self.values {
                        Sorted::Longs(values) => values.binary_search(&longs.at(row)).is_ok(),
                        Sorted::Wides(values) => values.binary_search(&wides.at(row)).is_ok(),
                        Sorted::Texts(values) => values.binary_search_by(|value| (**value).cmp(of.text(row))).is_ok(),
                    };
                    if !found && self.has_null {
                        made.null();
                    } else {
                        made.value(found);
                    }
                }
            }
        }
        made.finish()
    }
}
