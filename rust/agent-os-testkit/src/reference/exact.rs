//! Numbers as the decimals that their canonical forms spell, compared digit by digit.

use std::cmp::Ordering;

use agent_os_core::canonical;
use agent_os_core::number::Number;
use agent_os_core::value::Value;

/// A decimal written out: sign, digits before the point without leading zeros, digits after it without trailing ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exact {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Exact {
    pub(super) fn of(number: &Number) -> Self {
        let form = canonical::encode(&Value::Number(number.clone()));
        let form = String::from_utf8_lossy(&form).into_owned();
        // Either the digits themselves or `{"$decimal":"digits"}`.
        Self::read(form.trim_end_matches("\"}").rsplit('"').next().unwrap_or_default())
    }

    /// Reads `[+-]digits[.digits][e[+-]digits]`.
    pub(super) fn read(text: &str) -> Self {
        let lower = text.to_lowercase();
        let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
        let unsigned = mantissa.trim_start_matches(['+', '-']);
        let (mut whole, mut fraction) = match unsigned.split_once('.') {
            Some((whole, fraction)) => (whole.to_owned(), fraction.to_owned()),
            None => (unsigned.to_owned(), String::new()),
        };
        let shift: i64 = exponent.parse().unwrap_or_else(|_| panic!("`{text}` is not a number"));
        for _ in 0..shift.max(0) {
            whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
        }
        for _ in 0..(-shift).max(0) {
            fraction.insert(0, whole.pop().unwrap_or('0'));
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let negative = mantissa.starts_with('-') && !(whole.is_empty() && fraction.is_empty());
        Self { negative, whole, fraction }
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        let by_length = self.whole.len().cmp(&other.whole.len());
        by_length.then_with(|| self.whole.cmp(&other.whole)).then_with(|| self.fraction.cmp(&other.fraction))
    }

    pub(super) fn fraction_digits(&self) -> usize {
        self.fraction.len()
    }

    /// The sum of two that are not negative, digit by digit.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let places = self.fraction.len().max(other.fraction.len());
        let width = self.whole.len().max(other.whole.len()) + 1;
        let digits = |number: &Self| {
            let spelt = format!("{:0>width$}{:0<places$}", number.whole, number.fraction);
            spelt.bytes().map(|digit| digit - b'0').collect::<Vec<u8>>()
        };
        let (mut sum, mut carry) = (digits(self), 0);
        for (digit, more) in sum.iter_mut().zip(digits(other)).rev() {
            let total = *digit + more + carry;
            (*digit, carry) = (total % 10, total / 10);
        }
        let spelt: String = sum.iter().map(|digit| char::from(b'0' + digit)).collect();
        let (whole, fraction) = spelt.split_at(width);
        Self::read(&format!("{whole}.{fraction}0"))
    }

    /// The plain text: `-0.5`, `1250`, `0`.
    pub(super) fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{}", self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::Exact;
    use std::cmp::Ordering;

    #[test]
    fn numbers_are_compared_by_their_digits() {
        for (less, more) in [
            ("-1", "0"),
            ("-10", "-9"),
            ("0.1", "0.11"),
            ("9.99", "10"),
            ("-0.2", "-0.1"),
            ("9007199254740992", "9007199254740993"),
            ("1e-300", "1e-299"),
            ("1.5e3", "1501"),
            ("0", "1e-400"),
        ] {
            assert_eq!(Exact::read(less).compare(&Exact::read(more)), Ordering::Less, "{less} < {more}");
        }
        for (one, other) in [("1", "1.0"), ("-0", "0.00"), ("1E+3", "1000"), ("0.10", "1e-1"), ("+7", "007")] {
            assert_eq!(Exact::read(one), Exact::read(other));
        }
        let sum = |a: &str, b: &str| Exact::read(a).plus(&Exact::read(b)).text();
        assert_eq!([sum("0.1", "0.2"), sum("999.95", "0.05"), sum("0", "7")], ["0.3", "1000", "7"]);
        assert_eq!(["-0.50", "1e3", "-0.0"].map(|text| Exact::read(text).text()), ["-0.5", "1000", "0"]);
    }
}
