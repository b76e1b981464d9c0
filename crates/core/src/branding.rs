//! How the pages of a tenant look: a name, a colour, a picture, whom to ask, a notice. Whoever runs the tenant writes all of it, so each part
//! is a type that can hold nothing but what it is for: no markup, no style, no address that a page loads.

mod accent;
mod logo;

pub use accent::{Accent, AccentError};
pub use logo::{Logo, LogoError, LogoKind, LogoName, LogoNameError};

use super::email::EmailAddress;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use url::Url;

/// What a tenant says about its pages. What is `None` looks as everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branding {
    pub name: Option<BrandName>,
    pub accent: Option<Accent>,
    pub support: Option<Support>,
    pub notice: Option<Notice>,
    /// The picture, which is kept beside.
    pub logo: Option<LogoName>,
}

impl Branding {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The form in which it is stored.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<String>,
}

/// A JSON object.
impl fmt::Display for Branding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored = Stored {
            name: self.name.as_ref().map(ToString::to_string),
            accent: self.accent.map(|accent| accent.to_string()),
            support: self.support.as_ref().map(ToString::to_string),
            notice: self.notice.as_ref().map(ToString::to_string),
            logo: self.logo.map(|logo| logo.to_string()),
        };
        f.write_str(&serde_json::to_string(&stored).map_err(|_| fmt::Error)?)
    }
}

/// Reads what is stored. A part that its type does not accept is left out: a page without it is better than no page, and another
/// release may have had other rules.
impl FromStr for Branding {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        fn part<T: FromStr>(text: Option<String>) -> Option<T> {
            text.and_then(|text| text.parse().ok())
        }
        let stored: Stored = serde_json::from_str(text).unwrap_or_default();
        Ok(Self {
            name: part(stored.name),
            accent: part(stored.accent),
            support: part(stored.support),
            notice: part(stored.notice),
            logo: part(stored.logo),
        })
    }
}

/// The name on pages: 1 to 64 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrandName(String);

/// Why a text is no name on pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrandNameError {
    #[error("a name has 1 to 64 visible characters on one line")]
    NotPlain,
    /// Letters of several alphabets in one word look like a name that they are not.
    #[error("one word of a name has letters of one alphabet")]
    Mixed,
    #[error("the pages of Gatepost have this name, so no tenant can have it")]
    Gatepost,
}

impl BrandName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name has this host in it, however it is spaced.
    pub fn has_host(&self, host: &str) -> bool {
        let bare: String = self.0.chars().filter(|c| !c.is_whitespace()).map(plain_dot).collect();
        bare.to_lowercase().contains(host)
    }
}

const fn plain_dot(c: char) -> char {
    match c {
        '\u{2024}' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{b7}' => '.',
        other => other,
    }
}

impl fmt::Display for BrandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BrandName {
    type Err = BrandNameError;

    fn from_str(text: &str) -> Result<Self, BrandNameError> {
        let text = plain(text, 64).ok_or(BrandNameError::NotPlain)?;
        if text.split_whitespace().any(is_mixed) {
            return Err(BrandNameError::Mixed);
        }
        let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
        if letters.to_lowercase().contains("gatepost") {
            return Err(BrandNameError::Gatepost);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a word has Latin letters and such of an alphabet whose letters look like them.
fn is_mixed(word: &str) -> bool {
    let has = |is: fn(char) -> bool| word.chars().any(is);
    let is_latin = |c: char| c.is_ascii_alphabetic();
    let looks_latin = |c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}');
    has(is_latin) && has(looks_latin)
}

/// A text on one line whose characters all show what they are. `None`: it is none, or too long.
fn plain(text: &str, most: usize) -> Option<&str> {
    let text = text.trim();
    let is_plain = (1..=most).contains(&text.chars().count()) && !text.chars().any(is_hidden);
    is_plain.then_some(text)
}

/// Whether a character has no form of its own, turns the text around it, or is a letter in disguise: a control or format
/// character, another end of a line, a private one, a mathematical or a wide letter.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ff01}'..='\u{ff5e}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
            | '\u{1d400}'..='\u{1d7ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// A notice on the tenant's pages of the public host: 1 to 280 characters on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice(String);

/// A text that is no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a notice has 1 to 280 visible characters on one line")]
pub struct NoticeError;

impl Notice {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Notice {
    type Err = NoticeError;

    fn from_str(text: &str) -> Result<Self, NoticeError> {
        plain(text, 280).map(|text| Self(text.to_owned())).ok_or(NoticeError)
    }
}

/// Where people of the tenant get help: an address of mail, or of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Support {
    Mail(EmailAddress),
    /// An `https` address without a user.
    Page(Url),
}

/// A text that is no address of help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address for help is mailto: and one plain address, as in mailto:help@acme.com, or a page as in https://acme.com/help, with at most 200 characters"
)]
pub struct SupportError;

impl Support {
    /// Bytes of the address of a page.
    const MOST: usize = 200;

    /// The address that a link has: a mail without subject, text or further receivers, or a page.
    pub fn link(&self) -> String {
        self.to_string()
    }

    /// What people read, which is where the link leads.
    pub fn text(&self) -> &str {
        match self {
            Self::Mail(address) => address.as_str(),
            Self::Page(page) => page.as_str(),
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mail(address) => write!(f, "mailto:{address}"),
            Self::Page(page) => f.write_str(page.as_str()),
        }
    }
}

impl FromStr for Support {
    type Err = SupportError;

    fn from_str(text: &str) -> Result<Self, SupportError> {
        let text = text.trim();
        if let Some(address) = text.strip_prefix("mailto:") {
            // In the link of a mail ? & and % would add a subject or further receivers (RFC 6068).
            let is_plain = address.bytes().all(|b| b.is_ascii_alphanumeric() || b"@.-_+".contains(&b));
            let address = address.parse().ok().filter(|_| is_plain);
            return address.map(Self::Mail).ok_or(SupportError);
        }
        let page = Url::parse(text).map_err(|_| SupportError)?;
        let is_page = page.scheme() == "https"
            && page.host_str().is_some()
            && page.username().is_empty()
            && page.password().is_none()
            && page.as_str().len() <= Self::MOST;
        if is_page { Ok(Self::Page(page)) } else { Err(SupportError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_shows_what_it_is() {
        for name in ["ACME", " Ångström & Söhne ", "Ромашка", "東京ガス", "A\u{301}", &"x".repeat(64)]
        {
            assert_eq!(name.parse::<BrandName>().map(|name| name.to_string()), Ok(name.trim().to_owned()));
        }
        for (name, why) in [
            ("", BrandNameError::NotPlain),
            (" \t", BrandNameError::NotPlain),
            (&*"x".repeat(65), BrandNameError::NotPlain),
            ("a\nb", BrandNameError::NotPlain),
            ("AC\u{202e}EM", BrandNameError::NotPlain),
            ("AC\u{200b}ME", BrandNameError::NotPlain),
            ("\u{ff27}\u{ff41}tepost", BrandNameError::NotPlain),
            ("\u{1d406}atepost", BrandNameError::NotPlain),
            ("A\u{441}ME", BrandNameError::Mixed),
            ("G\u{3b1}tepost", BrandNameError::Mixed),
            ("Gatepost", BrandNameError::Gatepost),
            ("The G-A-T-E P.O.S.T. team", BrandNameError::Gatepost),
        ] {
            assert_eq!(name.parse::<BrandName>(), Err(why), "{name:?}");
        }
    }

    #[test]
    fn a_name_that_has_a_host_in_it_is_noticed() {
        let has = |name: &str| name.parse::<BrandName>().is_ok_and(|name| name.has_host("auth.example.com"));
        for name in ["auth.example.com", "Sign in at AUTH . example . com", "auth\u{3002}example\u{ff61}com"]
        {
            assert!(has(name), "{name}");
        }
        assert!(!has("Example community"));
    }

    #[test]
    fn help_is_one_mail_or_one_page() {
        for (text, link) in [
            ("mailto:Help@ACME.com", "mailto:help@acme.com"),
            ("https://acme.com", "https://acme.com/"),
            ("https://acme.com/help?a=1#b", "https://acme.com/help?a=1#b"),
        ] {
            assert_eq!(text.parse::<Support>().map(|support| support.link()), Ok(link.to_owned()));
        }
        for text in [
            "",
            "acme.com",
            "http://acme.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "mailto:",
            "mailto:a@b.com?subject=x",
            "mailto:a@b.com,c@d.com",
            "mailto:a%0Abcc:x@b.com",
            "mailto:a&b@c.com",
            "https://user@acme.com/",
            "https://auth.example.com:pass@acme.com/",
            "//acme.com/",
            &format!("https://acme.com/{}", "x".repeat(200)),
        ] {
            assert_eq!(text.parse::<Support>(), Err(SupportError), "{text}");
        }
    }

    #[test]
    fn what_is_stored_is_read_as_it_was_and_what_is_wrong_is_left_out() {
        let branding = Branding {
            name: "A \"B\" <C>".parse().ok(),
            accent: "#123456".parse().ok(),
            support: "mailto:a@b.com".parse().ok(),
            notice: "Closed on Monday".parse().ok(),
            logo: format!("{}.png", "ab".repeat(32)).parse().ok(),
        };
        assert_eq!(branding.to_string().parse(), Ok(branding.clone()));
        assert_eq!(Branding::default().to_string(), "{}");
        let wrong =
            r##"{"name":"Gatepost","accent":"#ffff00","support":"javascript:x","notice":"yes","other":1}"##;
        let notice = "yes".parse().ok();
        assert_eq!(wrong.parse(), Ok(Branding { notice, ..Branding::default() }));
        for broken in ["", "null", "[]", r#"{"name":1}"#] {
            assert_eq!(broken.parse(), Ok(Branding::default()), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_can_be_stored(name in "\\PC{0,70}", notice in "\\PC{0,300}", support in "\\PC{0,60}") {
            let (name, notice) = (name.parse().ok(), notice.parse().ok());
            let branding = Branding { name, notice, support: support.parse().ok(), accent: None, logo: None };
            prop_assert_eq!(branding.to_string().parse(), Ok(branding));
        }
    }
}
