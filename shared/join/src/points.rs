//! By place: the nearest point of a reference.

use crate::{
    answer::rows_of,
    error::{BuildError, JoinError},
    intern::NONE,
    key::check_rows,
    place::{Places, places_of},
    sphere::{Vector, metres, square_of_chord, vector},
    tree,
};
use arrow_array::{ArrayRef, Float64Array, UInt32Array, cast::AsArray};
use arrow_select::take::take;
use rstar::{RTree, primitives::GeomWithData};

/// A point and its row of the reference.
type Point = GeomWithData<Vector, u32>;

/// Rows of a reference by where they are: which is the nearest to a place, and which are around it. Distances are great circles' on a
/// sphere of the earth's mean radius ([`EARTH_RADIUS_M`](crate::EARTH_RADIUS_M)).
#[derive(Debug)]
pub struct Points {
    tree: RTree<Point>,
    rows: usize,
}

impl Points {
    /// Over all rows of a reference, in degrees. Those without a possible place (null, NaN, a latitude beyond 90 or a longitude beyond
    /// 180) are left out.
    pub fn build(latitude: &Float64Array, longitude: &Float64Array) -> Result<Self, BuildError> {
        check_rows(latitude.len())?;
        if latitude.len() != longitude.len() {
            return Err(BuildError::Lengths {
                first: latitude.len(),
                second: longitude.len(),
            });
        }
        let places = (0_u32..).zip(places_of(latitude, longitude));
        let points = places.filter_map(|(row, place)| Some(Point::new(vector(place?), row)));
        Ok(Self {
            tree: RTree::bulk_load(points.collect()),
            rows: latitude.len(),
        })
    }

    /// For each row of a batch the reference's nearest row, if it is no more than `within_m` metres away, and how many metres it is
    /// away; both null where there is none, or the row has no possible place. Of points that are as near, to the last bit, the lower
    /// row's: so of those at one place the first.
    pub fn nearest(
        &self,
        latitude: &Float64Array,
        longitude: &Float64Array,
        within_m: f64,
    ) -> Result<(UInt32Array, Float64Array), JoinError> {
        check_distance(within_m)?;
        let places = Places::of(latitude, longitude)?;
        let found = places.places.iter().map(|place| {
            let from = vector(*place);
            let nearest = self.tree.nearest_neighbors(&from);
            let nearest = nearest.into_iter().min_by_key(|point| point.data)?;
            let away = metres(&from, nearest.geom());
            (away <= within_m).then_some((nearest.data, away))
        });
        let (rows, away): (Vec<u32>, Vec<Option<f64>>) = found
            .map(|found| (found.map_or(NONE, |(row, _)| row), found.map(|(_, away)| away)))
            .unzip();
        let numbers = rows_of(places.numbers);
        let rows = take(&rows_of(rows), &numbers, None)?;
        let away: ArrayRef = take(&Float64Array::from(away), &numbers, None)?;
        Ok((rows.as_primitive().clone(), away.as_primitive().clone()))
    }

    /// The rows within a distance, in their order.
    pub(crate) fn within(&self, from: &Vector, within_m: f64) -> Vec<u32> {
        let points = self.tree.locate_within_distance(*from, square_of_chord(within_m));
        let near = points.filter(|point| metres(from, point.geom()) <= within_m);
        let mut rows: Vec<u32> = near.map(|point| point.data).collect();
        rows.sort_unstable();
        rows
    }

    /// Rows of the reference.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Rows of the reference that have no possible place.
    pub fn without_place(&self) -> usize {
        self.rows - self.tree.size()
    }

    /// What the index takes, in bytes; the reference's columns, which it does not keep, aside.
    pub fn size_bytes(&self) -> usize {
        tree::size_bytes(&self.tree)
    }
}

pub(crate) fn check_distance(metres: f64) -> Result<(), JoinError> {
    if metres >= 0.0 && metres.is_finite() {
        Ok(())
    } else {
        Err(JoinError::Distance { metres })
    }
}
