//! Numbers of another unit than the column's. Exact types convert exactly or are refused, unless the contract wants them rounded.

mod integer;

use super::{Bad, Cells, Text, localised::Localised, number};
use crate::reject::{Reason, Violation, shown};
use arrow_array::{
    ArrayRef,
    types::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::i256;
use integer::{Fraction, Halves, Integer};
use std::{cmp::Ordering, sync::Arc};
use watershed_contract::{Conversion, Units};
use watershed_lake::ColumnType;

/// The column in its own unit; none: it is no number.
pub fn parse(cells: &Cells<'_>, units: &Units, kind: ColumnType, violations: &mut Vec<Violation>) -> Option<ArrayRef> {
    let localised = Localised::new(cells.numbers_as());
    let exact = |text: Text<'_>, scale: u8| {
        let (number, conversion) = split(text, units)?;
        localised.read(number, |plain| {
            Exact {
                conversion,
                scale,
                units,
            }
            .read(plain, text)
        })
    };
    let float = |text: Text<'_>| {
        let (number, conversion) = split(text, units)?;
        let value = localised.read(number, |plain| number::float64(plain.bytes()))?;
        let converted = (value * conversion.multiply as f64 + conversion.add as f64) / conversion.divide as f64;
        if converted.is_infinite() && value.is_finite() {
            return Err(number::too_large(text.bytes(), "double"));
        }
        Ok(converted)
    };
    Some(match kind {
        ColumnType::Int => Arc::new(cells.primitive::<Int32Type>(violations, |text| {
            let value = exact(text, 0)?;
            value.try_into().map_err(|_| number::too_large(text.bytes(), "int"))
        })),
        ColumnType::Long => Arc::new(cells.primitive::<Int64Type>(violations, |text| {
            let value = exact(text, 0)?;
            value.try_into().map_err(|_| number::too_large(text.bytes(), "long"))
        })),
        ColumnType::Float => Arc::new(cells.primitive::<Float32Type>(violations, |text| {
            let value = float(text)?;
            let narrow = value as f32;
            if narrow.is_infinite() && value.is_finite() {
                return Err(number::too_large(text.bytes(), "float"));
            }
            Ok(narrow)
        })),
        ColumnType::Double => Arc::new(cells.primitive::<Float64Type>(violations, float)),
        ColumnType::Decimal { precision, scale } => {
            let limit = 10_u128.pow(u32::from(precision));
            let array = cells.primitive::<Decimal128Type>(violations, |text| {
                let value = exact(text, scale)?;
                if value.unsigned_abs() >= limit {
                    return Err(number::too_large(
                        text.bytes(),
                        &format!("decimal({precision},{scale})"),
                    ));
                }
                Ok(value)
            });
            let typed = array.with_precision_and_scale(precision, scale as i8);
            Arc::new(typed.expect("the contract checked precision and scale"))
        }
        _ => return None,
    })
}

/// The number, and what makes it one of the column's unit.
fn split<'t>(text: Text<'t>, units: &Units) -> Result<(Text<'t>, Conversion), Bad> {
    if !units.is_written {
        return Ok((text, units.sources[0].conversion));
    }
    let found = units.sources.iter().find_map(|source| {
        let number = text.bytes().strip_suffix(source.name.as_bytes())?;
        Some((text.part(0, number.len()).trimmed(), source.conversion))
    });
    found.ok_or_else(|| {
        let names: Vec<&str> = units.sources.iter().map(|source| source.name.as_str()).collect();
        Bad::not_a(
            &format!("a number and its unit, one of {}", names.join(", ")),
            text.bytes(),
        )
    })
}

/// To a whole number of 10^-scale.
#[derive(Clone, Copy)]
struct Exact<'a> {
    conversion: Conversion,
    scale: u8,
    units: &'a Units,
}

impl Exact<'_> {
    /// `whole` is the text that messages show.
    fn read(self, plain: Text<'_>, whole: Text<'_>) -> Result<i128, Bad> {
        let (value, power) = number::significant(plain.bytes())?;
        // 128 bits are enough for nearly all, and far quicker.
        let narrow = self.fraction::<i128>(value, power).and_then(Fraction::halves);
        let halves = narrow.or_else(|| self.fraction::<i256>(value, power).and_then(Fraction::halves));
        let Halves { floor, is_exact, half } = halves.ok_or_else(|| {
            let message = format!(
                "{} is too large or too fine to be converted exactly",
                shown(whole.bytes())
            );
            Bad::new(Reason::Overflow, message)
        })?;
        if is_exact {
            return Ok(floor);
        }
        let Units { unit, rounds, .. } = self.units;
        if !rounds {
            let message = format!(
                "{} has more than {} decimals in {unit}: write round: halfEven in the contract, or a type of more decimals",
                shown(whole.bytes()),
                self.scale
            );
            return Err(Bad::new(Reason::Overflow, message));
        }
        let is_up = match half {
            Ordering::Greater => true,
            Ordering::Equal => floor % 2 != 0,
            Ordering::Less => false,
        };
        Ok(floor + i128::from(is_up))
    }

    /// `(value × 10^power × multiply + add) × 10^scale / divide`; none where the integers do not hold it.
    fn fraction<I: Integer>(self, value: i128, power: i32) -> Option<Fraction<I>> {
        let Conversion { multiply, add, divide } = self.conversion;
        let of = I::from;
        let ten = |power: i32| of(10).power(u32::try_from(power).ok()?);
        let scale = i32::from(self.scale);
        let power = if value == 0 { 0 } else { power };
        let product = of(value).times(of(multiply))?;
        if power.saturating_add(scale) >= 0 {
            let product = product.times(ten(power.checked_add(scale)?)?)?;
            return Some(Fraction {
                dividend: product.plus(of(add).times(ten(scale)?)?)?,
                divisor: of(divide),
            });
        }
        let added = if add == 0 {
            of(0)
        } else {
            of(add).times(ten(power.checked_neg()?)?)?
        };
        Some(Fraction {
            dividend: product.plus(added)?,
            divisor: of(divide).times(ten(power.checked_add(scale)?.checked_neg()?)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use watershed_contract::SourceUnit;

    fn units(multiply: i128, add: i128, divide: i128, rounds: bool) -> Units {
        let conversion = Conversion { multiply, add, divide };
        Units {
            unit: "u".into(),
            sources: vec![SourceUnit {
                name: "s".into(),
                conversion,
            }],
            is_written: false,
            rounds,
        }
    }

    fn read(text: &str, units: &Units, scale: u8) -> Result<i128, Reason> {
        let (text, conversion) = split(Text::whole(text.as_bytes()), units).map_err(|bad| bad.reason)?;
        let exact = Exact {
            conversion,
            scale,
            units,
        };
        exact.read(text, text).map_err(|bad| bad.reason)
    }

    #[test]
    fn exact_numbers_stay_so_or_are_refused() {
        let feet = units(381, 0, 1_250, false);
        assert_eq!(read("10", &feet, 3), Ok(3_048));
        assert_eq!(read("1e3", &feet, 1), Ok(3_048));
        assert_eq!(read("0.00", &feet, 0), Ok(0));
        assert_eq!(read("0e-999999999999", &feet, 0), Ok(0));
        assert_eq!(read("10", &feet, 2), Err(Reason::Overflow));
        assert_eq!(read("ten", &feet, 2), Err(Reason::Type));
        assert_eq!(read("1e-999999999999", &feet, 9), Err(Reason::Overflow));
        assert_eq!(read("1e999999999999", &feet, 9), Err(Reason::Overflow));
        let fahrenheit = units(5, -160, 9, false);
        assert_eq!(read("212", &fahrenheit, 2), Ok(10_000));
        assert_eq!(read("-40.0", &fahrenheit, 1), Ok(-400));
        assert_eq!(read("1", &fahrenheit, 9), Err(Reason::Overflow));
    }

    #[test]
    fn what_fits_the_column_is_converted_however_many_digits_are_on_the_way() {
        let feet = units(381, 0, 1_250, false);
        let digits = "1250".repeat(9);
        let converted: i128 = "0381".repeat(9).parse().unwrap();
        assert_eq!(read(&digits, &feet, 0), Ok(converted));
        assert_eq!(read(&format!("-{digits}"), &feet, 2), Ok(-converted * 100));
        // 180 / π degrees to 37 decimals, as near as the factor is.
        let radians = units(5_729_577_951_308_232_087_680, 0, 100_000_000_000_000_000_000, true);
        assert_eq!(
            read("0.1", &radians, 37),
            Ok(57_295_779_513_082_320_876_800_000_000_000_000_000)
        );
        assert_eq!(
            read("1", &radians, 37),
            Err(Reason::Overflow),
            "57.3 has 39 digits then"
        );
        assert_eq!(read("1e-60", &radians, 37), Ok(0));
        assert_eq!(read(&"9".repeat(38), &units(10, 0, 1, false), 0), Err(Reason::Overflow));
    }

    #[test]
    fn halves_go_to_the_even_side() {
        let halved = units(1, 0, 2, true);
        for (text, expected) in [
            ("1", 0),
            ("3", 2),
            ("5", 2),
            ("-1", 0),
            ("-3", -2),
            ("-5", -2),
            ("2.2", 1),
            ("-2.2", -1),
        ] {
            assert_eq!(read(text, &halved, 0), Ok(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_rounded_is_the_nearest(
            digits in -1_000_000_000_000_i128..1_000_000_000_000, power in -6..6_i32, scale in 0_u8..6,
            multiply in 1_i128..10_000, add in -10_000_i128..10_000, divide in 1_i128..10_000
        ) {
            let found = read(&format!("{digits}e{power}"), &units(multiply, add, divide, true), scale).unwrap_or(i128::MAX);
            // Both sides times 10^6 × divide, so that all is whole.
            let ten = |power: i32| 10_i128.pow(power.unsigned_abs());
            let exact = (digits * ten(power + 6) * multiply + add * ten(6)) * ten(i32::from(scale));
            let difference = (found * divide * ten(6) - exact).abs();
            prop_assert!(2 * difference <= divide * ten(6), "{found}");
            let strict = read(&format!("{digits}e{power}"), &units(multiply, add, divide, false), scale);
            prop_assert_eq!(strict.ok(), (difference == 0).then_some(found));
        }
    }
}
