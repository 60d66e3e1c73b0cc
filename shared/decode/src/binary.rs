//! Text and what is none, told by control characters.

/// Bytes that are looked at to tell text from what is none.
const LOOKED_AT_BYTES: usize = 64 * 1024;
/// Of so many bytes of text fewer than one is a control character, or all of them are of few kinds.
const BYTES_A_CONTROL: usize = 32;
/// Kinds of control characters that no text has.
const MIN_KINDS: usize = 4;
/// So many NUL bytes are no sign of anything, however short the text.
const MIN_NULS: usize = 16;

/// What in the beginning of a text says that it is none: control characters, many of many kinds, or NUL bytes for the most part. A few stand
/// in values (padding of old systems, a field that was cleared): those are matters of their rows, and U+0000 is a character of a text
/// like any other there, as it is to Parquet, DuckDB and Polars.
pub fn found(beginning: &[u8]) -> Option<String> {
    let looked_at = &beginning[..beginning.len().min(LOOKED_AT_BYTES)];
    let mut controls = [0_usize; 0x20];
    for byte in looked_at.iter().filter(|byte| is_odd(**byte)) {
        controls[usize::from(*byte)] += 1;
    }
    let (all, nuls): (usize, usize) = (controls.iter().sum(), controls[0]);
    let kinds = controls.iter().filter(|found| **found > 0).count();
    let many = all * BYTES_A_CONTROL > looked_at.len() && kinds >= MIN_KINDS;
    let nothing = nuls > MIN_NULS && nuls * 2 > looked_at.len();
    (many || nothing).then(|| format!("{all} of its first {} bytes are control characters", looked_at.len()))
}

/// A control character that text has no use for: none of white space, form feed, escape, and the end of files of DOS.
fn is_odd(byte: u8) -> bool {
    matches!(byte, 0..=0x08 | 0x0e..=0x19 | 0x1c..=0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_control_characters_are_text() {
        let padded = b"a\0\0\0\0\0\0\0\0\0,1\nbcd\0\0\0\0\0\0\0,2\nefghijklm\0,3\n";
        for text in [
            &b""[..],
            b"a,b\n",
            b"\0",
            b"a\0b\n",
            b"\x1b[1m\x0c\x1a",
            &padded[..],
            &[1; 1_000],
        ] {
            assert_eq!(found(text), None, "{}", text.escape_ascii());
        }
        let compressed: Vec<u8> = (0..100_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        for binary in [&[0; 17][..], b"\0\x01\x02\x03", &compressed] {
            assert!(found(binary).is_some());
        }
    }
}
