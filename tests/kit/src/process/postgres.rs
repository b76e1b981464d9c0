//! A real Postgres: one server that all tests of a process share, with a new database for each, or a private server for
//! tests that stop or pause it. It runs without fsync, because nobody needs the data after a crash.
//! Postgres refuses to run as root, so root runs it as the user `postgres`.

mod database;

pub use database::Database;

use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{Authority, Running, free_port, reaper, until};

const START: Duration = Duration::from_secs(30);
const SETTINGS: [&str; 9] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=300",
    "shared_buffers=32MB",
    "unix_socket_directories=",
    "log_min_messages=warning",
    "log_statement=none",
    "shared_memory_type=mmap",
];

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// A Postgres server.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    folder: TempDir,
    server: Mutex<Running>,
    databases: AtomicU32,
    template: OnceCell<String>,
    /// Databases that are used no more.
    ended: Mutex<Vec<String>>,
}

impl Postgres {
    /// The user in the server's URLs, its superuser.
    pub const USER: &str = "gatepost_test";

    /// The server that all tests of this process share. A test must not change its settings.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::private).await
    }

    /// Starts a server for one test.
    ///
    /// # Panics
    /// If Postgres is not installed or does not start.
    pub async fn private() -> Self {
        let folder = empty_folder();
        let mut initdb = unprivileged("initdb");
        initdb.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", Self::USER]);
        fill("initdb", initdb, folder.path()).await;
        Self::serve(folder).await
    }

    /// Starts a hot standby of this server on another port. It replicates every commit and answers queries.
    ///
    /// # Panics
    /// If this server cannot be copied.
    pub async fn standby(&self) -> Self {
        let folder = empty_folder();
        let mut copy = unprivileged("pg_basebackup");
        copy.args(["--no-sync", "--checkpoint=fast", "--write-recovery-conf", "--dbname"]);
        copy.arg(self.url("postgres"));
        fill("pg_basebackup", copy, folder.path()).await;
        let standby = Self::serve(folder).await;
        until("the standby to stream", START, async || {
            let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
            (self.sql("postgres", streaming).await == "1").then_some(())
        })
        .await;
        standby
    }

    /// Promotes a standby to a primary. Returns when it accepts writes.
    ///
    /// # Panics
    /// If this server is not a standby.
    pub async fn promote(&self) {
        assert_eq!(self.sql("postgres", "SELECT pg_promote()").await, "t");
    }

    /// Pauses the replay of a standby: it receives commits, but its queries do not see them.
    pub async fn pause_replay(&self) {
        self.sql("postgres", "SELECT pg_wal_replay_pause()").await;
        until("the replay to pause", START, async || {
            (self.sql("postgres", "SELECT pg_get_wal_replay_pause_state()").await == "paused").then_some(())
        })
        .await;
    }

    /// Resumes the replay of a standby.
    pub async fn resume_replay(&self) {
        self.sql("postgres", "SELECT pg_wal_replay_resume()").await;
    }

    async fn serve(folder: TempDir) -> Self {
        let port = free_port();
        let server = Mutex::new(spawn(port, folder.path()));
        let postgres = Self {
            port,
            folder,
            server,
            databases: AtomicU32::new(0),
            template: OnceCell::new(),
            ended: Mutex::default(),
        };
        postgres.wait_ready().await;
        postgres
    }

    /// Creates an empty database, and returns its `postgres://` URL with a superuser.
    pub async fn database(&self) -> String {
        self.url(&self.create("").await)
    }

    async fn create(&self, how: &str) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} {how}")).await;
        name
    }

    /// The address of the server.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The process id of the running server. Each connection is a child process of it.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}@{}/{database}", Self::USER, self.addr())
    }

    /// Runs one statement, and returns its rows with columns separated by `|`.
    ///
    /// # Panics
    /// If the statement fails.
    pub async fn sql(&self, database: &str, statement: &str) -> String {
        self.try_sql(database, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Like [`Self::sql`], for statements that may fail.
    ///
    /// # Errors
    /// The output of `psql`.
    pub async fn try_sql(&self, database: &str, statement: &str) -> Result<String, String> {
        let output = tokio::process::Command::from(program("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                &self.url(database),
                "-c",
                statement,
            ])
            .output()
            .await
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Also accepts TLS from now on, with the authority's server certificate.
    ///
    /// # Panics
    /// If the server refuses the certificate.
    pub async fn serve_tls(&self, authority: &Authority) {
        let (certificate, key) = authority.write(self.folder.path());
        let owner = std::fs::metadata(self.folder.path()).expect("the server's folder").uid();
        std::os::unix::fs::chown(&key, Some(owner), None).expect("the key is the server's");
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("the key is the server's alone");
        for (name, value) in [
            ("ssl_cert_file", certificate.display().to_string()),
            ("ssl_key_file", key.display().to_string()),
            ("ssl", "on".to_owned()),
        ] {
            self.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'")).await;
        }
        self.sql("postgres", "SELECT pg_reload_conf()").await;
        until("Postgres to take TLS", START, async || {
            (self.sql("postgres", "SHOW ssl").await == "on").then_some(())
        })
        .await;
    }

    /// Makes every new transaction read-only, or read-write again.
    pub async fn set_read_only(&self, read_only: bool) {
        let value = if read_only { "on" } else { "off" };
        self.sql("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).await;
        self.sql("postgres", "SELECT pg_reload_conf()").await;
        until("the setting to be read", START, async || {
            let shown = self.sql("postgres", "SHOW default_transaction_read_only").await;
            (shown == value).then_some(())
        })
        .await;
    }

    /// Ends all client connections except its own.
    pub async fn terminate_connections(&self) {
        self.sql(
            "postgres",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )
        .await;
    }

    /// Shuts the server down. Its port refuses connections until `restart`.
    pub async fn stop(&self) {
        self.server().signal(Signal::INT);
        until("Postgres to end", START, async || self.server().find_exit()).await;
    }

    /// Kills the server. Its port refuses connections until `restart`.
    pub fn sigkill(&self) {
        self.server().sigkill();
    }

    /// Starts the server again on its port, with all commits.
    pub async fn restart(&self) {
        self.server().sigkill();
        // The last backends of a killed postmaster may lock the folder for a moment, so the start is repeated.
        until("Postgres to start again", START, async || {
            let running = spawn(self.port, self.folder.path());
            *self.server() = running;
            until("Postgres to answer or end", START, async || {
                if self.server().find_exit().is_some() {
                    return Some(false);
                }
                self.try_sql("postgres", "SELECT 1").await.is_ok().then_some(true)
            })
            .await
            .then_some(())
        })
        .await;
    }

    /// Pauses the postmaster and all backends. Connections stay open, but nothing is answered.
    pub fn sigstop(&self) {
        self.server().sigstop();
        self.signal_backends(Signal::STOP);
    }

    /// Continues a paused server.
    pub fn sigcont(&self) {
        self.signal_backends(Signal::CONT);
        self.server().sigcont();
    }

    /// Sends a signal to one backend, to pause or continue its connection.
    pub fn signal_backend(&self, pid: i32, signal: Signal) {
        let is_ours = children_of(self.server().pid()).contains(&pid);
        assert!(is_ours, "{pid} is no backend of this server");
        kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("a backend can be signalled");
    }

    fn signal_backends(&self, signal: Signal) {
        for pid in children_of(self.server().pid()) {
            if let Some(pid) = Pid::from_raw(pid) {
                // A backend may have ended since the list was made.
                let _ = kill_process(pid, signal);
            }
        }
    }

    fn server(&self) -> MutexGuard<'_, Running> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_ready(&self) {
        until("Postgres to answer", START, async || {
            let (exit, log) = {
                let server = self.server();
                (server.find_exit(), server.log())
            };
            assert!(exit.is_none(), "postgres ended ({exit:?}):\n{log}");
            self.try_sql("postgres", "SELECT 1").await.ok()
        })
        .await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A paused backend would outlive its postmaster. After a shutdown, no process uses the folder, which is removed
        // next.
        self.sigcont();
        self.server().signal(Signal::QUIT);
        let end = std::time::Instant::now() + Duration::from_secs(5);
        while self.server().find_exit().is_none() && std::time::Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The ids of `parent`'s child processes.
fn children_of(parent: u32) -> Vec<i32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let listed = std::fs::read_to_string(path).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Makes a folder for one server, which only that server may read.
pub(super) fn empty_folder() -> TempDir {
    let folder = TempDir::with_prefix("gatepost-postgres-").expect("a folder for Postgres");
    // A static, or a killed test, does not drop its folder, so the reaper removes it.
    reaper::folder(folder.path());
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("the folder is ours");
    if geteuid().is_root() {
        let owned = Command::new("chown").arg("postgres").arg(folder.path()).status().expect("chown runs");
        assert!(owned.success(), "no user `postgres`: install the package postgresql");
    }
    folder
}

/// Runs the program that fills a server's folder.
async fn fill(name: &str, mut command: Command, folder: &Path) {
    command.arg("--pgdata").arg(folder);
    let output = tokio::process::Command::from(command).output().await.expect("a program of Postgres runs");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

fn spawn(port: u16, folder: &Path) -> Running {
    let mut command = unprivileged("postgres");
    command.arg("-D").arg(folder).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    Running::start("postgres", command)
}

/// A command for a Postgres program, run by a user that it accepts.
pub(super) fn unprivileged(name: &str) -> Command {
    let program = program(name);
    let mut command = if geteuid().is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program.get_program());
        setpriv
    } else {
        program
    };
    command.current_dir("/").env("LC_ALL", "C");
    command
}

/// A command for a program of the newest installed Postgres. Debian does not put server programs into PATH, and a
/// user's PATH may lack programs for administrators.
fn program(name: &str) -> Command {
    let in_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    let folders = versions.into_iter().chain(in_path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    Command::new(found.unwrap_or_else(|| panic!("{name} is not installed: packages postgresql, pgbouncer")))
}
