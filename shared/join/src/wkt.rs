//! Well-known text (OGC 06-103r4 §7): `POLYGON` and `MULTIPOLYGON`. The crates that read it say what is wrong, but not where.

use crate::geometry::{Position, Rings, Scanner, Wrong, polygon};

const BRACKETS: (char, char) = ('(', ')');

pub(crate) fn polygons(text: &str) -> Result<Vec<Rings>, Wrong> {
    let mut scanner = Scanner::new(text);
    scanner.skip_space();
    let start = scanner.at;
    let kind = scanner.word();
    if kind != "POLYGON" && kind != "MULTIPOLYGON" {
        let message = "write a POLYGON or MULTIPOLYGON, or such a geometry of GeoJSON";
        return Err(Wrong::new(start, message));
    }
    scanner.skip_space();
    let tag_at = scanner.at;
    let mut tag = scanner.word();
    if matches!(tag.as_str(), "Z" | "M" | "ZM") {
        tag = scanner.word();
    }
    let polygons = match tag.as_str() {
        "EMPTY" => Vec::new(),
        "" if kind == "POLYGON" => vec![rings(&mut scanner)?],
        "" => scanner.list(BRACKETS, rings)?,
        other => return Err(Wrong::new(tag_at, format!("{other} means nothing here"))),
    };
    scanner.end()?;
    Ok(polygons)
}

fn rings(scanner: &mut Scanner<'_>) -> Result<Rings, Wrong> {
    scanner.skip_space();
    let start = scanner.at;
    let position = |scanner: &mut Scanner<'_>| -> Result<Position, Wrong> { scanner.position(false) };
    let rings = scanner.list(BRACKETS, |scanner| scanner.ring(BRACKETS, position))?;
    polygon(rings, start)
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
            "POLYGON((0 0,1 0,1 1.5,0 0))",
            " polygon ( ( 0 0 , 1e0 0 , 1 15E-1 , 0 -0 ) ) ",
            "Polygon Z ((0 0 7, 1 0 7, 1 1.5 7, 0 0 7))",
            "POLYGON ZM((0 0 7 8, 1 0 7 8, +1 1.5 7 8, 0 0 7 8))",
            "MULTIPOLYGON(((0 0, 1 0, 1 1.5, 0 0)))",
        ] {
            assert_eq!(polygons(text), Ok(vec![vec![square.clone()]]), "{text}");
        }
        let hole = polygons("MULTIPOLYGON(((0 0,9 0,9 9,0 0),(2 1,3 1,3 2,2 1)),((20 0,21 0,21 1,20 0)))");
        let rings: Vec<usize> = hole.expect("two polygons").iter().map(Vec::len).collect();
        assert_eq!(rings, [2, 1]);
        assert_eq!(polygons("POLYGON EMPTY"), Ok(vec![]));
        assert_eq!(polygons("MULTIPOLYGON Z EMPTY"), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let cases = [
            ("", 0, "write a POLYGON or MULTIPOLYGON, or such a geometry of GeoJSON"),
            (
                "POINT(1 2)",
                0,
                "write a POLYGON or MULTIPOLYGON, or such a geometry of GeoJSON",
            ),
            ("POLYGON X((0 0))", 8, "X means nothing here"),
            ("POLYGON", 7, "`(` is missing, and the text is at its end"),
            (
                "POLYGON((0 0,1 0,1 1,0 0)",
                25,
                "`,` or `)` is missing, and the text is at its end",
            ),
            (
                "POLYGON((0 0,1 0,1 1,0 0)) x",
                27,
                "the text goes on, and `x` stands there",
            ),
            (
                "POLYGON((0 0,1 zero,1 1,0 0))",
                15,
                "a position has two numbers, longitude and latitude",
            ),
            (
                "POLYGON((0 0,x 0,1 1,0 0))",
                13,
                "a number is missing, and `x` stands there",
            ),
            (
                "POLYGON((0 0,1e999 0,1 1,0 0))",
                13,
                "a number is missing, and `1` stands there",
            ),
            (
                "POLYGON((0 0,1 0,0 0))",
                8,
                "a ring has 4 positions or more, and this one 3",
            ),
            (
                "POLYGON((0 0,1 0,1 1,0 1))",
                8,
                "a ring ends where it begins, and this one does not",
            ),
            ("POLYGON((0 0,200 0,1 1,0 0))", 13, "200 is no longitude: -180 to 180"),
            (
                "POLYGON((0 0,1 91,1 1,0 0))",
                13,
                "91 is no latitude: -90 to 90; the longitude stands first",
            ),
            (
                "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((170 0,-170 0,-170 1,170 0)))",
                33,
                "the polygon spans 340 degrees of longitude, and at most 180 are meant: cut it in two at the antimeridian (RFC 7946, 3.1.9)",
            ),
        ];
        for (text, at, message) in cases {
            assert_eq!(wrong(text), (at, message.to_string()), "{text}");
        }
    }
}
