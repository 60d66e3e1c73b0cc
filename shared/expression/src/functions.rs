//! The functions that there are.

use watershed_lake::ColumnType;

/// What is worked out row by row, null where an argument is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Upper,
    Lower,
    Trim,
    LeftTrim,
    RightTrim,
    /// Characters.
    Length,
    /// From, from 1; how many.
    Substring,
    Left,
    Right,
    LeftPad,
    RightPad,
    Replace,
    /// Separator; which part, from 1.
    SplitPart,
    StartsWith,
    EndsWith,
    Contains,
    /// Of texts; null where one is null.
    Join,
    /// Of texts; nulls are left out.
    Concat,
    Negate,
    Absolute,
    Floor,
    Ceiling,
    /// To the decimals of the type; of doubles to those of the second argument.
    Round,
    MakeDate,
}

impl Function {
    /// Name, types of the arguments that must be, of those that may be, and of the result.
    pub(crate) const PLAIN: [(&'static str, Self, &'static [ColumnType], usize, ColumnType); 18] = {
        use ColumnType::{Boolean, Date, Int, Long, String};
        [
            ("upper", Self::Upper, &[String], 1, String),
            ("lower", Self::Lower, &[String], 1, String),
            ("trim", Self::Trim, &[String], 1, String),
            ("ltrim", Self::LeftTrim, &[String], 1, String),
            ("rtrim", Self::RightTrim, &[String], 1, String),
            ("length", Self::Length, &[String], 1, Int),
            ("substring", Self::Substring, &[String, Long, Long], 2, String),
            ("substr", Self::Substring, &[String, Long, Long], 2, String),
            ("left", Self::Left, &[String, Long], 2, String),
            ("right", Self::Right, &[String, Long], 2, String),
            ("lpad", Self::LeftPad, &[String, Long, String], 2, String),
            ("rpad", Self::RightPad, &[String, Long, String], 2, String),
            ("replace", Self::Replace, &[String, String, String], 3, String),
            ("split_part", Self::SplitPart, &[String, String, Long], 3, String),
            ("starts_with", Self::StartsWith, &[String, String], 2, Boolean),
            ("ends_with", Self::EndsWith, &[String, String], 2, Boolean),
            ("contains", Self::Contains, &[String, String], 2, Boolean),
            ("make_date", Self::MakeDate, &[Long, Long, Long], 3, Date),
        ]
    };

    /// Functions whose type hangs on their arguments.
    pub(crate) const OTHERS: [&'static str; 14] = [
        "abs",
        "ceil",
        "ceiling",
        "coalesce",
        "concat",
        "date_trunc",
        "div",
        "floor",
        "mod",
        "nullif",
        "regexp_extract",
        "regexp_like",
        "regexp_replace",
        "round",
    ];

    /// Every name.
    pub(crate) fn names() -> Vec<&'static str> {
        let plain = Self::PLAIN.iter().map(|(name, ..)| *name);
        plain.chain(Self::OTHERS).collect()
    }
}
