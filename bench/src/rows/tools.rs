//! Compares calls of a tool server with the same requests where the router asks about no tools, all with a session and warm,
//! at the same Gatepost; and how long a decision takes with many rules.
//!
//! A call has more headers than a page and its answer names the tenant, which costs any gate the same. So the row shows
//! a page as well, and the figures compare requests that differ in nothing but what the gate is asked.

use super::Stage;
use super::production::{CONNECTIONS, Production, contestant};
use crate::cpu::Watched;
use crate::load::Requests;
use crate::measure::Contestant;
use crate::site::{GROUP, Site};
use crate::stats::Spread;
use crate::tool_call;
use gatepost_core::access::{Access, Role};
use gatepost_core::mcp::Mode;
use gatepost_core::mcp::pattern::Kind;
use gatepost_core::mcp::rules::{Holder, Rule, RuleSet, User};
use gatepost_kit::process::Gatepost;
use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Judged by its body, and by its headers.
const SERVERS: [(Mode, &str); 2] =
    [(Mode::Body, "/servers/body/mcp"), (Mode::Headers, "/servers/headers/mcp")];
const PATTERNS: u16 = 1_000;

/// Measures over http, and the rules without any connection.
pub async fn run(stage: &mut Stage, production: &Production) -> io::Result<()> {
    let (ground, schedule) = (stage.ground.clone(), stage.tempo.deciding());
    let Production { site, .. } = production;
    for (mode, path) in SERVERS {
        let (id, url) = (mode.as_str(), format!("https://{}{path}", site.addresses.host));
        let create = ["tool-server", "create", id, "--tenant", "github", "--url", &url];
        Site::command(site.builder(&ground), &create).await?;
        Site::command(
            site.builder(&ground),
            &["tool-server", "allow", id, "--group", GROUP, "--tool", "get_*"],
        )
        .await?;
        if mode == Mode::Headers {
            let parsed = (id.parse().map_err(io::Error::other)?, "github".parse().map_err(io::Error::other)?);
            site.judge_by_headers(parsed.0, parsed.1).await?;
        }
    }
    let gatepost = site.start(&ground, &site.builder(&ground)).await?;
    let entry_alone = call(production, SERVERS[1], "/verify?tenant=github");
    let by_body = call(production, SERVERS[0], "/verify?tenant=github&mcp=true");
    let by_headers = call(production, SERVERS[1], "/verify?tenant=github&mcp=headers");
    let contestants = [
        asked("call, nothing asked about tools", &gatepost, entry_alone),
        asked("tool call by its body, 2 KiB", &gatepost, by_body),
        asked("tool call by its headers", &gatepost, by_headers),
        production.gatepost(&gatepost, "page"),
    ];
    contestants[0].become_known(ground.cores).await?;
    let title = format!("Warm, http, {CONNECTIONS} connections: calls of a tool server");
    let row = stage.row(&title, &contestants, schedule).await?;
    let [body, headers] = [row.cpu_ratio(1), row.cpu_ratio(2)];
    if let Some(ratio) = body {
        let note = "a call with a body of 2 KiB by the same without, about which nothing is asked; both with a session and warm";
        let fact = stage.report.fact("CPU of a tool call by its body", ratio, "ratio", note);
        fact.must("CPU of a tool call by its body, 2 KiB : warm session", 1.35, 1.2);
    }
    if let Some(ratio) = headers {
        let note =
            "a call without a body by the same, about which nothing is asked; both with a session and warm";
        let fact = stage.report.fact("CPU of a tool call by its headers", ratio, "ratio", note);
        fact.must("CPU of a tool call by its headers : warm session", 1.08, 1.03);
    }
    rules(stage)
}

fn asked(name: &str, gatepost: &Gatepost, requests: Requests) -> Contestant {
    let watched = vec![Watched::new("gatepost", gatepost.running().pid())];
    contestant(name, gatepost.internal(), Arc::new(requests.ready()), watched)
}

/// A call of each visitor, as a program in a browser sends it.
fn call(production: &Production, (mode, path): (Mode, &str), verify: &str) -> Requests {
    let addresses = &production.site.addresses;
    let requests = tool_call::requests(mode, addresses.host, verify, path);
    requests.by(addresses.cookie, Arc::clone(&production.visitors))
}

/// Measures decisions with [`PATTERNS`] patterns, in this process.
fn rules(stage: &mut Stage) -> io::Result<()> {
    let rules = rule_set().map_err(io::Error::other)?;
    let groups = ["Everybody", "Group-7", "Wiki-Editors"].map(|name| name.parse().expect("a group's name"));
    let access = Access { groups: groups.to_vec(), ..Access::default() };
    let user = user(&access);
    let name = |number| format!("server_{}_get_{number}", number % PATTERNS);
    let names: Vec<String> = (0..PATTERNS * 2).map(name).collect();
    let counted = Duration::from_millis(if stage.tempo.is_quick { 20 } else { 200 });
    let micros = (0..stage.tempo.rounds).map(|_| {
        let (begun, mut decisions) = (Instant::now(), 0_u32);
        while begun.elapsed() < counted {
            for name in &names {
                black_box(rules.allows(Kind::Tool, black_box(name), &user));
            }
            decisions += u32::from(PATTERNS) * 2;
        }
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(decisions)
    });
    let value = Spread::of(micros).ok_or_else(|| io::Error::other("no round"))?;
    let note = "in the benchmark's process; half of the patterns end with *; allowed and refused calls";
    let fact = stage.report.fact("A decision with 1,000 patterns", value, "us", note);
    fact.must("decision about a tool with 1,000 patterns", 2.0, 0.5);
    Ok(())
}

fn user(access: &Access) -> User<'_> {
    User { access, role: Some(Role::Member), key: None, tools: &[], needs_rule: false }
}

/// A thousand patterns for fifty groups, of which a quarter begin with others.
fn rule_set() -> Result<RuleSet, gatepost_core::tool_pattern::ToolPatternError> {
    let rule = |number: u16| {
        let text = match number % 4 {
            0 => format!("server_{number}_get_{number}"),
            1 => format!("server_{number}_*"),
            2 => format!("server_{}_get_{number}", number - 1),
            _ => format!("server_{}*", number / 10),
        };
        let group = format!("Group-{}", number % 50).parse().expect("a group's name");
        Ok(Rule { holder: Holder::Group(group), kind: Kind::Tool, pattern: text.parse()? })
    };
    (0..PATTERNS).map(rule).collect::<Result<Vec<_>, _>>().map(RuleSet::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_allow_some_calls_and_refuse_others() {
        let rules = rule_set().expect("patterns");
        let groups = vec!["Group-7".parse().expect("a name")];
        let access = Access { groups, ..Access::default() };
        let user = user(&access);
        let allowed = (0..PATTERNS).filter(|number| {
            let name = format!("server_{number}_get_{number}");
            rules.allows(Kind::Tool, &name, &user)
        });
        let allowed = allowed.count();
        assert!((1..usize::from(PATTERNS)).contains(&allowed), "{allowed}");
    }
}
