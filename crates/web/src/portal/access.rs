//! Who can open something, and why: a page, and all of it as CSV.

use super::csv;
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::Query;
use crate::fault::Fault;
use actix_web::{HttpResponse, web};
use gatepost_admin::access::{
    AccessError, Application, Applications, KeyWay, Opener, OpeningKey, Question, What,
};
use gatepost_admin::explain::RequestUrl;
use gatepost_admin::views::{self, AccessList, CSV_HEADER, OpeningKeyList};
use gatepost_core::administration::Denied;
use gatepost_core::clock::Timestamp;
use gatepost_core::error_chain::sentence;
use gatepost_pages::admin::{
    Access, AccessAnswer, AccessForm, ApplicationEntry, ApplicationList, OpenerEntry, OpeningKeyEntry,
    RequirementEntry, WayEntry,
};
use gatepost_store::directory::{DirectoryError, Page, Place};
use serde::Deserialize;

/// People on a page.
const PAGE: u32 = 50;
/// What is wrong with what is no web address. Many enter the name of a group there.
const NOT_A_URL: &str = "This is not a web address. Enter a complete one, such as https://wiki.example.com/. For a group, choose \u{201c}A requirement\u{201d} and enter group= before its name, as in group=MCP-GitHub.";
/// Applications that the page shows.
const APPLICATIONS: usize = 100;

/// What is asked, and where the page begins.
#[derive(Deserialize)]
pub(crate) struct Fields {
    by: Option<String>,
    of: Option<String>,
    after: Option<String>,
    /// Where the list of keys begins.
    keys: Option<String>,
}

/// Why a question has no answer.
enum Wrong {
    /// The status of the page, and what is wrong as a sentence.
    Form(u16, String),
    Fault(Fault),
}

/// Shows the form, and who can open what it asks about.
///
/// # Errors
/// [`Fault`]: the directory does not answer, or nothing is at this place.
pub(crate) async fn access(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Query(fields): Query<Fields>,
) -> Result<PageAnswer, Fault> {
    let Some(by) = fields.by.as_deref() else {
        let by = if administrator.scope.is_system() { "url" } else { "tenant" };
        let applications = admin.list_applications(&administrator.scope).await?;
        return Ok(first(&administrator, AccessForm { by, ..AccessForm::default() }, &applications));
    };
    let of = fields.of.as_deref().unwrap_or_default().trim();
    let (after, keys) = (place(fields.after.as_deref())?, place(fields.keys.as_deref())?);
    let question = match ask(&administrator, &admin, by, of).await {
        Ok(question) => question,
        Err(Wrong::Form(status, text)) => {
            let form = AccessForm { by, of, error: Some((status, &text)) };
            return Ok(page(&administrator, form, None));
        }
        Err(Wrong::Fault(fault)) => return Err(fault),
    };
    let found = admin.list_openers(&administrator.scope, &question, after.as_ref(), PAGE).await?;
    let opening = admin.list_opening_keys(&administrator.scope, &question, keys.as_ref(), PAGE).await?;
    let form = AccessForm { by, of, error: None };
    let found = Found { question: &question, people: &found, keys: &opening, after, keys_after: keys };
    Ok(page(&administrator, form, Some(&found)))
}

fn place(text: Option<&str>) -> Result<Option<Place>, Fault> {
    text.map(str::parse).transpose().map_err(|_| Fault::NotFound)
}

/// The people and the keys of a page, and where each list began.
struct Found<'a> {
    question: &'a Question,
    people: &'a Page<Opener>,
    keys: &'a Page<OpeningKey>,
    after: Option<Place>,
    keys_after: Option<Place>,
}

/// All people and keys that can open it, as CSV: the people first.
///
/// # Errors
/// As [`access`]. A question that is wrong is not found.
pub(crate) async fn as_csv(
    administrator: Administrator,
    admin: web::Data<gatepost_admin::Context>,
    Query(fields): Query<Fields>,
) -> Result<HttpResponse, Fault> {
    let (by, of) = (fields.by.unwrap_or_default(), fields.of.unwrap_or_default());
    let question = match ask(&administrator, &admin, &by, of.trim()).await {
        Ok(question) => question,
        Err(Wrong::Form(..)) => return Err(Fault::NotFound),
        Err(Wrong::Fault(fault)) => return Err(fault),
    };
    let scope = administrator.scope.clone();
    Ok(csv::answer("access.csv", CSV_HEADER, async move |after: Option<Next>| {
        let (lines, next) = match after.unwrap_or(Next::People(None)) {
            Next::People(after) => {
                let found = admin.list_next_openers(&scope, &question, after.as_ref()).await?;
                let people = AccessList::new(&question, &found.items, None).items;
                let next = found.next.map_or(Next::Keys(None), |next| Next::People(Some(next)));
                (people.iter().map(views::Opener::to_csv).collect(), Some(next))
            }
            Next::Keys(after) => {
                let found = admin.list_opening_keys(&scope, &question, after.as_ref(), PAGE).await?;
                let keys = OpeningKeyList::new(&question, &found.items, None).items;
                (
                    keys.iter().map(views::OpeningKey::to_csv).collect(),
                    found.next.map(|next| Next::Keys(Some(next))),
                )
            }
        };
        Ok::<_, DirectoryError>((lines, next))
    }))
}

/// The next part of the table, after this place.
enum Next {
    People(Option<Place>),
    Keys(Option<Place>),
}

async fn ask(
    administrator: &Administrator,
    admin: &gatepost_admin::Context,
    by: &str,
    of: &str,
) -> Result<Question, Wrong> {
    let malformed = |text: &str| Wrong::Form(400, text.to_owned());
    let what = match by {
        "url" => {
            let url: RequestUrl = of.parse().map_err(|_| malformed(NOT_A_URL))?;
            What::Host(url.host().map_err(|_| malformed("Enter a web address with the name of a host."))?)
        }
        "requirement" => What::Requirement(query_of(of).to_owned()),
        "tenant" => What::Tenant(of.parse().map_err(|_| malformed("Enter the id of a tenant."))?),
        "tool" => What::Tool(of.parse().map_err(|_| {
            malformed("Enter the id of a tool server and the whole name of a tool, such as github:get_file.")
        })?),
        _ => return Err(Wrong::Fault(Fault::NotFound)),
    };
    admin.ask(&administrator.scope, what).await.map_err(|error| match error {
        AccessError::Directory(DirectoryError::UnknownTenant(_) | DirectoryError::Denied(Denied::Hidden)) => {
            Wrong::Form(404, "There is no such tenant.".to_owned())
        }
        AccessError::Directory(DirectoryError::UnknownToolServer(id)) => {
            Wrong::Form(404, format!("There is no tool server {id}."))
        }
        AccessError::Directory(DirectoryError::Denied(Denied::SystemOnly)) => Wrong::Form(
            403,
            "Only an administrator of the system may ask about groups and administrators.".to_owned(),
        ),
        AccessError::Directory(error) => Wrong::Fault(error.into()),
        AccessError::UnprotectedHost(_) => Wrong::Form(404, sentence(&error.to_string())),
        AccessError::Requirement(error) => Wrong::Form(400, sentence(&error.to_string())),
        AccessError::Host(error) => Wrong::Form(400, sentence(&error.to_string())),
    })
}

/// The query of the middleware's address, also where the whole address was pasted.
fn query_of(text: &str) -> &str {
    text.split_once('?').map_or(text, |(_, query)| query)
}

/// The page before anything was asked: with the applications that can be asked about.
fn first(administrator: &Administrator, form: AccessForm<'_>, applications: &Applications) -> PageAnswer {
    let entries: Vec<_> = applications.known.iter().take(APPLICATIONS).map(application).collect();
    let applications = ApplicationList {
        more: applications.known.len() - entries.len(),
        entries: &entries,
        unseen: &applications.unseen,
    };
    let (frame, now) = (administrator.frame(None), Timestamp::now());
    PageAnswer(Access { frame, form, answer: None, applications: Some(applications), now }.page())
}

fn application(application: &Application) -> ApplicationEntry<'_> {
    ApplicationEntry {
        origin: &application.origin,
        tenant: application.tenant.as_ref(),
        requirements: application.requirements.iter().map(|asked| asked.query.as_str()).collect(),
        seen_at: application.requirements.iter().filter_map(|asked| asked.seen_at).max(),
    }
}

fn page(administrator: &Administrator, form: AccessForm<'_>, found: Option<&Found<'_>>) -> PageAnswer {
    let notes = found.map(|found| notes(found.question)).unwrap_or_default();
    let requirements: Vec<_> =
        found.iter().flat_map(|found| found.question.requirements.iter().map(requirement_entry)).collect();
    let people =
        found.iter().flat_map(|found| found.people.items.iter().map(|one| entry(found.question, one)));
    let people: Vec<_> = people.collect();
    let keys =
        found.iter().flat_map(|found| found.keys.items.iter().map(|one| key_entry(found.question, one)));
    let keys: Vec<_> = keys.collect();
    let text = |place: &Option<Place>| place.as_ref().map(Place::to_string);
    let places =
        found.map(|found| [&found.after, &found.people.next, &found.keys_after, &found.keys.next].map(text));
    let [after, next, keys_after, keys_next] = places.unwrap_or_default();
    let answer = found.map(|_| AccessAnswer {
        requirements: &requirements,
        notes: &notes,
        people: &people,
        keys: &keys,
        after: after.as_deref(),
        next: next.as_deref(),
        keys_after: keys_after.as_deref(),
        keys_next: keys_next.as_deref(),
    });
    let (frame, now) = (administrator.frame(None), Timestamp::now());
    PageAnswer(Access { frame, form, answer, applications: None, now }.page())
}

fn requirement_entry(asked: &gatepost_admin::access::Asked) -> RequirementEntry<'_> {
    RequirementEntry { query: &asked.query, seen_at: asked.seen_at }
}

fn notes(question: &Question) -> Vec<String> {
    let groups = question.unknown_groups();
    let groups = groups.iter().map(|name| format!("There is no group {name}: nobody is in it."));
    let tenants = question.unknown_tenants();
    let tenants = tenants.iter().map(|id| format!("There is no tenant {id}: nobody has access to it."));
    groups.chain(tenants).collect()
}

fn key_entry<'a>(question: &'a Question, opening: &'a OpeningKey) -> OpeningKeyEntry<'a> {
    let (key, asks_several) = (&opening.key, question.requirements.len() > 1);
    let met = opening.meets.iter().filter(|_| asks_several);
    OpeningKeyEntry {
        id: key.id,
        name: &key.name,
        hint: &key.hint,
        tenant: key.tenant_id.as_ref(),
        owner: key.owner_id.map(|id| (id, key.owner_email.as_ref())),
        networks: key.limits.networks.iter().map(ToString::to_string).collect(),
        last_used_at: key.last_used_at,
        ends_at: key.limits.expires_at,
        ways: opening.ways.iter().map(KeyWay::text).collect(),
        meets: met.map(|place| question.requirements[*place].query.as_str()).collect(),
    }
}

fn entry<'a>(question: &'a Question, opener: &'a Opener) -> OpenerEntry<'a> {
    let asks_several = question.requirements.len() > 1;
    let met = opener.meets.iter().filter(|_| asks_several);
    OpenerEntry {
        id: opener.user.id,
        email: opener.user.email.as_ref(),
        name: opener.user.name.as_deref(),
        last_sign_in_at: opener.user.last_sign_in_at,
        ways: opener.ways.iter().map(|way| WayEntry { text: way.text(), until: way.until }).collect(),
        meets: met.map(|place| question.requirements[*place].query.as_str()).collect(),
    }
}
