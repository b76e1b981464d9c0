//! Formats an error together with its causes.

use std::error::Error;
use std::fmt;

/// Displays an error and its causes in one line: `error = %Chain(&error)` gives `a: b: c`.
#[derive(Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    /// Skips a cause that the message before it already ends with: some crates repeat the source in the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A message of an error as a sentence. One that begins with a host, an address or a number keeps it as it is:
/// the first word has a digit or one of `.@:/_`.
pub fn sentence(message: &str) -> String {
    let first_word = message.split([' ', ',']).next().unwrap_or_default().trim_end_matches(':');
    if first_word.contains(|c: char| c.is_ascii_digit() || ".@:/_".contains(c)) {
        return format!("{message}.");
    }
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Fault {
        text: &'static str,
        #[source]
        cause: Option<Box<Fault>>,
    }

    fn fault(texts: &[&'static str]) -> Option<Box<Fault>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Fault { text, cause: fault(rest) }))
    }

    #[test]
    fn a_sentence_begins_with_a_capital_but_for_a_name() {
        assert_eq!(sentence("no such group"), "No such group.");
        assert_eq!(sentence("sign-in: it was refused"), "Sign-in: it was refused.");
        for message in ["blog.example.com is taken", "alice@example.com: unknown"] {
            assert_eq!(sentence(message), format!("{message}."));
        }
    }

    #[test]
    fn a_cause_is_not_repeated() {
        let error = fault(&["cannot read: no file", "no file", "code 2"]).expect("a fault");
        assert_eq!(Chain(&*error).to_string(), "cannot read: no file: code 2");
    }
}
