//! Amounts that limits count: exact, not negative, and of a bounded size, so that adding them can neither round nor
//! wrap.

use std::fmt;

use crate::number::{Decimal, Number};

/// Digits after the point that are counted; a finer number is not an amount.
const SCALE: u32 = 18;

/// 10^18: how many units make 1.
const ONE: u128 = 1_000_000_000_000_000_000;

/// The largest amount: 10^20.
const LARGEST: u128 = ONE * 100_000_000_000_000_000_000;

/// An exact amount from 0 to 10^20, with at most 18 digits after the point.
///
/// ```
/// use agent_os_core::amount::Amount;
/// use agent_os_core::number::Number;
/// let cents = Amount::of_number(&Number::Float(0.1)).unwrap();
/// assert_eq!(cents.saturating_add(cents).saturating_add(cents).to_string(), "0.3");
/// assert!(Amount::of_number(&Number::Int(-1)).is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
// INVARIANT: a sum may exceed `LARGEST`; it stays at the largest number rather than wrap.
pub struct Amount(u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// One call.
    pub const ONE: Self = Self(ONE);

    /// The amount that this number is; `None` for a negative one, one beyond 10^20, and one that is too fine.
    #[must_use]
    pub fn of_number(number: &Number) -> Option<Self> {
        match number {
            Number::Int(value) => Self::of_u64(u64::try_from(*value).ok()?),
            other => Self::of_decimal(&other.to_decimal()),
        }
    }

    /// The amount of so many.
    #[must_use]
    pub fn of_u64(value: u64) -> Option<Self> {
        u128::from(value).checked_mul(ONE).filter(|units| *units <= LARGEST).map(Self)
    }

    fn of_decimal(decimal: &Decimal) -> Option<Self> {
        let units = decimal.units(SCALE)?;
        (units <= LARGEST).then_some(Self(units))
    }

    /// The amount that a text in plain decimal notation spells, as [`Display`](fmt::Display) writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::of_decimal(&Decimal::parse(text)?)
    }

    /// The sum, or the largest number if it is beyond all.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, or nothing if it would be negative.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// 16 bytes, largest first.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Reads what [`Amount::to_bytes`] wrote.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// Plain decimal notation without redundant zeros.
impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / ONE, self.0 % ONE);
        if rest == 0 {
            return write!(out, "{whole}");
        }
        write!(out, "{whole}.{}", format!("{rest:018}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Amount;
    use crate::number::{Decimal, Number};
    use proptest::prelude::*;

    fn of(text: &str) -> Option<Amount> {
        Amount::of_number(&Number::Decimal(Decimal::parse(text).unwrap()))
    }

    #[test]
    fn what_cannot_be_counted_exactly_is_no_amount() {
        for text in ["-1", "-0.01", "1E-19", "0.1234567890123456789", "100000000000000000001", "1E+21", "1E+9000"] {
            assert_eq!(of(text), None, "{text}");
        }
        for (text, spelt) in [
            ("0", "0"),
            ("-0", "0"),
            ("0E+9000", "0"),
            ("1E-18", "0.000000000000000001"),
            ("12.50", "12.5"),
            ("1E+20", "100000000000000000000"),
            ("0.10000000000000000000000", "0.1"),
        ] {
            assert_eq!(of(text).unwrap().to_string(), spelt);
        }
        assert_eq!(Amount::of_number(&Number::Int(i64::MIN)), None);
    }

    #[test]
    fn a_sum_never_wraps() {
        let most = of("1E+20").unwrap();
        let sum = (0..10).fold(Amount::ZERO, |sum, _| sum.saturating_add(most));
        assert!(sum > most && sum.saturating_add(Amount::ONE) == sum);
        assert_eq!(Amount::ONE.saturating_sub(most), Amount::ZERO);
    }

    proptest! {
        #[test]
        fn sums_are_exact(a in 0i64..1_000_000_000, b in 0i64..1_000_000_000, scale in 0u32..12) {
            let spelt = |value: i64| of(&format!("{value}E-{scale}")).unwrap();
            prop_assert_eq!(spelt(a).saturating_add(spelt(b)), spelt(a + b));
            prop_assert_eq!(Amount::parse(&spelt(a).to_string()), Some(spelt(a)));
            prop_assert_eq!(Amount::from_bytes(spelt(a).to_bytes()), spelt(a));
        }
    }
}
