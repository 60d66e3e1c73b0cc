//! Fractions of integers, of 128 bits or of 256.

use arrow_buffer::i256;
use std::cmp::Ordering;

/// Arithmetic that ends where the bits do.
pub trait Integer: Copy + From<i128> + Ord {
    /// None where it does not fit.
    fn times(self, other: Self) -> Option<Self>;
    /// None where it does not fit.
    fn plus(self, other: Self) -> Option<Self>;
    /// None where it does not fit.
    fn power(self, exponent: u32) -> Option<Self>;
    /// Quotient and rest, which has the sign of `self`; `other` is above 0.
    fn divided(self, other: Self) -> (Self, Self);
    /// None where it does not fit.
    fn narrow(self) -> Option<i128>;
}

impl Integer for i128 {
    fn times(self, other: Self) -> Option<Self> {
        self.checked_mul(other)
    }

    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn power(self, exponent: u32) -> Option<Self> {
        self.checked_pow(exponent)
    }

    fn divided(self, other: Self) -> (Self, Self) {
        (self / other, self % other)
    }

    fn narrow(self) -> Option<i128> {
        Some(self)
    }
}

impl Integer for i256 {
    fn times(self, other: Self) -> Option<Self> {
        self.checked_mul(other)
    }

    fn plus(self, other: Self) -> Option<Self> {
        self.checked_add(other)
    }

    fn power(self, exponent: u32) -> Option<Self> {
        self.checked_pow(exponent)
    }

    fn divided(self, other: Self) -> (Self, Self) {
        (self / other, self % other)
    }

    fn narrow(self) -> Option<i128> {
        self.to_i128()
    }
}

/// `dividend / divisor`, which is above 0.
#[derive(Debug, Clone, Copy)]
pub struct Fraction<I> {
    pub dividend: I,
    pub divisor: I,
}

/// A number between two whole ones.
#[derive(Debug, Clone, Copy)]
pub struct Halves {
    /// The lower one.
    pub floor: i128,
    /// It is that one.
    pub is_exact: bool,
    /// What is above that, beside one half.
    pub half: Ordering,
}

impl<I: Integer> Fraction<I> {
    /// None where the whole number has more than 128 bits.
    pub fn halves(self) -> Option<Halves> {
        let Self { dividend, divisor } = self;
        let (quotient, rest) = dividend.divided(divisor);
        let zero = I::from(0);
        let below = rest < zero;
        let (floor, rest) = if below {
            (quotient.plus(I::from(-1))?, rest.plus(divisor)?)
        } else {
            (quotient, rest)
        };
        // Against what is missing to the next one: twice the rest might not fit.
        let missing = divisor.plus(rest.times(I::from(-1))?)?;
        Some(Halves {
            floor: floor.narrow()?,
            is_exact: rest == zero,
            half: rest.cmp(&missing),
        })
    }
}
