//! One tool server with its rules.

use super::facts::{facts, find};
use crate::answer::PageAnswer;
use crate::callers::Administrator;
use crate::extract::{Path, Query};
use crate::fault::Fault;
use actix_web::web;
use gatepost_admin::Context;
use gatepost_core::ids::{GroupName, ToolServerId};
use gatepost_core::mcp::pattern::Subject;
use gatepost_pages::admin::{FormErrors, PlaceNotice, RuleEntered, ToolRuleEntry, ToolServerDetails};
use gatepost_pages::paths;
use gatepost_store::directory::{GroupFilter, KeyFilter, KeyRecord, ToolRule, ToolServer};
use serde::Deserialize;

/// The most rules that a server has are read in pages of this size.
const READ: u32 = 200;
/// Keys of the tenant that the form offers. A tenant has no more.
const KEYS: u32 = 100;
/// Groups that the form proposes.
const PROPOSED: u32 = 200;

/// What the last form did, or what the form begins with.
#[derive(Deserialize)]
pub(crate) struct Begun {
    done: Option<String>,
    kind: Option<String>,
    pattern: Option<String>,
}

/// Shows a tool server.
///
/// # Errors
/// [`Fault`]: there is no such server, or the directory does not answer.
pub(crate) async fn show(
    administrator: Administrator,
    context: web::Data<Context>,
    Path(id): Path<ToolServerId>,
    Query(Begun { done, kind, pattern }): Query<Begun>,
) -> Result<PageAnswer, Fault> {
    let server = find(&administrator, &context, &id).await?;
    let (kind, pattern) = (kind.unwrap_or_default(), pattern.unwrap_or_default());
    let entered = RuleEntered { kind, pattern, ..RuleEntered::default() };
    page(&administrator, &context, &server, done.as_deref(), (&entered, &FormErrors::default())).await
}

/// The page of a tool server, with what was entered into its form.
pub(super) async fn page(
    administrator: &Administrator,
    context: &Context,
    server: &ToolServer,
    done: Option<&str>,
    (entered, errors): (&RuleEntered, &FormErrors),
) -> Result<PageAnswer, Fault> {
    let keys = keys_of(administrator, context, server).await?;
    let groups = groups(administrator, context).await?;
    let groups: Option<Vec<&str>> =
        groups.as_ref().map(|groups| groups.iter().map(GroupName::as_str).collect());
    let rules = rules_of(administrator, context, server).await?;
    let said: Vec<Said> = rules.iter().map(|rule| Said::of(rule, &keys, administrator)).collect();
    let entries: Vec<_> = rules.iter().zip(&said).map(|(rule, said)| said.entry(rule)).collect();
    let live = keys.iter().filter(|key| key.revoked_at.is_none());
    let offered: Vec<_> = live.map(|key| (key.id.to_string(), named(key))).collect();
    let page = ToolServerDetails {
        frame: administrator.frame(PlaceNotice::text_of(done)),
        server: facts(context, server),
        rules: &entries,
        keys: &offered,
        groups: groups.as_deref(),
        entered,
        errors,
    };
    Ok(PageAnswer(page.page()))
}

/// All rules of a server.
pub(super) async fn rules_of(
    administrator: &Administrator,
    context: &Context,
    server: &ToolServer,
) -> Result<Vec<ToolRule>, Fault> {
    let (mut rules, mut after) = (Vec::new(), None);
    loop {
        let directory = &context.stores.directory;
        let found = directory.list_tool_rules(&administrator.scope, &server.id, after.as_ref(), READ).await?;
        rules.extend(found.items);
        after = found.next;
        if after.is_none() {
            return Ok(rules);
        }
    }
}

/// The keys of the server's tenant, which rules can be for.
pub(super) async fn keys_of(
    administrator: &Administrator,
    context: &Context,
    server: &ToolServer,
) -> Result<Vec<KeyRecord>, Fault> {
    let filter = KeyFilter { tenant: Some(server.tenant_id.clone()), ..KeyFilter::default() };
    Ok(context.stores.directory.search_keys(&administrator.scope, &filter, None, KEYS).await?.items)
}

/// Groups that the form proposes. `None`: the reader may not know of groups.
async fn groups(administrator: &Administrator, context: &Context) -> Result<Option<Vec<GroupName>>, Fault> {
    if !administrator.scope.is_system() {
        return Ok(None);
    }
    let filter = GroupFilter { counted: 0, ..GroupFilter::default() };
    let found = context.stores.directory.search_groups(&administrator.scope, &filter, None, PROPOSED).await?;
    Ok(Some(found.items.into_iter().map(|group| group.name).collect()))
}

fn named(key: &KeyRecord) -> String {
    format!("{} ({})", key.name, key.hint)
}

/// For whom a rule is, in words.
pub(super) struct Said {
    words: String,
    link: Option<String>,
    is_for_nobody: bool,
}

impl Said {
    pub(super) fn of(rule: &ToolRule, keys: &[KeyRecord], administrator: &Administrator) -> Self {
        let plain = |words: &str| Self { words: words.to_owned(), link: None, is_for_nobody: false };
        match &rule.subject {
            Subject::Everyone => plain("everyone who may enter"),
            Subject::Role(least) => plain(&format!("the role {least}, and above")),
            Subject::DeletedGroup => Self { is_for_nobody: true, ..plain("a group that was deleted") },
            Subject::Group(id) => {
                let words = rule
                    .group_name
                    .as_ref()
                    .map_or_else(|| format!("group {id}"), |name| format!("group {name}"));
                let link = administrator.scope.is_system().then(|| paths::admin_group(id));
                Self { words, link, is_for_nobody: false }
            }
            Subject::Key(id) => match keys.iter().find(|key| key.id.to_string() == *id) {
                Some(key) => Self {
                    words: format!("key {}", named(key)),
                    link: Some(paths::admin_key(key.id)),
                    is_for_nobody: key.revoked_at.is_some(),
                },
                None => plain(&format!("key {id}")),
            },
        }
    }

    /// Them in words.
    pub(super) fn words(&self) -> &str {
        &self.words
    }

    pub(super) fn entry<'a>(&'a self, rule: &'a ToolRule) -> ToolRuleEntry<'a> {
        ToolRuleEntry {
            id: rule.id,
            subject: &self.words,
            link: self.link.as_deref(),
            is_for_nobody: self.is_for_nobody,
            kind: rule.kind,
            pattern: rule.pattern.as_str(),
        }
    }
}
