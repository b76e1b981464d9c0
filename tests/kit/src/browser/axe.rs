//! What is not accessible on a page, by axe-core in the page itself.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Browser;

static SCRIPT: OnceCell<String> = OnceCell::const_new();

/// Every rule of WCAG 2.2 up to level AA, also those that axe-core leaves out by default, and its best practices.
const ALL: &str = "runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
    rules: { 'target-size': { enabled: true } }";
/// The rules of the category "color" that belong to these levels.
const COLOURS: &str = "runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

/// The rules that a page is held against.
#[derive(Clone, Copy, Debug)]
pub enum Rules {
    /// All of them.
    All,
    /// Those that depend on the colours.
    Colours,
}

/// A rule that a page breaks.
#[derive(Debug, Clone)]
pub struct Violation {
    /// The name of the rule.
    pub rule: String,
    /// What the rule asks for.
    pub help: String,
    /// The elements, each with what is wrong.
    pub elements: Vec<String>,
}

/// The text of axe-core's script, which `script/axe` installs.
async fn script() -> &'static str {
    SCRIPT
        .get_or_init(|| async {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../script/axe");
            let output = tokio::process::Command::new(script).output().await.expect("script/axe runs");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "no axe-core: {error}");
            let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
            std::fs::read_to_string(path).expect("the script is a file")
        })
        .await
}

impl Browser {
    /// What is not accessible on the current page as it is shown now: its colours and its width count.
    pub async fn violations(&self, rules: Rules) -> Vec<Violation> {
        if self.evaluate("typeof axe").await != "object" {
            self.evaluate(&format!("{};0", script().await)).await;
        }
        let rules = match rules {
            Rules::All => ALL,
            Rules::Colours => COLOURS,
        };
        let run = format!(
            "axe.run(document, {{ {rules}, resultTypes: ['violations'] }}).then(found => found.violations)"
        );
        let parameters = json!({ "expression": run, "returnByValue": true, "awaitPromise": true });
        let found = self.devtools("Runtime.evaluate", parameters).await;
        let violations = found["result"]["value"].as_array().unwrap_or_else(|| panic!("axe-core: {found}"));
        violations.iter().map(violation).collect()
    }
}

fn violation(found: &Value) -> Violation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let element = |node: &Value| format!("{}: {}", text(&node["html"]), text(&node["failureSummary"]));
    Violation {
        rule: text(&found["id"]),
        help: text(&found["help"]),
        elements: found["nodes"].as_array().into_iter().flatten().map(element).collect(),
    }
}
