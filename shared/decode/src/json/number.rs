//! Numbers as JSON has them (RFC 8259, section 6).

/// Behind the number that begins at `at`; none where that is no number of JSON.
#[inline]
pub fn number_end(text: &[u8], at: usize) -> Option<usize> {
    let digits = |at: usize| at + text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let first = at + usize::from(text.get(at) == Some(&b'-'));
    let mut end = digits(first);
    if end == first || (end > first + 1 && text[first] == b'0') {
        return None;
    }
    if text.get(end) == Some(&b'.') {
        let decimals = end + 1;
        end = digits(decimals);
        if end == decimals {
            return None;
        }
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let exponent = end + 1 + usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        end = digits(exponent);
        if end == exponent {
            return None;
        }
    }
    Some(end)
}
