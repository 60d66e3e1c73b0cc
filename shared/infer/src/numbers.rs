//! What the numbers of a column look like, as text.

/// How the values of a column are written, as far as they are numbers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Values.
    pub values: usize,
    /// Of which are `[-+]digits[.digits]`.
    pub plain: usize,
    /// Of which have a point.
    pub pointed: usize,
    /// Of which have only zeros behind the point.
    pub whole: usize,
    /// Values such as `007`, which are no numbers but names of something.
    pub leading_zeros: usize,
    /// Values such as `1.234,50`.
    pub commas: usize,
    /// Values with a digit.
    pub with_digit: usize,
    /// Most digits before the point.
    pub max_whole_digits: usize,
    /// Most digits behind the point.
    pub max_decimals: usize,
    /// Fewest digits behind a point.
    pub min_decimals: usize,
    /// Bytes of the shortest and of the longest value.
    pub lengths: (usize, usize),
}

impl Shape {
    /// Of these values.
    pub fn of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut shape = Self {
            min_decimals: usize::MAX,
            lengths: (usize::MAX, 0),
            ..Self::default()
        };
        for value in values {
            shape.values += 1;
            shape.lengths = (shape.lengths.0.min(value.len()), shape.lengths.1.max(value.len()));
            shape.with_digit += usize::from(value.iter().any(u8::is_ascii_digit));
            shape.commas += usize::from(has_decimal_comma(value));
            shape.number(value);
        }
        shape
    }

    fn number(&mut self, value: &[u8]) {
        let digits = value.strip_prefix(b"-").or(value.strip_prefix(b"+")).unwrap_or(value);
        let (whole, decimals) = match digits.iter().position(|b| *b == b'.') {
            Some(at) => (&digits[..at], Some(&digits[at + 1..])),
            None => (digits, None),
        };
        let all = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
        if !all(whole) || !decimals.is_none_or(all) {
            return;
        }
        self.plain += 1;
        self.leading_zeros += usize::from(whole.len() > 1 && whole[0] == b'0');
        self.max_whole_digits = self.max_whole_digits.max(whole.len());
        if let Some(decimals) = decimals {
            self.pointed += 1;
            self.whole += usize::from(decimals.iter().all(|b| *b == b'0'));
            self.max_decimals = self.max_decimals.max(decimals.len());
            self.min_decimals = self.min_decimals.min(decimals.len());
        }
    }

    /// Every value with a point has as many decimals, and most have one.
    pub fn decimals_agree(&self) -> bool {
        self.pointed > 0 && self.min_decimals == self.max_decimals && self.pointed * 2 >= self.plain
    }
}

/// `1,5`, `1.234,50`, `-0,25`: digits, points between groups of three, one comma.
fn has_decimal_comma(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let Some(at) = value.iter().position(|b| *b == b',') else {
        return false;
    };
    let (whole, decimals) = (&value[..at], &value[at + 1..]);
    let mut groups = whole.split(|b| *b == b'.');
    let digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    digits(decimals) && groups.next().is_some_and(digits) && groups.all(|group| group.len() == 3 && digits(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let shape = |values: &[&str]| Shape::of(values.iter().map(|value| value.as_bytes()));
        let prices = shape(&["1.50", "-20.25", "3"]);
        assert!(prices.decimals_agree());
        assert_eq!((prices.plain, prices.max_whole_digits, prices.max_decimals), (3, 2, 2));
        assert!(!shape(&["1.5", "1.25"]).decimals_agree());
        assert_eq!(shape(&["007", "0", "0.5", "10"]).leading_zeros, 1);
        assert_eq!(shape(&["1,5", "1.234,50", "1,2,3", "12.34,5", ",5"]).commas, 2);
        assert_eq!(shape(&["1e5", ".5", "5.", "x"]).plain, 0);
    }
}
