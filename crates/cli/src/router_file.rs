//! What a file of `gatepost tenant routers` for Caddy or nginx needs: where Gatepost is, what is required, what each site has.

use clap::Args;
use gatepost_config::{Config, SpeakerConfig};
use gatepost_core::header_names::IDENTITY_HEADERS;
use gatepost_core::mcp::Mode;
use gatepost_core::requirement::Requirement;
use gatepost_runtime::tenant_routers::FileOptions;
use std::net::SocketAddr;
use url::{Host, Url};

#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// For Caddy and nginx: where the proxy reaches the internal listener; default: `GATEPOST_INTERNAL_ADDR`
    #[arg(long, value_name = "URL", value_parser = gate)]
    gate: Option<Url>,
    /// For Caddy and nginx: what every request must meet, as behind `/verify?`; whoever enters a tenant's host is always a member
    #[arg(long, value_name = "QUERY", value_parser = requirement)]
    require: Option<String>,
    /// What each site has besides: for Caddy a snippet of the Caddyfile, for nginx a file with `listen` and the certificate; may
    /// be repeated
    #[arg(long, value_name = "NAME", value_parser = import)]
    import: Vec<String>,
    /// For Caddy and nginx: the folder of `ca.crt`, `client.crt` and `client.key` there, if the internal listener speaks TLS;
    /// default: `/etc/caddy/gatepost`, `/etc/nginx/gatepost`
    #[arg(long, value_name = "DIR", value_parser = folder)]
    certificates: Option<String>,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(super) enum RouterFileError {
    #[error("{0} is for Caddy and nginx alone")]
    NotForTraefik(&'static str),
    #[error("GATEPOST_INTERNAL_ADDR is {0}, which is no address that a proxy can call")]
    NoGate(SocketAddr),
    #[error("--gate is {0}, and the internal listener speaks {1}")]
    GateScheme(Url, &'static str),
    /// nginx compares names with a certificate, and no addresses.
    #[error("--gate is {0}, and nginx finds no address in a certificate")]
    GateAddress(Url),
    /// Its servers would listen on port 80, without TLS.
    #[error("nginx needs a file with `listen` and the certificate of each site")]
    NoListen,
}

impl RouterFileError {
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::NotForTraefik(_) => "name the proxy, as in --for caddy; --query is for Traefik",
            Self::NoGate(_) => {
                "give the internal listener as the proxy reaches it: --gate https://gatepost:4181"
            }
            Self::GateScheme(..) => "GATEPOST_INTERNAL_TLS says whether it speaks https",
            Self::GateAddress(_) => {
                "give a name that the certificate has (`gatepost certs` shows them): --gate https://gatepost:4181"
            }
            Self::NoListen => "give it with --import, as in --import /etc/nginx/gatepost/site.conf",
        }
    }
}

impl FileArgs {
    /// Refuses what would have no effect.
    pub(super) fn for_traefik(&self) -> Result<(), RouterFileError> {
        let given = [
            ("--gate", self.gate.is_some()),
            ("--require", self.require.is_some()),
            ("--import", !self.import.is_empty()),
            ("--certificates", self.certificates.is_some()),
        ];
        let first = given.into_iter().find_map(|(name, is_given)| is_given.then_some(name));
        first.map_or(Ok(()), |name| Err(RouterFileError::NotForTraefik(name)))
    }

    pub(super) fn for_caddy(self, config: &Config) -> Result<FileOptions, RouterFileError> {
        self.options(config, "/etc/caddy/gatepost")
    }

    pub(super) fn for_nginx(self, config: &Config) -> Result<FileOptions, RouterFileError> {
        let options = self.options(config, "/etc/nginx/gatepost")?;
        if options.imports.is_empty() {
            return Err(RouterFileError::NoListen);
        }
        if options.gate.scheme() == "https" && !matches!(options.gate.host(), Some(Host::Domain(_))) {
            return Err(RouterFileError::GateAddress(options.gate));
        }
        Ok(options)
    }

    fn options(self, config: &Config, certificates: &str) -> Result<FileOptions, RouterFileError> {
        let scheme = if config.internal_tls.is_some() { "https" } else { "http" };
        let gate = match self.gate {
            Some(gate) => gate,
            None if config.internal_addr.ip().is_unspecified() => {
                return Err(RouterFileError::NoGate(config.internal_addr));
            }
            None => Url::parse(&format!("{scheme}://{}", config.internal_addr))
                .map_err(|_| RouterFileError::NoGate(config.internal_addr))?,
        };
        if gate.scheme() != scheme {
            return Err(RouterFileError::GateScheme(gate, scheme));
        }
        let hidden = config.speakers.iter().flat_map(SpeakerConfig::hidden_headers);
        let own_headers = IDENTITY_HEADERS.into_iter().chain(hidden).map(str::to_owned).collect();
        Ok(FileOptions {
            gate,
            certificates: self.certificates.unwrap_or_else(|| certificates.to_owned()),
            requirement: self.require.unwrap_or_default(),
            imports: self.import,
            own_headers,
        })
    }
}

fn gate(text: &str) -> Result<Url, &'static str> {
    gatepost_config::upstream(text).ok_or("expected an address as https://gatepost:4181")
}

fn requirement(text: &str) -> Result<String, String> {
    let read = Requirement::parse(text).map_err(|error| error.to_string())?;
    if read.mcp == Some(Mode::Body) {
        let why = "mcp=true judges bodies, which these proxies do not send to Gatepost: expected mcp=headers";
        return Err(why.to_owned());
    }
    Ok(text.to_owned())
}

/// The name of a snippet, or the path of a file, that stands alone in a line of both files.
fn import(text: &str) -> Result<String, &'static str> {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    if !text.is_empty() && text.bytes().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("expected the name of a snippet or the path of a file: A-Z, a-z, 0-9, -, _, . and /")
    }
}

/// A path that stands between quotation marks, where braces begin a placeholder of Caddy and `$` a variable of nginx.
fn folder(text: &str) -> Result<String, &'static str> {
    let is_plain = !text.is_empty()
        && !text.contains(['"', '\\', '{', '}', '`', '$'])
        && !text.contains(char::is_control);
    if is_plain {
        Ok(text.to_owned())
    } else {
        Err("expected a path without quotation marks, backslashes, braces and $")
    }
}
