//! How rows become structs: `row!` makes a struct that sqlx reads by the names of its fields.
//!
//! It does what sqlx's derive does. The derive would have every build compile sqlx's drivers, with SQLite's C code, a
//! second time for the compiler; and it cannot read a type of another crate, such as [`UserId`], without an attribute.
//! A value that its type does not accept is [`sqlx::Error::ColumnDecode`].

use super::actor::Who;
use super::records::LinkSource;
use super::salted_digest::SaltedDigest;
use gatepost_core::access::Role;
use gatepost_core::access_request::{RequestState, Wanted};
use gatepost_core::administration::Version;
use gatepost_core::api_key::{KeyId, KeyLimits};
use gatepost_core::branding::Branding;
use gatepost_core::clock::Timestamp;
use gatepost_core::email::EmailAddress;
use gatepost_core::host::HostName;
use gatepost_core::identity::{ExternalGroup, GroupKind, SubjectKey};
use gatepost_core::ids::{
    AccessRequestId, GroupId, GroupName, InvitationId, ProposalId, ProviderId, RequestId, ServiceName,
    TenantId, TierId, ToolRuleId, ToolServerId, UserId,
};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::endpoint::Endpoint;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::secret::Hash;
use gatepost_core::tenant::TenantState;
use gatepost_core::tenant_host::{HostProof, HostState};
use gatepost_core::tenant_proposal::ProposalState;
use gatepost_core::tenant_provider::{EmailDomain, TenantProviderKind};
use gatepost_core::tier::{Allowances, JsonObject, TierTerms};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_core::usage::Prices;
use sqlx::error::{BoxDynError, UnexpectedNullError};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Result, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// The condition that a key counts no more because of its owner. The gate, the API and the lists ask this one.
macro_rules! key_is_stopped {
    () => {
        "(k.owner_id IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM users o WHERE o.id = k.owner_id AND o.disabled_at IS NULL))"
    };
}

/// Defines a struct and reads it from a row: each field from the column of its name. A field whose type is such a
/// struct itself is read from that struct's columns.
macro_rules! row {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $type),+
        }

        impl $crate::directory::columns::Field for $name {
            fn read<R: $crate::directory::columns::Columns>(row: &R, _column: &str) -> ::sqlx::Result<Self> {
                Ok(Self { $($field: $crate::directory::columns::Field::read(row, stringify!($field))?),+ })
            }
        }

        impl<R: ::sqlx::Row + $crate::directory::columns::Columns> ::sqlx::FromRow<'_, R> for $name {
            fn from_row(row: &R) -> ::sqlx::Result<Self> {
                $crate::directory::columns::Field::read(row, "")
            }
        }
    };
}

/// A row of either database. `None` is NULL.
pub trait Columns {
    fn text(&self, column: &str) -> Result<Option<String>>;
    fn number(&self, column: &str) -> Result<Option<i64>>;
    fn flag(&self, column: &str) -> Result<Option<bool>>;
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>>;
}

macro_rules! columns_of {
    ($($row:ty),+) => {$(
        impl Columns for $row {
            fn text(&self, column: &str) -> Result<Option<String>> {
                self.try_get(column)
            }

            fn number(&self, column: &str) -> Result<Option<i64>> {
                self.try_get(column)
            }

            fn flag(&self, column: &str) -> Result<Option<bool>> {
                self.try_get(column)
            }

            fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>> {
                self.try_get(column)
            }
        }
    )+};
}
columns_of!(PgRow, SqliteRow);

/// A type that a field of a row may have.
pub trait Field: Sized {
    fn read<R: Columns>(row: &R, column: &str) -> Result<Self>;
}

/// A type that is stored in one column. `None` is NULL.
pub trait Value: Sized {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>>;
}

impl<T: Value> Field for T {
    fn read<R: Columns>(row: &R, column: &str) -> Result<Self> {
        T::find(row, column)?.ok_or_else(|| unreadable(column, UnexpectedNullError))
    }
}

impl<T: Value> Field for Option<T> {
    fn read<R: Columns>(row: &R, column: &str) -> Result<Self> {
        T::find(row, column)
    }
}

fn unreadable(column: &str, error: impl Into<BoxDynError>) -> Error {
    Error::ColumnDecode { index: column.to_owned(), source: error.into() }
}

fn parse<T, E: Into<BoxDynError>>(
    row: &impl Columns,
    column: &str,
    parse: impl FnOnce(&str) -> std::result::Result<T, E>,
) -> Result<Option<T>> {
    let text = row.text(column)?;
    text.map(|text| parse(&text).map_err(|error| unreadable(column, error))).transpose()
}

macro_rules! stored_as_text {
    ($($type:ty),+) => {$(
        impl Value for $type {
            fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
                parse(row, column, str::parse)
            }
        }
    )+};
}
stored_as_text!(
    AccessRequestId,
    Branding,
    EmailAddress,
    EmailDomain,
    Endpoint,
    GroupName,
    HostName,
    HostProof,
    HostState,
    InvitationId,
    JsonObject,
    KeyId,
    Kind,
    LinkSource,
    Mode,
    Prices,
    ProposalId,
    ProposalState,
    ProviderId,
    RequestId,
    RequestState,
    Role,
    ServiceName,
    TenantProviderKind,
    TenantState,
    TierId,
    ToolPattern,
    ToolRuleId,
    UserId,
    Who
);

impl Value for TenantId {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        parse(row, column, Self::from_stored)
    }
}

impl Value for ToolServerId {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        parse(row, column, Self::from_stored)
    }
}

impl Value for String {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        row.text(column)
    }
}

impl Value for i64 {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        row.number(column)
    }
}

impl Value for bool {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        row.flag(column)
    }
}

impl Value for Hash {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        let read = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map(Self::from_bytes);
        let bytes = row.bytes(column)?;
        bytes.map(|bytes| read(bytes).map_err(|_| unreadable(column, "expected 32 bytes"))).transpose()
    }
}

impl Value for SaltedDigest {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        Ok(row.bytes(column)?.map(Self::from_bytes))
    }
}

impl Value for Version {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        Ok(row.number(column)?.map(Self::from_number))
    }
}

impl Value for GroupId {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        Ok(row.number(column)?.map(Self::from_number))
    }
}

impl Value for Timestamp {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        Ok(row.number(column)?.map(Self::from_unix))
    }
}

/// A JSON array of texts.
impl<T: FromStr<Err: Into<BoxDynError>>> Value for Vec<T> {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        parse(row, column, |json| -> std::result::Result<Self, BoxDynError> {
            let texts: Vec<String> = serde_json::from_str(json)?;
            texts.iter().map(|text| text.parse().map_err(Into::into)).collect()
        })
    }
}

/// A JSON array of texts.
impl Value for BTreeSet<String> {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        parse(row, column, |json| serde_json::from_str(json))
    }
}

/// A JSON array of ids of tenants.
#[derive(Debug)]
pub struct TenantIds(pub Vec<TenantId>);

impl Value for TenantIds {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        parse(row, column, |json| -> std::result::Result<Self, BoxDynError> {
            let texts: Vec<String> = serde_json::from_str(json)?;
            let ids: std::result::Result<_, _> =
                texts.iter().map(|text| TenantId::from_stored(text)).collect();
            Ok(Self(ids?))
        })
    }
}

/// A JSON array of `ID ROLE`. A tenant that occurs more than once has the highest of its roles.
impl Value for BTreeMap<TenantId, Role> {
    fn find<R: Columns>(row: &R, column: &str) -> Result<Option<Self>> {
        parse(row, column, |json| -> std::result::Result<Self, BoxDynError> {
            let mut tenants = Self::new();
            for pair in serde_json::from_str::<Vec<String>>(json)? {
                let (id, role) = pair.split_once(' ').unwrap_or((&pair, ""));
                let role: Role = role.parse()?;
                let highest = tenants.entry(TenantId::from_stored(id)?).or_insert(role);
                *highest = role.max(*highest);
            }
            Ok(tenants)
        })
    }
}

/// Read from `provider`, `kind` and `external_id`.
impl Field for ExternalGroup {
    fn read<R: Columns>(row: &R, _column: &str) -> Result<Self> {
        let kind = String::read(row, "kind")?;
        let kind = if kind == GroupKind::Role.as_str() { GroupKind::Role } else { GroupKind::Group };
        let (provider, external_id) = (Field::read(row, "provider")?, Field::read(row, "external_id")?);
        Ok(Self { provider, kind, external_id })
    }
}

/// Read from `group_name` and `tenant_id`, of which one is set.
impl Field for Wanted {
    fn read<R: Columns>(row: &R, _column: &str) -> Result<Self> {
        match Field::read(row, "group_name")? {
            Some(name) => Ok(Self::Group(name)),
            None => Field::read(row, "tenant_id").map(Self::Tenant),
        }
    }
}

/// Read from the columns of its fields.
impl Field for KeyLimits {
    fn read<R: Columns>(row: &R, _column: &str) -> Result<Self> {
        let rate = "requests_per_minute";
        let narrow = |number: i64| number.try_into().map_err(|error| unreadable(rate, error));
        Ok(Self {
            is_ended: false,
            expires_at: Field::read(row, "expires_at")?,
            scopes: Field::read(row, "scopes")?,
            hosts: Field::read(row, "hosts")?,
            networks: Field::read(row, "networks")?,
            tools: Field::read(row, "tools")?,
            requests_per_minute: row.number(rate)?.map(narrow).transpose()?,
            trial: Field::read(row, "trial_of")?,
        })
    }
}

impl Field for Allowances {
    fn read<R: Columns>(row: &R, _column: &str) -> Result<Self> {
        Ok(Self { features: Field::read(row, "features")?, limits: Field::read(row, "limits")? })
    }
}

impl Field for TierTerms {
    fn read<R: Columns>(row: &R, column: &str) -> Result<Self> {
        Ok(Self { allowances: Field::read(row, column)?, prices: Field::read(row, "prices")? })
    }
}

/// Read from `issuer` and `subject`.
impl Field for SubjectKey {
    fn read<R: Columns>(row: &R, _column: &str) -> Result<Self> {
        Ok(Self { issuer: Field::read(row, "issuer")?, subject: Field::read(row, "subject")? })
    }
}
