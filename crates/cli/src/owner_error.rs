//! What can be wrong with the owner that `gatepost migrate --as-owner` is given.

/// What is wrong with the owner that was given.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnerError {
    #[error("--as-owner is no address of Postgres: expected postgres://OWNER@HOST/DATABASE")]
    NotPostgres,
    #[error("DATABASE_URL names a file, which has no roles")]
    NoRoles,
    #[error("DATABASE_URL and --as-owner name the same role")]
    SameRole,
    #[error("DATABASE_URL and --as-owner lead to different databases, and nothing was changed")]
    OtherDatabase,
}

impl OwnerError {
    /// What to do.
    pub(super) const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NotPostgres => return None,
            Self::NoRoles | Self::SameRole => "`gatepost migrate` alone suffices",
            Self::OtherDatabase => "give the same host and database, each with its own user",
        })
    }
}
