//! Where the pages' links and forms lead; the route tables use the same words.

use std::time::Duration;
use url::form_urlencoded::byte_serialize;

/// The account page of the public host.
pub const ACCOUNT: &str = "/";
/// Begins a sign-in; takes [`TO`], [`PROVIDER`] and [`SELECT_ACCOUNT`].
pub const LOGIN: &str = "/login";
/// Ends the session: a POST, or a same-origin GET.
pub const LOGOUT: &str = "/logout";
/// POST with `session`, a session's public handle in hexadecimal: ends that session of the same person.
pub const END_SESSION: &str = "/sessions/end";
/// POST: ends all of the person's sessions but the one that asks.
pub const END_OTHER_SESSIONS: &str = "/sessions/end-others";
/// The header debugger.
pub const HEADERS: &str = "/debug/headers";
/// On every protected host: begins a login that ends at the `uri` parameter (DESIGN.md section 3); takes [`MAX_AGE`] and
/// [`SELECT_ACCOUNT`] too.
pub const START: &str = "/.gatepost/start";
/// On every protected host: ends the session everywhere.
pub const GATE_LOGOUT: &str = "/.gatepost/logout";
/// The sealed parameter of [`LOGIN`] that says where the sign-in ends.
pub const TO: &str = "to";
/// The parameter of [`LOGIN`] with the id of the chosen provider.
pub const PROVIDER: &str = "provider";
/// The parameter of [`START`] with the age, in seconds, that the sign-in may have.
pub const MAX_AGE: &str = "max_age";
/// The parameter of [`LOGIN`] that has the provider ask which account (OIDC Core section 3.1.2.1).
pub const SELECT_ACCOUNT: (&str, &str) = ("prompt", "select_account");

/// The parameter of `/.gatepost/enter` that says that the page which clears the storage was there before.
pub const AGAIN: &str = "again";

/// An address of `/.gatepost/enter` with its ticket, marked with [`AGAIN`].
pub fn again(enter: &str) -> String {
    format!("{enter}&{AGAIN}=1")
}

/// What a sign-in is begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To be signed in.
    SignIn,
    /// To have signed in at most so long ago.
    StepUp(Duration),
    /// To be somebody else.
    OtherAccount,
}

impl Wish {
    /// A sign-in where the router demands this of it.
    pub fn of(max_age: Option<Duration>) -> Self {
        max_age.map_or(Self::SignIn, Self::StepUp)
    }
}

/// [`START`] with its return URI. Only what would end or change a query value is encoded: the page that holds the link
/// must stay small, and the URI may have 2,000 bytes.
pub fn start(uri: &str, wish: Wish) -> String {
    let (prompt, select) = SELECT_ACCOUNT;
    let mut link = match wish {
        Wish::SignIn => format!("{START}?uri="),
        Wish::StepUp(max_age) => format!("{START}?{MAX_AGE}={}&uri=", max_age.as_secs()),
        Wish::OtherAccount => format!("{START}?{prompt}={select}&uri="),
    };
    for character in uri.chars() {
        if character.is_ascii_graphic() && !"%&+#\"'<>".contains(character) {
            link.push(character);
        } else {
            link.extend(byte_serialize(character.encode_utf8(&mut [0; 4]).as_bytes()));
        }
    }
    link
}

/// [`LOGIN`] with the parameters that are there, each encoded.
pub fn login(parameters: &[(&str, Option<&str>)]) -> String {
    let mut link = String::from(LOGIN);
    for (name, value) in parameters.iter().filter_map(|(name, value)| value.map(|value| (name, value))) {
        link.push(if link.contains('?') { '&' } else { '?' });
        link.push_str(name);
        link.push('=');
        link.extend(byte_serialize(value.as_bytes()));
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::form_urlencoded;

    proptest! {
        #[test]
        fn a_start_link_carries_any_uri_and_nothing_else(uri in "\\PC*") {
            for (wish, more) in [
                (Wish::SignIn, None),
                (Wish::StepUp(Duration::from_mins(15)), Some(("max_age".to_owned(), "900".to_owned()))),
                (Wish::OtherAccount, Some(("prompt".to_owned(), "select_account".to_owned()))),
            ] {
                let link = start(&uri, wish);
                let query = link.strip_prefix("/.gatepost/start?").expect("the path is fixed");
                let got: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
                let wanted: Vec<_> = more.into_iter().chain([("uri".to_owned(), uri.clone())]).collect();
                prop_assert_eq!(got, wanted);
            }
        }

        #[test]
        fn a_login_link_carries_any_value_and_nothing_else(to in "\\PC*") {
            let link = login(&[(TO, Some(&to)), (PROVIDER, None), (SELECT_ACCOUNT.0, Some(SELECT_ACCOUNT.1))]);
            let query = link.strip_prefix("/login?").expect("the path is fixed");
            let got: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            prop_assert_eq!(got, vec![("to".to_owned(), to), ("prompt".to_owned(), "select_account".to_owned())]);
        }
    }
}
