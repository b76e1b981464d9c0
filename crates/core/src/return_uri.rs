//! Where a browser may be sent back to after a sign-in.

use url::Url;

/// Longest return address, in bytes.
pub const MAX_RETURN_URI: usize = 2_000;

/// Below it, `/verify` itself answers.
pub const RESERVED: &str = "/.gatepost/";

/// May a browser be sent to this path and query of a configured origin? DESIGN.md section 4, "Return address".
pub fn is_return_uri(uri: &str) -> bool {
    uri.len() <= MAX_RETURN_URI
        && uri.starts_with('/')
        && !uri.starts_with("//")
        && !leads_below_reserved(uri)
        && uri.bytes().all(|byte| matches!(byte, 0x21..=0x7E) && byte != b'\\' && byte != b'#')
}

/// As the browser will resolve it: `/x/../.gatepost/` and `/%2e/.gatepost/` lead there too (WHATWG URL).
fn leads_below_reserved(uri: &str) -> bool {
    Url::parse(&format!("https://host{uri}")).is_ok_and(|url| url.path().starts_with(RESERVED))
}
