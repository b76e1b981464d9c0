//! `gatepost access`: who can open something and why, or what somebody can open.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines, minute_of, minute_or_dash, print_part, table};
use clap::{ArgGroup, Args};
use gatepost_admin::access::Question;
use gatepost_admin::access::{AccessError, ServersTool, What};
use gatepost_admin::explain::RequestUrl;
use gatepost_admin::views::{
    AccessList, AccessWay, CSV_HEADER, OpenTenant, Openable, Opener, OpeningKey, OpeningKeyList,
};
use gatepost_core::administration::Scope;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::{DirectoryError, Place, UserKey};
use serde::Serialize;
use std::fmt::Write;

/// Arguments of `gatepost access`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["url", "requirement", "tenant", "tool", "user"])))]
pub(super) struct Access {
    /// An absolute address of an application: with the requirements of its host that requests showed in the last 30 days
    #[arg(long, value_name = "URL")]
    url: Option<RequestUrl>,
    /// The requirement of a router: the query after `/verify?` in the middleware's address
    #[arg(long, value_name = "QUERY")]
    requirement: Option<String>,
    /// A tenant
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// A tool of a tool server, by its whole name
    #[arg(long, value_name = "SERVER:NAME")]
    tool: Option<ServersTool>,
    /// What this person can open, by address or id
    #[arg(long, value_name = "USER")]
    user: Option<UserKey>,
    /// Print JSON for programs: field names do not change, times are RFC 3339 in UTC
    #[arg(long)]
    pub(super) json: bool,
    /// Print CSV: one line for each way of each person and of each key
    #[arg(long, conflicts_with_all = ["json", "user"])]
    csv: bool,
}

pub(super) const HELP: &str = "This command only reads the directory and changes nothing. It decides with the same code as `serve`, about a session \
    that each person would start now.\n\n\
    Examples:\n  \
    gatepost access --url https://github.example.com/\n  \
    gatepost access --requirement 'group=MCP-GitHub&max_age=900'\n  \
    gatepost access --tenant github --csv > github.csv\n  \
    gatepost access --tool github:get_file\n  \
    gatepost access --user alice@example.com";

/// `None`: it is printed already.
pub(super) async fn run(console: &Console, args: Access) -> Result<Option<Report>, CommandError> {
    let what = match args {
        Access { user: Some(user), .. } => return openable(console, &user).await.map(Some),
        Access { url: Some(url), .. } => What::Host(url.host().map_err(AccessError::Host)?),
        Access { requirement: Some(query), .. } => What::Requirement(query),
        Access { tenant: Some(id), .. } => What::Tenant(id),
        Access { tool: Some(tool), .. } => What::Tool(tool),
        _ => unreachable!("clap asks for one of them"),
    };
    if args.csv {
        print_part(CSV_HEADER).map_err(CommandError::Output)?;
        for_each_part(console, &what, |part| {
            let text: String = part.items.iter().map(Opener::to_csv).collect();
            print_part(&text).map_err(CommandError::Output)
        })
        .await?;
        for_each_part_of_keys(console, &what, |part| {
            let text: String = part.items.iter().map(OpeningKey::to_csv).collect();
            print_part(&text).map_err(CommandError::Output)
        })
        .await?;
        return Ok(None);
    }
    let mut all: Option<AccessList> = None;
    for_each_part(console, &what, |mut part| {
        match &mut all {
            None => all = Some(part),
            Some(all) => all.items.append(&mut part.items),
        }
        Ok(())
    })
    .await?;
    let mut keys = Vec::new();
    for_each_part_of_keys(console, &what, |mut part| {
        keys.append(&mut part.items);
        Ok(())
    })
    .await?;
    Ok(all.map(|people| report(&what, WhoCanOpen { people, keys })))
}

/// The people and the keys, each as the API lists them.
#[derive(Debug, Serialize)]
struct WhoCanOpen {
    #[serde(flatten)]
    people: AccessList,
    keys: Vec<OpeningKey>,
}

/// Keys that are read at once.
const KEYS: u32 = 200;

/// As [`for_each_part`], of the keys.
async fn for_each_part_of_keys(
    console: &Console,
    what: &What,
    mut take: impl FnMut(OpeningKeyList) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    if let Some(api) = console.api() {
        return Box::pin(api.for_each_opening_key(what, take)).await;
    }
    let admin = &console.here()?.admin;
    let question: Question = admin.ask(&Scope::System, what.clone()).await?;
    let mut after: Option<Place> = None;
    loop {
        let page = admin.list_opening_keys(&Scope::System, &question, after.as_ref(), KEYS).await?;
        take(OpeningKeyList::new(&question, &page.items, None))?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Reads everybody, one part after the other. There is one part at least.
async fn for_each_part(
    console: &Console,
    what: &What,
    mut take: impl FnMut(AccessList) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    if let Some(api) = console.api() {
        return Box::pin(api.for_each_opener(what, take)).await;
    }
    let admin = &console.here()?.admin;
    let question = admin.ask(&Scope::System, what.clone()).await?;
    let mut after = None;
    loop {
        let page = admin.list_next_openers(&Scope::System, &question, after.as_ref()).await?;
        take(AccessList::new(&question, &page.items, None))?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn report(what: &What, found: WhoCanOpen) -> Report {
    let list = &found.people;
    let asks_several = list.requirements.len() > 1;
    let rows = list.items.iter().map(|opener| {
        let mut ways: Vec<String> = opener.ways.iter().map(with_end).collect();
        if asks_several {
            let met = opener.requirements.iter().map(|query| shown(query));
            ways.push(format!("meets {}", met.collect::<Vec<_>>().join(", ")));
        }
        let user = &opener.user;
        let who = user.email.as_ref().unwrap_or(&user.id).clone();
        [who, minute_or_dash(user.last_sign_in_at.as_ref()), lines(&ways)]
    });
    let header = ["Person", "Last sign-in", "Why"];
    let (rows, notes, keys) = (rows.collect(), notes(what, list), table_of_keys(&found.keys, asks_several));
    let mut report = Report::list(header, rows, nobody(what), found);
    for part in [keys, notes].iter().filter(|part| !part.is_empty()) {
        report = report.followed_by(part);
    }
    report
}

/// Empty: no key can open it.
fn table_of_keys(keys: &[OpeningKey], asks_several: bool) -> String {
    let rows = keys.iter().map(|opening| {
        let mut ways: Vec<String> = opening.ways.iter().map(|way| way.text.clone()).collect();
        if asks_several {
            let met = opening.requirements.iter().map(|query| shown(query));
            ways.push(format!("meets {}", met.collect::<Vec<_>>().join(", ")));
        }
        let key = &opening.key;
        let end = key.expires_at.as_ref().map_or_else(|| "never".to_owned(), |end| minute_of(end));
        [key.name.clone(), key.hint.clone(), minute_or_dash(key.last_used_at.as_ref()), end, lines(&ways)]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    table(Some(["API key", "Begins with", "Last used", "Ends", "Why"]), rows)
}

const fn nobody(what: &What) -> &'static str {
    match what {
        What::Tool(_) => "Nobody may call it.",
        _ => "Nobody can open it.",
    }
}

fn notes(what: &What, list: &AccessList) -> String {
    let mut notes = Vec::new();
    match (what, list.requirements.as_slice()) {
        (What::Host(host), []) => notes.push(format!(
            "No request of somebody who was signed in came for {host} in the last 30 days, so it is not known what its routers \
             require. Ask with --requirement."
        )),
        (What::Host(host), known) => {
            let queries: Vec<String> = known.iter().map(|asked| shown(&asked.query)).collect();
            notes.push(format!("The routers of {host} require: {}", queries.join(", ")));
        }
        _ => {}
    }
    for group in &list.unknown_groups {
        notes.push(format!("There is no group {group}: nobody is in it."));
    }
    for tenant in &list.unknown_tenants {
        notes.push(format!("There is no tenant {tenant}: nobody has access to it."));
    }
    notes.join("\n")
}

/// A requirement as people read it.
fn shown(query: &str) -> String {
    if query.is_empty() { "a session alone".to_owned() } else { query.to_owned() }
}

fn with_end(way: &AccessWay) -> String {
    format!("{}{}", way.text, until(way.until.as_ref()))
}

fn until(end: Option<&String>) -> String {
    end.map(|end| format!(" until {} UTC", minute_of(end))).unwrap_or_default()
}

async fn openable(console: &Console, key: &UserKey) -> Result<Report, CommandError> {
    let user = console.find_user(key).await?;
    let found = if let Some(api) = console.api() {
        api.find_openable(user.id).await?
    } else {
        let found = console.here()?.admin.find_openable(&Scope::System, user.id).await?;
        found.as_ref().map(Openable::from)
    };
    let found = found.ok_or_else(|| DirectoryError::UnknownUser(key.clone()))?;
    Ok(Report::new(openable_text(&user.called(), &found), found))
}

fn openable_text(who: &str, found: &Openable) -> String {
    let mut text = match found.obstacle.as_deref() {
        Some("disabled") => {
            format!("{who} can open nothing: an administrator disabled the person.\n\n")
        }
        Some(_) => format!("{who} can open nothing: the person has no address.\n\n"),
        None => String::new(),
    };
    let hosts = found.hosts.iter().flat_map(|host| {
        host.requirements.iter().map(|open| {
            let ways: Vec<String> = open.ways.iter().map(with_end).collect();
            [host.origin.clone(), shown(&open.query), lines(&ways)]
        })
    });
    let hosts: Vec<_> = hosts.collect();
    if !hosts.is_empty() {
        let _ = writeln!(text, "{}\n", table(Some(["Host", "Required", "Why"]), hosts));
    } else if found.obstacle.is_none() {
        let _ = writeln!(text, "{who} meets no requirement that is known of a host.\n");
    }
    if !found.tenants.is_empty() {
        let rows = found.tenants.iter().map(tenant_row).collect();
        let _ = writeln!(text, "{}\n", table(Some(["Tenant", "Role", "Why"]), rows));
    }
    if found.is_admin == Some(true) {
        text.push_str("An admin has access to every tenant.\n");
    }
    let unmet: Vec<String> =
        found.hosts.iter().filter(|host| host.unmet > 0).map(|host| host.origin.clone()).collect();
    if !unmet.is_empty() {
        let _ = writeln!(text, "Other parts of {} require something else.", unmet.join(", "));
    }
    if !found.unknown_hosts.is_empty() {
        let hosts = found.unknown_hosts.join(", ");
        let _ = writeln!(
            text,
            "It is not known what {hosts} requires: nobody who was signed in asked for it in the last 30 days."
        );
    }
    text.trim_end().to_owned()
}

fn tenant_row(way: &OpenTenant) -> [String; 3] {
    let by = match (&way.group, way.is_direct) {
        (Some(group), _) => format!("group {group}"),
        (None, true) => "a member by itself".to_owned(),
        (None, false) => "a group".to_owned(),
    };
    [way.tenant.clone(), way.role.clone(), by + &until(way.until.as_ref())]
}
