//! JSON (RFC 8259): objects, one a line or as the elements of one array. Columns are keys of the object, or paths below one
//! (`address.city`, `items[0].sku`); nested values keep their JSON text.

mod array;
mod element;
mod envelope;
mod items;
mod lines;
mod number;
mod objects;
mod parser;
mod wanted;

pub use array::JsonArrayReader;
pub(crate) use items::items;
pub use lines::{NdJsonReader, sample};
pub(crate) use objects::Objects;
pub use parser::MAX_DEPTH;
