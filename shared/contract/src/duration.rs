//! Lengths of time: `500ms`, `30s`, `5m`, `1h`, `2d`.

use crate::reader::At;
use watershed_stream::MAX_PERIOD_MS;

const UNITS: [(&str, i64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Milliseconds, at least so many, and no more than the longest window.
pub(crate) fn read(at: &At<'_>, least_ms: i64) -> Option<i64> {
    let text = at.spelling()?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ms)| *ms);
    let Some(unit_ms) = unit_ms.filter(|_| digits > 0) else {
        at.wrong("a number of ms, s, m, h or d: 30s");
        return None;
    };
    // Digits alone: what does not parse is too long.
    let ms = number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_ms));
    let found = ms.filter(|ms| (least_ms..=MAX_PERIOD_MS).contains(ms));
    if found.is_none() {
        at.wrong(&format!("{least_ms}ms to {}d", MAX_PERIOD_MS / 86_400_000));
    }
    found
}
