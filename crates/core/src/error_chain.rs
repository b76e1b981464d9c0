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

/// A message of an error as a sentence.
pub fn sentence(message: &str) -> String {
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
    fn a_cause_is_not_repeated() {
        let error = fault(&["cannot read: no file", "no file", "code 2"]).expect("a fault");
        assert_eq!(Chain(&*error).to_string(), "cannot read: no file: code 2");
    }
}
