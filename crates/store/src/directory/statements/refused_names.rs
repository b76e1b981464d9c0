//! Names in the DNS that an administrator refused. They stay refused whatever becomes of the rows of tenants that proposed them.

use super::{Connection, Result, present};

/// What a name was refused as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A domain of addresses.
    Domain,
    /// A host.
    Host,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Host => "host",
        }
    }
}

/// Whether no record in the DNS makes the name a tenant's.
pub(super) async fn has(connection: &mut Connection, kind: Kind, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM refused_names WHERE kind = $1 AND name = $2)";
    Ok(sqlx::query_scalar(sql).bind(kind.as_str()).bind(name).fetch_one(connection).await?)
}

/// An administrator refuses the name.
pub(super) async fn add(connection: &mut Connection, kind: Kind, name: &str) -> Result<()> {
    let now = present(connection).await?;
    let sql = "INSERT INTO refused_names (kind, name, refused_at) VALUES ($1, $2, $3) ON CONFLICT (kind, name) DO NOTHING";
    let query = sqlx::query(sql).bind(kind.as_str()).bind(name).bind(now.unix());
    Ok(query.execute(connection).await.map(drop)?)
}

/// An administrator approves the name after all.
pub(super) async fn remove(connection: &mut Connection, kind: Kind, name: &str) -> Result<()> {
    let query = sqlx::query("DELETE FROM refused_names WHERE kind = $1 AND name = $2").bind(kind.as_str());
    Ok(query.bind(name).execute(connection).await.map(drop)?)
}
