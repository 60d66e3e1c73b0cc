//! Numbers of another unit than the column's. Exact types convert exactly or are refused, unless the contract wants them rounded.

use super::{Bad, Cells, Text, localised::Localised, number};
use crate::reject::{Reason, Violation, shown};
use arrow_array::{
    ArrayRef,
    types::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type},
};
use std::sync::Arc;
use watershed_contract::{Conversion, Units};
use watershed_lake::ColumnType;

/// The column in its own unit; none: it is no number.
pub fn parse(cells: &Cells<'_>, units: &Units, kind: ColumnType, violations: &mut Vec<Violation>) -> Option<ArrayRef> {
    let localised = Localised::new(&cells.parser.rule.number);
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
        Ok((value * conversion.multiply as f64 + conversion.add as f64) / conversion.divide as f64)
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
        let (dividend, divisor) = self.fraction(value, power).ok_or_else(|| {
            let message = format!(
                "{} is too large or too fine to be converted exactly",
                shown(whole.bytes())
            );
            Bad::new(Reason::Overflow, message)
        })?;
        let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
        if rest == 0 {
            return Ok(quotient);
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
        let is_up = match rest.cmp(&(divisor - rest)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => quotient % 2 != 0,
            std::cmp::Ordering::Less => false,
        };
        Ok(quotient + i128::from(is_up))
    }

    /// `(value × 10^power × multiply + add) × 10^scale / divide`; none where 128 bits do not hold it.
    fn fraction(self, value: i128, power: i32) -> Option<(i128, i128)> {
        let Conversion { multiply, add, divide } = self.conversion;
        let ten = |power: i32| 10_i128.checked_pow(u32::try_from(power).ok()?);
        let scale = i32::from(self.scale);
        let product = value.checked_mul(multiply)?;
        if power + scale >= 0 {
            let product = product.checked_mul(ten(power + scale)?)?;
            return Some((product.checked_add(add.checked_mul(ten(scale)?)?)?, divide));
        }
        let added = if add == 0 { 0 } else { add.checked_mul(ten(-power)?)? };
        Some((product.checked_add(added)?, divide.checked_mul(ten(-power - scale)?)?))
    }
}
