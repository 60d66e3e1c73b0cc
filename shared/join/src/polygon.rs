//! Whether a point lies in a polygon, and how large that is.

use crate::geometry::{Position, Rings};
use robust::{Coord, orient2d};

/// Edges that a strip of latitudes holds where they are spread evenly.
const EDGES_PER_STRIP: usize = 4;
/// How often an edge may stand in strips, in the mean.
const MAX_COPIES: usize = 2;

/// An edge, the end of lower latitude first. So neighbours that share an edge have the same one, whichever way round they go.
type Edge = [Position; 2];

/// A polygon's edges, in strips of latitudes: of a coast of ten thousand edges few are looked at.
#[derive(Debug)]
pub(crate) struct Polygon {
    south: f64,
    /// Strips to a degree.
    density: f64,
    /// Where the edges of each strip begin, and where the last ones end.
    starts: Vec<u32>,
    /// Each in all strips that it crosses.
    edges: Vec<Edge>,
}

impl Polygon {
    pub(crate) fn new(rings: &Rings) -> Self {
        let edges: Vec<Edge> = rings.iter().flat_map(|ring| ring.windows(2)).map(edge).collect();
        let (south, north) = edges.iter().fold((f64::MAX, f64::MIN), |(south, north), [low, high]| {
            (south.min(low[1]), north.max(high[1]))
        });
        let mut strips = (edges.len() / EDGES_PER_STRIP).max(1);
        let mut polygon = Self {
            south,
            density: 0.0,
            starts: Vec::new(),
            edges: Vec::new(),
        };
        // Long edges stand in many strips. A polygon made of such gets fewer strips, so that it does not take more memory than its text.
        loop {
            let density = strips as f64 / (north - south);
            polygon.density = if strips > 1 && density.is_finite() {
                density
            } else {
                0.0
            };
            polygon.starts = vec![0; strips + 1];
            let copies: usize = edges.iter().map(|edge| polygon.strips(edge).count()).sum();
            if strips == 1 || copies <= edges.len() * MAX_COPIES {
                break;
            }
            strips /= 2;
        }
        polygon.fill(&edges);
        polygon
    }

    fn fill(&mut self, edges: &[Edge]) {
        for edge in edges {
            for strip in self.strips(edge) {
                self.starts[strip + 1] += 1;
            }
        }
        let mut before = 0;
        for start in &mut self.starts {
            before += *start;
            *start = before;
        }
        let mut ends = self.starts.clone();
        self.edges = vec![[[0.0; 2]; 2]; before as usize];
        for edge in edges {
            for strip in self.strips(edge) {
                self.edges[ends[strip] as usize] = *edge;
                ends[strip] += 1;
            }
        }
    }

    /// The strip of a latitude. Of a higher latitude it is no lower one, which is all that is needed of it.
    fn strip(&self, latitude: f64) -> usize {
        (((latitude - self.south) * self.density) as usize).min(self.starts.len() - 2)
    }

    fn strips(&self, [low, high]: &Edge) -> std::ops::RangeInclusive<usize> {
        self.strip(low[1])..=self.strip(high[1])
    }

    /// Whether the point lies inside or on an edge, be it a hole's: exactly, by the signs of Shewchuk's predicates. A point is inside
    /// if a line from it to the west crosses an odd number of edges.
    pub(crate) fn contains(&self, point: Position) -> bool {
        let strip = self.strip(point[1]);
        let mut inside = false;
        for edge in &self.edges[self.starts[strip] as usize..self.starts[strip + 1] as usize] {
            match side(edge, point) {
                Side::On => return true,
                Side::East => inside = !inside,
                Side::Elsewhere => {}
            }
        }
        inside
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.starts.capacity() * size_of::<u32>() + self.edges.capacity() * size_of::<Edge>()
    }
}

fn edge(ends: &[Position]) -> Edge {
    let (one, other) = (ends[0], ends[1]);
    let ordered = (one[1], one[0]) <= (other[1], other[0]);
    if ordered { [one, other] } else { [other, one] }
}

/// Where a point lies of an edge.
enum Side {
    On,
    /// East of it, and between the latitudes of its ends, of which the upper counts and the lower does not: so a corner is crossed once.
    East,
    Elsewhere,
}

fn side([low, high]: &Edge, [longitude, latitude]: Position) -> Side {
    if latitude < low[1] || latitude > high[1] || longitude < low[0].min(high[0]) {
        return Side::Elsewhere;
    }
    let beyond = longitude > low[0].max(high[0]);
    let coord = |[x, y]: Position| Coord { x, y };
    let turn = if beyond {
        -1.0
    } else {
        orient2d(coord(*low), coord(*high), coord([longitude, latitude]))
    };
    if turn == 0.0 {
        Side::On
    } else if turn < 0.0 && latitude > low[1] {
        Side::East
    } else {
        Side::Elsewhere
    }
}

/// The area on a sphere of radius 1: of the outer ring without those of holes.
pub(crate) fn area(rings: &Rings) -> f64 {
    let mut areas = rings.iter().map(|ring| ring_area(ring));
    let outer = areas.next().unwrap_or(0.0);
    (outer - areas.sum::<f64>()).max(0.0)
}

/// The integral of sin φ dλ around the ring. Along an edge, which is straight in degrees, the mean of sin φ is sin m · sin h / h, of its
/// middle m and half its height h.
fn ring_area(ring: &[Position]) -> f64 {
    let edge = |ends: &[Position]| {
        let [[from, low], [to, high]] = [ends[0], ends[1]].map(|position| position.map(f64::to_radians));
        let half = (high - low) / 2.0;
        let sinc = if half == 0.0 { 1.0 } else { libm::sin(half) / half };
        (to - from) * libm::sin(low.midpoint(high)) * sinc
    };
    ring.windows(2).map(edge).sum::<f64>().abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wkt::polygons;
    use std::f64::consts::PI;

    fn read(text: &str) -> Rings {
        polygons(text).expect("a polygon").remove(0)
    }

    #[test]
    fn an_area_is_that_on_the_sphere() {
        let close = |text: &str, expected: f64| {
            let area = area(&read(text));
            assert!((area - expected).abs() < 1e-12, "{text}: {area}, not {expected}");
        };
        // An eighth of the sphere, and what is left of it without the part north of 30 degrees (sin 30° = 1/2).
        close("POLYGON((0 0,90 0,90 90,0 90,0 0))", PI / 2.0);
        close(
            "POLYGON((0 0,0 90,90 90,90 0,0 0),(0 30,90 30,90 90,0 90,0 30))",
            PI / 4.0,
        );
        // Below a line from the pole to the equator: the integral of cos λ.
        close("POLYGON((0 0,90 0,0 90,0 0))", 1.0);
    }

    #[test]
    fn edges_that_are_long_do_not_fill_memory() {
        // A comb: each edge goes from the bottom to the top.
        let mut text = String::from("POLYGON((0 0");
        for tooth in 0..10_000 {
            text += &format!(",{} {}", f64::from(tooth) / 100.0, if tooth % 2 == 0 { 80 } else { 1 });
        }
        text += ",100 0,0 0))";
        let polygon = Polygon::new(&read(&text));
        assert!(polygon.edges.len() <= 10_003 * MAX_COPIES, "{}", polygon.edges.len());
        assert!(polygon.contains([50.0, 0.5]) && !polygon.contains([50.0, 81.0]));
    }
}
