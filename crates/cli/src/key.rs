//! `gatepost key`: API keys, with which programs pass.

use super::console::Console;
use super::error::CommandError;
use super::key_table;
use super::only_here::OnlyHere;
use super::report::{Report, minute, minute_of, minute_or_dash};
use clap::{Args, Subcommand};
use gatepost_admin::views::{Key, KeyChange, LookedUpKey, NewKey};
use gatepost_config::duration;
use gatepost_core::administration::Scope;
use gatepost_core::api_key::{ApiKey, KeyExpiry, KeyId, KeyLimits, KeyName, KeyNetwork, KeyScope};
use gatepost_core::host::HostName;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_store::directory::changes::{CreateKey, KeyUpdate, RotateKey, ShownKey, UpdateKey};
use gatepost_store::directory::{KeyFilter, KeyHolder, UserKey};
use std::io;
use std::str::FromStr;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a key and prints it, alone on standard output; it is never shown again
    #[command(after_help = "Examples:\n  gatepost key create ci --host wiki.example.com\n  \
        gatepost key create reader --scope api.read --tenant github --expires 30d")]
    Create(Box<Create>),
    /// Shows all keys, never their secrets
    #[command(after_help = "Examples:\n  gatepost key list\n  gatepost key list --tenant github --json")]
    List {
        /// Only keys of this tenant
        #[arg(long)]
        tenant: Option<TenantId>,
        /// Only keys of this person, by address or id
        #[arg(long)]
        owner: Option<UserKey>,
    },
    /// Shows one key
    #[command(after_help = "Example:\n  gatepost key show 0199d1f0-5b7c-7d2e-8a3f-0123456789ab")]
    Show {
        /// The key's id, as `key list` shows it
        id: KeyId,
    },
    /// Changes a key; what is not given stays
    #[command(
        after_help = "Example:\n  gatepost key update 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --host wiki.example.com --expires 90d"
    )]
    Update {
        /// The key's id
        id: KeyId,
        /// What people call it
        #[arg(long)]
        name: Option<KeyName>,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        expiry: Expiry,
    },
    /// Gives a key another secret and prints it, alone on standard output
    #[command(
        after_help = "Example:\n  gatepost key rotate 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --overlap 1d"
    )]
    Rotate {
        /// The key's id
        id: KeyId,
        /// How long the old secret counts too; 0s ends it at once
        #[arg(long, value_name = "DURATION", default_value = "1d")]
        overlap: Span,
    },
    /// Ends a key for good, within a second on every replica
    #[command(after_help = "Example:\n  gatepost key revoke 0199d1f0-5b7c-7d2e-8a3f-0123456789ab")]
    Revoke {
        /// The key's id
        id: KeyId,
    },
    /// Reads a key that was found somewhere from standard input, and shows whose it is
    #[command(after_help = "Example:\n  gatepost key lookup")]
    Lookup,
}

/// What a new key is to be.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// What people call it
    name: KeyName,
    /// The tenant that it opens
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The person with whom it ends, by address or id
    #[arg(long)]
    owner: Option<UserKey>,
    /// What it may be used for: gate (the default), api.read, api.write, usage.write, scim, act-as or act-as:SPEAKER
    #[arg(long = "scope", value_name = "SCOPE", default_value = "gate")]
    scopes: Vec<KeyScope>,
    /// A group that it is in
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<GroupName>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    expiry: Expiry,
}

/// What a key allows.
#[derive(Debug, Args)]
pub(super) struct Limits {
    /// A protected host at which it counts
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// A network from which it counts, such as 10.0.0.0/8; without one it counts from everywhere
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<KeyNetwork>,
    /// A tool that it may call, such as github:get_*; without one it may call all
    #[arg(long = "tool", value_name = "PATTERN")]
    tools: Vec<ToolPattern>,
    /// How many requests it may send a minute
    #[arg(long, value_name = "NUMBER")]
    per_minute: Option<u32>,
}

/// When a key expires.
#[derive(Debug, Args)]
pub(super) struct Expiry {
    /// After this time, at most 366d; a new key without it expires after 90d
    #[arg(long, value_name = "DURATION", conflicts_with = "never")]
    expires: Option<Span>,
    /// Never, for the reason that --reason gives
    #[arg(long, requires = "reason")]
    never: bool,
    /// Why it never expires
    #[arg(long, value_name = "TEXT", requires = "never")]
    reason: Option<String>,
}

impl Expiry {
    /// `None`: nothing is said. The database's clock decides when a key expires, so its life begins there.
    async fn read(self, console: &Console) -> Result<Option<KeyExpiry>, CommandError> {
        Ok(match (self.expires, self.never) {
            (Some(Span(span)), _) => Some(KeyExpiry::At(console.clock().await?.plus(span))),
            (None, true) => Some(KeyExpiry::Never(self.reason.unwrap_or_default())),
            (None, false) => None,
        })
    }
}

/// A duration of whole seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(Duration);

/// The text is not a duration.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a duration up to 36500d: expected 30m, 8h or 90d")]
pub(super) struct SpanError(String);

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let longest = Duration::from_hours(36_500 * 24);
        let span = duration::parse(text).filter(|span| *span <= longest);
        span.map(Self).ok_or_else(|| SpanError(text.to_owned()))
    }
}

pub(super) async fn run(console: &Console, command: Command) -> Result<Report, CommandError> {
    match command {
        Command::Create(create) => self::create(console, *create).await,
        Command::List { tenant, owner } => {
            let owner = owner_id(console, owner.as_ref()).await?;
            key_table::list(console, &KeyFilter { tenant, owner, ..KeyFilter::default() }).await
        }
        Command::Show { id } => {
            let key = find(console, id).await?;
            Ok(Report::new(key_table::described(&key), key))
        }
        Command::Update { id, name, limits, expiry } => {
            let admin = &console.only_here(OnlyHere::Keys)?.admin;
            let expiry = expiry.read(console).await?;
            let holder = admin.find_key(id, &console.actor).await?.holder();
            let new = update(console, holder.tenant.as_ref(), (name, limits, expiry)).await?;
            let done = console.carry_out_here(&UpdateKey { id, holder, new }).await?;
            let is = if done.changed { console.either("was", "would be") } else { "already is" };
            let record = Key::from(&done.outcome);
            let text = format!("Key {id} {is} so:\n{}", key_table::described(&record));
            Ok(Report::new(text, KeyChange { record, changed: done.changed }))
        }
        Command::Rotate { id, overlap: Span(overlap) } => {
            let admin = &console.only_here(OnlyHere::Keys)?.admin;
            let holder = admin.find_key(id, &console.actor).await?.holder();
            let new = console.carry_out_here(&RotateKey { id, holder, overlap }).await?.outcome;
            let old = match new.record.previous_until.filter(|_| !overlap.is_zero()) {
                Some(until) => format!("The old secret counts until {} UTC.", minute(until)),
                None => "The old secret counts no more.".to_owned(),
            };
            Ok(shown(console, &new, &format!("Key {id} has another secret, which is not shown again. {old}")))
        }
        Command::Revoke { id } => revoke(console, id).await,
        Command::Lookup => look_up(console).await,
    }
}

async fn owner_id(
    console: &Console,
    owner: Option<&UserKey>,
) -> Result<Option<gatepost_core::ids::UserId>, CommandError> {
    match owner {
        Some(owner) => Ok(Some(console.find_user(owner).await?.id)),
        None => Ok(None),
    }
}

async fn create(console: &Console, create: Create) -> Result<Report, CommandError> {
    let Create { name, tenant, owner, scopes, groups, limits, expiry } = create;
    let admin = &console.only_here(OnlyHere::Keys)?.admin;
    let owner = owner_id(console, owner.as_ref()).await?;
    let expiry = expiry.read(console).await?.unwrap_or_default();
    let Limits { hosts, networks, tools, per_minute: requests_per_minute } = limits;
    let faults = admin.faults_of_hosts(tenant.as_ref(), &hosts).await?;
    let limits = KeyLimits { scopes, hosts, networks, tools, requests_per_minute, ..KeyLimits::default() };
    let change = CreateKey { name, holder: KeyHolder { tenant, owner }, limits, groups, expiry, faults };
    let new = console.carry_out_here(&change).await?.outcome;
    let text = format!("This key is not shown again.\n{}", key_table::described(&(&new.record).into()));
    Ok(shown(console, &new, &text))
}

/// The secret, and what is said about it. A dry run has none that counts.
fn shown(console: &Console, new: &ShownKey, text: &str) -> Report {
    if console.conditions.is_dry_run {
        let text = format!("A key would be made.\n{}", key_table::described(&(&new.record).into()));
        Report::new(text, NewKey::hidden(new, "A dry run makes no key."))
    } else {
        Report::new(text, NewKey::shown(new)).secret(new.secret.expose())
    }
}

async fn update(
    console: &Console,
    tenant: Option<&TenantId>,
    (name, limits, expiry): (Option<KeyName>, Limits, Option<KeyExpiry>),
) -> Result<KeyUpdate, CommandError> {
    let Limits { hosts, networks, tools, per_minute } = limits;
    let faults = console.here()?.admin.faults_of_hosts(tenant, &hosts).await?;
    Ok(KeyUpdate {
        name,
        hosts: (!hosts.is_empty()).then_some(hosts),
        networks: (!networks.is_empty()).then_some(networks),
        tools: (!tools.is_empty()).then_some(tools),
        requests_per_minute: per_minute.map(Some),
        expiry,
        faults,
    })
}

/// The key, as far as it exists for whoever asks.
async fn find(console: &Console, id: KeyId) -> Result<Key, CommandError> {
    match console.api() {
        Some(api) => Ok(api.find_key(id).await?),
        None => Ok((&console.here()?.admin.find_key(id, &console.actor).await?).into()),
    }
}

async fn revoke(console: &Console, id: KeyId) -> Result<Report, CommandError> {
    let KeyChange { record, changed } = if let Some(api) = console.api() {
        console.sent(api.revoke_key(id, console.conditions).await)?
    } else {
        let change = console.here()?.admin.revocation_of_key(id, &console.actor).await?;
        let done = console.carry_out_here(&change).await?;
        KeyChange { record: (&done.outcome).into(), changed: done.changed }
    };
    let name = &record.name;
    let text = if changed {
        format!("Key {name} {} revoked.", console.either("was", "would be"))
    } else {
        format!("Key {name} was revoked on {} UTC.", minute_or_dash(record.revoked_at.as_ref()))
    };
    Ok(Report::new(text, KeyChange { record, changed }))
}

/// A secret among the arguments would be seen by other users of the machine.
async fn look_up(console: &Console) -> Result<Report, CommandError> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(CommandError::Input)?;
    let secret = ApiKey::parse(line.trim())?;
    let found = if let Some(api) = console.api() {
        api.look_up_key(&secret).await?
    } else {
        let directory = &console.here()?.stores.directory;
        let found = directory.look_up_key(&Scope::System, &secret.digest()).await?;
        found.map(|key| LookedUpKey::new(&key, &secret))
    };
    let found = found.ok_or(CommandError::NobodysKey)?;
    let key = &found.record;
    let end = match &key.revoked_at {
        Some(at) => format!("It was revoked on {} UTC.", minute_of(at)),
        None => format!("To end it: gatepost key revoke {}", key.id),
    };
    let replaced = match key.old_secret_until.as_ref().filter(|_| found.replaced) {
        Some(until) => {
            format!("This secret was replaced, and counts until {} UTC at most.\n", minute_of(until))
        }
        None => String::new(),
    };
    let text = format!("{}\n\n{replaced}{end}", key_table::described(key));
    Ok(Report::new(text, found))
}
