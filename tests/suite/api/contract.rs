//! Programs that others wrote judge the OpenAPI document, and the API by that document: openapi-spec-validator, Redocly's
//! linter and schemathesis.

use super::callers::{Ids, body_of, ids, path_of};
use super::{COOKIE, Office, ROOT, operations};
use crate::world::{PUBLIC, Pair, run_command};
use gatepost_kit::client::Client;
use gatepost_kit::process::Gatepost;
use gatepost_web::Route;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokio::process::Command;

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

async fn demand(command: &mut Command) -> Output {
    let output = command.kill_on_drop(true).output().await.unwrap();
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{command:?}\n{stdout}\n{stderr}");
    output
}

/// The folder of the programs, which `script/contract` installs.
async fn programs() -> PathBuf {
    let output = demand(&mut Command::new(source("script/contract"))).await;
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("bin")
}

/// Shows in the document what there is, so that schemathesis also sends requests that are possible.
fn give_examples(document: &mut Value, route: &Route, ids: &Ids) {
    let operation = &mut document["paths"][&route.path][route.method.to_ascii_lowercase()];
    let example = path_of(route, ids);
    let (path, query) = example.split_once('?').unwrap_or((&example, ""));
    let path = format!("{ROOT}{path}");
    let of_path = route
        .path
        .split('/')
        .zip(path.split('/'))
        .filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)));
    let of_query = query.split('&').filter_map(|pair| pair.split_once('='));
    for (name, value) in of_path.chain(of_query) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        parameters.filter(|one| one["name"] == name).for_each(|one| one["example"] = json!(value));
    }
    if let Some(body) = body_of(route) {
        operation["requestBody"]["content"]["application/json"]["example"] = body;
    }
}

/// A run of schemathesis, as a caller of its own: each may send so many requests a second.
struct Run<'a> {
    office: &'a Office,
    folder: &'a Path,
    /// A regular expression of paths.
    paths: &'a str,
    caller: &'a Client,
}

impl Run<'_> {
    /// Returns the requests with their answers (HAR).
    async fn judge(self, programs: &Path, callers: &str) -> Vec<Value> {
        let Self { office, folder, paths, caller } = self;
        let work = TempDir::new_in(folder).unwrap();
        let public = office.world.url(PUBLIC, "");
        let cookie = format!("{COOKIE}={}", caller.find_cookie(PUBLIC, COOKIE).unwrap());
        let mut command = Command::new(programs.join("schemathesis"));
        command.current_dir(work.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("CONTRACT_URL", format!("http://{}", office.world.gatepost.public()));
        command.env("CONTRACT_HOST", public.trim_start_matches("https://").trim_end_matches('/'));
        command.env("CONTRACT_COOKIE", &cookie).env("CONTRACT_CALLERS", callers);
        command.env("CONTRACT_HOOKS", source("tests/contract/hooks.py"));
        command.arg("--config-file").arg(source("tests/contract/schemathesis.toml"));
        command.arg("run").arg(folder.join("openapi.json")).args(["--include-path-regex", paths]);
        command.args(["--no-color", "--report", "har", "--report-har-path", "sent.har"]);
        demand(&mut command).await;
        let sent = std::fs::read(work.path().join("sent.har")).unwrap();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        let has_session = |header: &Value| header["name"] == "Cookie" && header["value"] == cookie.as_str();
        let mut requests = sent["log"]["entries"].as_array().unwrap().clone();
        // The others try what happens without a session.
        requests.retain(|one| one["request"]["headers"].as_array().unwrap().iter().any(has_session));
        requests
    }
}

fn status(request: &Value) -> u64 {
    request["response"]["status"].as_u64().unwrap()
}

/// Whether a request was one of this operation.
fn is_of(route: &Route, request: &Value) -> bool {
    let url = request["request"]["url"].as_str().unwrap();
    let path = url.split('?').next().unwrap();
    let path = path[path.find(ROOT).unwrap()..].split('/');
    let template = route.path.split('/');
    let are_same = |(name, value): (&str, &str)| name.starts_with('{') || name == value;
    request["request"]["method"] == route.method
        && template.clone().count() == path.clone().count()
        && template.zip(path).all(are_same)
}

/// That the requests were judged by the operations, and not turned away before.
fn demand_answers(requests: &[Value]) {
    let ended = requests.iter().find(|one| status(one) == 401);
    assert_eq!(ended, None, "a caller's session has ended");
    let unavailable = requests.iter().filter(|one| status(one) == 503).count();
    assert!(unavailable * 50 < requests.len(), "{unavailable} of {}", requests.len());
    let has_succeeded =
        |route: &Route| requests.iter().any(|one| (200..300).contains(&status(one)) && is_of(route, one));
    let (all, mut never) = (operations(), operations());
    never.retain(|route| !has_succeeded(route));
    assert!(never.len() * 4 < all.len(), "operations that were never possible: {never:?}");
}

/// What the linter says, if it finds a fault.
async fn lint(document: &Path) -> Result<(), String> {
    let output =
        Command::new(source("script/redocly")).arg(document).kill_on_drop(true).output().await.unwrap();
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    if output.status.success() { Ok(()) } else { Err(format!("{stdout}{stderr}")) }
}

/// Whether a row of the table of operations names this one: by its path, or by its last part beside a path that begins as it does.
fn names(row: &str, route: &Route) -> bool {
    let path = route.path.trim_start_matches(ROOT).trim_start_matches('/');
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    let first = row.split(" | ").next().unwrap();
    let is_beside = [format!("`{parent}`"), format!("`{parent}/")].iter().any(|path| first.contains(path))
        && [format!("`.../{last}`"), format!("`{last}`")].iter().any(|name| row.contains(name));
    let has_method = row.split(|c: char| !c.is_ascii_uppercase()).any(|word| word == route.method);
    has_method && (is_beside || row.contains(&format!("`{path}`")))
}

#[test]
fn the_document_for_people_names_every_operation() {
    let document = std::fs::read_to_string(source("docs/api.md")).unwrap();
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    let mut unnamed = operations();
    unnamed.retain(|route| !rows.iter().any(|row| names(row, route)));
    let unnamed: Vec<_> = unnamed.iter().map(|route| (route.method, &route.path)).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_linter_finds_no_fault_with_the_document_and_finds_one_that_is_there() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("openapi.json");
    let gatepost = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"));
    let (_, text, _) = run_command(&gatepost, &["openapi"]).await;
    std::fs::write(&file, &text).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(lint(&file).await, Ok(()));
    document["paths"]["/api/v1/me"]["get"].as_object_mut().unwrap().remove("operationId");
    std::fs::write(&file, document.to_string()).unwrap();
    let faults = lint(&file).await.unwrap_err();
    assert!(faults.contains("operation-operationId"), "{faults}");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_find_no_fault_with_the_document_and_the_api_keeps_to_it() {
    let programs = programs().await;
    let office = Office::where_people_ask(Pair::Embedded).await;
    let (folder, ids) = (TempDir::new().unwrap(), ids(&office).await);
    office.world.entra.forget_browsers();
    let dave = office.world.signed_in("dave").await;
    office.world.cli(&["admin", "grant", "dave@example.com"]).await;
    let mut callers = Vec::new();
    for (client, email) in [(&office.alice, "alice@example.com"), (&dave, "dave@example.com")] {
        let me = office.send(client, "GET", "/me", None).await.json();
        callers.extend([json!(email), me["id"].clone(), me["session"].clone()]);
    }

    let file = folder.path().join("openapi.json");
    let text = office.world.cli(&["openapi"]).await;
    std::fs::write(&file, &text).unwrap();
    demand(Command::new(programs.join("openapi-spec-validator")).arg(&file)).await;
    let mut document: Value = serde_json::from_str(&text).unwrap();
    for route in operations() {
        give_examples(&mut document, &route, &ids);
    }
    std::fs::write(&file, document.to_string()).unwrap();

    let callers = json!(callers).to_string();
    let run = |paths, caller| {
        Run { office: &office, folder: folder.path(), paths, caller }.judge(&programs, &callers)
    };
    let of_people = "^/api/v1/(me|users|requests|admins)";
    let of_the_rest = "^/api/v1/(?!me|users|requests|admins)";
    let (mut requests, others) = tokio::join!(run(of_people, &office.alice), run(of_the_rest, &dave));
    requests.extend(others);
    demand_answers(&requests);
}
