//! Exact numbers. A number *is* the decimal that its canonical form spells, so `0.1` (float), `Decimal("0.1")` and a
//! policy's `0.1` are one number, and so are `1` and `1.0`.

use std::cmp::Ordering;
use std::fmt;

use crate::limits;

/// Integers up to this magnitude are exact in JSON (RFC 8259 §6, RFC 7493 §2.2).
pub const MAX_SAFE_INTEGER: i64 = 9_007_199_254_740_992;

/// A finite number.
#[derive(Clone, Debug)]
pub enum Number {
    /// An integer of 64 bits.
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt(Decimal),
    // INVARIANT: finite.
    /// A binary floating-point number, read as the shortest decimal that round-trips.
    Float(f64),
    /// A decimal, as it was spelt.
    Decimal(Decimal),
}

impl Number {
    /// A float, or `None` for NaN and the infinities, which have no canonical form.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Float(value))
    }

    /// Compares the exact decimals.
    ///
    /// ```
    /// use agent_os_core::number::{Decimal, Number};
    /// use std::cmp::Ordering;
    /// let tenth = Number::Decimal(Decimal::parse("0.10").unwrap());
    /// assert_eq!(Number::Float(0.1).compare(&tenth), Ordering::Equal);
    /// assert_eq!(Number::Int(1).compare(&Number::Float(1.0)), Ordering::Equal);
    /// ```
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            // The shortest round-tripping decimals of two floats are ordered as the floats are.
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Int(a), Self::Float(b)) if a.unsigned_abs() <= MAX_SAFE_INTEGER as u64 => {
                (*a as f64).partial_cmp(b).unwrap_or(Ordering::Equal)
            }
            (Self::Float(_), Self::Int(_)) => other.compare(self).reverse(),
            _ => self.to_decimal().compare(&other.to_decimal()),
        }
    }

    /// The exact decimal.
    #[must_use]
    pub fn to_decimal(&self) -> Decimal {
        match self {
            Self::Int(value) => Decimal { negative: *value < 0, digits: value.unsigned_abs().to_string(), exponent: 0 },
            Self::Float(value) => {
                Decimal::parse(ryu_js::Buffer::new().format_finite(*value)).unwrap_or_else(Decimal::zero)
            }
            Self::BigInt(value) | Self::Decimal(value) => value.clone(),
        }
    }

    /// The nearest float, or an infinity beyond them. Rounding keeps the order: of two numbers the greater one has no
    /// lesser float.
    ///
    /// ```
    /// use agent_os_core::number::{Decimal, Number};
    /// assert_eq!(Number::Decimal(Decimal::parse("12.50").unwrap()).nearest(), 12.5);
    /// assert_eq!(Number::BigInt(Decimal::parse("-1e999").unwrap()).nearest(), f64::NEG_INFINITY);
    /// ```
    #[must_use]
    pub fn nearest(&self) -> f64 {
        match self {
            Self::Int(value) => *value as f64,
            Self::Float(value) => *value,
            Self::BigInt(value) | Self::Decimal(value) => value.nearest(),
        }
    }

    /// The number's plain decimal text without redundant zeros or a plus sign: one text for one number.
    ///
    /// ```
    /// use agent_os_core::number::Number;
    /// assert_eq!(Number::Float(1250.50).normal_text(), "1250.5");
    /// ```
    #[must_use]
    pub fn normal_text(&self) -> String {
        self.to_decimal().normal_text()
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

/// `(-1)^negative × digits × 10^exponent`, as it was spelt: `0.10` keeps its last zero.
#[derive(Clone, Debug)]
pub struct Decimal {
    negative: bool,
    // INVARIANT: ASCII digits, at least one, no leading zero unless it is the only digit.
    digits: String,
    exponent: i32,
}

impl Decimal {
    fn zero() -> Self {
        Self { negative: false, digits: "0".to_owned(), exponent: 0 }
    }

    fn nearest(&self) -> f64 {
        let sign = if self.negative { "-" } else { "" };
        // Reading floats rounds correctly, whatever the number of digits.
        format!("{sign}{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// Reads `[+-]digits[.digits][(e|E)[+-]digits]`; `None` if the text is not of that form or exceeds the limits
    /// on digits and exponent.
    ///
    /// ```
    /// use agent_os_core::number::Decimal;
    /// assert_eq!(Decimal::parse("-1.50").unwrap().to_string(), "-1.50");
    /// assert!(Decimal::parse("1.").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let significant = digits.trim_start_matches('0');
        let digits = if significant.is_empty() { "0".to_owned() } else { significant.to_owned() };
        if digits.len() > limits::DIGITS {
            return None;
        }
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        (exponent.unsigned_abs() as usize <= limits::EXPONENT + limits::DIGITS).then_some(Self {
            negative,
            digits,
            exponent,
        })
    }

    /// True for an integer spelt without fraction or exponent.
    #[must_use]
    pub fn is_plain_integer(&self) -> bool {
        self.exponent == 0
    }

    fn is_zero(&self) -> bool {
        self.digits == "0"
    }

    /// The power of ten just above the leading digit.
    fn magnitude(&self) -> i64 {
        self.digits.len() as i64 + i64::from(self.exponent)
    }

    /// Compares exactly, in time linear in the digits whatever the exponents are.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return if other.negative { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if self.negative { Ordering::Less } else { Ordering::Greater },
            (false, false) => {}
        }
        match (self.negative, other.negative) {
            (false, true) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            _ => {}
        }
        let by_size = self.magnitude().cmp(&other.magnitude()).then_with(|| {
            // Of equal magnitude the digits line up at the left; missing ones at the right are zeros.
            self.digits.trim_end_matches('0').cmp(other.digits.trim_end_matches('0'))
        });
        if self.negative { by_size.reverse() } else { by_size }
    }

    /// How many units of `10^-scale` this is, if it is that exactly, not negative, and no more than 128 bits hold.
    pub(crate) fn units(&self, scale: u32) -> Option<u128> {
        if self.is_zero() {
            return Some(0);
        }
        let digits = self.digits.trim_end_matches('0');
        let zeros = i64::try_from(self.digits.len() - digits.len()).ok()?;
        let power = u32::try_from(i64::from(self.exponent) + zeros + i64::from(scale)).ok()?;
        if self.negative {
            return None;
        }
        digits.parse::<u128>().ok()?.checked_mul(10_u128.checked_pow(power)?)
    }

    /// The plain text without exponent, redundant zeros or a plus sign.
    #[must_use]
    pub fn normal_text(&self) -> String {
        if self.is_zero() {
            return "0".to_owned();
        }
        let digits = self.digits.trim_end_matches('0');
        let point = self.magnitude();
        let mut text = String::new();
        if self.negative {
            text.push('-');
        }
        let length = digits.len() as i64;
        if point <= 0 {
            text.push_str("0.");
            text.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
            text.push_str(digits);
        } else if point >= length {
            text.push_str(digits);
            text.extend(std::iter::repeat_n('0', (point - length) as usize));
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        }
        text
    }
}

fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

/// Spells the decimal as Python's `str(Decimal(…))` and the General Decimal Arithmetic's to-scientific-string do.
impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            out.write_str("-")?;
        }
        let adjusted = self.magnitude() - 1;
        if self.exponent > 0 || adjusted < -6 {
            let (first, rest) = self.digits.split_at(1);
            out.write_str(first)?;
            if !rest.is_empty() {
                write!(out, ".{rest}")?;
            }
            return write!(out, "E{adjusted:+}");
        }
        let point = self.magnitude();
        if self.exponent == 0 {
            out.write_str(&self.digits)
        } else if point <= 0 {
            write!(out, "0.{}{}", "0".repeat(point.unsigned_abs() as usize), self.digits)
        } else {
            let (whole, fraction) = self.digits.split_at(point as usize);
            write!(out, "{whole}.{fraction}")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_spelt_as_python_spells_them() {
        for text in
            ["0", "-0", "1", "10", "0.10", "-1.50", "1E+3", "1.23E+5", "1E-7", "0.000001", "1.5E-10", "0E+2", "0.00"]
        {
            let value = Decimal::parse(text).unwrap();
            // A zero's digits collapse, so `0.00` is spelt from its exponent.
            assert_eq!(value.to_string(), text, "{text}");
        }
    }

    #[test]
    fn comparison_is_exact_far_beyond_floats() {
        let parse = |text: &str| Number::Decimal(Decimal::parse(text).unwrap());
        assert_eq!(parse("1E+9000").compare(&parse("2")), Ordering::Greater);
        assert_eq!(parse("-1E-9000").compare(&parse("0")), Ordering::Less);
        assert_eq!(
            Number::Int(9_007_199_254_740_993).compare(&Number::Float(9_007_199_254_740_992.0)),
            Ordering::Greater
        );
        assert_eq!(Number::Int(i64::MIN).compare(&Number::Int(i64::MAX)), Ordering::Less);
        assert_eq!(parse("-0").compare(&Number::Float(0.0)), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn floats_order_as_their_decimals(a in proptest::num::f64::NORMAL, b in proptest::num::f64::NORMAL) {
            let (left, right) = (Number::Float(a), Number::Float(b));
            prop_assert_eq!(left.compare(&right), left.to_decimal().compare(&right.to_decimal()));
        }

        #[test]
        fn integers_and_floats_order_as_their_decimals(a in any::<i64>(), b in -1e19f64..1e19) {
            let (left, right) = (Number::Int(a), Number::Float(b));
            prop_assert_eq!(left.compare(&right), left.to_decimal().compare(&right.to_decimal()));
        }

        #[test]
        fn normal_text_is_one_text_for_one_number(a in any::<i32>(), scale in 0usize..4) {
            let text = format!("{a}{}", "0".repeat(scale));
            let padded = Decimal::parse(&format!("{a}.{}", "0".repeat(scale + 1))).unwrap();
            prop_assert_eq!(padded.normal_text(), Decimal::parse(&a.to_string()).unwrap().normal_text());
            prop_assert_eq!(Decimal::parse(&text).unwrap().normal_text(), if a == 0 { "0".into() } else { text });
        }
    }
}
