//! What every router of a tenant's host has: by the query of the address at which Traefik's HTTP provider asks for them, which
//! only the operator can write.

use url::form_urlencoded;

/// What routers have unless the query says otherwise.
const ENTRY_POINT: &str = "websecure";
const GATE: &str = "gatepost@file";
/// A name from a query is cut to this many characters where it is shown.
const MAX_NAME: usize = 64;

/// The parts that all of these routers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterOptions {
    /// Where they listen, never empty.
    pub entry_points: Vec<String>,
    /// Their middlewares in the order in which they run. `gate` is one of them, always.
    pub middlewares: Vec<String>,
    /// The middleware that calls Gatepost.
    pub gate: String,
    /// What gets their certificates. `None`: Traefik's own certificates.
    pub cert_resolver: Option<String>,
}

/// A mistake in the query. There are no routers until the operator corrects it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RouterOptionsError {
    /// An unknown name.
    #[error("unknown parameter {0:?}: expected middleware, gate, entry_point or cert_resolver")]
    Unknown(String),
    /// A name without a value.
    #[error("{0} has no value: expected a name in Traefik's configuration")]
    Empty(String),
    /// A name that may be given once.
    #[error("{0} is there twice: expected one name in Traefik's configuration")]
    Repeated(&'static str),
}

impl RouterOptions {
    /// Reads the query of `/traefik?...`. The middleware that calls Gatepost comes first unless the query puts it elsewhere:
    /// no query can leave it out.
    ///
    /// # Errors
    /// An unknown name, one without a value, one that is there too often.
    pub fn parse(query: &str) -> Result<Self, RouterOptionsError> {
        let (mut entry_points, mut middlewares, mut gate, mut cert_resolver) = (vec![], vec![], None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let short = || name.chars().take(MAX_NAME).collect::<String>();
            if value.is_empty() {
                return Err(RouterOptionsError::Empty(short()));
            }
            let value = value.into_owned();
            let before = match &*name {
                "entry_point" => {
                    entry_points.push(value);
                    continue;
                }
                "middleware" => {
                    middlewares.push(value);
                    continue;
                }
                "gate" => gate.replace(value).map(|_| "gate"),
                "cert_resolver" => cert_resolver.replace(value).map(|_| "cert_resolver"),
                _ => return Err(RouterOptionsError::Unknown(short())),
            };
            if let Some(repeated) = before {
                return Err(RouterOptionsError::Repeated(repeated));
            }
        }
        if entry_points.is_empty() {
            entry_points.push(ENTRY_POINT.to_owned());
        }
        let gate = gate.unwrap_or_else(|| GATE.to_owned());
        if !middlewares.contains(&gate) {
            middlewares.insert(0, gate.clone());
        }
        Ok(Self { entry_points, middlewares, gate, cert_resolver })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> RouterOptions {
        RouterOptions::parse(query).expect("a query")
    }

    #[test]
    fn without_a_query_routers_listen_on_websecure_behind_the_gate() {
        let RouterOptions { entry_points, middlewares, gate, cert_resolver } = parse("");
        assert_eq!((entry_points, middlewares), (vec!["websecure".into()], vec!["gatepost@file".into()]));
        assert_eq!((&*gate, cert_resolver), ("gatepost@file", None));
    }

    #[test]
    fn the_operator_chooses_what_each_router_has_but_the_gate_is_always_there() {
        let found = parse(
            "entry_point=a&entry_point=b&middleware=hsts%40file&middleware=gatepost@file&cert_resolver=le",
        );
        assert_eq!(found.entry_points, ["a", "b"]);
        assert_eq!(found.middlewares, ["hsts@file", "gatepost@file"]);
        assert_eq!(found.cert_resolver.as_deref(), Some("le"));
        assert_eq!(parse("middleware=hsts@file").middlewares, ["gatepost@file", "hsts@file"]);
        assert_eq!(parse("middleware=hsts@file&gate=g@docker").middlewares, ["g@docker", "hsts@file"]);
    }

    #[test]
    fn a_query_with_a_mistake_is_refused() {
        let unknown = RouterOptions::parse("middlewares=x");
        assert_eq!(unknown, Err(RouterOptionsError::Unknown("middlewares".into())));
        assert_eq!(RouterOptions::parse("middleware="), Err(RouterOptionsError::Empty("middleware".into())));
        for query in ["gate=a&gate=b", "cert_resolver=a&cert_resolver=a"] {
            assert!(matches!(RouterOptions::parse(query), Err(RouterOptionsError::Repeated(_))), "{query}");
        }
    }
}
