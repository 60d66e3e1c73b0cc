//! Joins of a batch with a reference in memory: which of the reference's rows belongs to each row of the batch.
mod answer;
mod around;
mod asof;
mod error;
mod geojson;
mod geometry;
mod intern;
mod key;
mod kind;
mod lookup;
mod place;
mod points;
mod polygon;
mod read;
mod reference;
mod regions;
mod sphere;
mod tree;
mod wkt;

pub use around::{Around, Function, Measure};
pub use asof::{AsOf, Direction};
pub use error::{BuildError, JoinError};
pub use lookup::Lookup;
pub use points::Points;
pub use reference::Reference;
pub use regions::Regions;
pub use sphere::EARTH_RADIUS_M;

/// Most columns of a key.
pub const MAX_KEY_COLUMNS: usize = 8;
/// Most rows of a reference: one less than 32 bits count, because one number says that there is none.
pub const MAX_ROWS: usize = u32::MAX as usize - 1;
