//! Logarithms by arithmetic that IEEE 754 fixes bit for bit: a state gives the same verdicts on every machine, which `f64::ln`,
//! left to the platform's library, does not promise.

/// Terms of the series; the error stays below a ten-millionth.
const TERMS: u32 = 7;
/// Bits of an `f64`'s fraction, and the bias of its exponent.
const FRACTION_BITS: u32 = 52;
const EXPONENT_BIAS: i64 = 1023;

/// Natural logarithm of a positive, normal number; of all else, that of the smallest one.
pub fn ln(x: f64) -> f64 {
    let x = if x >= f64::MIN_POSITIVE {
        x.min(f64::MAX)
    } else {
        f64::MIN_POSITIVE
    };
    let bits = x.to_bits();
    let exponent = (bits >> FRACTION_BITS) as i64 - EXPONENT_BIAS;
    let mantissa = f64::from_bits((bits & ((1 << FRACTION_BITS) - 1)) | ((EXPONENT_BIAS as u64) << FRACTION_BITS));
    // ln m = 2 artanh((m - 1) / (m + 1)), taken around the root of two, where the series is shortest.
    let (mantissa, exponent) = if mantissa > std::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let mut sum = 0.0;
    for term in (0..TERMS).rev() {
        sum = sum * square + 1.0 / f64::from(2 * term + 1);
    }
    2.0 * t * sum + exponent as f64 * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm() {
        for power in -300..300 {
            for step in 1..20 {
                let x = 10f64.powi(power) * (1.0 + f64::from(step) / 2.0);
                assert!((ln(x) - x.ln()).abs() < 1e-7, "{x}");
            }
        }
        assert!(ln(1.0).abs() < f64::MIN_POSITIVE);
        assert!(ln(0.0) < -700.0 && ln(-1.0) < -700.0 && ln(f64::NAN) < -700.0);
        assert!(ln(f64::INFINITY) < 710.0);
    }
}
