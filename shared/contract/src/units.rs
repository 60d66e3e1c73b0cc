//! Units of measurement: what a column holds, what the source has, and how one becomes the other.
//!
//! Factors are exact by definition (NIST Special Publication 811, "Guide for the Use of the International System of Units", 2008, Appendix B; the
//! foot, pound and their kin are the international ones of 1959; inches and millimetres of mercury the conventional ones), but for the radian. Names are
//! those of UCUM where they are plain ones there (`m`, `kg`, `hPa`), and else what is usual (`ft`, `mph`, `degF`).

use crate::{
    diagnostic::{one_of, shown},
    reader::{At, Map},
    spellings::MAX_SPELLINGS,
};
use std::cmp::Reverse;
use watershed_lake::ColumnType;

/// Keys of the watershed property of a column.
pub(crate) const KEYS: [&str; 3] = ["unit", "sourceUnit", "round"];

/// How the numbers of a source become those of a column's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    /// What the column holds.
    pub unit: String,
    /// What the source has, as it is spelled there; longest first.
    pub sources: Vec<SourceUnit>,
    /// The unit stands behind each number of the source.
    pub is_written: bool,
    /// Exact numbers that have more decimals than the column are rounded half to even; else they are refused.
    pub rounds: bool,
}

/// A unit of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUnit {
    /// Its spelling.
    pub name: String,
    /// To the column's unit.
    pub conversion: Conversion,
}

/// Value in the one unit to value in the other: `(value × multiply + add) / divide`, in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Above 0.
    pub multiply: i128,
    /// Of units with a zero of their own.
    pub add: i128,
    /// Above 0.
    pub divide: i128,
}

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dimension {
    Length,
    Mass,
    Temperature,
    Speed,
    Pressure,
    Volume,
    Area,
    Time,
    Energy,
    Angle,
    Data,
}

impl Dimension {
    fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Mass => "mass",
            Self::Temperature => "temperature",
            Self::Speed => "speed",
            Self::Pressure => "pressure",
            Self::Volume => "volume",
            Self::Area => "area",
            Self::Time => "time",
            Self::Energy => "energy",
            Self::Angle => "angle",
            Self::Data => "data",
        }
    }
}

/// A unit: `(value + offset / 100) × multiply / divide` in its dimension's base unit.
struct Unit {
    names: &'static [&'static str],
    dimension: Dimension,
    multiply: i128,
    divide: i128,
    hundredths: i128,
    is_exact: bool,
}

const fn unit(names: &'static [&'static str], dimension: Dimension, multiply: i128, divide: i128) -> Unit {
    Unit {
        names,
        dimension,
        multiply,
        divide,
        hundredths: 0,
        is_exact: true,
    }
}

const fn degrees(names: &'static [&'static str], multiply: i128, divide: i128, hundredths: i128) -> Unit {
    Unit {
        hundredths,
        ..unit(names, Dimension::Temperature, multiply, divide)
    }
}

const UNITS: [Unit; 56] = {
    use Dimension as D;
    [
        unit(&["m"], D::Length, 1, 1),
        unit(&["km"], D::Length, 1_000, 1),
        unit(&["cm"], D::Length, 1, 100),
        unit(&["mm"], D::Length, 1, 1_000),
        unit(&["in"], D::Length, 254, 10_000),
        unit(&["ft"], D::Length, 3_048, 10_000),
        unit(&["yd"], D::Length, 9_144, 10_000),
        unit(&["mi"], D::Length, 1_609_344, 1_000),
        unit(&["nmi"], D::Length, 1_852, 1),
        unit(&["kg"], D::Mass, 1, 1),
        unit(&["g"], D::Mass, 1, 1_000),
        unit(&["mg"], D::Mass, 1, 1_000_000),
        unit(&["t"], D::Mass, 1_000, 1),
        unit(&["lb"], D::Mass, 45_359_237, 100_000_000),
        unit(&["oz"], D::Mass, 45_359_237, 1_600_000_000),
        degrees(&["K"], 1, 1, 0),
        degrees(&["degC", "°C"], 1, 1, 27_315),
        degrees(&["degF", "°F"], 5, 9, 45_967),
        unit(&["m/s"], D::Speed, 1, 1),
        unit(&["km/h"], D::Speed, 5, 18),
        unit(&["mph", "mi/h"], D::Speed, 44_704, 100_000),
        unit(&["kt"], D::Speed, 1_852, 3_600),
        unit(&["Pa"], D::Pressure, 1, 1),
        unit(&["hPa"], D::Pressure, 100, 1),
        unit(&["kPa"], D::Pressure, 1_000, 1),
        unit(&["bar"], D::Pressure, 100_000, 1),
        unit(&["mbar"], D::Pressure, 100, 1),
        unit(&["inHg"], D::Pressure, 3_386_388_640_341, 1_000_000_000),
        unit(&["mmHg"], D::Pressure, 133_322_387_415, 1_000_000_000),
        // A pound under 9.80665 m/s² on a square inch.
        unit(&["psi"], D::Pressure, 44_482_216_152_605, 6_451_600_000),
        unit(&["atm"], D::Pressure, 101_325, 1),
        unit(&["m3"], D::Volume, 1, 1),
        unit(&["l"], D::Volume, 1, 1_000),
        unit(&["ml"], D::Volume, 1, 1_000_000),
        // 231 cubic inches.
        unit(&["gal_us"], D::Volume, 3_785_411_784, 1_000_000_000_000),
        unit(&["m2"], D::Area, 1, 1),
        unit(&["km2"], D::Area, 1_000_000, 1),
        unit(&["ha"], D::Area, 10_000, 1),
        // 43,560 square feet.
        unit(&["acre"], D::Area, 40_468_564_224, 10_000_000),
        unit(&["ft2"], D::Area, 9_290_304, 100_000_000),
        unit(&["s"], D::Time, 1, 1),
        unit(&["ms"], D::Time, 1, 1_000),
        unit(&["min"], D::Time, 60, 1),
        unit(&["h"], D::Time, 3_600, 1),
        unit(&["d"], D::Time, 86_400, 1),
        unit(&["J"], D::Energy, 1, 1),
        unit(&["kWh"], D::Energy, 3_600_000, 1),
        unit(&["deg"], D::Angle, 1, 1),
        // 180 / π, to 22 digits: more than a double has.
        Unit {
            is_exact: false,
            ..unit(
                &["rad"],
                D::Angle,
                5_729_577_951_308_232_087_680,
                100_000_000_000_000_000_000,
            )
        },
        unit(&["B"], D::Data, 1, 1),
        unit(&["kB"], D::Data, 1_000, 1),
        unit(&["MB"], D::Data, 1_000_000, 1),
        unit(&["GB"], D::Data, 1_000_000_000, 1),
        unit(&["KiB"], D::Data, 1 << 10, 1),
        unit(&["MiB"], D::Data, 1 << 20, 1),
        unit(&["GiB"], D::Data, 1 << 30, 1),
    ]
};

impl Unit {
    fn find(name: &str) -> Option<&'static Self> {
        UNITS.iter().find(|unit| unit.names.contains(&name))
    }

    /// Into another of the same dimension. All in integers, over one denominator.
    fn to(&self, other: &Self) -> Conversion {
        // What is on both sides goes first, so that all stays far below 128 bits.
        let above = greatest_common_divisor(self.multiply, other.multiply);
        let below = greatest_common_divisor(self.divide, other.divide);
        let multiply = (self.multiply / above) * (other.divide / below);
        let divide = (self.divide / below) * (other.multiply / above);
        let add = self.hundredths * multiply - other.hundredths * divide;
        let whole = [multiply * 100, add, divide * 100];
        let common = whole.into_iter().fold(0, greatest_common_divisor);
        let [multiply, add, divide] = whole.map(|part| part / common);
        Conversion { multiply, add, divide }
    }
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    if b == 0 {
        a.abs()
    } else {
        greatest_common_divisor(b, a % b)
    }
}

impl Conversion {
    /// Nothing changes.
    fn is_identity(self) -> bool {
        self.multiply == self.divide && self.add == 0
    }

    /// Every number with finitely many decimals has finitely many afterwards.
    fn keeps_decimals(self) -> bool {
        let mut rest = self.divide;
        for prime in [2, 5] {
            while rest % prime == 0 {
                rest /= prime;
            }
        }
        rest == 1
    }
}

/// What a column says of its unit: the unit's name, for people; and how values are converted, if they are.
pub(crate) fn read(custom: Option<&Map<'_>>, kind: Option<ColumnType>) -> (Option<String>, Option<Units>) {
    use ColumnType as T;
    let Some(custom) = custom else {
        return (None, None);
    };
    if let Some(kind) = kind
        && !matches!(kind, T::Int | T::Long | T::Float | T::Double | T::Decimal { .. })
    {
        custom.refuse(&KEYS, &format!("a column of type {kind} is no number: remove it"));
        return (None, None);
    }
    let Some(at) = custom.get("unit") else {
        custom.refuse(&KEYS, "write unit beside it: what the table holds");
        return (None, None);
    };
    let Some((name, unit)) = named(&at) else {
        return (None, None);
    };
    let source = custom.get("sourceUnit");
    if source.is_none() {
        custom.refuse(&["round"], "nothing is converted: write sourceUnit, or remove it");
    }
    let units = source.and_then(|source| conversions(custom, &source, (name, unit), kind));
    (Some(name.into()), units)
}

fn named<'a>(at: &At<'a>) -> Option<(&'a str, &'static Unit)> {
    let name = at.text()?;
    let found = Unit::find(name);
    if found.is_none() {
        let names: Vec<&str> = UNITS.iter().flat_map(|unit| unit.names).copied().collect();
        at.error(format!("unknown {} {}", at.name, shown(name)), one_of(name, &names));
    }
    Some((name, found?))
}

fn conversions(
    custom: &Map<'_>,
    source: &At<'_>,
    (name, unit): (&str, &'static Unit),
    kind: Option<ColumnType>,
) -> Option<Units> {
    let is_written = !source.is_text();
    let items = if is_written {
        source.list()
    } else {
        vec![source.clone()]
    };
    if is_written && (items.is_empty() || items.len() > MAX_SPELLINGS) {
        let message = format!("{} units in the source", items.len());
        source.error(message, format!("write a unit, or a list of 1 to {MAX_SPELLINGS}"));
    }
    let rounds = custom
        .get("round")
        .and_then(|at| at.word(&[("halfEven", ())]))
        .is_some();
    let is_exact_kind = kind.is_some_and(|kind| !matches!(kind, ColumnType::Float | ColumnType::Double));
    let mut sources = Vec::new();
    for (at, (from_name, from)) in items.iter().filter_map(|at| Some((at, named(at)?))) {
        if from.dimension != unit.dimension {
            let (is, wanted) = (from.dimension.name(), unit.dimension.name());
            let of_dimension = UNITS.iter().filter(|other| other.dimension == unit.dimension);
            let names: Vec<&str> = of_dimension.map(|unit| unit.names[0]).collect();
            at.error(
                format!("{from_name} is a unit of {is}, and {name} of {wanted}"),
                format!("write one of {}", names.join(", ")),
            );
            continue;
        }
        let conversion = from.to(unit);
        let is_exact = (from.is_exact && unit.is_exact || conversion.is_identity()) && conversion.keeps_decimals();
        if is_exact_kind && !is_exact && !rounds {
            let message = format!("{from_name} in {name} has no end of decimals for most values");
            at.error(message, "write round: halfEven, or physicalType DOUBLE");
        }
        sources.push(SourceUnit {
            name: from_name.into(),
            conversion,
        });
    }
    sources.sort_by_key(|source| Reverse(source.name.len()));
    let converts = is_written || sources.iter().any(|source| !source.conversion.is_identity());
    converts.then(|| Units {
        unit: name.into(),
        sources,
        is_written,
        rounds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(value: f64, from: &str, to: &str) -> f64 {
        let unit = |name| Unit::find(name).expect("a unit");
        let Conversion { multiply, add, divide } = unit(from).to(unit(to));
        (value * multiply as f64 + add as f64) / divide as f64
    }

    #[test]
    fn conversions_are_those_of_the_tables() {
        for (value, from, to, expected) in [
            (1.0, "ft", "m", 0.3048),
            (1.0, "mi", "km", 1.609_344),
            (1.0, "nmi", "mi", 1_852.0 / 1_609.344),
            (1.0, "lb", "kg", 0.453_592_37),
            (16.0, "oz", "lb", 1.0),
            (212.0, "degF", "degC", 100.0),
            (-40.0, "°F", "°C", -40.0),
            (0.0, "K", "degF", -459.67),
            (60.0, "mph", "km/h", 96.560_64),
            (1.0, "kt", "km/h", 1.852),
            (1.0, "atm", "hPa", 1_013.25),
            (29.92, "inHg", "hPa", 1_013.207_481_190_027_2),
            (1.0, "psi", "Pa", 6_894.757_293_168_361),
            (760.0, "mmHg", "atm", 1.000_000_142_466_321_3),
            (1.0, "gal_us", "l", 3.785_411_784),
            (1.0, "acre", "ft2", 43_560.0),
            (90.0, "min", "h", 1.5),
            (1.0, "kWh", "J", 3.6e6),
            (180.0, "deg", "rad", std::f64::consts::PI),
            (1.0, "GiB", "MB", 1_073.741_824),
        ] {
            let found = convert(value, from, to);
            assert!(
                (found - expected).abs() <= expected.abs() * 1e-15,
                "{value} {from} is {found} {to}, not {expected}"
            );
        }
    }

    #[test]
    fn there_and_back_is_nothing() {
        for from in &UNITS {
            for to in UNITS.iter().filter(|to| to.dimension == from.dimension) {
                let (there, back) = (from.to(to), to.to(from));
                let same = back.multiply.checked_mul(there.multiply) == back.divide.checked_mul(there.divide);
                assert!(same && there.divide > 0, "{} and {}", from.names[0], to.names[0]);
            }
            assert!(from.to(from).is_identity());
        }
    }
}
