//! What a tool server itself lists, with the rules about each. It calls the server, so a GET only shows the form: a page of
//! somebody else, or a prefetch, can make a browser send a GET, but not the POST of a page of ours.

use super::details::{Said, keys_of, rules_of};
use super::facts::{facts, find};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path};
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_core::error_chain::Chain;
use gatepost_core::ids::ToolServerId;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_pages::admin::{ListedEntry, ToolsAnswer, ToolsListed};
use gatepost_runtime::tools::listing::{Listed, Listing};
use serde::Deserialize;

/// What is to be listed.
#[derive(Deserialize)]
pub(crate) struct Asked {
    kind: Option<String>,
}

impl Fields for Asked {}

/// Says what can be asked, with the form that asks.
///
/// # Errors
/// [`Fault`]: there is no such server, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
) -> Result<PageAnswer, Fault> {
    let server = find(&administrator, &context, &id).await?;
    let (frame, server) = (administrator.frame(None), facts(&context, &server));
    Ok(PageAnswer(ToolsListed { frame, server, outcome: None }.page()))
}

/// Asks a tool server what it has. No address leads to the answer: it is of this moment.
///
/// # Errors
/// [`Fault`]: there is no such server or kind, or the directory does not answer. A server that does not answer is on the page.
pub(crate) async fn ask(
    administrator: Administrator,
    context: web::Data<Context>,
    listing: web::Data<Listing>,
    Path(id): Path<ToolServerId>,
    Form(Asked { kind }): Form<Asked>,
) -> Result<PageAnswer, Fault> {
    let server = find(&administrator, &context, &id).await?;
    let kind: Kind = kind.as_deref().unwrap_or_default().parse().map_err(|_| Fault::NotFound)?;
    let rules = rules_of(&administrator, &context, &server).await?;
    let keys = keys_of(&administrator, &context, &server).await?;
    let said: Vec<_> = rules
        .iter()
        .filter(|rule| rule.kind == kind)
        .map(|rule| (&rule.pattern, Said::of(rule, &keys, &administrator)))
        .collect();
    let settings = &server.settings;
    let (person, place) =
        (administrator.person.principal.standing.person.id, (&settings.url, settings.service.as_ref()));
    let (listed, trouble) = match listing.ask(person, place, kind).await {
        Ok(listed) => (listed, None),
        Err(error) => (Listed::default(), Some(Chain(&error).to_string())),
    };
    let entries: Vec<_> = listed
        .names
        .iter()
        .map(|name| {
            let about = said.iter().filter(|(pattern, _)| pattern.matches(name));
            let subjects = about.map(|(_, said)| said.words()).collect();
            // The server chooses its names: one that ends with * would be a rule about others too.
            let may_be_ruled = !name.ends_with('*') && name.parse::<ToolPattern>().is_ok();
            ListedEntry { name, subjects, may_be_ruled }
        })
        .collect();
    let outcome = ToolsAnswer {
        kind,
        entries: &entries,
        has_more: listed.has_more,
        is_open: said.is_empty(),
        trouble: trouble.as_deref(),
    };
    let (frame, server) = (administrator.frame(None), facts(&context, &server));
    Ok(PageAnswer(ToolsListed { frame, server, outcome: Some(outcome) }.page()))
}
