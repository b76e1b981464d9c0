//! Programs that others wrote judge the OpenAPI document, and the API by that document: openapi-spec-validator and
//! schemathesis.

use super::{COOKIE, Office};
use crate::world::{PUBLIC, Pair};
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokio::process::Command;

/// Seconds in which schemathesis sends requests.
const BUDGET: &str = "40";
/// The same requests each time.
const SEED: &str = "20261128";

async fn run(program: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    command.output().await.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// The folder of the programs, which `script/contract` installs.
async fn programs() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("script/contract");
    let output = run(&script, &[]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("bin")
}

fn demand(output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{stdout}\n{stderr}");
}

#[tokio::test]
async fn others_find_no_fault_with_the_document_and_the_api_keeps_to_it() {
    let programs = programs().await;
    let office = Office::open(Pair::Embedded).await;
    let folder = TempDir::new().unwrap();
    let document = folder.path().join("openapi.json");
    std::fs::write(&document, office.world.cli(&["openapi"]).await).unwrap();
    let document = document.to_str().unwrap();
    demand(&run(&programs.join("openapi-spec-validator"), &[document]).await);

    let cookie = office.alice.find_cookie(PUBLIC, COOKIE).unwrap();
    let public = office.world.url(PUBLIC, "/");
    let public = public.trim_end_matches('/');
    let headers = [
        format!("Host: {}", public.trim_start_matches("https://")),
        format!("Cookie: {COOKIE}={cookie}"),
        format!("Origin: {public}"),
    ];
    let url = format!("http://{}", office.world.gatepost.public());
    let mut arguments = vec!["run", document, "--url", &url, "--no-color", "--seed", SEED];
    arguments.extend([
        "--max-time",
        BUDGET,
        "--phases",
        "examples,coverage,fuzzing",
        "--generation-database",
        "none",
    ]);
    arguments.extend(["--rate-limit", "19/s", "--continue-on-failure", "--warnings", "off"]);
    arguments.extend([
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    ]);
    // It takes ids from answers, so these would end its own session.
    let own_ends = [
        "delete_me_sessions_id",
        "post_users_id_end_sessions",
        "post_users_id_disable",
        "post_users_id_erase",
        "put_admins_user",
        "delete_admins_user",
    ];
    for operation in own_ends {
        arguments.extend(["--exclude-operation-id", operation]);
    }
    for header in &headers {
        arguments.extend(["-H", header]);
    }
    demand(&run(&programs.join("schemathesis"), &arguments).await);
    // Not all of it was refused because nobody was signed in.
    let me = office.send(&office.alice, "GET", "/me", None).await;
    assert_eq!(me.status, 200, "alice was still an administrator at the end: {}", me.body);
}
