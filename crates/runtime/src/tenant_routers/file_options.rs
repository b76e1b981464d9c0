//! What every site has in the files for nginx and Caddy. Only the operator can write it.

use std::collections::BTreeSet;
use url::{Url, form_urlencoded};

/// What every site has.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// The internal listener, as the proxy reaches it.
    pub gate: Url,
    /// With `https`: the folder of the files that `gatepost certs --client-dir` makes, as the proxy reads it.
    pub certificates: String,
    /// The query of `/verify`, which is a requirement.
    pub requirement: String,
    /// What each site includes first, as for certificates and headers of its own: snippets of Caddy, files of nginx.
    pub imports: Vec<String>,
    /// The headers that only Gatepost may set, in lower case.
    pub own_headers: BTreeSet<String>,
}

impl FileOptions {
    /// The requirement without a character that means something in a file: letters, digits, `*-._+%&=`.
    pub(super) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(form_urlencoded::parse(self.requirement.as_bytes()));
        query.finish()
    }
}
