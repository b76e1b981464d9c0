//! `gatepost apply`: shows what differs between files and the directory, and makes the directory hold what they say.

use super::console::{Console, WHAT_GOES_ON_WITH_LESS_ACCESS};
use super::error::CommandError;
use super::files::{self, Fault, Files, Reference};
use super::only_here::OnlyHere;
use super::report::Report;
use crate::program::Here;
use clap::Args;
use gatepost_config::Config;
use gatepost_core::administration::Scope;
use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::HostName;
use gatepost_core::identity::ExternalGroup;
use gatepost_core::ids::{GroupName, TenantId};
use gatepost_core::mcp::rules::Holder;
use gatepost_core::tier::TierTerms;
use gatepost_store::directory::changes::{ApplyPlan, LinkGroup};
use gatepost_store::directory::files::{
    Action, Counts, DeclaredKey, DeclaredRule, Held, KeyPlace, Plan, Step, Thing, difference,
};
use gatepost_store::directory::{DirectoryError, UserKey};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const HELP: &str = "+ is created, ~ changes, = exists and belongs to the files from now on, - is deleted, ! stays.\n\
    Only what `gatepost apply` set is ever deleted. A section that no file has stays as it is.\n\n\
    Exit codes: 0 nothing to do, or done with --yes; 1 failure, and nothing was changed; 2 invalid arguments;\n\
    3 there is something to do, and --yes does it.\n\n\
    Examples:\n  gatepost apply -f access/\n  gatepost apply -f access/ --yes";

/// There is something to do. 2 is clap's.
const SOMETHING_TO_DO: u8 = 3;

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The folder with the files: every *.yaml in it, none in folders below
    #[arg(short, long, value_name = "DIR")]
    file: PathBuf,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Print JSON for programs: field names do not change, times are RFC 3339 in UTC
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(console: &Console, args: Apply) -> Result<ExitCode, CommandError> {
    let here = console.only_here(OnlyHere::Apply)?;
    let files = files::read(&args.file).map_err(|error| CommandError::Folder(args.file.clone(), error))?;
    if !files.faults.is_empty() {
        return Err(CommandError::Files(with_references(here, files).await));
    }
    let held = here.stores.directory.find_held(files.declared.has_members()).await?;
    let faults = refused(here, &files, &held).await?;
    if !faults.is_empty() {
        return Err(CommandError::Files(faults));
    }
    let plan = difference(&files.declared, &held);
    let config = here.site.config.clone();
    let change = ApplyPlan { declared: files.declared, plan, config };
    if args.yes && !change.plan.is_empty() {
        console.carry_out_here(&change).await?;
    }
    report(&change.plan, &args).print(args.json).map_err(CommandError::Output)?;
    let is_open = !args.yes && !change.plan.is_empty();
    Ok(if is_open { ExitCode::from(SOMETHING_TO_DO) } else { ExitCode::SUCCESS })
}

/// All errors at once. If the directory does not answer, at least those that need no directory.
async fn with_references(here: &Here, mut files: Files) -> Vec<Fault> {
    let mut faults = std::mem::take(&mut files.faults);
    if let Ok(held) = here.stores.directory.find_held(false).await
        && let Ok(more) = refused(here, &files, &held).await
    {
        faults.extend(more);
    }
    faults.sort_by(|one, other| one.place.cmp(&other.place));
    faults
}

/// What the files refer to and cannot have.
async fn refused(here: &Here, files: &Files, held: &Held) -> Result<Vec<Fault>, DirectoryError> {
    let mut faults = Vec::new();
    for (place, reference) in &files.references {
        let why = match reference {
            Reference::Group(name) => missing(name, files, held),
            Reference::Link(group, external) => unlinkable(&here.site.config, group, external, held),
            Reference::User(key) => unknown(here, key).await?,
            Reference::Tenant(id) => no_tenant(id, files, held),
            Reference::Key(place) => {
                let key = files.declared.keys.as_ref().and_then(|keys| keys.get(place));
                match key {
                    Some(key) => wrong_key(here, place, key, held).await?,
                    None => None,
                }
            }
            Reference::ToolServer(id) => (!held.servers.contains(id))
                .then(|| DirectoryError::UnknownToolServer(id.clone()).to_string()),
        };
        faults.extend(why.map(|why| Fault { place: place.clone(), why }));
    }
    faults.sort_by(|one, other| one.place.cmp(&other.place));
    Ok(faults)
}

/// Why a tenant cannot be opened by this group, or a rule be for it.
fn missing(name: &GroupName, files: &Files, held: &Held) -> Option<String> {
    let declared = files.declared.groups.as_ref();
    if declared.is_some_and(|groups| groups.contains_key(name)) {
        return None;
    }
    match held.groups.get(name) {
        None => Some(format!("there is no group {name}, neither in the files nor in the directory")),
        Some(group) if group.is_managed && declared.is_some() => {
            Some(format!("group {name} is no longer in the files"))
        }
        Some(_) => None,
    }
}

fn no_tenant(id: &TenantId, files: &Files, held: &Held) -> Option<String> {
    let declared = files.declared.tenants.as_ref().is_some_and(|tenants| tenants.contains_key(id));
    let goes = files.declared.tenants.is_some() && held.tenants.get(id).is_some_and(|one| one.is_managed);
    let is_there = declared || (held.tenants.contains_key(id) && !goes);
    (!is_there).then(|| DirectoryError::UnknownTenant(id.clone()).to_string())
}

/// Why a key cannot be as files declare it.
async fn wrong_key(
    here: &Here,
    place: &KeyPlace,
    key: &DeclaredKey,
    held: &Held,
) -> Result<Option<String>, DirectoryError> {
    let hosts: Vec<HostName> = key.hosts.iter().cloned().collect();
    let faults = here.admin.faults_of_hosts(place.tenant.as_ref(), &hosts).await?;
    if let Some(fault) = faults.first() {
        return Ok(Some(fault.to_string()));
    }
    let places = held.keys_by_place();
    Ok(match places.get(place).map(Vec::as_slice) {
        Some([one]) if one.key.scopes != key.scopes || one.key.groups != key.groups => {
            Some(format!("scopes and groups of {place} cannot change: revoke it, or take another name"))
        }
        Some([_, _, ..]) => Some(format!("there are several keys {place}: rename or revoke the others")),
        _ => None,
    })
}

/// Why a provider's group cannot be linked. A provider that is not configured at the moment keeps its links.
fn unlinkable(config: &Config, group: &GroupName, external: &ExternalGroup, held: &Held) -> Option<String> {
    let is_held = held.links.get(external).is_some_and(|link| link.group == *group);
    if is_held {
        None
    } else if config.group_links.iter().any(|(_, other)| other == external) {
        Some(DirectoryError::LinkedByConfiguration(external.clone()).to_string())
    } else {
        let link = LinkGroup::new(group.clone().into(), external.clone(), config);
        link.err().map(|error| error.to_string())
    }
}

async fn unknown(here: &Here, key: &UserKey) -> Result<Option<String>, DirectoryError> {
    let found = here.stores.directory.find_user(&Scope::System, key).await?;
    Ok(found.is_none().then(|| DirectoryError::UnknownUser(key.clone()).to_string()))
}

fn report(plan: &Plan, args: &Apply) -> Report {
    let counts = plan.counts();
    let json = json!({
        "changes": plan.steps.iter().map(to_json).collect::<Vec<_>>(),
        "counts": {
            "create": counts.create,
            "change": counts.change,
            "take_over": counts.take_over,
            "delete": counts.delete,
            "release": counts.release,
        },
        "changed": args.yes && !plan.is_empty(),
    });
    if plan.is_empty() {
        return Report::new("Nothing to do: the directory holds what the files say.", json);
    }
    let mut text = String::new();
    for step in &plan.steps {
        // One line for each, whatever a name holds.
        let _ = writeln!(text, "{}", step.to_string().replace('\n', "\u{fffd}"));
    }
    let closing = closing(counts, args.yes);
    text = format!("{text}\n{closing}");
    let is_new = |step: &Step| step.action == Action::Create && matches!(step.thing, Thing::Key { .. });
    if args.yes && plan.steps.iter().any(is_new) {
        text = format!("{text}\n{NEW_KEYS}");
    }
    let takes_access = counts.delete + counts.change > 0;
    if !args.yes {
        text = format!("{text}\nNothing was changed. To do it: add --yes.");
    } else if takes_access {
        text = format!("{text}\n{WHAT_GOES_ON_WITH_LESS_ACCESS}");
    }
    Report::new(text, json)
}

const NEW_KEYS: &str = "Nobody knows the secret of a new key. gatepost key list shows its id, and gatepost key rotate ID its secret.";

fn closing(counts: Counts, is_done: bool) -> String {
    let Counts { create, change, take_over, delete, release } = counts;
    let words = if is_done {
        ["created", "changed", "taken over", "deleted", "no longer managed"]
    } else {
        ["to create", "to change", "to take over", "to delete", "to manage no longer"]
    };
    let of = [create, change, take_over, delete, release];
    let parts: Vec<String> = of.iter().zip(words).map(|(count, word)| format!("{count} {word}")).collect();
    let begin = if is_done { "Done" } else { "Plan" };
    format!("{begin}: {}.", parts.join(", "))
}

fn to_json(step: &Step) -> Value {
    let mut json = state(&step.thing);
    json["action"] = json!(step.action.as_str());
    json["kind"] = json!(step.thing.kind());
    json["was"] = step.was.as_ref().map_or(Value::Null, state);
    if step.opens {
        json["opens"] = json!(true);
    }
    if step.action == Action::Delete && matches!(step.thing, Thing::Group(_) | Thing::Tenant { .. }) {
        json["members"] = json!(step.people);
    }
    json
}

fn state(thing: &Thing) -> Value {
    let end = |until: &Option<Timestamp>| until.map(rfc3339);
    match thing {
        Thing::Group(name) => json!({ "group": name }),
        Thing::Link { group, external } => json!({ "group": group, "link": external.to_string() }),
        Thing::Tenant { id, name } => json!({ "tenant": id, "name": name }),
        Thing::Mapping { tenant, group, role } => json!({ "tenant": tenant, "group": group, "role": role }),
        Thing::Member { group, user, until } => {
            json!({ "group": group, "user": user.to_string(), "until": end(until) })
        }
        Thing::Admin { user, is_admin, until } => {
            json!({ "user": user.to_string(), "is_admin": is_admin, "until": end(until) })
        }
        Thing::Tier { id, terms: TierTerms { allowances, prices } } => {
            let mut json =
                json!({ "tier": id, "features": allowances.features, "limits": allowances.limits });
            if let Some(prices) = prices {
                json["prices"] = json!(prices);
            }
            json
        }
        Thing::Rule { rule: DeclaredRule { server, kind, holder, pattern }, .. } => {
            let mut json = json!({ "tool_server": server });
            json[kind.as_str()] = json!(pattern);
            match holder {
                Holder::Everyone => json["everyone"] = json!(true),
                Holder::Group(name) => json["group"] = json!(name),
                Holder::Role(role) => json["role"] = json!(role),
                Holder::Key(id) => json["key"] = json!(id),
                Holder::Nobody => json["group"] = Value::Null,
            }
            json
        }
        Thing::Key { place: KeyPlace { tenant, name }, key, id } => json!({
            "key": name,
            "tenant": tenant,
            "id": id.map(|id| id.to_string()),
            "is": key.to_string(),
        }),
    }
}
