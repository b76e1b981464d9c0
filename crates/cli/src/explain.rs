//! `gatepost explain`: why a request passes or not, step by step, for people or for programs.

use super::CommandError;
use super::console::Console;
use super::report::{Report, plain, table};
use anstyle::{AnsiColor, Style};
use clap::{ArgGroup, Args};
use gatepost_admin::explain::{Asker, Initiator, Question, RequestUrl, requirement_of_groups};
use gatepost_core::api_key::KeyId;
use gatepost_core::clock::Timestamp;
use gatepost_core::host::Origin;
use gatepost_core::ids::{GroupName, RequestId};
use gatepost_core::mcp::message::Call;
use gatepost_core::mcp::pattern::Kind;
use gatepost_pages::explanation::{
    Answer, Change, Changes, Explanation, Mark, PastRequest, RefusalFacts, Step,
};
use gatepost_store::directory::UserKey;
use hyper::Method;
use std::fmt::Write;

/// Arguments of `gatepost explain`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["user", "key", "request"])))]
pub(super) struct Explain {
    /// The person, by address or id
    #[arg(long, value_name = "USER", requires = "url")]
    user: Option<UserKey>,
    /// An API key in place of a person, by its id
    #[arg(long, value_name = "ID", requires = "url")]
    key: Option<KeyId>,
    /// An absolute address of an application
    #[arg(long, value_name = "URL", conflicts_with = "request")]
    url: Option<RequestUrl>,
    /// The method of the request: GET if nothing is said, POST if something of a tool server is
    #[arg(long, value_name = "METHOD", conflicts_with = "request")]
    method: Option<Method>,
    /// The tool that the request calls, at a router with mcp=true
    #[arg(long, value_name = "NAME", conflicts_with_all = ["request", "prompt", "resource"])]
    tool: Option<String>,
    /// The prompt that it fetches
    #[arg(long, value_name = "NAME", conflicts_with_all = ["request", "resource"])]
    prompt: Option<String>,
    /// The resource that it reads
    #[arg(long, value_name = "URI", conflicts_with = "request")]
    resource: Option<String>,
    /// A group that the router requires; with several, one of them is enough
    #[arg(long, value_name = "NAME", conflicts_with = "request")]
    group: Vec<GroupName>,
    /// The full requirement of the router: the query after `/verify?` in the middleware's address
    #[arg(long, value_name = "QUERY", conflicts_with_all = ["group", "request"])]
    require: Option<String>,
    /// The origin of the page that sends the request, if it is not the application's own
    #[arg(long, value_name = "ORIGIN", conflicts_with = "request")]
    from: Option<Origin>,
    /// The time of the request, as in 2026-11-24T18:00:00Z: sessions are evaluated at this time, and later changes are listed
    #[arg(long, value_name = "TIME", conflicts_with = "request")]
    at: Option<Timestamp>,
    /// The request number from a refusal's page or the log: shows the answer at that time, and the answer now
    #[arg(long, value_name = "NUMBER")]
    request: Option<RequestId>,
    /// Print JSON for programs: field names do not change, times are RFC 3339 in UTC
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) const HELP: &str = "This command only reads the stores and changes nothing. It uses the same code as `serve`.\n\n\
    Examples:\n  \
    gatepost explain --user alice@example.com --url https://github.example.com/ --group MCP-GitHub\n  \
    gatepost explain --user alice@example.com --url https://app.example.com/ --require 'tenant=github&max_age=900'\n  \
    gatepost explain --user alice@example.com --url https://app.example.com/ --at 2026-11-24T18:00:00Z\n  \
    gatepost explain --key 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --url https://mcp.example.com/servers/github/mcp --require mcp=true --tool get_file\n  \
    gatepost explain --request 019ab8c5d2a37e6f9b0c1d2e3f405162\n\n\
    Exit codes: 0 explained, even if the request is refused (--json has .allowed); 1 failure; 2 invalid arguments.";

pub(super) async fn run(console: &Console, args: Explain) -> Result<Report, CommandError> {
    let asker = args.user.clone().map(Asker::Person).or(args.key.map(Asker::Key));
    match (args.request, asker.zip(args.url.clone())) {
        (Some(id), _) => {
            let request = match console.api() {
                Some(api) => api.explain_request(id).await?,
                None => console.here()?.explainer.explain_request(id).await?,
            };
            Ok(Report::colored(past(&request), request.to_json()))
        }
        (None, Some((asker, url))) => {
            let question = args.question(asker, url);
            let explanation = match console.api() {
                Some(api) => api.explain(&question).await?,
                None => console.here()?.explainer.explain(&question).await?,
            };
            Ok(Report::colored(to_text(&explanation), explanation.to_json()))
        }
        (None, None) => unreachable!("clap asks for one of the two, and for --url with --user and --key"),
    }
}

impl Explain {
    fn question(self, asker: Asker, url: RequestUrl) -> Question {
        let named = [(Kind::Tool, self.tool), (Kind::Prompt, self.prompt), (Kind::Resource, self.resource)];
        let call = named.into_iter().find_map(|(kind, name)| Some(Call { kind, name: name? }));
        let method = self.method.unwrap_or(if call.is_some() { Method::POST } else { Method::GET });
        let groups = self.group.iter().map(GroupName::as_str);
        let requirement = self.require.unwrap_or_else(|| requirement_of_groups(groups));
        let initiator = self.from.map_or(Initiator::Own, Initiator::Page);
        let own = Question::own(asker, url, method, requirement).asking_for(call);
        Question { initiator, at: self.at, ..own }
    }
}

fn past(request: &PastRequest) -> String {
    let mut text = request.refused.as_ref().map(refused).unwrap_or_default();
    if !request.changes.is_empty() {
        text.push_str("\nThis request changed:\n");
        text.push_str(&changes(&request.changes));
    }
    match (&request.refused, &request.now) {
        (Some(_), Some(now)) => {
            let outcome =
                if request.is_fixed() == Some(true) { "it would pass" } else { "it still does not pass" };
            let _ = write!(text, "\nThe same request now: {outcome}.\n\n{}", to_text(now));
        }
        (Some(facts), None) => {
            let _ = write!(text, "\nThe present answer is not known, because {}.", facts.unknown_because());
        }
        (None, _) => text.push_str("\nNo refusal is stored under this number."),
    }
    text.trim().to_owned()
}

fn refused(facts: &RefusalFacts) -> String {
    let row = |label: &str, value: String| [label.to_owned(), plain(&value)];
    let demanded = if facts.requirement.is_empty() { "nothing" } else { facts.requirement.as_str() };
    let mut rows = vec![
        row("When", facts.at.to_string()),
        row("Who", format!("{} ({})", facts.who(), facts.user_id)),
        row("What", format!("{} {}{} ({})", facts.method, facts.host, facts.path, facts.kind)),
        row("Required", demanded.to_owned()),
        row("Answer", format!("{}, {}", facts.status, facts.text)),
    ];
    rows.extend(facts.sent_for().map(|email| row("For", email.to_string())));
    rows.extend(facts.via.iter().filter(|_| facts.is_person).map(|key| row("By the key", key.clone())));
    rows.extend(facts.tool.iter().map(|tool| row("Asked for", tool.clone())));
    rows.extend(facts.asker.iter().map(|asker| row("Page of", asker.clone())));
    rows.extend(facts.address.iter().map(|address| row("Client", address.to_string())));
    table(None, rows) + "\n"
}

fn to_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    if !explanation.is_now {
        let _ = writeln!(
            text,
            "At {}. Sessions are evaluated at this time; groups, tenants and admins are the present ones.\n",
            explanation.at
        );
    }
    for step in &explanation.steps {
        paragraph(&mut text, step);
    }
    text.push_str(&answers(explanation));
    if let Some(remedy) = &explanation.remedy {
        let lines: Vec<String> = remedy.lines().iter().map(|line| plain(line)).collect();
        let _ = writeln!(text, "\n{}", lines.join("\n"));
    }
    if let Some(found) = &explanation.changes {
        text.push_str(&changed_since(found, &explanation.at.to_string()));
    }
    text
}

fn paragraph(text: &mut String, step: &Step) {
    let (color, word) = match step.mark() {
        Mark::Ok => (AnsiColor::Green, "ok"),
        Mark::No => (AnsiColor::Red, "NO"),
        Mark::Note => (AnsiColor::Cyan, "-"),
    };
    let style: Style = color.on_default().bold();
    let _ = writeln!(text, "{style}{word:<4}{style:#}{:<15}{}", step.title(), plain(&step.text()));
    for detail in step.details() {
        let _ = writeln!(text, "{:21}{}", "", plain(&detail));
    }
}

fn answers(explanation: &Explanation) -> String {
    let Some(answer) = &explanation.answer else {
        return "\nGatepost itself answers, never with 200.\n".to_owned();
    };
    match &explanation.sign_in_first {
        // A person who may not sign in would not pass after it.
        Some(first) if first != answer => {
            format!("\n/verify answers {}and, after the sign-in, {}", describe(first), describe(answer))
        }
        _ => format!("\n/verify answers {}", describe(answer)),
    }
}

fn describe(answer: &Answer) -> String {
    if answer.headers.is_empty() {
        return format!("{}\n", answer.status);
    }
    let rows = answer.headers.iter().map(|(name, value)| [format!("  {name}"), plain(value_or_empty(value))]);
    format!("{} with\n{}\n", answer.status, table(None, rows.collect()))
}

fn value_or_empty(value: &str) -> &str {
    if value.is_empty() { "(empty)" } else { value }
}

fn changed_since(found: &Changes, at: &str) -> String {
    let mut text = String::new();
    if let Some(since) = found.known_since {
        let _ = writeln!(text, "\nThe audit begins only at {since}: earlier changes are not known.");
    }
    if found.entries.is_empty() {
        let _ = writeln!(text, "\nNothing relevant has changed since {at}.");
        return text;
    }
    let _ = writeln!(text, "\nChanges since {at}; the answer may have been different at that time:");
    text.push_str(&changes(&found.entries));
    if found.is_cut {
        text.push_str("  and more\n");
    }
    text
}

fn changes(entries: &[Change]) -> String {
    let object = |json: &Option<String>| json.clone().unwrap_or_else(|| "-".to_owned());
    let rows = entries.iter().map(|change| {
        let what = match (&change.before, &change.after) {
            (None, None) => String::new(),
            (before, after) => format!("{} -> {}", object(before), object(after)),
        };
        [format!("  {}", change.at), change.action.clone(), change.target.clone(), change.actor.clone(), what]
            .map(|cell| plain(&cell))
    });
    table(None, rows.collect()) + "\n"
}
