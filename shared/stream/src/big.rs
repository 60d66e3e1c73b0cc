//! Large numbers, for the one moment when a sum is turned into a value: rounded once, at the end.

/// `± limbs · 2^exponent`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Big {
    negative: bool,
    /// The least significant first; none above the highest that is not zero.
    limbs: Vec<u64>,
    /// Of the lowest bit; a multiple of 64.
    exponent: i32,
}

impl Big {
    pub(crate) fn from_twos_complement(limbs: &[u64], exponent: i32) -> Self {
        let negative = limbs.last().is_some_and(|top| top >> 63 == 1);
        let mut limbs = limbs.to_vec();
        if negative {
            let mut carry = true;
            for limb in &mut limbs {
                (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
            }
        }
        Self::new(negative, limbs, exponent)
    }

    fn new(negative: bool, mut limbs: Vec<u64>, exponent: i32) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self {
            negative: negative && !limbs.is_empty(),
            limbs,
            exponent,
        }
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut limbs = vec![0; self.limbs.len() + other.limbs.len()];
        for (at, left) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            for (limb, right) in limbs[at..].iter_mut().zip(&other.limbs) {
                let wide = u128::from(*left) * u128::from(*right) + u128::from(*limb) + carry;
                *limb = wide as u64;
                carry = wide >> 64;
            }
            limbs[at + other.limbs.len()] = carry as u64;
        }
        Self::new(self.negative != other.negative, limbs, self.exponent + other.exponent)
    }

    pub(crate) fn times_count(&self, count: u64) -> Self {
        self.times(&Self::new(false, vec![count], 0))
    }

    /// `self - other`, which must not be negative, of two numbers that are not.
    pub(crate) fn less(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (mut limbs, mut subtrahend) = (self.down_to(exponent), other.down_to(exponent));
        let length = limbs.len().max(subtrahend.len());
        limbs.resize(length, 0);
        subtrahend.resize(length, 0);
        let mut borrow = false;
        for (limb, part) in limbs.iter_mut().zip(subtrahend) {
            (*limb, borrow) = limb.borrowing_sub(part, borrow);
        }
        Self::new(false, limbs, exponent)
    }

    /// The limbs, counted from a lower exponent.
    fn down_to(&self, exponent: i32) -> Vec<u64> {
        let mut limbs = vec![0; (self.exponent - exponent) as usize / 64];
        limbs.extend_from_slice(&self.limbs);
        limbs
    }

    /// None: it has no 128 bits, or a fraction.
    pub(crate) fn integer(&self) -> Option<i128> {
        let limbs = match self.exponent {
            // Of a sum that no number was added to: it says nothing of how fine they were.
            _ if self.limbs.is_empty() => return Some(0),
            0.. => self.down_to(0),
            _ => return None,
        };
        let magnitude = match limbs[..] {
            [] => 0,
            [low] => u128::from(low),
            [low, high] => u128::from(high) << 64 | u128::from(low),
            _ => return None,
        };
        if self.negative {
            0_i128.checked_sub_unsigned(magnitude)
        } else {
            i128::try_from(magnitude).ok()
        }
    }

    /// Rounded to the nearest float, ties to even.
    pub(crate) fn float(&self) -> f64 {
        let (magnitude, exponent) = self.rounded();
        let value = scaled(magnitude, exponent);
        if self.negative { -value } else { value }
    }

    /// The square root of `self / divisor`, as good as floats are; `self` is not negative.
    pub(crate) fn root_of_quotient(&self, divisor: f64) -> f64 {
        let (magnitude, exponent) = self.rounded();
        let odd = exponent & 1;
        let magnitude = if odd == 1 { 2.0 * magnitude } else { magnitude };
        scaled((magnitude / divisor).sqrt(), (exponent - odd) / 2)
    }

    /// A float of 64 bits before its point, and the exponent of 2 that it is to be multiplied with.
    fn rounded(&self) -> (f64, i32) {
        let Some(top) = self.limbs.last() else {
            return (0.0, 0);
        };
        let at = |index: usize| self.limbs.len().checked_sub(index).map_or(0, |at| self.limbs[at]);
        let shift = top.leading_zeros();
        let wide = (u128::from(*top) << 64 | u128::from(at(2))) << shift;
        let below = self.limbs.len().saturating_sub(2);
        let sticky = wide as u64 != 0 || self.limbs[..below].iter().any(|limb| *limb != 0);
        let kept = (wide >> 64) as u64 | u64::from(sticky);
        let exponent = self.exponent + 64 * (self.limbs.len() as i32 - 1) - shift as i32;
        (kept as f64, exponent)
    }
}

/// `value · 2^exponent` in steps that neither overflow nor vanish before the last.
fn scaled(value: f64, exponent: i32) -> f64 {
    let step = |exponent: i32| f64::from_bits(((exponent.clamp(-1_022, 1_023) + 1_023) as u64) << 52);
    let half = exponent / 2;
    value * step(half) * step(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: i128) -> Big {
        Big::from_twos_complement(&[value as u64, (value >> 64) as u64], 0)
    }

    #[test]
    fn arithmetic_is_that_of_integers() {
        for (left, right) in [(0, 5), (7, -3), (-1 << 62, 3), (u64::MAX.into(), u64::MAX.into())] {
            assert_eq!(of(left).times(&of(right)).integer(), left.checked_mul(right));
        }
        assert_eq!(of(1 << 80).less(&of(1)).integer(), Some((1 << 80) - 1));
        assert_eq!(of(i128::MIN).integer(), Some(i128::MIN));
        assert_eq!(of(i128::MAX).times_count(2).integer(), None);
    }

    #[test]
    fn rounding_is_to_even_and_once() {
        for value in [
            0,
            1,
            -1,
            (1 << 53) + 1,
            (1 << 53) + 3,
            i128::MAX,
            i128::MIN,
            (1 << 90) + (1 << 37) + 1,
        ] {
            assert_eq!(of(value).float().to_bits(), (value as f64).to_bits(), "{value}");
        }
    }

    #[test]
    fn roots_reach_beyond_floats() {
        let huge = of(1 << 100).times(&of(1 << 100));
        let huge = huge.times(&huge).times(&huge);
        assert_eq!(huge.root_of_quotient(4.0).to_bits(), 2_f64.powi(299).to_bits());
        assert_eq!(of(2).root_of_quotient(1.0).to_bits(), 2_f64.sqrt().to_bits());
    }
}
