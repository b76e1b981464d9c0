//! Checks the address to which a browser returns after a sign-in.

use url::Url;

/// The longest allowed return address, in bytes.
pub const MAX_RETURN_URI: usize = 2_000;

/// The path prefix that is reserved for Gatepost on every protected host.
pub const RESERVED: &str = "/.gatepost/";

/// Whether a browser may be sent to this path and query of a protected host.
pub fn is_return_uri(uri: &str) -> bool {
    uri.len() <= MAX_RETURN_URI
        && uri.starts_with('/')
        && !uri.starts_with("//")
        && !leads_below_reserved(uri)
        && uri.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && byte != b'\\' && byte != b'#')
}

/// Whether a browser resolves the path to one below [`RESERVED`]. `/x/../.gatepost/` and `/%2e/.gatepost/` do, too
/// (WHATWG URL).
fn leads_below_reserved(uri: &str) -> bool {
    Url::parse(&format!("https://host{uri}")).is_ok_and(|url| url.path().starts_with(RESERVED))
}
