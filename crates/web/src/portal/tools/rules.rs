//! Allows somebody something, and takes it back.

use super::details::{Said, keys_of, page, rules_of};
use super::facts::{facts, find};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Fields, Form, Path, Query};
use crate::fault::Fault;
use crate::portal::change::{FormAnswer, Refused, carry_out, done};
use crate::portal::forms::{entered as parsed, filled_in};
use actix_web::{Either, web};
use gatepost_admin::Context;
use gatepost_core::ids::{GroupId, GroupName, ToolRuleId, ToolServerId};
use gatepost_core::mcp::pattern::{Kind, Subject};
use gatepost_core::tool_pattern::ToolPattern;
use gatepost_pages::admin::{FormErrors, PlaceNotice, RuleEntered, RuleQuestion};
use gatepost_pages::{Section, paths};
use gatepost_store::directory::changes::{AddToolRule, RemoveToolRule};
use gatepost_store::directory::{Conditions, GroupKey, ToolServer};
use serde::Deserialize;

/// The form of a rule.
#[derive(Deserialize)]
pub(crate) struct Sent {
    subject: Option<String>,
    group: Option<String>,
    kind: Option<String>,
    pattern: Option<String>,
}

impl Fields for Sent {
    const LIMIT: usize = 8192;
}

/// Makes a rule.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn allow(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
    Form(sent): Form<Sent>,
) -> FormAnswer {
    let server = find(&administrator, &context, &id).await?;
    let kind: Kind = filled_in("kind", sent.kind.as_deref())?;
    let entered = RuleEntered {
        subject: sent.subject.unwrap_or_default(),
        group: sent.group.unwrap_or_default().trim().to_owned(),
        kind: kind.as_str().to_owned(),
        pattern: sent.pattern.unwrap_or_default().trim().to_owned(),
    };
    let mut errors = FormErrors::default();
    let subject = subject(&administrator, &context, &entered, &mut errors).await?;
    let pattern = match parsed::<ToolPattern>(&entered.pattern) {
        _ if entered.pattern.is_empty() => {
            errors.add("pattern", "Enter a name, or * for all.");
            None
        }
        Ok(pattern) => Some(pattern),
        Err(error) => {
            errors.add("pattern", &error);
            None
        }
    };
    if let (Some(subject), Some(pattern)) = (subject, pattern) {
        let change = AddToolRule { server: id, tenant: server.tenant_id.clone(), subject, kind, pattern };
        match carry_out(&context, &administrator, &change, Conditions::default()).await {
            Ok(made) => {
                let notice = if made.changed { PlaceNotice::Allowed } else { PlaceNotice::AllowedBefore };
                return done(&context, &paths::admin_tool_server(&server.id), notice.as_str());
            }
            Err(Refused::Impossible(why)) => errors.add("", &why.advice()),
            Err(Refused::Fault(fault)) => return Err(fault),
            Err(Refused::Overtaken(_)) => return Err(Fault::NotFound),
        }
    }
    page(&administrator, &context, &server, None, (&entered, &errors)).await.map(Either::Right)
}

/// For whom the rule is to be. `None`: that is wrong.
async fn subject(
    administrator: &Administrator,
    context: &Context,
    entered: &RuleEntered,
    errors: &mut FormErrors,
) -> Result<Option<Subject>, Fault> {
    if entered.subject != "group" {
        let subject: Subject = filled_in("subject", Some(&entered.subject))?;
        return Ok(Some(subject));
    }
    if administrator.scope.is_system() {
        let name = match parsed::<GroupName>(&entered.group) {
            Ok(name) => name,
            Err(error) => {
                errors.add("group", &error);
                return Ok(None);
            }
        };
        let key = GroupKey::Name(name);
        let found = context.stores.directory.find_group(&administrator.scope, &key).await?;
        if found.is_none() {
            errors.add("group", &format!("There is no group {key}."));
        }
        return Ok(found.map(|group| Subject::Group(group.id)));
    }
    match parsed::<GroupId>(&entered.group) {
        Ok(id) => Ok(Some(Subject::Group(id))),
        Err(error) => {
            errors.add("group", &error);
            Ok(None)
        }
    }
}

/// A rule.
#[derive(Deserialize)]
pub(crate) struct Rule {
    rule: Option<String>,
    /// The question was answered: nothing but this rule closes its kind.
    opens: Option<String>,
}

impl Fields for Rule {}

/// Asks before the last rule about a kind is taken back.
///
/// # Errors
/// [`Fault`]: there is no such rule, or the directory does not answer.
pub(crate) async fn ask(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
    Query(Rule { rule, .. }): Query<Rule>,
) -> Result<PageAnswer, Fault> {
    let server = find(&administrator, &context, &id).await?;
    let rule: ToolRuleId = rule.and_then(|rule| rule.parse().ok()).ok_or(Fault::NotFound)?;
    question(&administrator, &context, &server, rule).await
}

async fn question(
    administrator: &Administrator,
    context: &Context,
    server: &ToolServer,
    id: ToolRuleId,
) -> Result<PageAnswer, Fault> {
    let rules = rules_of(administrator, context, server).await?;
    let rule = rules.iter().find(|rule| rule.id == id).ok_or(Fault::NotFound)?;
    let said = Said::of(rule, &keys_of(administrator, context, server).await?, administrator);
    let (frame, server) = (administrator.frame(None), facts(context, server));
    Ok(PageAnswer(RuleQuestion { frame, server, rule: said.entry(rule) }.page()))
}

/// Takes a rule back. If that opens its kind to everybody, it is asked before.
///
/// # Errors
/// [`Fault`]
pub(crate) async fn forbid(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
    Form(Rule { rule, opens }): Form<Rule>,
) -> FormAnswer {
    let server = find(&administrator, &context, &id).await?;
    let (rule, here): (ToolRuleId, _) = (filled_in("rule", rule.as_deref())?, paths::admin_tool_server(&id));
    let change = RemoveToolRule { server: id, tenant: server.tenant_id.clone(), rule };
    let dry_run = Conditions { is_dry_run: true, ..Conditions::default() };
    let would = carry_out(&context, &administrator, &change, dry_run).await;
    if matches!(&would, Ok(would) if would.outcome == 0) && opens.as_deref() != Some("yes") {
        return question(&administrator, &context, &server, rule).await.map(Either::Right);
    }
    let made = match would {
        Ok(_) => carry_out(&context, &administrator, &change, Conditions::default()).await,
        Err(why) => Err(why),
    };
    match made {
        Ok(_) => done(&context, &here, PlaceNotice::Forbidden.as_str()),
        Err(why) => why.answer(&administrator, Section::Tools, &here),
    }
}
