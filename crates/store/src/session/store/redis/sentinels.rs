//! Asks Sentinels for the primary.
//!
//! Guarantee: a server is connected to only if a majority of the Sentinels that are configured name its address, and it
//! is used only if it says on that connection that it is the primary (`ROLE`). So one Sentinel that lies, or that is cut
//! off from the others, leads Gatepost to no server, and no server gets a password because one Sentinel named it. Each is
//! asked on its own, so that one that does not answer delays nothing.

use super::client::{client, information};
use gatepost_config::SentinelServers;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, Role,
};
use secrecy::ExposeSecret;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long one Sentinel may take.
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
    address: ConnectionAddr,
    root: Option<Vec<u8>>,
    idle: Mutex<Option<MultiplexedConnection>>,
}

impl Sentinels {
    /// `root`: PEM of all authorities to trust. `None`: those of the system.
    ///
    /// # Errors
    /// An address or a certificate cannot be parsed, or the password's file cannot be read.
    pub fn new(servers: &SentinelServers, root: Option<&[u8]>) -> Result<Self, RedisError> {
        let server = information(&servers.server)?;
        let asked = servers.hosts.iter().map(|(host, port)| {
            let asked = Asked {
                servers: servers.clone(),
                address: at(server.addr(), host.clone(), *port),
                root: root.map(<[u8]>::to_vec),
                idle: Mutex::new(None),
            };
            asked.client()?;
            Ok(Arc::new(asked))
        });
        let asked = asked.collect::<Result<_, RedisError>>()?;
        Ok(Self { asked, server, root: root.map(<[u8]>::to_vec) })
    }

    /// The Sentinels, each with its port.
    pub fn hosts(&self) -> Vec<String> {
        self.asked.iter().map(|asked| asked.address.to_string()).collect()
    }

    /// A client of the server that a majority of the Sentinels names. Connects to none but Sentinels.
    ///
    /// # Errors
    /// There is none: the last error of a Sentinel, or that they name different ones.
    pub async fn find_named(&self) -> Result<Client, RedisError> {
        let mut asking = JoinSet::new();
        for asked in &self.asked {
            let asked = Arc::clone(asked);
            asking.spawn(async move { asked.ask().await });
        }
        let (mut named, mut last): (Vec<(String, u16)>, Option<RedisError>) = (Vec::new(), None);
        while let Some(answer) = asking.join_next().await {
            match answer {
                Ok(Ok(place)) => {
                    let votes = 1 + named.iter().filter(|other| **other == place).count();
                    if votes * 2 > self.asked.len() {
                        // The slower ones put their connections back, for the next time.
                        asking.detach_all();
                        return self.client(place);
                    }
                    named.push(place);
                }
                Ok(Err(error)) => last = Some(error),
                Err(_) => {}
            }
        }
        Err(last.unwrap_or_else(|| none_named("no majority of the Sentinels names the same primary")))
    }

    fn client(&self, (host, port): (String, u16)) -> Result<Client, RedisError> {
        let address = at(self.server.addr(), host, port);
        client(self.server.clone().set_addr(address), self.root.as_deref())
    }
}

/// Asks a server whether it is the primary. A Sentinel may name one that is none yet, or none any more.
///
/// # Errors
/// It is none, or does not say.
pub(super) async fn expect_primary(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    match redis::cmd("ROLE").query_async(connection).await? {
        Role::Primary { .. } => Ok(()),
        _ => Err(none_named("the server that the Sentinels name is no primary")),
    }
}

impl Asked {
    /// Host and port of the primary that this Sentinel names.
    async fn ask(&self) -> Result<(String, u16), RedisError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let answer = timeout(ASK_TIMEOUT, async {
            if let Some(connection) = idle
                && let Ok(place) = self.ask_on(connection).await
            {
                return Ok(place);
            }
            // The Sentinel may have been started anew, or may have another password by now.
            let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
            self.ask_on(self.client()?.get_multiplexed_async_connection_with_config(&config).await?).await
        });
        answer.await.map_err(|_| RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)))?
    }

    /// Keeps the connection only after a good answer. One that does not answer in time may be half-open.
    async fn ask_on(&self, mut connection: MultiplexedConnection) -> Result<(String, u16), RedisError> {
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.servers.master);
        let place: Option<(String, u16)> = question.query_async(&mut connection).await?;
        let place = place.ok_or_else(|| none_named("a Sentinel does not know the name of the primary"))?;
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        Ok(place)
    }

    /// With the password that is in its file now. Nothing of the primary's user and password.
    fn client(&self) -> Result<Client, RedisError> {
        let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(user) = &self.servers.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = self.servers.password()? {
            settings = settings.set_password(password.expose_secret());
        }
        let info = self.address.clone().into_connection_info()?;
        client(info.set_redis_settings(settings), self.root.as_deref())
    }
}

/// This address, with the settings for TLS that the URL demands.
fn at(url: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match url {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    }
}

fn none_named(why: &'static str) -> RedisError {
    RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, why))
}
