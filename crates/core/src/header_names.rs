//! The names of headers that only Gatepost or the proxy may set, and their aliases.
//!
//! An alias is another spelling that an application could read as the same header, as in `X_User_Email` or
//! `X.User.Email`. Traefik removes only the exact spelling (CVE-2026-54763, CVE-2026-88011).

/// The identity headers that an application may trust, whether this version sends them or not, and the credentials that
/// the proxy must take out of a request that passes.
pub const IDENTITY_HEADERS: [&str; 15] = [
    "x-user-email",
    "x-user-groups",
    "x-user-groups-truncated",
    "x-user-admin",
    "x-user-id",
    "x-user-name",
    "x-user-tenants",
    "x-user-role",
    "x-tenant-id",
    "x-user-assertion",
    "x-user-via",
    "x-user-tools",
    "x-gatepost-key",
    "cookie",
    "authorization",
];

/// The headers in which the proxy describes the client's request.
pub const FORWARDED_HEADERS: [&str; 5] =
    ["x-forwarded-method", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-uri", "x-forwarded-for"];

/// Whether a header in lower case is set by the proxy, by HTTP itself or by Gatepost, so that no setting may give it
/// another meaning.
pub fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 8] =
        ["accept", "connection", "host", "origin", "te", "trailer", "transfer-encoding", "upgrade"];
    const BEGINNINGS: [&str; 5] = ["content-", "sec-", "x-forwarded-", "x-gatepost-", "x-user-"];
    RESERVED.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// A header's name in Go's canonical form, as in `X-User-Email`, which Traefik compares.
pub fn canonical(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// The bytes of header names that no application folds into another byte. A table makes the test cheap: it runs for
/// every byte of many header names.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = u8::MAX;
    while byte > 0 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'-';
        byte -= 1;
    }
    plain
};

fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

/// The identity or forwarded header of which this name is an alias, in any case; `None` for an ordinary name, and for
/// the exact name itself.
pub fn alias_of(name: &str) -> Option<&'static str> {
    // The names above that have a hyphen begin with `x`, and so do their aliases.
    if !name.starts_with(['x', 'X']) || name.bytes().all(is_plain) {
        return None;
    }
    IDENTITY_HEADERS.iter().chain(&FORWARDED_HEADERS).copied().find(|header| is_alias_of(name, header))
}

/// Whether a name, in any case, is an alias of a header, which is in lower case. The exact name is none.
pub fn is_alias_of(name: &str, header: &str) -> bool {
    let name = name.as_bytes();
    let folded = |byte: u8| if is_plain(byte) { byte.to_ascii_lowercase() } else { b'-' };
    header.len() == name.len()
        && !name.iter().copied().all(is_plain)
        && header.bytes().zip(name).all(|(want, byte)| want == folded(*byte))
}
