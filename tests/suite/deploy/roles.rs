//! The roles that `deploy/postgres/roles.sh` makes, on a real Postgres: Gatepost needs no superuser, backups need no right
//! to change anything, and a database that the superuser owned is handed over.

use super::backup::{dump, run, script};
use super::repository;
use crate::check::checked_site::CheckedSite;
use gatepost_kit::process::{Postgres, Redis};
use sqlx::PgPool;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// What does not belong to the owner, of all that is Gatepost's.
const STRANGE: &str = "SELECT count(*) FROM (\
    SELECT datdba AS owner FROM pg_database WHERE datname = current_database() \
    UNION ALL SELECT nspowner FROM pg_namespace WHERE nspname = 'gatepost' \
    UNION ALL SELECT relowner FROM pg_class WHERE relnamespace = 'gatepost'::regnamespace \
    UNION ALL SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace \
    UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'gatepost'::regnamespace) AS owned \
    WHERE owner <> 'gatepost_owner'::regrole";

/// One server, one database of it by the URL of the superuser, a site on it whose Gatepost is the owner.
struct Site {
    server: Postgres,
    url: String,
    redis: Redis,
    folder: TempDir,
}

impl Site {
    async fn new() -> Self {
        let server = Postgres::private().await;
        let url = server.database().await;
        let folder = TempDir::new().unwrap();
        for name in ["owner", "backup"] {
            std::fs::write(folder.path().join(name), format!("it's \"{name}\"\n")).unwrap();
        }
        Self { server, url, redis: Redis::start().await, folder }
    }

    fn database(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    fn url_of(&self, role: &str) -> String {
        self.url.replace(Postgres::USER, role)
    }

    async fn checked_as(&self, role: &str) -> CheckedSite {
        CheckedSite::embedded().await.shared(&self.redis.url(), &self.url_of(role))
    }

    /// As Postgres' image runs it.
    async fn make_roles(&self) {
        let mut command = Command::new(repository("deploy/postgres/roles.sh"));
        let password = |name: &str| self.folder.path().join(name);
        command
            .env("PGHOST", self.server.addr().ip().to_string())
            .env("PGPORT", self.server.addr().port().to_string())
            .env("POSTGRES_USER", Postgres::USER)
            .env("POSTGRES_DB", self.database())
            .env("OWNER_PASSWORD_FILE", password("owner"))
            .env("BACKUP_PASSWORD_FILE", password("backup"));
        let (is_done, said) = run(command).await;
        assert!(is_done, "{said}");
    }

    async fn restore(&self, file: &Path) {
        let mut command = script("restore.sh", &self.url, self.folder.path());
        command.env("RESTORE_OWNER", "gatepost_owner").arg(file);
        let (is_done, said) = run(command).await;
        assert!(is_done, "{said}");
    }

    async fn belongs_to_the_owner(&self) {
        assert_eq!(self.server.sql(self.database(), STRANGE).await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gatepost_runs_as_an_owner_that_is_no_superuser_and_backups_as_a_reader() {
    let site = Site::new().await;
    site.make_roles().await;
    let rights = "SELECT string_agg(concat_ws(' ', rolname, rolsuper, rolcreatedb, rolcreaterole, rolpassword LIKE 'SCRAM%'), ', ' ORDER BY rolname) \
        FROM pg_authid WHERE rolname IN ('gatepost_owner', 'gatepost_backup')";
    assert_eq!(site.server.sql("postgres", rights).await, "gatepost_backup f f f t, gatepost_owner f f f t");
    let checked = site.checked_as("gatepost_owner").await;
    checked.command(&["migrate"]).await;
    checked.command(&["group", "add", "Known", "a@example.com"]).await;
    checked.examine(&[]).await.has_only(&["warning postgres-not-durable"]);
    site.belongs_to_the_owner().await;

    let dumps = TempDir::new().unwrap();
    let file = dump(&site.url_of("gatepost_backup"), dumps.path()).await;
    let reader = PgPool::connect(&site.url_of("gatepost_backup")).await.unwrap();
    for change in [
        "DELETE FROM gatepost.users",
        "INSERT INTO user_admin_status VALUES ('a@example.com', true)",
        "CREATE SCHEMA mine",
        "ALTER ROLE gatepost_backup SUPERUSER",
    ] {
        let refused = sqlx::query(change).execute(&reader).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be"), "{change}: {refused}");
    }
    reader.close().await;

    checked.command(&["group", "remove", "Known", "a@example.com"]).await;
    site.restore(&file).await;
    site.belongs_to_the_owner().await;
    checked.command(&["group", "remove", "Known", "a@example.com"]).await;
    checked.examine(&[]).await.has_only(&["warning postgres-not-durable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_the_superusers_is_handed_over_to_the_owner() {
    let site = Site::new().await;
    let superuser = site.checked_as(Postgres::USER).await;
    superuser.command(&["migrate"]).await;
    superuser.command(&["group", "add", "Known", "a@example.com"]).await;
    for _ in 0..2 {
        site.make_roles().await;
        site.belongs_to_the_owner().await;
    }
    let owner = site.checked_as("gatepost_owner").await;
    owner.examine(&[]).await.has_only(&["warning postgres-not-durable"]);
    owner.command(&["group", "remove", "Known", "a@example.com"]).await;
    site.server.sql(site.database(), "CREATE ROLE writer LOGIN IN ROLE gatepost_views_writer").await;
    let writer = PgPool::connect(&site.url_of("writer")).await.unwrap();
    sqlx::query("INSERT INTO user_group_membership VALUES ('b@example.com', 'Known')")
        .execute(&writer)
        .await
        .unwrap();
    assert!(owner.command(&["group", "members", "Known"]).await.contains("b@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_serves_after_a_migration_by_the_owner() {
    let site = Site::new().await;
    site.make_roles().await;
    site.server.sql("postgres", "CREATE ROLE \"the app\" LOGIN").await;
    let app = site.checked_as("the%20app").await;
    let alone = app.refused(&["migrate"]).await;
    assert!(alone.contains("may not change it\nhint: migrate as the role that owns the tables"), "{alone}");

    let elsewhere = site.server.database().await.replace(Postgres::USER, "gatepost_owner");
    for (owner, why) in [
        (elsewhere.as_str(), "lead to different databases, and nothing was changed"),
        (&site.url_of("the%20app"), "name the same role"),
        ("gatepost_owner", "is no address of Postgres"),
    ] {
        let refused = app.refused(&["migrate", "--as-owner", owner]).await;
        assert!(refused.contains(why), "{owner}: {refused}");
    }
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'gatepost'";
    for database in [site.database(), elsewhere.rsplit('/').next().unwrap()] {
        assert_eq!(site.server.sql(database, schemas).await, "0", "{database}");
    }

    let owner = site.url_of("gatepost_owner");
    for _ in 0..2 {
        let done = app.command(&["migrate", "--as-owner", &owner]).await;
        assert_eq!(done, "The directory's schema is up to date, and the app may serve.\n");
    }
    site.belongs_to_the_owner().await;
    app.examine(&[]).await.has_only(&["warning postgres-not-durable"]);
    app.command(&["migrate"]).await;
    app.command(&["group", "add", "Known", "a@example.com"]).await;
    app.command(&["audit", "verify"]).await;
    let pool = PgPool::connect(&site.url_of("the%20app")).await.unwrap();
    for change in [
        "UPDATE gatepost.audit_entries SET actor = 'x'",
        "DELETE FROM gatepost.audit_entries",
        "TRUNCATE gatepost.audit_heads",
        "DELETE FROM gatepost.migrations",
        "CREATE TABLE gatepost.mine (id bigint)",
        "ALTER TABLE gatepost.users ADD COLUMN mine text",
    ] {
        let refused = sqlx::query(change).execute(&pool).await.unwrap_err().to_string();
        assert!(
            refused.contains("permission denied") || refused.contains("must be owner"),
            "{change}: {refused}"
        );
    }
    let embedded = CheckedSite::embedded().await;
    let refused = embedded.refused(&["migrate", "--as-owner", &owner]).await;
    assert!(refused.contains("a file, which has no roles"), "{refused}");
}
