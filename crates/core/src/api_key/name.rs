//! What people call a key, and the name of the machine that it stands for.

use super::KeyId;
use std::fmt;
use std::str::FromStr;

/// The most characters of a name.
const MOST_CHARACTERS: usize = 64;
/// The most characters of a machine's name that come from the key's name.
const MOST_OF_MACHINE: usize = 40;

/// What people call a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

/// A key, as refusals and the log name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// The key.
    pub id: KeyId,
    /// What people call it.
    pub name: Box<str>,
}

/// The text is not a name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's name has 1 to {MOST_CHARACTERS} characters, none of them a control character")]
pub struct KeyNameError;

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let text = text.trim();
        let is_name =
            (1..=MOST_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_name { Ok(Self(text.to_owned())) } else { Err(KeyNameError) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the machine: lower-case letters and digits of this name, and the last 12 digits of the key's id, which are
    /// random. No other key ever has it, and it does not tell whether there is another key of this name.
    pub fn machine(&self, id: KeyId) -> String {
        let mut machine = String::new();
        for letter in self.0.chars() {
            if letter.is_ascii_alphanumeric() {
                machine.push(letter.to_ascii_lowercase());
            } else if !machine.is_empty() && !machine.ends_with('-') {
                machine.push('-');
            }
        }
        machine.truncate(MOST_OF_MACHINE);
        let machine = machine.trim_end_matches('-');
        let id = id.to_string();
        let digits = id.rsplit('-').next().unwrap_or(&id);
        format!("{}-{digits}", if machine.is_empty() { "key" } else { machine })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_one_line() {
        for text in ["", " ", "a\nb", "\u{7f}", &"é".repeat(65)] {
            assert_eq!(text.parse::<KeyName>(), Err(KeyNameError), "{text:?}");
        }
        assert!("é".repeat(64).parse::<KeyName>().is_ok());
    }

    #[test]
    fn a_machine_has_the_letters_and_digits_of_the_name() {
        let id: KeyId = "0199d1f0-5b7c-7d2e-8a3f-0123456789ab".parse().expect("an id");
        let machine = |name: &str| {
            let machine = name.parse::<KeyName>().expect(name).machine(id);
            machine.strip_suffix("-0123456789ab").expect("the digits of the id").to_owned()
        };
        for (name, want) in [
            ("CI runner", "ci-runner"),
            ("  --a@b.c--  ", "a-b-c"),
            ("日本", "key"),
            ("Ünit", "nit"),
            ("a", "a"),
        ] {
            assert_eq!(machine(name), want, "{name}");
        }
        assert_eq!(machine(&"ab ".repeat(20)), "ab-".repeat(13) + "a");
    }
}
