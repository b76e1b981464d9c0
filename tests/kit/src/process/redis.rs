//! A private Redis with its own port and folder. Nothing is persisted, so it is empty after a restart.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::{Authority, Running, free_port};

const START: Duration = Duration::from_secs(10);

/// A Redis server for one test.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    password: Option<String>,
    folder: TempDir,
    server: Mutex<Running>,
}

impl Redis {
    /// Starts a server without a password.
    pub async fn start() -> Self {
        Self::launch(None).await
    }

    /// Starts a server that requires `password`.
    pub async fn with_password(password: &str) -> Self {
        Self::launch(Some(password.to_owned())).await
    }

    async fn launch(password: Option<String>) -> Self {
        let folder = TempDir::new().expect("a folder for Redis");
        let port = free_port();
        let server = Mutex::new(spawn(port, password.as_deref(), &folder));
        let redis = Self { port, password, folder, server };
        redis.wait_ready().await;
        redis
    }

    /// The address of the server.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The process id of the running server.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }

    /// The `redis://` URL, with the password if there is one.
    pub fn url(&self) -> String {
        self.url_at(self.addr())
    }

    /// The URL of this server through a proxy at `addr`.
    pub fn url_at(&self, addr: SocketAddr) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}{addr}/0")
    }

    /// Sends one command, and returns the raw reply (RESP2). The words must not contain white space.
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("Redis answers")
    }

    /// Also accepts TLS from now on, with the authority's server certificate. Returns the address for TLS.
    ///
    /// # Panics
    /// If the server refuses the certificate.
    pub fn serve_tls(&self, authority: &Authority) -> SocketAddr {
        let port = free_port();
        let settings = authority.redis_settings(self.folder.path(), port);
        // The port comes last and alone; certificate and key belong together.
        for settings in [&settings[..1], &settings[1..4], &settings[4..]] {
            let words = settings.iter().flatten().map(String::as_str);
            let reply = self.command(&["CONFIG", "SET"].into_iter().chain(words).collect::<Vec<_>>());
            assert!(reply.starts_with("+OK"), "{settings:?}: {reply}");
        }
        (Ipv4Addr::LOCALHOST, port).into()
    }

    /// Speaks TLS with its primary and its replicas from now on.
    pub(super) fn replicate_by_tls(&self) {
        self.config_set("tls-replication", "yes");
    }

    /// Like [`Self::command`], while the server may be lost, or Sentinels close its connections.
    ///
    /// # Errors
    /// There is no complete reply.
    pub fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut reader = self.send(&format!("{}\r\nQUIT", words.join(" ")))?;
        let mut reply = String::new();
        reader.read_to_string(&mut reply)?;
        Ok(reply.strip_suffix("+OK\r\n").unwrap_or(&reply).to_owned())
    }

    /// Sends lines on a new connection, after the password. The caller reads the replies.
    fn send(&self, lines: &str) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(self.addr())?;
        stream.set_read_timeout(Some(START))?;
        let password =
            self.password.as_ref().map(|password| format!("AUTH {password}\r\n")).unwrap_or_default();
        stream.write_all(format!("{password}{lines}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        if self.password.is_some() {
            reader.read_line(&mut String::new())?;
        }
        Ok(reader)
    }

    /// Deletes all keys.
    pub fn flushall(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// Makes the server answer no client for `time`.
    pub fn pause(&self, time: Duration) {
        let pause = format!("CLIENT PAUSE {} ALL", time.as_millis());
        let mut reply = String::new();
        // Not with `command`, whose QUIT would wait until the pause is over.
        self.send(&pause).and_then(|mut reader| reader.read_line(&mut reply)).expect("Redis answers");
        assert_eq!(reply, "+OK\r\n");
    }

    /// Changes a setting of the running server (`maxmemory`, `min-replicas-to-write`, `requirepass`, ...).
    ///
    /// # Panics
    /// If Redis refuses the setting.
    pub fn config_set(&self, name: &str, value: &str) {
        let reply = self.command(&["CONFIG", "SET", name, value]);
        assert!(reply.starts_with("+OK"), "CONFIG SET {name} {value}: {reply}");
    }

    /// Kills the server. Its port refuses connections until `restart`.
    pub fn sigkill(&self) {
        self.server().sigkill();
    }

    /// Shuts the server down. Its port refuses connections until `restart`.
    pub async fn stop(&self) {
        self.server().sigterm();
        super::until("Redis to end", START, async || self.server().find_exit()).await;
    }

    /// Starts the server again, empty, on the same port.
    pub async fn restart(&self) {
        {
            let mut server = self.server();
            server.sigkill();
            *server = spawn(self.port, self.password.as_deref(), &self.folder);
        }
        self.wait_ready().await;
    }

    /// Pauses the server. Connections stay open, but nothing is answered.
    pub fn sigstop(&self) {
        self.server().sigstop();
    }

    /// Continues a paused server.
    pub fn sigcont(&self) {
        self.server().sigcont();
    }

    fn server(&self) -> MutexGuard<'_, Running> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_ready(&self) {
        super::until("Redis to answer PING", START, async || {
            let (exit, log) = {
                let server = self.server();
                (server.find_exit(), server.log())
            };
            assert!(exit.is_none(), "redis-server ended ({exit:?}):\n{log}");
            self.try_command(&["PING"]).ok().filter(|reply| reply.contains("PONG"))
        })
        .await;
    }
}

fn spawn(port: u16, password: Option<&str>, folder: &TempDir) -> Running {
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path());
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    Running::start("redis-server", command)
}
