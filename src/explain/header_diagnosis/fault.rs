//! What can be wrong between the gate and an application, in the words of somebody who mends it in Traefik.

use gatepost_core::header_names::canonical;

/// Something that is not as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An application may read it as one of ours.
    Alias {
        /// As it is spelled, in lower case.
        name: String,
        /// As which.
        of: &'static str,
    },
    /// Sent, and not there.
    Missing(&'static str),
    /// There with another value.
    Differs {
        /// Which.
        name: &'static str,
        /// What was sent.
        sent: String,
    },
    /// There more than once.
    Repeated(&'static str),
    /// There, and not sent for this person.
    NotSent(&'static str),
    /// The cookie that opens this host.
    OwnCookie,
    /// Another value than the proxy would tell, or told by nobody but the client.
    ForwardedByClient(&'static str),
    /// What the proxy always tells is not there.
    NotThroughProxy(&'static str),
    /// More than one address in `X-Forwarded-For`.
    ManyAddresses,
}

/// How sure it is that something must be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It must.
    Wrong,
    /// It may be meant so.
    Look,
}

impl Weight {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Look => "look",
        }
    }
}

impl Fault {
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

    /// How sure.
    pub const fn weight(&self) -> Weight {
        match self {
            Self::ManyAddresses | Self::NotThroughProxy(_) => Weight::Look,
            _ => Weight::Wrong,
        }
    }

    /// What is there.
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

    /// What to change.
    pub fn mend(&self) -> String {
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
                "Look for a middleware that removes it. An application that is reached without Traefik is not protected."
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
