//! Asks Sentinels for the primary.
//!
//! Guarantee: a server counts as the primary if a majority of the Sentinels that are configured name it, and it says so
//! itself (`ROLE`). A Sentinel that is cut off from the others cannot lead Gatepost back to a former primary. Each is asked
//! on its own by the crate's client, so that one that does not answer delays nothing.

use super::client::{certificates, client, information};
use gatepost_config::SentinelServers;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, ConnectionInfo, RedisError, TlsMode};
use secrecy::ExposeSecret;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long one Sentinel may take, with the question to the server that it names.
const ASK_TIMEOUT: Duration = Duration::from_millis(200);

/// The Sentinels of one primary.
pub(super) struct Sentinels {
    asked: Vec<Arc<Asked>>,
    /// How a server is reached, at the address that the Sentinels name.
    server: ConnectionInfo,
    root: Option<Vec<u8>>,
}

/// One Sentinel, with the connection that its last answer came from.
struct Asked {
    servers: SentinelServers,
    host: (String, u16),
    server: ConnectionInfo,
    root: Option<Vec<u8>>,
    idle: Mutex<Option<SentinelClient>>,
}

impl Sentinels {
    /// `root`: PEM of all authorities to trust. `None`: those of the system.
    ///
    /// # Errors
    /// An address or a certificate cannot be parsed, or the password's file cannot be read.
    pub fn new(servers: &SentinelServers, root: Option<&[u8]>) -> Result<Self, RedisError> {
        let server = information(&servers.server)?;
        let asked = servers.hosts.iter().map(|host| {
            let asked = Asked {
                servers: servers.clone(),
                host: host.clone(),
                server: server.clone(),
                root: root.map(<[u8]>::to_vec),
                idle: Mutex::new(None),
            };
            asked.put_back(asked.connect()?);
            Ok(Arc::new(asked))
        });
        let asked = asked.collect::<Result<_, RedisError>>()?;
        Ok(Self { asked, server, root: root.map(<[u8]>::to_vec) })
    }

    /// The Sentinels, each with its port.
    pub fn hosts(&self) -> Vec<String> {
        self.asked
            .iter()
            .map(|asked| ConnectionAddr::Tcp(asked.host.0.clone(), asked.host.1).to_string())
            .collect()
    }

    /// The primary that a majority of the Sentinels names.
    ///
    /// # Errors
    /// There is none: the last error of a Sentinel, or that they name different ones.
    pub async fn find_primary(&self) -> Result<Client, RedisError> {
        let mut asking = JoinSet::new();
        for asked in &self.asked {
            let asked = Arc::clone(asked);
            asking.spawn(async move { asked.ask().await });
        }
        let (mut named, mut last): (Vec<ConnectionAddr>, Option<RedisError>) = (Vec::new(), None);
        while let Some(answer) = asking.join_next().await {
            match answer {
                Ok(Ok(address)) => {
                    let votes = 1 + named.iter().filter(|other| **other == address).count();
                    if votes * 2 > self.asked.len() {
                        return client(self.server.clone().set_addr(self.at(&address)), self.root.as_deref());
                    }
                    named.push(address);
                }
                Ok(Err(error)) => last = Some(error),
                Err(_) => {}
            }
        }
        let divided = || {
            RedisError::from((
                redis::ErrorKind::MasterNameNotFoundBySentinel,
                "no majority of the Sentinels names the same primary",
            ))
        };
        Err(last.unwrap_or_else(divided))
    }

    /// The address of a server, with the settings for TLS that its URL demands.
    fn at(&self, named: &ConnectionAddr) -> ConnectionAddr {
        match (self.server.addr(), named) {
            (
                ConnectionAddr::TcpTls { insecure, tls_params, .. },
                ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. },
            ) => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => named.clone(),
        }
    }
}

impl Asked {
    /// The address of the primary that this Sentinel names, and that says so itself.
    async fn ask(&self) -> Result<ConnectionAddr, RedisError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut client = idle.map_or_else(|| self.connect(), Ok)?;
        // A connection that does not answer in time is not used again: it may be half-open.
        let answer = timeout(ASK_TIMEOUT, client.async_get_client()).await;
        let answer = answer.map_err(|_| RedisError::from(std::io::Error::from(ErrorKind::TimedOut)))?;
        self.put_back(client);
        Ok(answer?.get_connection_info().addr().clone())
    }

    fn put_back(&self, client: SentinelClient) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }

    /// Connects at the first question.
    fn connect(&self) -> Result<SentinelClient, RedisError> {
        let (host, port) = self.host.clone();
        let is_tls = matches!(self.server.addr(), ConnectionAddr::TcpTls { .. });
        let address = if is_tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let master = &self.servers.master;
        let mut builder = SentinelClientBuilder::new([address], master, SentinelServerType::Master)?;
        let settings = self.server.redis_settings();
        if let Some(user) = settings.username() {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = settings.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(user) = &self.servers.user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = self.servers.password()? {
            builder = builder.set_client_to_sentinel_password(password.expose_secret());
        }
        if is_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            if let Some(root) = &self.root {
                builder = builder.set_client_to_redis_certificates(certificates(root));
                builder = builder.set_client_to_sentinel_certificates(certificates(root));
            }
        }
        builder.build()
    }
}
