//! Samples of the pages of tool servers: empty, full, in error, and with the longest words.

use super::admin::frame;
use super::samples::{NOW, PLANTED, Sample};
use crate::admin::*;
use gatepost_core::administration::Version;
use gatepost_core::ids::{TenantId, ToolRuleId, ToolServerId};
use gatepost_core::mcp::pattern::Kind;

/// The numbers of items that a page has, and what is wrong with its forms.
#[derive(Clone, Copy)]
struct Case<'a> {
    name: &'a str,
    words: &'a str,
    count: usize,
    error: Option<&'a str>,
}

fn server<'a>(
    case: Case<'a>,
    id: &'a ToolServerId,
    tenant: &'a TenantId,
    scopes: &'a [String],
) -> ToolServerFacts<'a> {
    let some = |text: &'a str| Some(text).filter(|_| case.count > 0);
    ToolServerFacts {
        id,
        tenant,
        url: case.words,
        name: some(case.words),
        provider: some(case.words),
        audience: some(case.words),
        scopes: &scopes[..case.count.min(1)],
        is_by_headers: case.count > 0,
        service: some(case.words),
        documentation: some(case.words),
        is_default: case.count > 0,
        created_at: NOW,
        version: Version::from_number(7),
    }
}

fn errors(case: Case<'_>) -> FormErrors {
    let mut errors = FormErrors::default();
    for field in [
        "",
        "id",
        "tenant",
        "url",
        "name",
        "provider",
        "audience",
        "scopes",
        "documentation",
        "group",
        "pattern",
    ] {
        if let Some(error) = case.error {
            errors.add(field, error);
        }
    }
    errors
}

fn samples_of(case: Case<'_>) -> Vec<Sample> {
    let Case { name, words, count, error } = case;
    let (id, tenant): (ToolServerId, TenantId) = (
        if name == "long" { "s".repeat(64) } else { "github".to_owned() }.parse().expect("an id"),
        "github".parse().expect("a tenant"),
    );
    let scopes = [words.to_owned()];
    let server = server(case, &id, &tenant, &scopes);
    let errors = errors(case);
    let text = if error.is_some() { words.to_owned() } else { String::new() };
    let entered = ToolServerEntered {
        id: text.clone(),
        url: text.clone(),
        scopes: text.clone(),
        ..ToolServerEntered::default()
    };
    let (frame, rule_id) = (frame(words, None), ToolRuleId::generate());
    let rule = |number: usize| ToolRuleEntry {
        id: rule_id,
        subject: words,
        link: Some("/admin/groups/7").filter(|_| number.is_multiple_of(2)),
        is_for_nobody: number.is_multiple_of(3),
        kind: if number == 4 { Kind::Prompt } else { Kind::Tool },
        pattern: words,
    };
    let rules: Vec<_> = (0..count).map(rule).collect();
    let keys = vec![("019ab8c5-d2a3-7e6f-9b0c-1d2e3f405162".to_owned(), words.to_owned()); count];
    let rule_entered = RuleEntered {
        subject: "group".to_owned(),
        group: text.clone(),
        kind: "prompt".to_owned(),
        pattern: text,
    };
    let list = ToolServers {
        frame,
        tenant: Some(&tenant).filter(|_| count == 5),
        servers: &vec![server; count],
        next: Some(words).filter(|_| count > 3),
        entered: &entered,
        errors: &errors,
        tenants: &[words],
        providers: &[words],
    };
    let groups = [words];
    let details = ToolServerDetails {
        frame,
        server,
        rules: &rules,
        keys: &keys,
        groups: Some(groups.as_slice()).filter(|_| count > 3),
        entered: &rule_entered,
        errors: &errors,
    };
    let edit = ToolServerEdit {
        frame,
        server,
        entered: &entered,
        errors: &errors,
        providers: &[words],
        services: (count > 0).then_some(&groups[..]),
        is_overtaken: count == 5,
    };
    let deletion =
        ToolServerDeletion { frame, server, rules: count, typed: EnteredText { value: words, error } };
    let question = RuleQuestion { frame, server, rule: rule(1) };
    let entry = |number: usize| ListedEntry {
        name: words,
        subjects: vec![words; number % 5],
        may_be_ruled: !number.is_multiple_of(4),
    };
    // As many as are read at most.
    let entries: Vec<_> = (0..count * 12 / 5).map(entry).collect();
    let answer = ToolsAnswer {
        kind: Kind::Tool,
        entries: &entries,
        has_more: count > 3,
        is_open: count == 3,
        trouble: error,
    };
    let listed = ToolsListed { frame, server, outcome: Some(answer).filter(|_| count != 1) };
    let pages = [
        ("tools", list.page()),
        ("tool-server", details.page()),
        ("tool-server-edit", edit.page()),
        ("tool-server-delete", deletion.page()),
        ("tool-server-rule", question.page()),
        ("tool-server-listed", listed.page()),
    ];
    pages.map(|(what, page)| Sample { name: format!("admin-{what}-{name}"), page }).into()
}

pub fn tool_samples() -> Vec<Sample> {
    let long = "W".repeat(120);
    let wrong = Some("This is wrong. Enter something else.");
    let cases = [
        Case { name: "empty", words: "https://mcp.example.com/servers/github/mcp", count: 0, error: None },
        Case { name: "full", words: "get_pull_request", count: 50, error: None },
        Case { name: "wrong", words: "nonsense", count: 3, error: wrong },
        Case { name: "long", words: &long, count: 5, error: Some(&long) },
        Case { name: "hostile", words: PLANTED, count: 5, error: Some(PLANTED) },
    ];
    cases.into_iter().flat_map(samples_of).collect()
}

/// The last rule of a kind closes it: only a question leads to its removal.
#[test]
fn the_last_rule_about_a_kind_is_removed_after_a_question() {
    let count =
        |count| samples_of(Case { name: "x", words: "get_pull_request", count, error: None }).remove(1).page;
    let one = count(1);
    assert!(
        one.body.contains("/rules/remove?rule=")
            && !one.body.contains("action=\"/admin/tools/github/rules/remove\""),
        "{}",
        one.body
    );
    let two = count(2);
    assert_eq!(two.body.matches("action=\"/admin/tools/github/rules/remove\"").count(), 2, "{}", two.body);
    assert!(!two.body.contains("/rules/remove?rule="), "{}", two.body);
}
