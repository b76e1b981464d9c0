//! Reads and writes durations as in `90s`, `15m`, `12h` or `7d`.

use super::reader::{Read, Reader};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::Duration;

const EXPECTED: &str = "a duration as in 90s, 15m, 12h or 7d";
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration setting that must be within `bounds`, which are whole seconds.
pub(super) fn read(
    reader: &mut Reader,
    key: &str,
    bounds: RangeInclusive<Duration>,
) -> Read<Option<Duration>> {
    match reader.value(key, EXPECTED, parse)? {
        Some(duration) if !bounds.contains(&duration) => {
            let expected = format!("{} to {}", display(*bounds.start()), display(*bounds.end()));
            Err(reader.malformed(key, display(duration), expected))
        }
        duration => Ok(duration),
    }
}

/// Parses a whole number with one of the units `s`, `m`, `h` and `d`.
pub fn parse(text: &str) -> Option<Duration> {
    let (unit, seconds) = UNITS.iter().find(|(unit, _)| text.ends_with(*unit))?;
    let digits = text.strip_suffix(*unit).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse::<u64>().ok()?.checked_mul(*seconds).map(Duration::from_secs)
}

/// Writes the duration in the largest unit that needs no fraction. Fractions of a second are dropped.
pub fn display(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let unit = UNITS.iter().find(|(_, unit)| seconds != 0 && seconds.is_multiple_of(*unit));
    let (unit, size) = unit.copied().unwrap_or(('s', 1));
    let mut text = String::new();
    write!(text, "{}{unit}", seconds / size).map_or_else(|_| String::new(), |()| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn four_units_are_read_and_nothing_else() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "90",
            "1.5h",
            "-1s",
            "+1s",
            "1h30m",
            "90 s",
            "90S",
            "1w",
            "99999999999999999999s",
            "18446744073709551615d",
            "١s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_reads_back(seconds in 0..u64::MAX / 2) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&display(duration)), Some(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            parse(&text);
        }
    }
}
