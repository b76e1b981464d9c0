//! What administrators say about a tool server, besides its address.

use std::fmt;
use std::str::FromStr;
use url::Url;

macro_rules! words {
    ($($(#[$attribute:meta])* $name:ident: $accept:expr, $expected:literal;)+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// As text.
            pub fn into_text(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = WordsError;

            fn from_str(text: &str) -> Result<Self, WordsError> {
                let accept: fn(&str) -> bool = $accept;
                if accept(text) { Ok(Self(text.to_owned())) } else { Err(WordsError($expected)) }
            }
        }
    )+};
}

words! {
    /// The name that people see.
    ServerName: |text| (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control),
        "a name has 1 to 256 characters, none of them a control character";
    /// What tokens name as their audience.
    Audience: |text| (1..=512).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x21..=0x7E)),
        "an audience has 1 to 512 visible ASCII characters";
    /// A scope (RFC 6749 section 3.3). `offline_access` concerns the client and its provider alone.
    ScopeName: |text| {
        (1..=256).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E))
            && text != "offline_access"
    }, "a scope has 1 to 256 visible ASCII characters without quotes and backslashes, and is not offline_access";
    /// A page for people.
    PageAddress: |text| text.len() <= 1024 && Url::parse(text).is_ok_and(|url| url.scheme() == "https"),
        "the address of a page begins with https:// and has at most 1,024 bytes";
}

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WordsError(&'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_program_reads_differently_is_accepted() {
        assert!("GitHub tools".parse::<ServerName>().is_ok());
        assert!("https://mcp.example.com/servers/github/mcp/tools".parse::<ScopeName>().is_ok());
        for scope in ["", "a b", "a\"b", "offline_access", "\u{e9}"] {
            assert!(scope.parse::<ScopeName>().is_err(), "{scope}");
        }
        for page in ["http://example.com/", "javascript:alert(1)", "", "/docs"] {
            assert!(page.parse::<PageAddress>().is_err(), "{page}");
        }
        assert!("a\nb".parse::<ServerName>().is_err());
        assert!("a b".parse::<Audience>().is_err());
    }
}
