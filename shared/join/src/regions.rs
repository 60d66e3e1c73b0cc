//! By place: the region of a reference that it lies in.

use crate::{
    answer::rows_of,
    error::{BuildError, JoinError},
    geometry::{Position, Wrong, polygons},
    intern::NONE,
    key::check_rows,
    place::Places,
    polygon::{Polygon, area},
    tree,
};
use arrow_array::{Array, Float64Array, StringArray, UInt32Array, cast::AsArray};
use arrow_select::take::take;
use rstar::{
    RTree,
    primitives::{GeomWithData, Rectangle},
};

/// The box around a polygon, and the polygon's place among all.
type Bounds = GeomWithData<Rectangle<Position>, u32>;

/// Rows of a reference by the region that each is.
#[derive(Debug)]
pub struct Regions {
    bounds: RTree<Bounds>,
    polygons: Vec<Part>,
    /// Rows by area, the smallest first; of those as large the lower row first.
    by_area: Vec<u32>,
    without_region: usize,
}

/// A polygon of a region.
#[derive(Debug)]
struct Part {
    polygon: Polygon,
    /// Where its region stands in `by_area`.
    rank: u32,
}

impl Regions {
    /// Of a text a row: WKT (`POLYGON`, `MULTIPOLYGON`) or a geometry of GeoJSON (`Polygon`, `MultiPolygon`), in degrees, longitude
    /// first; altitudes are passed over. Edges are straight in longitude and latitude (RFC 7946 §3.1.1), no great circles. What
    /// crosses the antimeridian must be cut in two there (§3.1.9); so a polygon that spans more than 180 degrees is an error. A null and
    /// an `EMPTY` are regions that nothing lies in.
    pub fn build(texts: &StringArray) -> Result<Self, BuildError> {
        check_rows(texts.len())?;
        let (mut areas, mut parts, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
        for (row, text) in texts.iter().enumerate() {
            let text = text.unwrap_or("POLYGON EMPTY");
            let region = polygons(text).map_err(|wrong| geometry(row, text, wrong))?;
            areas.push((region.iter().map(area).sum::<f64>(), row as u32));
            for rings in &region {
                bounds.push(Bounds::new(around(rings.iter().flatten()), parts.len() as u32));
                // The rank is known when all areas are.
                parts.push(Part {
                    polygon: Polygon::new(rings),
                    rank: row as u32,
                });
            }
        }
        let mut has_part = vec![false; areas.len()];
        for part in &parts {
            has_part[part.rank as usize] = true;
        }
        areas.sort_unstable_by(|(one, row), (other, later)| one.total_cmp(other).then(row.cmp(later)));
        let by_area: Vec<u32> = areas.iter().map(|(_, row)| *row).collect();
        let mut ranks = vec![0; by_area.len()];
        for (rank, row) in (0_u32..).zip(&by_area) {
            ranks[*row as usize] = rank;
        }
        for part in &mut parts {
            part.rank = ranks[part.rank as usize];
        }
        Ok(Self {
            bounds: RTree::bulk_load(bounds),
            polygons: parts,
            by_area,
            without_region: has_part.iter().filter(|has_part| !**has_part).count(),
        })
    }

    /// For each row of a batch, in degrees, the reference's row whose region it lies in: of several the smallest by its area on the
    /// sphere, then the lower row. A point on an edge lies in the region, a hole's edge too; so one on the edge of two lies in both.
    /// Null where it lies in none, or has no possible place. At the poles the longitude counts as it is written.
    pub fn rows(&self, latitude: &Float64Array, longitude: &Float64Array) -> Result<UInt32Array, JoinError> {
        let places = Places::of(latitude, longitude)?;
        let found = places.places.iter().map(|(latitude, longitude)| {
            let here = self.rank([*longitude, *latitude]);
            // The antimeridian is at both ends of the map.
            let rank = match longitude.abs() {
                180.0 => here.min(self.rank([-*longitude, *latitude])),
                _ => here,
            };
            self.by_area.get(rank as usize).copied().unwrap_or(NONE)
        });
        let found = rows_of(found.collect());
        let rows = take(&found, &rows_of(places.numbers), None)?;
        Ok(rows.as_primitive().clone())
    }

    /// The rank of the first region that the point lies in, or [`NONE`].
    fn rank(&self, point: Position) -> u32 {
        let mut best = NONE;
        for bounds in self.bounds.locate_all_at_point(point) {
            let part = &self.polygons[bounds.data as usize];
            if part.rank < best && part.polygon.contains(point) {
                best = part.rank;
            }
        }
        best
    }

    /// Rows of the reference that are null or empty.
    pub fn without_region(&self) -> usize {
        self.without_region
    }

    /// What the index takes, in bytes; the reference's columns, which it does not keep, aside.
    pub fn size_bytes(&self) -> usize {
        let edges: usize = self.polygons.iter().map(|part| part.polygon.size_bytes()).sum();
        tree::size_bytes(&self.bounds)
            + edges
            + self.polygons.capacity() * size_of::<Part>()
            + self.by_area.capacity() * size_of::<u32>()
    }
}

fn geometry(row: usize, text: &str, wrong: Wrong) -> BuildError {
    let before = text.char_indices().take_while(|(at, _)| *at < wrong.at);
    BuildError::Geometry {
        row,
        at: before.count() + 1,
        message: wrong.message,
    }
}

fn around<'p>(positions: impl Iterator<Item = &'p Position>) -> Rectangle<Position> {
    let corners = positions.fold(([f64::MAX; 2], [f64::MIN; 2]), |(low, high), position| {
        (
            [low[0].min(position[0]), low[1].min(position[1])],
            [high[0].max(position[0]), high[1].max(position[1])],
        )
    });
    Rectangle::from_corners(corners.0, corners.1)
}
