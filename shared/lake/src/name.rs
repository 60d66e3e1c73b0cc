//! Identifiers made of names as people and programs write them.

use crate::table::is_identifier;

/// Longest identifier that is made up, in bytes: leaves room for suffixes within a table name's limit.
pub const MAX_MADE_BYTES: usize = 60;

/// `  Dep Time (UTC)` → `dep_time_utc`, `depTime` → `dep_time`, `2nd` → `c_2nd`; none where nothing is left.
pub fn identifier(name: &str) -> Option<String> {
    let mut out = standard(name);
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert_str(0, "c_");
    }
    out.truncate(MAX_MADE_BYTES);
    let out = out.trim_end_matches('_');
    is_identifier(out).then(|| out.into())
}

/// Lower-case ASCII letters and digits, and one `_` between words.
pub fn standard(name: &str) -> String {
    let mut out = String::new();
    let mut after_lower = false;
    for c in name.trim().chars() {
        if c.is_uppercase() && after_lower {
            out.push('_');
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
        match folded(c) {
            Some(text) => out.push_str(text),
            None if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            None if !out.ends_with('_') => out.push('_'),
            None => {}
        }
    }
    out.trim_matches('_').into()
}

/// ASCII for the letters of western European languages.
fn folded(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' | 'Ä' | 'æ' | 'Æ' => "ae",
        'ö' | 'Ö' | 'œ' | 'Œ' => "oe",
        'ü' | 'Ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' | 'å' | 'À' | 'Á' | 'Â' | 'Ã' | 'Å' => "a",
        'ç' | 'Ç' | 'č' | 'Č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'È' | 'É' | 'Ê' | 'Ë' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'Ì' | 'Í' | 'Î' | 'Ï' => "i",
        'ñ' | 'Ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ø' => "o",
        'ù' | 'ú' | 'û' | 'Ù' | 'Ú' | 'Û' => "u",
        'š' | 'Š' => "s",
        'ž' | 'Ž' => "z",
        _ => return None,
    })
}
