//! What is copied: each table with its key and its columns, in an order in which no row comes before one that it
//! refers to.
//!
//! A new table or column goes here, or into [`NOT_COPIED`] with the reason. The suite compares this list with the schemas
//! that the migrations of both databases make, and fails on any difference.

use super::value::Kind::{self, Bytes, Flag, Number, Text};

/// A column, of the same name on both databases.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

/// A table, of the same name on both databases.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// The primary key. Rows are read and written in its order.
    pub key: &'static [&'static str],
    pub columns: &'static [Column],
    /// The database gives the key, which is a number.
    pub is_numbered: bool,
    /// A trigger that would change an inserted row. It is off while a batch is written.
    pub muted: Option<&'static str>,
}

impl Table {
    /// Where the columns of the key stand in a row.
    pub(super) fn key_places(&self) -> impl Iterator<Item = usize> + '_ {
        self.key.iter().filter_map(|key| self.columns.iter().position(|column| column.name == *key))
    }
}

/// Tables that are not copied, and why.
pub const NOT_COPIED: &[(&str, &str)] = &[
    (
        "user_words",
        "a trigger makes them when people are written; the databases make small letters differently",
    ),
    ("changes", "what the processes that serve the file have not read yet: none serves it"),
    ("session_values", "`--sessions` copies what still counts"),
    ("session_index", "`--sessions` copies what still counts"),
    ("session_counters", "`--sessions` copies what still counts"),
    ("migrations", "each database has migrations of its own"),
    ("copy_state", "it is about the copy itself"),
    ("leases", "which replica leads is decided anew"),
    ("serving_replicas", "each replica notes itself"),
    ("backup_drills", "dumps of the source are not restored into the target"),
    ("sqlite_sequence", "SQLite's own"),
];

macro_rules! table {
    ($name:ident [$($key:ident),+] $($numbered:ident)? { $($column:ident: $kind:ident),+ $(,)? }) => {
        Table {
            name: stringify!($name),
            key: &[$(stringify!($key)),+],
            columns: &[$(Column { name: stringify!($column), kind: $kind }),+],
            is_numbered: !stringify!($($numbered)?).is_empty(),
            muted: None,
        }
    };
}

/// The tables, in the order in which they are written.
pub const TABLES: &[Table] = &[
    table!(users [id] {
        id: Text, email: Text, name: Text, disabled_at: Number, sessions_not_before: Number, created_at: Number,
        last_sign_in_at: Number, version: Number,
    }),
    table!(identities [issuer, subject] {
        issuer: Text, subject: Text, provider: Text, user_id: Text, sessions_not_before: Number,
        groups_known_at: Number, created_at: Number, email: Text,
    }),
    table!(former_addresses [email] {
        email: Text, user_id: Text, until: Number,
    }),
    table!(groups [id] numbered {
        id: Number, name: Text, version: Number, managed_by: Text,
    }),
    table!(provider_groups [id] numbered {
        id: Number, provider: Text, kind: Text, external_id: Text, display_name: Text, group_id: Number,
        source: Text, managed_by: Text,
    }),
    table!(provider_memberships [user_id, provider_group_id] {
        user_id: Text, provider_group_id: Number,
    }),
    table!(manual_memberships [user_id, group_id, source] {
        user_id: Text, group_id: Number, source: Text, version: Number, until: Number, managed_by: Text,
    }),
    table!(tiers [id] {
        id: Text, features: Text, limits: Text, created_at: Number, updated_at: Number, version: Number,
        managed_by: Text, prices: Text,
    }),
    table!(tenants [id] {
        id: Text, name: Text, created_at: Number, version: Number, managed_by: Text, state: Text, tier: Text,
        features: Text, limits: Text, settings: Text, branding: Text, updated_at: Number,
        suspended_at: Number, suspended_reason: Text, deleted_at: Number, service: Text,
    }),
    table!(tenant_hosts [host] {
        host: Text, tenant_id: Text, state: Text, proof: Text, proved_at: Number, created_at: Number,
        version: Number,
    }),
    table!(tenant_invitations [id] {
        id: Text, tenant_id: Text, email: Text, role: Text, hash: Bytes, created_at: Number, expires_at: Number,
    }),
    table!(tenant_logos [tenant_id] {
        tenant_id: Text, hash: Bytes, content: Bytes, created_at: Number,
    }),
    table!(tenant_providers [tenant_id] {
        tenant_id: Text, kind: Text, place: Text, client_id: Text, secret: Text, label: Text, groups_claim: Text,
        trusts_addresses: Flag, is_only: Flag, created_at: Number, updated_at: Number, version: Number,
    }),
    table!(tenant_domains [tenant_id, domain] {
        tenant_id: Text, domain: Text, state: Text, proof: Text, proved_at: Number, created_at: Number,
    }),
    table!(refused_names [kind, name] {
        kind: Text, name: Text, refused_at: Number,
    }),
    table!(group_tenants [group_id, tenant_id] {
        group_id: Number, tenant_id: Text, role: Text, version: Number, managed_by: Text,
    }),
    table!(tenant_members [tenant_id, user_id] {
        tenant_id: Text, user_id: Text, role: Text, source: Text, until: Number, created_at: Number,
        version: Number,
    }),
    table!(usage_days [tenant_id, day, meter, part] {
        tenant_id: Text, day: Number, meter: Text, part: Text, value: Number,
    }),
    table!(usage_people [tenant_id, month, user_id] {
        tenant_id: Text, month: Number, user_id: Text, days: Number,
    }),
    table!(usage_batches [replica] {
        replica: Text, number: Number, written_at: Number,
    }),
    table!(usage_events [reporter, source, id] {
        reporter: Text, source: Text, id: Text, tenant_id: Text, received_at: Number,
    }),
    table!(usage_bills [tenant_id, month, erased_at] {
        tenant_id: Text, month: Number, currency: Text, total: Number, lines: Text, erased_at: Number,
    }),
    table!(admin_overrides [user_id] {
        user_id: Text, is_admin: Flag, version: Number, until: Number, managed_by: Text,
    }),
    table!(admin_groups [name] {
        name: Text,
    }),
    table!(admin_roles [provider, role] {
        provider: Text, role: Text,
    }),
    table!(ended_sessions [session_hash] {
        session_hash: Bytes, user_id: Text, ended_at: Number, expires_at: Number,
    }),
    table!(ended_provider_sessions [provider, sid_hash] {
        provider: Text, sid_hash: Bytes, ended_at: Number, expires_at: Number,
    }),
    table!(access_requests [id] {
        id: Text, user_id: Text, group_id: Number, tenant_id: Text, note: Text, state: Text, created_at: Number,
        decided_at: Number, decided_by: Text, answer: Text, until: Number,
    }),
    table!(tenant_proposals [id] {
        id: Text, user_id: Text, tenant_id: Text, name: Text, reason: Text, state: Text, created_at: Number,
        expires_at: Number, decided_at: Number, decided_by: Text, answer: Text,
    }),
    table!(keys [id] {
        id: Text, hash: Bytes, hint: Text, name: Text, machine_name: Text, tenant_id: Text, owner_id: Text,
        created_by: Text, scopes: Text, hosts: Text, networks: Text, tools: Text, role: Text,
        requests_per_minute: Number, expires_at: Number, endless_reason: Text, previous_hash: Bytes,
        previous_until: Number, last_used_at: Number, last_used_from: Text, revoked_at: Number,
        created_at: Number, version: Number, managed_by: Text, trial_of: Text,
    }),
    table!(key_groups [key_id, group_id] {
        key_id: Text, group_id: Number,
    }),
    table!(tool_servers [id] {
        id: Text, tenant_id: Text, url: Text, name: Text, provider: Text, audience: Text, scopes: Text,
        mode: Text, documentation: Text, is_default: Flag, created_at: Number, version: Number,
        service: Text,
    }),
    table!(tool_rules [id] {
        id: Text, tool_server_id: Text, subject: Text, group_id: Number, kind: Text, pattern: Text,
        created_at: Number, managed_by: Text,
    }),
    table!(refusals [id] numbered {
        id: Number, request_id: Text, at: Number, user_id: Text, email: Text, host: Text, method: Text,
        path: Text, kind: Text, asker: Text, requirement: Text, status: Number, reason: Text, missing: Text,
        address: Text, via: Text, key_id: Text, detail: Text,
    }),
    table!(requirements [host, query] {
        host: Text, query: Text, seen_at: Number,
    }),
    table!(idempotent_requests [key] {
        key: Text, request: Text, at: Number, answer: Text,
    }),
    table!(erasures [user_id] {
        user_id: Text, at: Number,
    }),
    table!(tenant_erasures [tenant_id, created_at] {
        tenant_id: Text, created_at: Number, at: Number,
    }),
    Table {
        muted: Some("complete_audit_entry"),
        ..table!(audit_entries [id] numbered {
            id: Number, at: Number, actor: Text, action: Text, target: Text, before: Text, after: Text,
            address: Text, request_id: Text, via: Text, tenant_id: Text, key_id: Text, hour: Number,
            before_digest: Bytes, after_digest: Bytes, address_digest: Bytes, erased_by: Number,
        })
    },
    table!(audit_heads [hour] {
        hour: Number, form: Number, first_id: Number, last_id: Number, count: Number, sha256: Bytes,
        previous: Bytes, cut_by: Number,
    }),
];
