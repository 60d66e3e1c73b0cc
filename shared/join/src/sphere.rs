//! Distances on the earth as a sphere. Functions of `libm` give the same bits on every machine; those of the platform do not.

use crate::place::Place;

/// Metres of the earth's mean radius, (2a + b) / 3: H. Moritz, Geodetic Reference System 1980, Journal of Geodesy 74 (2000), R₁,
/// to a decimal. A distance on the sphere is within 0.6 % of one on the ellipsoid.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A place as a vector of length 1. Its distance to others, as the crow digs, grows with the one over ground, without a seam at the
/// antimeridian or the poles.
pub(crate) type Vector = [f64; 3];

pub(crate) fn vector((latitude, longitude): Place) -> Vector {
    // A place has one vector to the last bit, however it is written.
    let longitude = match longitude {
        _ if latitude.abs() >= 90.0 => 0.0,
        -180.0 => 180.0,
        other => other,
    };
    let (sin, cos) = libm::sincos(latitude.to_radians());
    let (east, north) = libm::sincos(longitude.to_radians());
    [cos * north, cos * east, sin]
}

/// Metres over ground: the haversine formula (hav θ is a quarter of the chord's square) as 2 atan2(|a − b|, |a + b|), which is as good
/// for antipodes as for neighbours (W. Kahan, How Futile are Mindless Assessments of Roundoff, 2006, of angles between vectors).
pub(crate) fn metres(a: &Vector, b: &Vector) -> f64 {
    let length = |of: &dyn Fn(f64, f64) -> f64| {
        let squares = a.iter().zip(b).map(|(a, b)| square(of(*a, *b)));
        squares.sum::<f64>().sqrt()
    };
    let (chord, rest) = (length(&|a, b| a - b), length(&|a, b| a + b));
    2.0 * EARTH_RADIUS_M * libm::atan2(chord, rest)
}

/// The square of the chord of so many metres, and a little more: no place within the distance has a longer one.
pub(crate) fn square_of_chord(metres: f64) -> f64 {
    /// Far above what chords are rounded by (some 1e-15), far below a millimetre.
    const SLACK: f64 = 1e-12;
    let half = (metres / EARTH_RADIUS_M / 2.0).min(std::f64::consts::FRAC_PI_2);
    square(2.0 * libm::sin(half) + SLACK)
}

/// Not `powi`, whose last bit is the platform's.
fn square(of: f64) -> f64 {
    of * of
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn a_place_is_one_however_it_is_written() {
        let bits = |latitude, longitude| vector((latitude, longitude)).map(f64::to_bits);
        assert_eq!(bits(12.5, 180.0), bits(12.5, -180.0));
        assert_eq!(bits(-90.0, 17.0), bits(-90.0, -121.0));
    }

    #[test]
    fn metres_are_right_at_both_ends() {
        let between = |a, b| metres(&vector(a), &vector(b));
        let close = |metres: f64, expected: f64| assert!((metres - expected).abs() < 1e-6, "{metres}, not {expected}");
        close(between((0.0, 0.0), (0.0, 180.0)), PI * EARTH_RADIUS_M);
        close(
            between((0.0, 0.0), (0.0, 179.999_999)),
            PI * EARTH_RADIUS_M * (1.0 - 1e-6 / 180.0),
        );
        close(
            between((0.0, 179.999_999_5), (0.0, -179.999_999_5)),
            PI * EARTH_RADIUS_M * 1e-6 / 180.0,
        );
        close(between((90.0, 0.0), (-90.0, 77.0)), PI * EARTH_RADIUS_M);
        close(between((89.0, 0.0), (89.0, 180.0)), PI * EARTH_RADIUS_M * 2.0 / 180.0);
        // John F. Kennedy to Los Angeles, of the same places by the haversine formula in 50 digits.
        let (jfk, lax) = ((40.639_751, -73.778_925), (33.942_536, -118.408_075));
        close(between(jfk, lax), 3_974_205.451_628_946);
    }

    #[test]
    fn no_place_within_a_distance_is_outside_of_its_chord() {
        for metres_out in [0.0, 0.001, 1.0, 1e3, 1e6, 1e7, 2e7] {
            let degrees = metres_out / EARTH_RADIUS_M * 180.0 / PI;
            let (from, to) = (vector((0.0, 10.0)), vector((0.0, 10.0 + degrees)));
            let square: f64 = from.iter().zip(&to).map(|(a, b)| square(a - b)).sum();
            assert!(square <= square_of_chord(metres(&from, &to)), "{metres_out}");
        }
    }
}
