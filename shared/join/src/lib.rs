//! Joins of a batch with a reference in memory: which of the reference's rows belongs to each row of the batch. Pure, and knows nothing
//! of contracts: whoever calls resolves names, and puts columns together.
//!
//! | index | of a reference | asks |
//! |---|---|---|
//! | [`Lookup`] | keys of 1 to 8 columns | the row that has the key |
//! | [`AsOf`] | keys of none or more columns, and times | of the rows of the key the last at or before a time, the first at or after it, or the nearer |
//! | [`Points`] | latitudes and longitudes | the nearest row within a distance; count, sum, least and greatest of all within it |
//! | [`Regions`] | polygons as WKT or GeoJSON | the smallest region that a place lies in |
//!
//! An index is built once over all rows of a [`Reference`] and asked a batch at a time. It keeps what it needs, not the reference's
//! columns, and tells its size. The answer is a row of the reference for each row of the batch, or null: so a join never multiplies or
//! loses rows, and a reference of which two rows could belong to one is an error when it is built, or has a rule that says which. What
//! is null, or no place on earth, matches nothing; of a reference such rows are counted.
//!
//! Everything is exact or has its rule for ties. The same reference and batch give the same answer to the bit on every machine.
//!
//! ```
//! # use std::{sync::Arc, time::Duration};
//! # use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampSecondArray, UInt32Array};
//! # use watershed_join::{AsOf, Direction, Lookup};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let texts = |texts: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
//! let times = |hours: [i64; 3]| -> ArrayRef { Arc::new(TimestampSecondArray::from(hours.map(|hour| hour * 3600).to_vec())) };
//!
//! let airports = Lookup::build(&[texts(["EWR", "JFK", "LGA"])])?;
//! let rows = airports.rows(&[texts(["JFK", "SJU", "EWR"])])?;
//! assert_eq!(rows, UInt32Array::from(vec![Some(1), None, Some(0)]));
//!
//! let weather = AsOf::build(&[texts(["EWR", "EWR", "JFK"])], &times([5, 6, 5]))?;
//! let two_hours = Some(Duration::from_secs(7200));
//! let rows = weather.rows(&[texts(["EWR", "JFK", "JFK"])], &times([9, 4, 6]), Direction::Backward, two_hours)?;
//! assert_eq!(rows, UInt32Array::from(vec![None, None, Some(2)]));
//! # Ok(())
//! # }
//! ```

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
