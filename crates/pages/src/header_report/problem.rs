//! The problems that can occur between Gatepost and an application, described for the person who fixes them in Traefik.

use gatepost_core::header_names::canonical;

/// A header that did not arrive as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderProblem {
    /// Many applications would read this header as one of Gatepost's.
    Alias {
        /// The name as it arrived, in lower case.
        name: String,
        /// The header of Gatepost that it resembles.
        of: &'static str,
    },
    /// It was sent but did not arrive.
    Missing(&'static str),
    /// It arrived with another value.
    Differs {
        /// The name in lower case.
        name: &'static str,
        /// The value that was sent.
        sent: String,
    },
    /// It arrived more than once.
    Repeated(&'static str),
    /// It arrived but was not sent for this person.
    NotSent(&'static str),
    /// One of Gatepost's cookies arrived.
    OwnCookie,
    /// A forwarding header has a value that the proxy does not set, so the client sent it.
    ForwardedByClient(&'static str),
    /// A forwarding header that the proxy always sets did not arrive.
    NotThroughProxy(&'static str),
    /// `X-Forwarded-For` contains more than one address.
    ManyAddresses,
}

/// Whether something must be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It must be changed.
    Wrong,
    /// It may be intended.
    Check,
}

impl Severity {
    /// The word on the page and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Check => "look",
        }
    }
}

impl HeaderProblem {
    /// The header's name, in lower case.
    pub fn header(&self) -> &str {
        match self {
            Self::Alias { name, .. } => name,
            Self::Missing(name)
            | Self::Differs { name, .. }
            | Self::Repeated(name)
            | Self::NotSent(name)
            | Self::ForwardedByClient(name)
            | Self::NotThroughProxy(name) => name,
            Self::OwnCookie => "cookie",
            Self::ManyAddresses => "x-forwarded-for",
        }
    }

    /// Whether it must be changed.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::ManyAddresses | Self::NotThroughProxy(_) => Severity::Check,
            _ => Severity::Wrong,
        }
    }

    /// What was found, as a sentence.
    pub fn found(&self) -> String {
        let name = canonical(self.header());
        match self {
            Self::Alias { of, .. } => format!("Many applications read {name} as {}.", canonical(of)),
            Self::Missing(_) => format!("Gatepost sent {name}, but it did not arrive."),
            Self::Differs { sent, .. } if sent.is_empty() => {
                format!("Gatepost sends an empty {name}, but it arrived with a value.")
            }
            Self::Differs { sent, .. } => format!("Gatepost sends {sent}, but another value arrived."),
            Self::Repeated(_) => format!("{name} arrived more than once, but Gatepost sends it once."),
            Self::NotSent(_) => format!("Gatepost sent no {name}, but one arrived."),
            Self::OwnCookie => {
                "Gatepost's cookie arrived: every application here can use its visitors' sessions.".to_owned()
            }
            Self::ForwardedByClient(_) => {
                format!("{name} does not have the value that Traefik sets for this request.")
            }
            Self::NotThroughProxy(_) => format!("Traefik's {name} did not arrive."),
            Self::ManyAddresses => "X-Forwarded-For contains more than one address.".to_owned(),
        }
    }

    /// What to change, in sentences.
    pub fn fix(&self) -> String {
        let name = canonical(self.header());
        match self {
            Self::Alias { .. } => {
                "Gatepost refuses this header from a client, so Gatepost did not see it, or it was added after Gatepost's \
                 middleware. Remove authRequestHeaders from the middleware, set aliasHeadersStrategy: reject on the \
                 entry point, and look for a middleware that sets the header."
                    .to_owned()
            }
            Self::Missing(_) | Self::NotSent(_) => format!(
                "Add {name} to authResponseHeaders of the middleware on this router: while it is missing there, \
                 clients can send their own."
            ),
            Self::Differs { .. } | Self::Repeated(_) => format!(
                "Add {name} to authResponseHeaders of the middleware on this router. If it is there, a middleware \
                 after Gatepost's changes it; right after a change in the directory, load this page again."
            ),
            Self::OwnCookie => {
                "Add Cookie to authResponseHeaders of the middleware on this router.".to_owned()
            }
            Self::ForwardedByClient(_) => {
                "Set forwardedHeaders.insecure: false on the entry point, and list in trustedIPs only your own proxies in \
                 front of Traefik. If this is already so, a middleware after Gatepost's sets the header."
                    .to_owned()
            }
            Self::NotThroughProxy(_) => {
                "Check for a middleware that removes it. An application that is reached without Traefik is not protected."
                    .to_owned()
            }
            Self::ManyAddresses => {
                "This is right if one of your proxies is in front of Traefik. If not, remove trustedIPs and \
                 forwardedHeaders.insecure from the entry point: clients can set the first address."
                    .to_owned()
            }
        }
    }
}
