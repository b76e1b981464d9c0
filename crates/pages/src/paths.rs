//! Paths and parameters of the pages' links and forms, also used by the route tables.

use gatepost_core::api_key::KeyId;
use gatepost_core::branding::LogoName;
use gatepost_core::ids::{AccessRequestId, GroupId, ProposalId, RequestId, TenantId, ToolServerId, UserId};
use gatepost_core::invitation::InvitationSecret;
use std::borrow::Borrow;
use std::time::Duration;
use url::form_urlencoded::byte_serialize;

/// The OpenAPI document of the API.
pub const OPENAPI: &str = "/openapi.json";
/// The page that shows the operations of the API.
pub const API: &str = "/api";

/// The account page of the public host.
pub const ACCOUNT: &str = "/";
/// Starts a sign-in; takes [`TO`], [`PROVIDER`] and [`SELECT_ACCOUNT`].
pub const LOGIN: &str = "/login";
/// Ends the session: a POST, or a same-origin GET.
pub const LOGOUT: &str = "/logout";
/// POST with `session`, a session's public handle in hexadecimal: ends that session of the same person.
pub const END_SESSION: &str = "/sessions/end";
/// POST: ends all of the person's sessions except the one that sends the request.
pub const END_OTHER_SESSIONS: &str = "/sessions/end-others";
/// The form with which a person asks for access, and its POST. GET takes [`REFUSAL`].
pub const REQUEST_ACCESS: &str = "/requests/new";
/// The parameter of [`REQUEST_ACCESS`] with the number of the refusal.
pub const REFUSAL: &str = "refusal";
/// POST with `request`, the id of the person's own request: withdraws it.
pub const WITHDRAW_REQUEST: &str = "/requests/withdraw";
/// The form with which a person proposes a tenant, and its POST.
pub const PROPOSE: &str = "/proposals/new";
/// The proposals of tenants, for administrators of the system.
pub const ADMIN_PROPOSALS: &str = "/admin/proposals";
/// The requests for access, for administrators.
pub const ADMIN_REQUESTS: &str = "/admin/requests";
/// The header debugger.
pub const HEADERS: &str = "/debug/headers";
/// The first page for administrators.
pub const ADMIN: &str = "/admin";
/// The people, for administrators.
pub const ADMIN_USERS: &str = "/admin/users";
/// Who can open something, for administrators. GET takes [`ADMIN_ACCESS_BY`] and `of`.
pub const ADMIN_ACCESS: &str = "/admin/access";
/// The same as CSV.
pub const ADMIN_ACCESS_CSV: &str = "/admin/access.csv";
/// The parameter of [`ADMIN_ACCESS`] that says what `of` is: `url`, `requirement`, `tenant` or `tool`.
pub const ADMIN_ACCESS_BY: &str = "by";
/// What ends soon, for administrators of the system. GET takes `days`.
pub const ADMIN_ENDS: &str = "/admin/ends";
/// Refusals, for administrators of the system. GET takes `number`.
pub const ADMIN_REFUSALS: &str = "/admin/refusals";
/// The groups, for administrators of the system.
pub const ADMIN_GROUPS: &str = "/admin/groups";
/// The tenants, for administrators.
pub const ADMIN_TENANTS: &str = "/admin/tenants";
/// The API keys of the person who is signed in.
pub const OWN_KEYS: &str = "/keys";
/// The API keys, for administrators.
pub const ADMIN_KEYS: &str = "/admin/keys";
/// Whose a found key is, for administrators.
pub const ADMIN_KEY_LOOKUP: &str = "/admin/keys/lookup";
/// The tool servers, for administrators.
pub const ADMIN_TOOLS: &str = "/admin/tools";
/// Who changed what, for administrators.
pub const ADMIN_AUDIT: &str = "/admin/audit";
/// How the installation is, for administrators of the system.
pub const ADMIN_SYSTEM: &str = "/admin/system";
/// On every protected host: starts a sign-in that ends at the `uri` parameter; also takes
/// [`MAX_AGE`] and [`SELECT_ACCOUNT`].
pub const START: &str = "/.gatepost/start";
/// On every protected host: ends the session everywhere.
pub const GATE_LOGOUT: &str = "/.gatepost/logout";
/// The sealed parameter of [`LOGIN`] with the return address.
pub const TO: &str = "to";
/// The parameter of [`LOGIN`] with the id of the chosen provider.
pub const PROVIDER: &str = "provider";
/// The parameter of [`START`] with the greatest age of the sign-in in seconds.
pub const MAX_AGE: &str = "max_age";
/// The parameter of [`LOGIN`] that makes the provider ask which account to use (OIDC Core section 3.1.2.1).
pub const SELECT_ACCOUNT: (&str, &str) = ("prompt", "select_account");

/// The parameter of `/.gatepost/enter` that marks a request after the page that clears the storage.
pub const AGAIN: &str = "again";

/// An address of `/.gatepost/enter` with its ticket, marked with [`AGAIN`].
pub fn again(enter: &str) -> String {
    format!("{enter}&{AGAIN}=1")
}

/// The page of a request for access, for administrators.
pub fn admin_request(id: AccessRequestId) -> String {
    format!("{ADMIN_REQUESTS}/{id}")
}

/// The page of a proposal of a tenant, for administrators of the system.
pub fn admin_proposal(id: ProposalId) -> String {
    format!("{ADMIN_PROPOSALS}/{id}")
}

/// The kind of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A plain sign-in.
    SignIn,
    /// A sign-in that is at most this old.
    StepUp(Duration),
    /// A sign-in with another account.
    OtherAccount,
}

impl Wish {
    /// The kind of sign-in that a router with this `max_age` needs.
    pub fn of(max_age: Option<Duration>) -> Self {
        max_age.map_or(Self::SignIn, Self::StepUp)
    }
}

/// [`START`] with its return URI. Only characters that would end or change a query value are encoded: the page with the
/// link must stay small, and the URI may have 2,000 bytes.
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

/// [`LOGIN`] with the given parameters, encoded.
pub fn login(parameters: &[(&str, Option<&str>)]) -> String {
    query(LOGIN, parameters)
}

/// The page of a person, for administrators.
pub fn admin_user(id: impl Borrow<UserId>) -> String {
    format!("{ADMIN_USERS}/{}", id.borrow())
}

/// The page of a group, for administrators of the system.
pub fn admin_group(id: impl Borrow<GroupId>) -> String {
    format!("{ADMIN_GROUPS}/{}", id.borrow())
}

/// The page of a tenant, for administrators.
pub fn admin_tenant(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}")
}

/// How the pages of a tenant look, for its administrators.
pub fn admin_tenant_branding(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}/branding")
}

/// The check of a tenant, for its administrators: a POST makes one.
pub fn admin_tenant_check(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}/check")
}

/// The hosts of a tenant, for its administrators.
pub fn admin_tenant_hosts(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}/hosts")
}

/// The provider that a tenant brings, for its administrators.
pub fn admin_tenant_sign_in(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}/sign-in")
}

/// What a tenant may have, for its administrators.
pub fn admin_tenant_settings(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}/settings")
}

/// The invitations to a tenant, for its administrators.
pub fn admin_tenant_invitations(id: &TenantId) -> String {
    format!("{ADMIN_TENANTS}/{id}/invitations")
}

/// An invitation to a tenant, by the secret of its link.
pub const INVITATION: &str = "/invitations/{secret}";

/// The path of an invitation's link.
pub fn invitation(secret: &InvitationSecret) -> String {
    INVITATION.replace("{secret}", &secret.expose())
}

/// The picture of a tenant, by its name.
pub const LOGO: &str = "/logos/{name}";

/// The path of a picture of a tenant.
pub fn logo(name: LogoName) -> String {
    LOGO.replace("{name}", &name.to_string())
}

/// The page of a refusal, for administrators.
pub fn admin_refusal(number: RequestId) -> String {
    format!("{ADMIN_REFUSALS}/{number}")
}

/// The page that says who can open an address.
pub fn admin_access_of(url: &str) -> String {
    query(ADMIN_ACCESS, &[(ADMIN_ACCESS_BY, Some("url")), ("of", Some(url))])
}

/// The page that says who may call a tool, which is written `SERVER:NAME`.
pub fn admin_access_to(tool: &str) -> String {
    query(ADMIN_ACCESS, &[(ADMIN_ACCESS_BY, Some("tool")), ("of", Some(tool))])
}

/// The page of a key, for administrators.
pub fn admin_key(id: KeyId) -> String {
    format!("{ADMIN_KEYS}/{id}")
}

/// The page of one of one's own keys.
pub fn own_key(id: KeyId) -> String {
    format!("{OWN_KEYS}/{id}")
}

/// The page of a tool server, for administrators.
pub fn admin_tool_server(id: &ToolServerId) -> String {
    format!("{ADMIN_TOOLS}/{id}")
}

/// A path with the given parameters, encoded.
pub(super) fn query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut link = String::from(path);
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
