//! Unix milliseconds as a date that people read.

const DAY_MS: u64 = 86_400_000;
/// Days of 400 Gregorian years.
const ERA_DAYS: u64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const TO_UNIX_DAYS: u64 = 719_468;

/// The moment in ISO 8601, UTC, with milliseconds: `2025-01-01T00:00:00.000Z`. Years of more than
/// four digits begin with a `+`.
///
/// # Examples
///
/// ```
/// use idgen_server::iso_date;
/// assert_eq!(iso_date(1_735_689_600_000), "2025-01-01T00:00:00.000Z");
/// assert_eq!(iso_date(4_294_967_296_000), "2106-02-07T06:28:16.000Z");
/// ```
pub fn iso_date(unix_ms: u64) -> String {
    let (year, month, day) = civil(unix_ms / DAY_MS);
    let (second, ms) = (unix_ms % DAY_MS / 1000, unix_ms % 1000);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let sign = if year > 9999 { "+" } else { "" };
    format!("{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{ms:03}Z", second % 60)
}

/// Year, month and day of a day counted from 1970-01-01. Years are counted from March, so that
/// the leap day is the last of its year.
fn civil(unix_day: u64) -> (u64, u64, u64) {
    let days = unix_day + TO_UNIX_DAYS;
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (400 * era + year + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (unix_ms, date) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (3_487_858_230_208, "2080-07-10T17:30:30.208Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+10000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso_date(unix_ms), date);
        }
    }

    #[test]
    fn days_follow_one_another_for_800_years() {
        let mut last = civil(0);
        for day in 1..(2 * ERA_DAYS) {
            let next = civil(day);
            let (year, month, date) = next;
            assert!(next > last && (1..=31).contains(&date) && (1..=12).contains(&month));
            assert!(date == 1 || next == (last.0, last.1, last.2 + 1), "{year}-{month}-{date}");
            last = next;
        }
        assert_eq!(last, (2769, 12, 31));
    }
}
