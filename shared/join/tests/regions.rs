//! Regions: against the sum of angles, and where a point is on an edge, a corner or the antimeridian.

use arrow_array::{Float64Array, StringArray};
use proptest::prelude::*;
use std::f64::consts::PI;
use watershed_join::Regions;

fn regions(texts: &[&str]) -> Regions {
    Regions::build(&StringArray::from(texts.to_vec())).expect("an index")
}

/// Of points, longitude first as in the texts.
fn rows(index: &Regions, points: &[(f64, f64)]) -> Vec<Option<u32>> {
    let latitude: Float64Array = points.iter().map(|point| Some(point.1)).collect();
    let longitude: Float64Array = points.iter().map(|point| Some(point.0)).collect();
    index.rows(&latitude, &longitude).expect("an answer").iter().collect()
}

fn row(index: &Regions, longitude: f64, latitude: f64) -> Option<u32> {
    rows(index, &[(longitude, latitude)])[0]
}

/// A star around a centre: corners at ascending angles, so that no edges cross.
#[derive(Debug, Clone)]
struct Star(Vec<(f64, f64)>);

impl Star {
    fn corners(&self, corner: impl Fn(&(f64, f64)) -> String) -> String {
        let closed: Vec<String> = self.0.iter().chain(self.0.first()).map(corner).collect();
        closed.join(",")
    }

    fn wkt(&self) -> String {
        format!("POLYGON(({}))", self.corners(|(x, y)| format!("{x} {y}")))
    }

    fn json(&self) -> String {
        let corners = self.corners(|(x, y)| format!("[{x},{y}]"));
        format!(r#"{{"type":"Polygon","coordinates":[[{corners}]]}}"#)
    }

    /// How often the ring goes round the point: the angles that its edges are seen under add up to that, or to nothing.
    fn winds_around(&self, (x, y): (f64, f64)) -> bool {
        let angle = |(a, b): (&(f64, f64), &(f64, f64))| {
            let (a, b) = ((a.0 - x, a.1 - y), (b.0 - x, b.1 - y));
            (a.0 * b.1 - a.1 * b.0).atan2(a.0 * b.0 + a.1 * b.1)
        };
        let next = self.0.iter().cycle().skip(1);
        let sum: f64 = self.0.iter().zip(next).map(angle).sum();
        sum.abs() > PI
    }
}

fn star() -> impl Strategy<Value = Star> {
    let radii = proptest::collection::vec(1.0..20.0_f64, 3..60);
    (-30.0..30.0_f64, -30.0..30.0_f64, radii).prop_map(|(x, y, radii)| {
        let step = 2.0 * PI / radii.len() as f64;
        let corner = |(at, radius): (usize, &f64)| {
            (
                x + radius * (step * at as f64).cos(),
                y + radius * (step * at as f64).sin(),
            )
        };
        Star(radii.iter().enumerate().map(corner).collect())
    })
}

proptest! {
    #[test]
    fn a_point_lies_in_what_winds_around_it(
        stars in proptest::collection::vec(star(), 1..6),
        points in proptest::collection::vec((-55.0..55.0_f64, -55.0..55.0_f64), 1..60),
        as_json in any::<bool>(),
    ) {
        let text = |star: &Star| if as_json { star.json() } else { star.wkt() };
        for star in &stars {
            let index = regions(&[&text(star)]);
            let expected: Vec<Option<u32>> = points.iter().map(|point| star.winds_around(*point).then_some(0)).collect();
            prop_assert_eq!(rows(&index, &points), expected);
        }
        // All of them together: one of those that hold the point, and none if none does.
        let texts: Vec<String> = stars.iter().map(text).collect();
        let index = regions(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        for (point, found) in points.iter().zip(rows(&index, &points)) {
            let holds: Vec<u32> = (0..).zip(&stars).filter(|(_, star)| star.winds_around(*point)).map(|(row, _)| row).collect();
            prop_assert_eq!(found.is_some(), !holds.is_empty());
            prop_assert!(found.is_none_or(|found| holds.contains(&found)));
        }
    }

    #[test]
    fn of_two_neighbours_a_point_lies_in_one_or_on_the_edge_of_both(
        from in (-10.0..10.0_f64, -9.0..9.0_f64), to in (-10.0..10.0_f64, -9.0..9.0_f64), along in -1.0..2.0_f64,
    ) {
        // A box, cut in two by a line; the point is on the line, as near as floats are.
        let (low, high) = if from.1 < to.1 { (from, to) } else { (to, from) };
        let west = format!("POLYGON((-20 {0},{1} {0},{2} {3},-20 {3},-20 {0}))", low.1, low.0, high.0, high.1);
        let east = format!("POLYGON((20 {3},{2} {3},{1} {0},20 {0},20 {3}))", low.1, low.0, high.0, high.1);
        let point = (low.0 + along * (high.0 - low.0), low.1 + along * (high.1 - low.1));
        let inside = point.1 >= low.1 && point.1 <= high.1 && point.0.abs() <= 20.0;
        prop_assert_eq!(row(&regions(&[&west, &east]), point.0, point.1).is_some(), inside);
    }
}

#[test]
fn edges_and_corners_belong_to_the_region_and_those_of_its_holes_too() {
    let index = regions(&["POLYGON((0 0,10 0,10 10,0 10,0 0),(4 4,6 4,6 6,4 6,4 4))"]);
    for point in [
        (0.0, 0.0),
        (10.0, 10.0),
        (0.0, 10.0),
        (5.0, 0.0),
        (10.0, 3.3),
        (5.0, 10.0),
        (4.0, 4.0),
        (4.0, 5.0),
        (5.0, 6.0),
        (1.0, 1.0),
    ] {
        assert_eq!(row(&index, point.0, point.1), Some(0), "{point:?}");
    }
    for point in [
        (5.0, 5.0),
        (-1e-9, 5.0),
        (10.0 + 1e-9, 5.0),
        (5.0, -1e-9),
        (11.0, 4.0),
        (-1.0, 10.0),
        (-1.0, 0.0),
    ] {
        assert_eq!(row(&index, point.0, point.1), None, "{point:?}");
    }
}

#[test]
fn a_point_level_with_corners_crosses_them_once() {
    // Seen from the east, corners lie on the point's latitude: one that points up, one down, one that the edge goes on through.
    let index = regions(&["POLYGON((0 0,2 5,4 0,6 5,8 0,9 5,8 10,0 10,0 0))"]);
    assert_eq!(
        rows(&index, &[(8.5, 5.0), (9.5, 5.0), (4.0, 5.0), (20.0, 0.0), (20.0, 10.0)]),
        [Some(0), None, Some(0), None, None]
    );
    // The western side has a corner there.
    let index = regions(&["POLYGON((0 0,1 5,0 10,10 10,10 0,0 0))"]);
    assert_eq!(rows(&index, &[(5.0, 5.0), (0.5, 5.0)]), [Some(0), None]);
}

#[test]
fn of_several_regions_the_smallest_wins_then_the_lower_row() {
    let index = regions(&[
        "POLYGON((0 0,20 0,20 20,0 20,0 0))",
        "POLYGON((5 5,10 5,10 10,5 10,5 5))",
        "POLYGON((10 10,10 5,5 5,5 10,10 10))",
        "MULTIPOLYGON(((6 6,7 6,7 7,6 7,6 6)),((-50 -50,-10 -50,-10 -10,-50 -10,-50 -50)))",
    ]);
    assert_eq!(
        rows(&index, &[(6.5, 6.5), (1.0, 1.0), (-20.0, -20.0)]),
        [Some(1), Some(0), Some(3)]
    );
    // As many square degrees are a smaller area near the pole.
    let index = regions(&[
        "POLYGON((0 0,10 0,10 75,0 75,0 0))",
        "POLYGON((0 70,20 70,20 89,0 89,0 70))",
    ]);
    assert_eq!(row(&index, 5.0, 72.0), Some(1));
}

#[test]
fn the_holes_of_one_polygon_do_not_open_another() {
    let island = "MULTIPOLYGON(((0 0,9 0,9 9,0 9,0 0),(3 3,6 3,6 6,3 6,3 3)),((4 4,5 4,5 5,4 5,4 4)))";
    assert_eq!(
        rows(&regions(&[island]), &[(4.5, 4.5), (3.5, 3.5), (1.0, 1.0)]),
        [Some(0), None, Some(0)]
    );
}

#[test]
fn a_region_cut_at_the_antimeridian_is_whole() {
    let fiji =
        "MULTIPOLYGON(((177 -19,180 -19,180 -16,177 -16,177 -19)),((-180 -19,-179 -19,-179 -16,-180 -16,-180 -19)))";
    let west = "POLYGON((-180 0,-170 0,-170 10,-180 10,-180 0))";
    let index = regions(&[fiji, west]);
    let points = [
        (178.0, -17.0),
        (-179.5, -17.0),
        (180.0, -17.0),
        (-180.0, -17.0),
        (180.0, 5.0),
        (0.0, -17.0),
    ];
    assert_eq!(
        rows(&index, &points),
        [Some(0), Some(0), Some(0), Some(0), Some(1), None]
    );
}

#[test]
fn nulls_and_empty_ones_hold_nothing_and_are_counted() {
    let texts = StringArray::from(vec![None, Some("POLYGON EMPTY"), Some("POLYGON((0 0,1 0,1 1,0 0))")]);
    let index = Regions::build(&texts).expect("an index");
    assert_eq!(index.without_region(), 2);
    assert_eq!(
        rows(&index, &[(0.5, 0.2), (f64::NAN, 0.2), (0.5, 91.0)]),
        [Some(2), None, None]
    );
    let nothing = Regions::build(&StringArray::new_null(0)).expect("an index");
    assert_eq!(row(&nothing, 0.0, 0.0), None);
}

#[test]
fn a_malformed_text_is_told_with_its_row_and_place() {
    let message = |text: &str| {
        let texts = StringArray::from(vec![Some("POLYGON((0 0,1 0,1 1,0 0))"), None, Some(text)]);
        Regions::build(&texts).expect_err("it is wrong").to_string()
    };
    assert_eq!(
        message("POLYGON((0 0,1 0,1 ü,0 0))"),
        "the geometry of row 2 is wrong at character 20: a position has two numbers, longitude and latitude"
    );
    assert_eq!(
        message("{\"name\": \"Zürich\",\n \"type\": \"Polygon\", \"coordinates\": [[[0,0],[1,0],[x]]]}"),
        "the geometry of row 2 is wrong at character 70: expected value"
    );
    assert_eq!(
        message("POLYGON((170 0,-170 0,-170 1,170 0))"),
        "the geometry of row 2 is wrong at character 8: the polygon spans 340 degrees of longitude, and at most 180 are meant: \
         cut it in two at the antimeridian (RFC 7946, 3.1.9)"
    );
}

#[test]
fn any_text_gives_an_index_or_an_error() {
    // Cut anywhere, and with any of its characters replaced: nothing panics.
    for text in [
        "MULTIPOLYGON Z(((0 0 1,1 0 1,1 1 1,0 0 1)))",
        r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}"#,
    ] {
        let mut read = 0;
        for at in 0..text.len() {
            let mut texts = vec![text[..at].to_string()];
            texts.extend(
                ["é", "(", "]", "\"", "-", "9", " ", "{"]
                    .map(|other| format!("{}{other}{}", &text[..at], &text[at + 1..])),
            );
            read += texts
                .into_iter()
                .filter(|text| Regions::build(&StringArray::from(vec![text.as_str()])).is_ok())
                .count();
        }
        assert!((1..text.len() * 9 / 2).contains(&read), "{read}");
    }
}

#[test]
fn the_size_grows_with_the_edges() {
    let circle = |corners: i32| {
        let corner = |at: i32| (f64::from(at) / f64::from(corners) * 2.0 * PI).sin_cos();
        let text: Vec<String> = (0..corners)
            .chain([0])
            .map(|at| format!("{} {}", corner(at).0, corner(at).1))
            .collect();
        regions(&[&format!("POLYGON(({}))", text.join(","))])
    };
    let (small, large) = (circle(100).size_bytes(), circle(10_000).size_bytes());
    assert!(
        small > 100 * 32 && large > 50 * small && large < 10_000 * 100,
        "{small}, {large}"
    );
    assert_eq!(
        rows(&circle(10_000), &[(0.7, 0.7), (0.71, 0.71), (0.0, 0.999_999)]),
        [Some(0), None, Some(0)]
    );
}
