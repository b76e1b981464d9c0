//! The colour of a tenant: a band on its pages, on which its name stands in white.

use std::fmt;
use std::str::FromStr;

/// A colour on which white text can be read (WCAG 2.2 criterion 1.4.3, level AA). The band is the same in light and in dark, so
/// one colour holds in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent([u8; 3]);

/// Why a text is no colour of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccentError {
    #[error("a colour is # and six hexadecimal digits, as in #2b5c4e")]
    Malformed,
    /// With the lightest colour of its kind that holds.
    #[error(
        "white text on {0} has a contrast below 4.5 to 1, in light and in dark: {1} is the nearest that holds"
    )]
    Contrast(Colour, Accent),
}

/// Any colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// The contrast that text needs.
const CONTRAST: f64 = 4.5;

impl Colour {
    /// Relative luminance, as WCAG 2.2 defines it.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn carries_white(self) -> bool {
        1.05 / (self.luminance() + 0.05) >= CONTRAST
    }

    /// The same, darker: so many 255ths of each channel.
    fn darkened(self, share: u8) -> Self {
        let scaled =
            |channel: u8| u8::try_from(u16::from(channel) * u16::from(share) / 255).unwrap_or(channel);
        Self(self.0.map(scaled))
    }

    /// The lightest of its kind that carries white text.
    fn nearest(self) -> Accent {
        let holds =
            (0..=u8::MAX).rev().map(|share| self.darkened(share)).find(|colour| colour.carries_white());
        Accent(holds.unwrap_or(Self([0; 3])).0)
    }
}

fn write(channels: [u8; 3], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let [red, green, blue] = channels;
    write!(f, "#{red:02x}{green:02x}{blue:02x}")
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f)
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(self.0, f)
    }
}

impl FromStr for Accent {
    type Err = AccentError;

    fn from_str(text: &str) -> Result<Self, AccentError> {
        let digits = text.trim().strip_prefix('#').ok_or(AccentError::Malformed)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(AccentError::Malformed);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| AccentError::Malformed)?;
        let [_, red, green, blue] = number.to_be_bytes();
        let colour = Colour([red, green, blue]);
        if colour.carries_white() {
            Ok(Self(colour.0))
        } else {
            Err(AccentError::Contrast(colour, colour.nearest()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_colour_is_six_digits_on_which_white_can_be_read() {
        for (text, is) in
            [("#2b5c4e", "#2b5c4e"), ("#ABCDEF", ""), ("#767676", "#767676"), (" #9B2C1F ", "#9b2c1f")]
        {
            let read = text.parse::<Accent>().map(|accent| accent.to_string()).unwrap_or_default();
            assert_eq!(read, is, "{text}");
        }
        for text in
            ["", "#", "red", "#12345", "#1234567", "2b5c4e0", "#12345g", "#+12345", "#2b5c4e;", "#２b5c4"]
        {
            assert_eq!(text.parse::<Accent>(), Err(AccentError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_colour_that_is_too_light_is_answered_with_the_nearest() {
        for (text, nearest) in [("#777777", "#767676"), ("#ffffff", "#767676"), ("#ffff00", "#7a7a00")] {
            let Err(AccentError::Contrast(own, found)) = text.parse::<Accent>() else { panic!("{text}") };
            assert_eq!((own.to_string(), found.to_string()), (text.to_owned(), nearest.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn what_is_proposed_is_taken(red: u8, green: u8, blue: u8) {
            let nearest = Colour([red, green, blue]).nearest();
            prop_assert_eq!(nearest.to_string().parse(), Ok(nearest));
        }
    }
}
