//! Who asks for a list, by the assertion that `/verify` has signed for this request.

use gatepost_core::clock::Timestamp;
use gatepost_core::host::{HostName, Origin};
use gatepost_core::ids::{GroupName, TenantId, ToolServerId, UserId};
use gatepost_core::mcp::list::Usable;
use gatepost_core::tool_pattern::ToolPatternError;
use gatepost_runtime::assertion::{self, AssertionError, AssertionKeys, Claims};
use gatepost_runtime::headers::Headers;
use gatepost_runtime::identity_headers::encode;

/// Why nobody is believed to ask. Only the log shows it.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallerError {
    #[error(
        "no X-User-Assertion came with the request: the middleware's address needs assertion=true, its authResponseHeaders the name"
    )]
    NoAssertion,
    #[error("its X-User-Assertion does not count")]
    Assertion(#[from] AssertionError),
    #[error(
        "its X-User-Assertion says nothing about tools: the middleware's address needs mcp=true or mcp=headers"
    )]
    NotForTools,
    #[error("its X-User-Assertion has a pattern that is none")]
    Pattern(#[from] ToolPatternError),
    #[error("its {0} does not say what X-User-Assertion says: authResponseHeaders must have the name")]
    OtherHeader(&'static str),
}

/// Whoever asks for a list, and what they may use.
#[derive(Debug)]
pub(super) struct Caller {
    id: UserId,
    server: String,
    usable: Usable,
}

impl Caller {
    /// The caller whom the gate has let in, at this host and within the last minute.
    pub(super) fn of(
        headers: Headers<'_>,
        keys: &AssertionKeys,
        issuer: &Origin,
        host: &HostName,
    ) -> Result<Self, CallerError> {
        let token = one(headers, assertion::HEADER.as_str()).ok_or(CallerError::NoAssertion)?;
        let claims = Claims::open(token, keys, issuer, host, Timestamp::now())?;
        compare(headers, &claims)?;
        let mcp = claims.mcp.ok_or(CallerError::NotForTools)?;
        let usable = Usable::new(&mcp.tools, &mcp.prompts, &mcp.resources)?;
        Ok(Self { id: claims.sub, server: mcp.server, usable })
    }

    /// `X-User-Id`.
    pub(super) const fn id(&self) -> UserId {
        self.id
    }

    /// Whether the gate has let them in at this server.
    pub(super) fn is_at(&self, server: &ToolServerId) -> bool {
        self.server == server.as_str()
    }

    pub(super) const fn usable(&self) -> &Usable {
        &self.usable
    }
}

/// The value of a header that was sent exactly once.
fn one<'a>(headers: Headers<'a>, name: &str) -> Option<&'a str> {
    let mut values = headers.all(name);
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    std::str::from_utf8(value).ok()
}

/// Compares the headers that the tool server gets with what is signed: it trusts what comes from here.
fn compare(headers: Headers<'_>, claims: &Claims) -> Result<(), CallerError> {
    let groups: Vec<String> = claims.groups.iter().map(GroupName::as_str).map(encode).collect();
    for (name, said) in [
        ("x-user-id", Some(claims.sub.to_string())),
        ("x-user-email", Some(claims.email.to_string())),
        ("x-user-admin", Some(claims.admin.to_string())),
        ("x-user-groups", Some(groups.join(","))),
        ("x-tenant-id", claims.tenant.as_ref().map(TenantId::to_string)),
        ("x-user-role", claims.role.map(|role| role.to_string())),
    ] {
        if one(headers, name) != said.as_deref() || headers.all(name).count() > 1 {
            return Err(CallerError::OtherHeader(name));
        }
    }
    Ok(())
}
