//! The public listener's route table: who may call each route stands beside it, and is enforced in one place
//! ([`super::public`]). The tests try every kind of caller on every row.

use super::pages::paths;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Everybody; what the call itself carries (a sealed value, a signed token, a provider's `sid`) says the rest.
    Anyone,
    /// Who has a live session here; others are sent to sign in.
    Person,
    /// Of them who is an admin now, by the directory's word; others are refused.
    Admin,
    /// The admin for whom `/verify` let the request through, by the assertion for the very host; nobody else is told
    /// that there is something.
    AssertedAdmin,
}

/// On which hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Whatever host the request names.
    Anywhere,
    /// The public host alone.
    Public,
    /// A protected host, whose router sends the path here through the middleware.
    Protected,
}

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// A link from anywhere is fine.
    Anywhere,
    /// So it is here, but it changes something, and cookies go with images, frames and fetches of every sibling
    /// application: where the browser says what the request is for, only a navigation of the whole window.
    Navigation,
    /// Changes state with the browser's cookie: only our own pages, by `Sec-Fetch-Site` or `Origin` (a sibling
    /// application is same-site, so `SameSite` does not help).
    OwnPages,
}

/// What body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// None; one that comes is refused unread.
    Nothing,
    /// The fields of a form of ours.
    Form,
    /// A form with a token that a provider signed.
    LogoutToken,
}

impl Body {
    /// The most bytes that are read.
    pub const fn limit(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Form => 1024,
            Self::LogoutToken => 16 * 1024,
        }
    }
}

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Who am I.
    Account,
    /// Ends one of the person's sessions.
    EndSession,
    /// Ends the others.
    EndOtherSessions,
    /// Begins a sign-in.
    Login,
    /// Finishes one; the provider's id follows the path.
    Callback,
    /// Ends the session, or asks.
    Logout,
    /// Ends the session: the button's form.
    ConfirmedLogout,
    /// Says that it is done.
    LoggedOut,
    /// The provider's iframe.
    FrontChannelLogout,
    /// The provider's POST.
    BackChannelLogout,
    /// The keys of `X-User-Assertion`.
    Keys,
    /// What `/verify` would answer to somebody's request, and why.
    Explain,
    /// The request's own headers, as an application gets them.
    LiveHeaders,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET` also stands for `HEAD`, but for [`Endpoint::Callback`]: a HEAD must not use up a code.
    pub method: &'static str,
    /// The path; ending in `/` but for the root: one segment follows.
    pub path: &'static str,
    /// Where.
    pub place: Place,
    /// Who.
    pub caller: Caller,
    /// From where.
    pub from: From,
    /// What.
    pub endpoint: Endpoint,
}

/// The redirect URIs' path, before the provider's id.
pub const CALLBACK: &str = "/callback/";

/// All routes of the public listener besides its style sheet and icon.
pub const ROUTES: [Route; 13] = [
    route("GET", paths::ACCOUNT, Caller::Person, From::Anywhere, Endpoint::Account),
    route("POST", paths::END_SESSION, Caller::Person, From::OwnPages, Endpoint::EndSession),
    route("POST", paths::END_OTHER_SESSIONS, Caller::Person, From::OwnPages, Endpoint::EndOtherSessions),
    route("GET", paths::LOGIN, Caller::Anyone, From::Navigation, Endpoint::Login),
    route("GET", CALLBACK, Caller::Anyone, From::Navigation, Endpoint::Callback),
    route("GET", paths::LOGOUT, Caller::Anyone, From::Navigation, Endpoint::Logout),
    route("POST", paths::LOGOUT, Caller::Anyone, From::OwnPages, Endpoint::ConfirmedLogout),
    route("GET", "/logged-out", Caller::Anyone, From::Anywhere, Endpoint::LoggedOut),
    route("GET", "/logout/frontchannel", Caller::Anyone, From::Anywhere, Endpoint::FrontChannelLogout),
    route("POST", "/logout/backchannel", Caller::Anyone, From::Anywhere, Endpoint::BackChannelLogout),
    route("GET", "/.well-known/jwks.json", Caller::Anyone, From::Anywhere, Endpoint::Keys),
    Route {
        place: Place::Public,
        ..route("GET", paths::HEADERS, Caller::Admin, From::Anywhere, Endpoint::Explain)
    },
    Route {
        place: Place::Protected,
        ..route("GET", paths::HEADERS, Caller::AssertedAdmin, From::Anywhere, Endpoint::LiveHeaders)
    },
];

const fn route(
    method: &'static str,
    path: &'static str,
    caller: Caller,
    from: From,
    endpoint: Endpoint,
) -> Route {
    Route { method, path, place: Place::Anywhere, caller, from, endpoint }
}

/// What a path and method lead to.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// This route; the segment that follows its path, or nothing.
    Route(&'static Route, &'a str),
    /// The path takes other methods.
    OtherMethods(&'static str),
    /// Nothing.
    Nothing,
}

/// Finds the route; `is_public`: the request names the public host.
pub fn find<'a>(is_public: bool, method: &str, path: &'a str) -> Found<'a> {
    let mut allow = None;
    for route in ROUTES.iter().filter(|route| route.is_at(is_public)) {
        let Some(segment) = route.segment(path) else { continue };
        if route.takes(method) {
            return Found::Route(route, segment);
        }
        if route.place == Place::Protected {
            // Only who may have it learns that it is there.
            continue;
        }
        allow = Some(match (allow, route.method) {
            (Some(_), _) => "GET, HEAD, POST",
            (None, "POST") => "POST",
            (None, _) if route.endpoint == Endpoint::Callback => "GET",
            (None, _) => "GET, HEAD",
        });
    }
    allow.map_or(Found::Nothing, Found::OtherMethods)
}

impl Route {
    /// The body that it takes.
    pub fn body(&self) -> Body {
        match (self.method, self.endpoint) {
            ("POST", Endpoint::BackChannelLogout) => Body::LogoutToken,
            ("POST", _) => Body::Form,
            _ => Body::Nothing,
        }
    }

    fn is_at(&self, is_public: bool) -> bool {
        match self.place {
            Place::Anywhere => true,
            Place::Public => is_public,
            Place::Protected => !is_public,
        }
    }

    fn segment<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.path)?;
        let takes_segment = self.path.len() > 1 && self.path.ends_with('/');
        let fits = if takes_segment { !rest.is_empty() && !rest.contains('/') } else { rest.is_empty() };
        fits.then_some(rest)
    }

    fn takes(&self, method: &str) -> bool {
        method == self.method
            || (method == "HEAD" && self.method == "GET" && self.endpoint != Endpoint::Callback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(method: &str, path: &str) -> Option<Endpoint> {
        match find(true, method, path) {
            Found::Route(route, _) => Some(route.endpoint),
            _ => None,
        }
    }

    #[test]
    fn a_head_never_uses_up_a_code() {
        assert_eq!(endpoint("HEAD", "/login"), Some(Endpoint::Login));
        assert_eq!(endpoint("GET", "/callback/entra"), Some(Endpoint::Callback));
        assert_eq!(endpoint("HEAD", "/callback/entra"), None);
        assert!(matches!(find(true, "POST", "/callback/entra"), Found::OtherMethods("GET")));
    }

    #[test]
    fn what_is_for_protected_hosts_is_not_there_for_other_methods() {
        assert!(matches!(find(false, "GET", paths::HEADERS), Found::Route(..)));
        for method in ["POST", "OPTIONS", "TRACE"] {
            assert!(matches!(find(false, method, paths::HEADERS), Found::Nothing), "{method}");
        }
    }

    #[test]
    fn paths_are_exact() {
        for path in
            ["", "//", "/login/", "/callback/", "/callback/a/b", "/logout/x", "/.gatepost/enter", "/verify"]
        {
            assert!(matches!(find(true, "GET", path), Found::Nothing), "{path}");
        }
        assert!(matches!(find(true, "PUT", "/logout"), Found::OtherMethods("GET, HEAD, POST")));
    }
}
