//! Whoever wrote a program for the released API can go on using it: oasdiff compares the OpenAPI document with the one that
//! was released last (`docs/openapi-released.json`).

use crate::world::run_command;
use gatepost_kit::process::Gatepost;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::process::Command;

const RELEASED: &str = "docs/openapi-released.json";

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn released() -> Value {
    serde_json::from_str(&std::fs::read_to_string(source(RELEASED)).unwrap()).unwrap()
}

/// What breaks between two documents, if anything.
async fn breaks(from: &Value, to: &Value) -> Option<String> {
    let built = Command::new(source("script/oasdiff")).output().await.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let program = String::from_utf8(built.stdout).unwrap();
    let folder = TempDir::new().unwrap();
    for (name, document) in [("released.json", from), ("now.json", to)] {
        std::fs::write(folder.path().join(name), document.to_string()).unwrap();
    }
    let mut command = Command::new(program.trim());
    command.current_dir(folder.path()).arg("breaking").args(["--fail-on", "WARN", "--format", "singleline"]);
    // What is only noted by default: who reads a property, or tells a status from others, notices that it is gone.
    command.arg("--severity-levels").arg(source("tests/oasdiff/severity.txt"));
    let output = command.args(["released.json", "now.json"]).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => None,
        Some(1) => Some(said),
        code => panic!("oasdiff ended with {code:?}: {said}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_that_was_written_for_the_released_api_stops_working() {
    let gatepost = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"));
    let (code, now, error) = run_command(&gatepost, &["openapi"]).await;
    assert_eq!(code, Some(0), "{error}");
    let broken = breaks(&released(), &serde_json::from_str(&now).unwrap()).await;
    assert!(
        broken.is_none(),
        "programs for the released API break. Keep what they use. If a new major version may break them, \
         `gatepost openapi >{RELEASED}` makes this document the released one.\n{}",
        broken.unwrap_or_default()
    );
}

/// A break of the API: its name, and what makes it in the document.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Value));

#[tokio::test(flavor = "multi_thread")]
async fn what_would_stop_a_program_is_found() {
    let released = released();
    let user = "/paths/~1api~1v1~1users~1{id}/get";
    let changes: [Change<'_>; 6] = [
        ("request-parameter-removed", &|document| {
            let parameters = document.pointer_mut("/paths/~1api~1v1~1users/get/parameters").unwrap();
            parameters.as_array_mut().unwrap().retain(|parameter| parameter["name"] != "email");
        }),
        ("new-required-request-parameter", &|document| {
            let parameters = document.pointer_mut("/paths/~1api~1v1~1users/get/parameters").unwrap();
            let why =
                json!({ "name": "why", "in": "query", "required": true, "schema": { "type": "string" } });
            parameters.as_array_mut().unwrap().push(why);
        }),
        ("response-optional-property-removed", &|document| {
            remove(document.pointer_mut("/components/schemas/User").unwrap(), "last_sign_in_at");
        }),
        ("response-required-property-removed", &|document| {
            remove(document.pointer_mut("/components/schemas/Group").unwrap(), "id");
        }),
        ("response-non-success-status-removed", &|document| {
            document
                .pointer_mut(&format!("{user}/responses"))
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove("404");
        }),
        ("api-removed-without-deprecation", &|document| {
            let path = user.strip_suffix("/get").unwrap();
            document.pointer_mut(path).unwrap().as_object_mut().unwrap().remove("get");
        }),
    ];
    for (wanted, change) in changes {
        let mut now = released.clone();
        change(&mut now);
        assert_ne!(now, released, "{wanted}");
        let broken = breaks(&released, &now).await.unwrap_or_else(|| panic!("not found: {wanted}"));
        assert!(broken.contains(wanted), "{wanted}: {broken}");
    }
    let mut more = released.clone();
    let optional = json!({ "name": "new", "in": "query", "required": false, "schema": { "type": "string" } });
    let parameters = more.pointer_mut("/paths/~1api~1v1~1users/get/parameters").unwrap();
    parameters.as_array_mut().unwrap().push(optional);
    assert_eq!(breaks(&released, &more).await, None, "more than there was stops nobody");
}

/// Takes a property out of a schema.
fn remove(schema: &mut Value, name: &str) {
    schema["properties"].as_object_mut().unwrap().remove(name);
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|required| required != name);
    }
}
