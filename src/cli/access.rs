//! `gatepost access`: who can open something and why, or what somebody can open.

use super::console::Console;
use super::error::CommandError;
use super::report::{Report, lines, print_part, table};
use crate::admin::access::{AccessError, CSV_HEADER, Openable, Opener, Question, Way, What};
use crate::admin::views::{AccessList, Openable as OpenableView};
use crate::explain::RequestUrl;
use clap::{ArgGroup, Args};
use gatepost_core::administration::Scope;
use gatepost_core::calendar::minute;
use gatepost_core::decision::SignInReason;
use gatepost_core::ids::TenantId;
use gatepost_store::directory::{By, TenantWay, UserKey};
use std::fmt::Write;

/// Arguments of `gatepost access`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["url", "requirement", "tenant", "user"])))]
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
    /// What this person can open, by address or id
    #[arg(long, value_name = "USER")]
    user: Option<UserKey>,
    /// Print JSON for programs: field names do not change, times are RFC 3339 in UTC
    #[arg(long)]
    pub(super) json: bool,
    /// Print CSV: one line for each way of each person
    #[arg(long, conflicts_with_all = ["json", "user"])]
    csv: bool,
}

pub(super) const HELP: &str = "This command only reads the directory and changes nothing. It decides with the same code as `serve`, about a session \
    that each person would start now.\n\n\
    Examples:\n  \
    gatepost access --url https://github.example.com/\n  \
    gatepost access --requirement 'group=MCP-GitHub&max_age=900'\n  \
    gatepost access --tenant github --csv > github.csv\n  \
    gatepost access --user alice@example.com";

/// `None`: it is printed already.
pub(super) async fn run(console: &Console, args: Access) -> Result<Option<Report>, CommandError> {
    let what = match args {
        Access { user: Some(user), .. } => return openable(console, &user).await.map(Some),
        Access { url: Some(url), .. } => What::Host(url.host().map_err(AccessError::Host)?),
        Access { requirement: Some(query), .. } => What::Requirement(query),
        Access { tenant: Some(id), .. } => What::Tenant(id),
        _ => unreachable!("clap asks for one of them"),
    };
    let question = console.here()?.admin.ask(&Scope::System, what).await?;
    if args.csv {
        print_part(CSV_HEADER).map_err(CommandError::Output)?;
        for_each_range(console, &question, |openers| {
            let text: String = openers.iter().map(|opener| opener.to_csv(&question)).collect();
            print_part(&text).map_err(CommandError::Output)
        })
        .await?;
        return Ok(None);
    }
    let mut all = Vec::new();
    for_each_range(console, &question, |openers| {
        all.extend(openers);
        Ok(())
    })
    .await?;
    Ok(Some(report(&question, &all)))
}

/// Reads everybody, one range after the other.
async fn for_each_range(
    console: &Console,
    question: &Question,
    mut take: impl FnMut(Vec<Opener>) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut after = None;
    loop {
        let page = console.here()?.admin.list_next_openers(&Scope::System, question, after.as_ref()).await?;
        take(page.items)?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn report(question: &Question, openers: &[Opener]) -> Report {
    let asks_several = question.requirements.len() > 1;
    let rows = openers.iter().map(|opener| {
        let mut ways: Vec<String> = opener.ways.iter().map(with_end).collect();
        if asks_several {
            let met = opener.meets.iter().map(|place| question.requirements[*place].query.as_str());
            ways.push(format!("meets {}", met.map(shown).collect::<Vec<_>>().join(", ")));
        }
        let user = &opener.user;
        let who = user.email.as_ref().map_or_else(|| user.id.to_string(), ToString::to_string);
        [who, user.last_sign_in_at.map_or_else(|| "-".to_owned(), minute), lines(&ways)]
    });
    let json = AccessList::new(question, openers, None);
    let header = ["Person", "Last sign-in", "Why"];
    let report = Report::list(header, rows.collect(), "Nobody can open it.", json);
    match notes(question).as_str() {
        "" => report,
        notes => report.followed_by(notes),
    }
}

fn notes(question: &Question) -> String {
    let mut notes = Vec::new();
    match (&question.what, question.requirements.as_slice()) {
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
    for group in question.unknown_groups() {
        notes.push(format!("There is no group {group}: nobody is in it."));
    }
    for tenant in question.unknown_tenants() {
        notes.push(format!("There is no tenant {tenant}: nobody has access to it."));
    }
    notes.join("\n")
}

/// A requirement as people read it.
fn shown(query: &str) -> String {
    if query.is_empty() { "a session alone".to_owned() } else { query.to_owned() }
}

fn with_end(way: &Way) -> String {
    let end = way.until.map(|until| format!(" until {} UTC", minute(until)));
    way.text() + end.unwrap_or_default().as_str()
}

async fn openable(console: &Console, key: &UserKey) -> Result<Report, CommandError> {
    let user = console.find_user(key).await?;
    let found = console.here()?.admin.find_openable(&Scope::System, user.id).await?;
    let found = found.ok_or_else(|| gatepost_store::directory::DirectoryError::UnknownUser(key.clone()))?;
    Ok(Report::new(openable_text(&found), OpenableView::from(&found)))
}

fn openable_text(found: &Openable) -> String {
    let who = found.user.email.as_ref().map_or_else(|| found.user.id.to_string(), ToString::to_string);
    let mut text = match found.obstacle {
        Some(SignInReason::Disabled) => {
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

fn tenant_row(way: &TenantWay) -> [String; 3] {
    let by = match &way.by {
        By::Group(group) => {
            group.as_ref().map_or_else(|| "a group".to_owned(), |group| format!("group {group}"))
        }
        By::Direct(_) => "a member by itself".to_owned(),
    };
    let end = way.until.map(|until| format!(" until {} UTC", minute(until))).unwrap_or_default();
    [way.tenant.to_string(), way.role.to_string(), by + end.as_str()]
}
