//! Geometries of GeoJSON (RFC 7946 §3.1): `Polygon` and `MultiPolygon`. What is around the coordinates is read by `serde_json`, they
//! themselves as those of WKT, so that what is wrong there is told with its place.

use crate::geometry::{Position, Rings, Scanner, Wrong, polygon};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

const BRACKETS: (char, char) = ('[', ']');

/// A geometry's members; others, such as `bbox`, are passed over.
#[derive(Deserialize)]
struct Geometry<'t> {
    #[serde(borrow)]
    r#type: Cow<'t, str>,
    #[serde(borrow)]
    coordinates: Option<&'t RawValue>,
}

pub(crate) fn polygons(text: &str) -> Result<Vec<Rings>, Wrong> {
    let geometry: Geometry<'_> = serde_json::from_str(text).map_err(|error| syntax(text, &error))?;
    let Some(coordinates) = geometry.coordinates.map(RawValue::get) else {
        return Err(none(&geometry.r#type));
    };
    let start = coordinates.as_ptr() as usize - text.as_ptr() as usize;
    let scanner = &mut Scanner::new(coordinates);
    let is_empty = coordinates.trim_start_matches('[').trim_ascii() == "]";
    let polygons = match geometry.r#type.as_ref() {
        "Polygon" | "MultiPolygon" if is_empty => Ok(Vec::new()),
        "Polygon" => rings(scanner).map(|rings| vec![rings]),
        "MultiPolygon" => scanner.list(BRACKETS, rings),
        other => return Err(none(other)),
    };
    polygons.map_err(|wrong| Wrong::new(start + wrong.at, wrong.message))
}

fn none(kind: &str) -> Wrong {
    let message = format!("a {kind} is no geometry of a region: write a Polygon or MultiPolygon with its coordinates");
    Wrong::new(0, message)
}

fn rings(scanner: &mut Scanner<'_>) -> Result<Rings, Wrong> {
    scanner.skip_space();
    let start = scanner.at;
    let rings = scanner.list(BRACKETS, |scanner| scanner.ring(BRACKETS, position))?;
    polygon(rings, start)
}

fn position(scanner: &mut Scanner<'_>) -> Result<Position, Wrong> {
    scanner.expect(&[BRACKETS.0])?;
    let position = scanner.position(true)?;
    scanner.expect(&[BRACKETS.1])?;
    Ok(position)
}

/// `serde_json` counts lines and their bytes from 1.
fn syntax(text: &str, error: &serde_json::Error) -> Wrong {
    let before = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let at = before.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    Wrong::new(at, message.strip_suffix(&place).unwrap_or(&message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (usize, String) {
        let wrong = polygons(text).expect_err(text);
        (wrong.at, wrong.message)
    }

    #[test]
    fn polygons_are_read_in_every_way_they_are_written() {
        let square = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.5], [0.0, 0.0]];
        for text in [
            r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1.5],[0,0]]]}"#,
            r#" {"coordinates": [ [ [0, 0, 12.5], [1e0, 0], [1, 1.5], [0, -0] ] ], "bbox": [0, 0, 1, 1.5], "type": "Polygon"}"#,
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1.5],[0,0]]]]}"#,
        ] {
            assert_eq!(polygons(text), Ok(vec![vec![square.clone()]]), "{text}");
        }
        assert_eq!(polygons(r#"{"type":"MultiPolygon","coordinates":[ ]}"#), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            (
                r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1]"#,
                50,
                "EOF while parsing a list",
            ),
            (r#"{"coordinates":[]}"#, 17, "missing field `type`"),
            (
                r#"{"type":"Point","coordinates":[1,2]}"#,
                0,
                "a Point is no geometry of a region: write a Polygon or MultiPolygon with its coordinates",
            ),
            (
                r#"{"type":"Feature","geometry":{}}"#,
                0,
                "a Feature is no geometry of a region: write a Polygon or MultiPolygon with its coordinates",
            ),
            (
                r#"{"type":"Polygon","coordinates":[[]]}"#,
                34,
                "`[` is missing, and `]` stands there",
            ),
            (
                r#"{"type":"Polygon","coordinates":[[[0,0],[1],[1,1],[0,0]]]}"#,
                42,
                "a position has two numbers, longitude and latitude",
            ),
            (
                r#"{"type":"Polygon","coordinates":[[[0,0],["1",0],[1,1],[0,0]]]}"#,
                41,
                "a number is missing, and `\"` stands there",
            ),
            (
                r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1]]]}"#,
                33,
                "a ring ends where it begins, and this one does not",
            ),
            (
                r#"{"type":"Polygon","coordinates":[[[-100,0],[100,0],[1,1],[-100,0]]]}"#,
                32,
                "the polygon spans 200 degrees of longitude, and at most 180 are meant: cut it in two at the antimeridian (RFC 7946, 3.1.9)",
            ),
        ];
        for (text, at, message) in cases {
            assert_eq!(wrong(text), (at, message.to_string()), "{text}");
        }
    }
}
