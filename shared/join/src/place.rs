//! Where rows of a batch are: each place once. Many rows of a batch are at few places (flights at airports), and what is asked of a
//! place costs more than to find it again.

use crate::{
    error::JoinError,
    intern::{Interner, Key, NONE},
};
use arrow_array::Float64Array;

/// A place in degrees: latitude and longitude.
pub(crate) type Place = (f64, f64);

/// The places of a batch.
pub(crate) struct Places {
    /// Of each row the number of its place: [`NONE`] where it has none.
    pub(crate) numbers: Vec<u32>,
    pub(crate) places: Vec<Place>,
}

impl Places {
    pub(crate) fn of(latitude: &Float64Array, longitude: &Float64Array) -> Result<Self, JoinError> {
        if latitude.len() != longitude.len() {
            return Err(JoinError::Lengths {
                first: latitude.len(),
                second: longitude.len(),
            });
        }
        let (mut known, mut places) = (Interner::default(), Vec::new());
        let number = |place: Option<Place>| {
            let Some((latitude, longitude)) = place else {
                return NONE;
            };
            let bits = u128::from(latitude.to_bits()) << 64 | u128::from(longitude.to_bits());
            let number = known.intern(Key::Wide(bits));
            if number as usize == places.len() {
                places.push((latitude, longitude));
            }
            number
        };
        let numbers = places_of(latitude, longitude).map(number).collect();
        Ok(Self { numbers, places })
    }
}

/// The place of each row: none where a coordinate is null, NaN or outside of the earth.
pub(crate) fn places_of<'a>(
    latitude: &'a Float64Array,
    longitude: &'a Float64Array,
) -> impl Iterator<Item = Option<Place>> + 'a {
    let place = |(latitude, longitude): (Option<f64>, Option<f64>)| {
        let place = latitude.zip(longitude);
        place.filter(|(latitude, longitude)| is_latitude(*latitude) && is_longitude(*longitude))
    };
    latitude.iter().zip(longitude).map(place)
}

pub(crate) fn is_latitude(degrees: f64) -> bool {
    (-90.0..=90.0).contains(&degrees)
}

pub(crate) fn is_longitude(degrees: f64) -> bool {
    (-180.0..=180.0).contains(&degrees)
}
