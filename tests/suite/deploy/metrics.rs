//! Dashboard and alert rules against a real Prometheus that reads the real binary's `/metrics`: nothing in them may name
//! what does not exist, and everything they ask must be answered.

use super::{read, repository};
use crate::keys::create;
use crate::stores::gate::Gate;
use crate::world::APP;
use gatepost_kit::process::{Running, find_ok, free_addr, until};
use gatepost_telemetry::labels::Label;
use gatepost_telemetry::{
    Answer, CallOutcome, ProviderEndpoint, Reason, RefreshOutcome, SignInOutcome, Store, StoreOutcome,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const RULES: &str = "deploy/prometheus/rules.yml";
const DASHBOARD: &str = "deploy/grafana/gatepost.json";
const TIMEOUT: Duration = Duration::from_secs(40);

fn promtool(arguments: &[&str]) -> String {
    let mut command = Command::new("promtool");
    command.current_dir(repository("deploy/prometheus")).args(arguments);
    let output = command.output().expect("promtool: Debian package prometheus");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn prometheus_accepts_the_rules_and_each_alerts_when_it_should_and_not_otherwise() {
    promtool(&["check", "rules", "rules.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["test", "rules", "rules.test.yml"]);
}

#[test]
fn every_alert_is_tried_and_explained() {
    let (tests, manual) = (read("deploy/prometheus/rules.test.yml"), read("docs/operations.md"));
    for name in alerts() {
        assert!(tests.contains(&name), "rules.test.yml does not try {name}");
        assert!(manual.contains(&format!("`{name}`")), "docs/operations.md does not explain {name}");
    }
}

fn alerts() -> Vec<String> {
    let rules = read(RULES);
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned);
    names.collect()
}

/// Every expression of the dashboard, its variables replaced as Grafana does.
fn panel_expressions() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut expressions = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(
            panel["description"].as_str().is_some_and(|text| text.len() > 5),
            "{title} says not what it shows"
        );
        for target in panel["targets"].as_array().unwrap() {
            expressions.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    let variable = &dashboard["templating"]["list"][1]["query"]["query"];
    let series = variable.as_str().unwrap().strip_prefix("label_values(").unwrap();
    expressions.push(("variable".to_owned(), series.rsplit_once(',').unwrap().0.to_owned()));
    let annotation = &dashboard["annotations"]["list"][0]["expr"];
    expressions.push(("annotation".to_owned(), annotation.as_str().unwrap().to_owned()));
    let replace = |text: String| text.replace("$__rate_interval", "1m").replace("$instance", ".*");
    expressions.into_iter().map(|(title, text)| (title, replace(text))).collect()
}

/// The metric names of a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c)).filter(|word| {
        (word.starts_with("gatepost_") || word.starts_with("process_")) && !word.ends_with('_')
    });
    words.map(str::to_owned).collect()
}

/// Label values that expressions compare with, by label.
fn compared(text: &str) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for (at, _) in text.match_indices('"') {
        let before = text[..at].trim_end_matches(['=', '!', '~']);
        if before.len() == at {
            continue;
        }
        let label =
            before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        let value = text[at + 1..].split('"').next().unwrap_or_default();
        pairs.extend(value.split('|').map(|value| (label.to_owned(), value.to_owned())));
    }
    pairs
}

#[test]
fn rules_and_dashboard_compare_with_labels_that_exist() {
    fn of<L: Label>() -> BTreeSet<&'static str> {
        L::ALL.iter().map(|label| label.as_str()).collect()
    }
    let outcomes = [of::<SignInOutcome>(), of::<CallOutcome>(), of::<RefreshOutcome>(), of::<StoreOutcome>()];
    let panels = panel_expressions().into_iter().map(|(_, text)| text);
    let all =
        panels.chain([read(RULES), read("deploy/prometheus/rules.test.yml")]).collect::<Vec<_>>().join("\n");
    let pairs = compared(&all);
    assert!(pairs.len() > 10, "{pairs:?}");
    for (label, value) in &pairs {
        let value = value.as_str();
        let exists = match label.as_str() {
            "answer" => of::<Answer>().contains(value),
            "reason" => of::<Reason>().contains(value),
            "store" => of::<Store>().contains(value),
            "endpoint" => of::<ProviderEndpoint>().contains(value),
            "outcome" => outcomes.iter().any(|set| set.contains(value)),
            _ => true,
        };
        assert!(exists, "no {label} is {value:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_rule_queries_metrics_that_the_binary_has() {
    let (gate, told) = busy_world().await;
    let families: BTreeSet<&str> =
        told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let is_told = |name: &str| {
        let suffixes = ["", "_total", "_bucket", "_count", "_sum", "_info"];
        suffixes
            .iter()
            .any(|suffix| name.strip_suffix(suffix).is_some_and(|family| families.contains(family)))
    };
    let expressions = panel_expressions();
    let asked = expressions.iter().map(|(_, text)| text.clone()).chain([read(RULES)]);
    for name in asked.flat_map(|text| names(&text)) {
        assert!(is_told(&name), "{name} is asked for, and /metrics has no such family");
    }

    let prometheus = Prometheus::start(gate.world.gatepost.internal()).await;
    for (title, expression) in &expressions {
        let answer = prometheus.query(expression).await;
        assert_eq!(answer["status"], "success", "{title}: {answer}");
        let is_empty = answer["data"]["result"].as_array().is_none_or(Vec::is_empty);
        assert!(!is_empty || title == "annotation", "{title} shows nothing: {expression}");
    }
    let rules = prometheus.get("/api/v1/rules").await;
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap().clone();
    assert_eq!(rules.len(), alerts().len());
    for rule in &rules {
        assert!(rule["health"] == "ok" && rule["state"] != "firing", "{rule}");
    }
}

/// A Gatepost to which everything happened of which it counts something, and what it tells. A family of which nothing was
/// counted yet is not told at all.
async fn busy_world() -> (Gate, String) {
    let gate = Gate::remembering(&[("GATEPOST_SESSION__REFRESH_INTERVAL", "1s")]).await;
    let world = &gate.world;
    let browser = gate.signed_in().await;
    create(world, "old", &[]).await;
    let ends_soon = "UPDATE gatepost.keys SET created_at = 0, \
        expires_at = extract(epoch FROM now())::bigint + 10 * 24 * 3600";
    gate.postgres.sql(&gate.database, ends_soon).await;
    world.cli(&["tenant", "create", "limited"]).await;
    let limit =
        r#"UPDATE gatepost.tenants SET limits = '{"api_requests_per_day":1000}' WHERE id = 'limited'"#;
    gate.postgres.sql(&gate.database, limit).await;
    browser.stranger().get(&world.url(APP, "/")).await;
    let told = async || find_ok(world.gatepost.internal(), "/metrics").await.unwrap();
    until("a refresh", TIMEOUT, async || {
        browser.fetch(&world.url(APP, "/")).await;
        told().await.contains("gatepost_refreshes_total{").then_some(())
    })
    .await;
    browser.navigate(&world.url(APP, "/.gatepost/logout")).await;
    let told = told().await;
    // Keys and tenants are read at the start, and each minute from then on.
    let replica = world.builder.clone().elsewhere().start().await;
    let of_both = until("the metrics of keys and tenants", TIMEOUT, async || {
        let told = find_ok(replica.internal(), "/metrics").await?;
        let families = ["gatepost_key_expires_timestamp{", "gatepost_tenant_quota_used_ratio{"];
        families.iter().all(|family| told.contains(family)).then_some(told)
    })
    .await;
    (gate, told + of_both.as_str())
}

/// A real Prometheus that reads one Gatepost every second; killed when it drops.
#[derive(Debug)]
struct Prometheus {
    _running: Running,
    _folder: TempDir,
    addr: SocketAddr,
}

impl Prometheus {
    /// Starts it and waits until it has seen enough to tell rates, and has judged every rule.
    async fn start(gatepost: SocketAddr) -> Self {
        let folder = TempDir::new().unwrap();
        let addr = free_addr();
        let text = read("deploy/prometheus/prometheus.yml");
        assert!(text.contains("gatepost:4182") && text.matches("15s").count() == 2);
        let text = text.replace("gatepost:4182", &gatepost.to_string()).replace("15s", "1s");
        std::fs::write(folder.path().join("prometheus.yml"), text).unwrap();
        std::fs::copy(repository(RULES), folder.path().join("rules.yml")).unwrap();
        let mut command = Command::new("prometheus");
        command.current_dir(folder.path()).args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address={addr}"));
        let running = Running::start("prometheus", command);
        let prometheus = Self { _running: running, _folder: folder, addr };
        until("Prometheus to have seen two minutes' worth", TIMEOUT, async || {
            find_ok(addr, "/-/ready").await?;
            let seen = prometheus.query("count_over_time(gatepost_build_info[1m]) >= 3").await;
            let judged = prometheus.get("/api/v1/rules").await;
            let rules = judged["data"]["groups"][0]["rules"].as_array()?.clone();
            let is_seen = seen["data"]["result"].as_array().is_some_and(|found| !found.is_empty());
            (is_seen && rules.iter().all(|rule| rule["health"] != "unknown")).then_some(())
        })
        .await;
        prometheus
    }

    async fn get(&self, path: &str) -> Value {
        let body =
            find_ok(self.addr, path).await.unwrap_or_else(|| panic!("{path} is not answered with 200"));
        serde_json::from_str(&body).unwrap()
    }

    async fn query(&self, expression: &str) -> Value {
        let query: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        self.get(&format!("/api/v1/query?query={query}")).await
    }
}
