//! Joins of a batch with a reference in memory: which of the reference's rows belongs to each row of the batch.
mod answer;
mod asof;
mod error;
mod intern;
mod key;
mod kind;
mod lookup;
mod read;
mod reference;

pub use asof::{AsOf, Direction};
pub use error::{BuildError, JoinError};
pub use lookup::Lookup;
pub use reference::Reference;

/// Most columns of a key.
pub const MAX_KEY_COLUMNS: usize = 8;
/// Most rows of a reference: one less than 32 bits count, because one number says that there is none.
pub const MAX_ROWS: usize = u32::MAX as usize - 1;
