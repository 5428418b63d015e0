//! Dates and instants, read strictly and without a clock.

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A calendar date of the proleptic Gregorian calendar, years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 1970-01-01.
    pub days: i32,
}

impl Date {
    /// Reads `YYYY-MM-DD` and nothing else.
    ///
    /// ```
    /// use agent_os_core::time::Date;
    /// assert_eq!(Date::parse("1970-01-02").unwrap().days, 1);
    /// assert!(Date::parse("2026-02-30").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let year = take_number(&mut rest, 4)?;
        take_byte(&mut rest, b"-")?;
        let month = take_number(&mut rest, 2)?;
        take_byte(&mut rest, b"-")?;
        let day = take_number(&mut rest, 2)?;
        (rest.is_empty() && year >= 1 && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day))
            .then(|| Self { days: days_from_civil(year, month, day) })
    }
}

/// `YYYY-MM-DD`.
impl std::fmt::Display for Date {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = civil_from_days(self.days);
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

/// A date with a time of day: an instant if it carries an offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateTime {
    text: String,
    utc_micros: Option<i64>,
}

impl DateTime {
    /// Reads RFC 3339 with `T`, up to six digits of fraction and an optional offset (`Z` or `±HH:MM`).
    ///
    /// ```
    /// use agent_os_core::time::DateTime;
    /// let noon = DateTime::parse("1970-01-01T12:00:00+01:00").unwrap();
    /// assert_eq!(noon.utc_micros(), Some(11 * 3600 * 1_000_000));
    /// assert_eq!(DateTime::parse("1970-01-01T12:00:00").unwrap().utc_micros(), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let date = Date::parse(text.get(..10)?)?;
        let mut rest = text.get(10..)?;
        take_byte(&mut rest, b"T")?;
        let hour = take_number(&mut rest, 2)?;
        take_byte(&mut rest, b":")?;
        let minute = take_number(&mut rest, 2)?;
        take_byte(&mut rest, b":")?;
        let second = take_number(&mut rest, 2)?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut micros = 0;
        if take_byte(&mut rest, b".").is_some() {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=6).contains(&length) {
                return None;
            }
            micros = i64::from(take_number(&mut rest, length)?) * 10_i64.pow(6 - length as u32);
        }
        let local = i64::from(date.days) * MICROS_PER_DAY
            + i64::from(hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND
            + micros;
        let utc_micros = match rest {
            "" => None,
            "Z" => Some(local),
            _ => {
                let sign = match take_byte(&mut rest, b"+-")? {
                    b'-' => -1,
                    _ => 1,
                };
                let hours = take_number(&mut rest, 2)?;
                take_byte(&mut rest, b":")?;
                let minutes = take_number(&mut rest, 2)?;
                if !rest.is_empty() || hours > 23 || minutes > 59 {
                    return None;
                }
                Some(local - sign * i64::from(hours * 60 + minutes) * 60 * MICROS_PER_SECOND)
            }
        };
        Some(Self { text: text.to_owned(), utc_micros })
    }

    /// The text that was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Microseconds since 1970-01-01T00:00:00Z, or `None` without an offset.
    #[must_use]
    pub fn utc_micros(&self) -> Option<i64> {
        self.utc_micros
    }
}

/// The hour of the day in UTC, 0 to 23.
///
/// ```
/// assert_eq!(agent_os_core::time::hour(-1), 23);
/// ```
#[must_use]
pub fn hour(utc_micros: i64) -> i64 {
    utc_micros.rem_euclid(MICROS_PER_DAY) / (3600 * MICROS_PER_SECOND)
}

/// The ISO 8601 day of the week in UTC: 1 is Monday, 7 is Sunday.
///
/// ```
/// assert_eq!(agent_os_core::time::weekday(0), 4); // 1970-01-01 was a Thursday
/// ```
#[must_use]
pub fn weekday(utc_micros: i64) -> i64 {
    (utc_micros.div_euclid(MICROS_PER_DAY) + 3).rem_euclid(7) + 1
}

fn take_byte(rest: &mut &str, accepted: &[u8]) -> Option<u8> {
    let first = *rest.as_bytes().first()?;
    accepted.contains(&first).then(|| {
        *rest = rest.get(1..).unwrap_or("");
        first
    })
}

fn take_number(rest: &mut &str, length: usize) -> Option<u32> {
    let digits = rest.get(..length)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = rest.get(length..)?;
    digits.parse().ok()
}

fn is_leap(year: u32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

// Years counted from March make the leap day the last day of the year, so both directions are plain arithmetic.
fn days_from_civil(year: u32, month: u32, day: u32) -> i32 {
    let year = year as i32 - i32::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i32) -> (i32, i32, i32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i32::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_date_round_trips() {
        let (first, last) = (Date::parse("0001-01-01").unwrap(), Date::parse("9999-12-31").unwrap());
        let mut previous = None;
        for days in (first.days..=last.days).step_by(7).chain([last.days]) {
            let date = Date { days };
            assert_eq!(Date::parse(&date.to_string()), Some(date));
            assert!(previous < Some(date));
            previous = Some(date);
        }
    }

    #[test]
    fn only_strict_forms_are_read() {
        for bad in [
            "",
            "2026-1-01",
            "2026-01-01 ",
            "+026-01-01",
            "0000-01-01",
            "2026-13-01",
            "2026-01-01T",
            "2026-01-01 10:00:00",
            "2026-01-01T24:00:00",
            "2026-01-01T10:00",
            "2026-01-01T10:00:00.",
            "2026-01-01T10:00:00.1234567",
            "2026-01-01T10:00:00+1:00",
            "2026-01-01T10:00:00z",
            "2026-01-01T10:00:60Z",
            "２026-01-01T10:00:00Z",
        ] {
            assert!(DateTime::parse(bad).is_none(), "{bad}");
        }
        assert!(DateTime::parse("2024-02-29T10:00:00.123456-23:59").is_some());
    }
}
