//! `gatepost apply` and `gatepost export` while `serve` runs on the same stores.

use crate::answers::Asked;
use crate::world::{APP, MCP_GITHUB, Plan, World, alice, run_command};
use gatepost_kit::process::{GatepostBuilder, until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tempfile::TempDir;

const GROUPS: &str = "\
groups:
- name: Support
  links:
  - entra:00000000-0000-4000-8000-00000000a001
  members:
  - user: bob@example.com
    until: 2100-01-01T00:00:00Z
";
const TENANTS: &str = "\
# Who opens what.
tenants:
- id: github
  name: GitHub
  groups:
  - group: Support
    role: member
";

const SOON: Duration = Duration::from_secs(30);

/// A folder with files.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

async fn exits(builder: &GatepostBuilder, code: i32, arguments: &[&str]) -> String {
    let (exit, stdout, stderr) = run_command(builder, arguments).await;
    assert_eq!((exit, stderr.as_str()), (Some(code), ""), "{arguments:?}: {stdout}");
    stdout
}

both_pairs! {
    async fn a_difference_is_shown_and_made_with_yes_alone(pair) {
        let world = Plan::default().route("support.example.test", "group=Support").start(pair).await;
        world.entra.add(alice());
        let browser = world.signed_in("alice").await;
        let folder = Folder::new(&[("groups.yaml", GROUPS), ("tenants.yml", TENANTS), ("notes.txt", "not: read")]);
        let shown = exits(&world.builder, 3, &["apply", "-f", folder.path()]).await;
        assert_eq!(shown, format!("\
            + group Support\n\
            + tenant github (\"GitHub\")\n\
            + tenant github: group Support as member\n\
            + group Support: member bob@example.com until 2100-01-01T00:00:00Z\n\
            + group Support: link to entra:{MCP_GITHUB}\n\n\
            Plan: 5 to create, 0 to change, 0 to take over, 0 to delete, 0 to manage no longer.\n\
            Nothing was changed. To do it: add --yes.\n"));
        assert!(!world.cli(&["group", "list"]).await.contains("Support"), "nothing was changed");
        let support = world.url("support.example.test", "/");
        let trip = browser.navigate(&support).await;
        assert_eq!(trip.end().status, 403, "{}\n{}", trip.describe(), trip.end().body);

        let done = world.cli(&["apply", "-f", folder.path(), "--yes"]).await;
        assert!(done.ends_with("\nDone: 5 created, 0 changed, 0 taken over, 0 deleted, 0 no longer managed.\n"), "{done}");
        assert_eq!(browser.navigate(&support).await.end().status, 200);
        let nothing = "Nothing to do: the directory holds what the files say.\n";
        assert_eq!(world.cli(&["apply", "-f", folder.path(), "--yes"]).await, nothing);
        assert_eq!(world.cli(&["apply", "-f", folder.path()]).await, nothing);

        folder.write("groups.yaml", "groups: []\n");
        folder.write("tenants.yml", "tenants: []\n");
        let json = exits(&world.builder, 3, &["apply", "-f", folder.path(), "--json"]).await;
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["counts"]["delete"], 3, "{json}");
        assert_eq!((&json["changed"], &json["changes"][2]["members"]), (&Value::Bool(false), &Value::from(2)));
        let done = world.cli(&["apply", "-f", folder.path(), "--yes"]).await;
        assert!(done.contains("- group Support (managed by apply; 2 members lose it)\n"), "{done}");
        assert!(done.contains("The change applies to new requests within a second.\n"), "{done}");
        assert_eq!(browser.fetch(&support).await.status, 403);
        assert_eq!(browser.get(&world.url(APP, "/")).await.status, 200);
    }

    async fn all_errors_of_all_files_are_told_at_once_and_change_nothing(pair) {
        let world = Plan::default().env("GATEPOST_GROUPS", "Crew=entra:crew").start(pair).await;
        let folder = Folder::new(&[
            ("a.yaml", "groups:\n- name: One\n  color: red\n  links: [other:x, entra:crew, nonsense]\n- links: []\n- name: ~\n"),
            ("b.yaml", "groups:\n- name: One\n- text\n- name: Two\n  members: [nobody, a@example.com, A@example.com]\n  links: [entra:y, entra:y]\n"),
            ("c.yaml", "tenants:\n- id: 'a b'\n- id: t\n  groups:\n  - group: Gone\n    role: member\n  - group: One\n    role: owner\n  - group: Two\n- id: t\n"),
            ("d.yaml", "admins:\n- user: a@example.com\n  until: tomorrow\n- user: 00000000-0000-7000-8000-000000000000\n- user: b@example.com\n  is_admin: yes\nadmin: []\n"),
            ("e.yaml", "groups:\nroles: []\n"),
            ("f.yaml", "groups: []\n---\ngroups: []\n"),
            ("g.yaml", "groups: [\n"),
            ("h.yaml", "tenants: []\ntenants: []\n"),
            ("k.yaml", "tiers:\n- id: gold\n  limits: {keys: -1, members: 7}\n  features: {sso_enabled: 'yes', a b: 1}\n- id: gold\n- limits: []\n- id: x\n  limits: [1]\n  features:\n    a: [1]\n"),
            ("m.yaml", "keys:\n- name: a\n  scopes: [gate]\n  hosts: [other.example]\n  endless: why\n- name: b\n  tenant: gone\n  scopes: [gat]\n  until: tomorrow\n- name: c\n- name: a\n  groups: [Gone]\n  endless: ' '\n- name: d\n  requests_per_minute: 0\n  networks: [x]\n  tenant: gone\n  groups: [Gone]\n  endless: why\n"),
            ("l.yaml", "rules:\n- server: gone\n  everyone: true\n  tool: get_*\n- server: gone\n  group: Gone\n  role: admin\n  tool: x\n  prompt: y\n- server: gone\n  everyone: no\n  tool: '*x'\n- tool: x\n- server: gone\n  everyone: true\n  tool: get_*\n- server: gone\n  key: a b\n  resource: x\n"),
        ]);
        folder.write("i.yaml", "");
        std::fs::write(folder.0.path().join("j.yaml"), b"#\n#\n# \xff\n").unwrap();
        let refused = world.cli_refuses(&["apply", "-f", folder.path(), "--yes"]).await;
        let told = |start: &str| {
            let found = refused.lines().any(|line| line.trim_start().starts_with(start));
            assert!(found, "{start}\n{refused}");
        };
        for start in [
            "gatepost: the files have 51 errors, and nothing was changed",
            "a.yaml:3: \"color\" is not known here: expected name, links, members",
            "a.yaml:4: other is not a configured provider",
            "a.yaml:4: entra:crew is linked by GATEPOST_GROUPS",
            "a.yaml:4: \"nonsense\" is not a provider's group",
            "a.yaml:5: name is missing",
            "a.yaml:6: expected a text",
            "b.yaml:2: group One is already in a.yaml:2",
            "b.yaml:3: expected a map with name, links, members",
            "b.yaml:5: \"nobody\"",
            "b.yaml:5: a@example.com is in this list twice",
            "b.yaml:6: entra:y is already linked in b.yaml:6",
            "c.yaml:2: \"a b\" is not a tenant id",
            "c.yaml:5: there is no group Gone, neither in the files nor in the directory",
            "c.yaml:8: \"owner\" is not a role",
            "c.yaml:9: role is missing",
            "c.yaml:10: tenant t is already in c.yaml:3",
            "d.yaml:3: \"tomorrow\" is not a timestamp",
            "d.yaml:4: there is no user 00000000-0000-7000-8000-000000000000",
            "d.yaml:6: \"yes\" is neither true nor false",
            "d.yaml:7: \"admin\" is not known here: expected groups, tenants, admins, tiers, rules, keys",
            "e.yaml:1: expected a list",
            "e.yaml:2: \"roles\" is not known here",
            "f.yaml:3: a file holds one document",
            "g.yaml:",
            "h.yaml:2: tenants occurs twice",
            "j.yaml:3: this is not UTF-8",
            "k.yaml:2: features.a b: expected a name of 1 to 64",
            "k.yaml:2: features.sso_enabled: expected true or false",
            "k.yaml:2: limits.keys: expected a whole number from 0 on",
            "k.yaml:5: tier gold is already in k.yaml:2",
            "k.yaml:6: id is missing",
            "k.yaml:8: expected a map of names and values",
            "k.yaml:10: a: expected a number, a truth value or a text",
            "l.yaml:2: there is no tool server gone",
            "l.yaml:5: expected exactly one of everyone, group, role, key",
            "l.yaml:5: expected exactly one of tool, prompt, resource",
            "l.yaml:11: everyone can only be true",
            "l.yaml:12: \"*x\" is not a pattern",
            "l.yaml:13: server is missing",
            "l.yaml:14: this rule is already in l.yaml:2",
            "l.yaml:18: this is not the id of a key",
            "m.yaml:2: other.example is not a protected host",
            "m.yaml:8: \"gat\" is not a scope",
            "m.yaml:9: \"tomorrow\" is not a timestamp",
            "m.yaml:10: expected either until, or endless with the reason",
            "m.yaml:13: endless says why the key never ends",
            "m.yaml:15: ",
            "m.yaml:16: ",
            "m.yaml:14: there is no tenant gone",
            "m.yaml:14: there is no group Gone",
            "hint: docs/operations.md",
        ] {
            told(start);
        }
        assert!(!world.cli(&["group", "list"]).await.contains("Two"), "nothing was changed");
        let empty = Folder::new(&[("notes.txt", "groups: []"), (".hidden.yaml", "groups: []")]);
        let refused = world.cli_refuses(&["apply", "-f", empty.path(), "--yes"]).await;
        assert!(refused.contains("no *.yaml file there has a section groups, tenants, admins, tiers, rules or keys"), "{refused}");
        assert!(world.cli_refuses(&["apply", "-f", "/nowhere", "--yes"]).await.contains("/nowhere cannot be read"));
    }

    async fn a_key_of_the_files_passes_once_somebody_gave_it_a_secret_and_its_scopes_do_not_change(pair) {
        let world = World::start(pair).await;
        let key = |scopes: &str| format!("keys: [{{name: nightly, scopes: [{scopes}], hosts: [{APP}], endless: the report}}]");
        let folder = Folder::new(&[("keys.yaml", &key("gate"))]);
        let done = world.cli(&["apply", "-f", folder.path(), "--yes"]).await;
        assert!(done.contains("Nobody knows the secret of a new key. gatepost key list shows its id"), "{done}");
        let listed: Value = serde_json::from_str(&world.cli(&["key", "list", "--json"]).await).unwrap();
        let id = ["/0/id", "/items/0/id", "/keys/0/id"].iter().find_map(|at| listed.pointer(at)?.as_str()).unwrap().to_owned();
        let (_, secret, _) = run_command(&world.builder, &["key", "rotate", &id]).await;
        let secret = secret.lines().next().unwrap().to_owned();
        let program = Asked::for_uri("/").with("Accept", "application/json").with("Authorization", format!("Bearer {secret}"));
        let answers = async |status: u16| {
            until("the change to bind", SOON, async || (program.at(&world.gatepost).await.status == status).then_some(())).await;
        };
        answers(200).await;
        assert_eq!(world.cli(&["apply", "-f", folder.path()]).await, "Nothing to do: the directory holds what the files say.\n");
        folder.write("keys.yaml", &key("api.read"));
        let refused = world.cli_refuses(&["apply", "-f", folder.path(), "--yes"]).await;
        assert!(refused.contains("keys.yaml:1: scopes and groups of key \"nightly\" cannot change"), "{refused}");
        folder.write("keys.yaml", "keys: []\n");
        world.cli(&["apply", "-f", folder.path(), "--yes"]).await;
        answers(401).await;
    }

    async fn a_tenant_cannot_keep_a_group_that_the_files_delete(pair) {
        let world = World::start(pair).await;
        let folder = Folder::new(&[("groups.yaml", GROUPS), ("tenants.yaml", TENANTS)]);
        world.cli(&["apply", "-f", folder.path(), "--yes"]).await;
        folder.write("groups.yaml", "groups: []\n");
        let refused = world.cli_refuses(&["apply", "-f", folder.path(), "--yes"]).await;
        assert!(refused.contains("tenants.yaml:6: group Support is no longer in the files\n"), "{refused}");
        assert!(world.cli(&["group", "list"]).await.contains("Support"));
    }

    async fn an_export_holds_no_people_unless_they_are_asked_for_and_no_secrets(pair) {
        let world = World::start(pair).await;
        world.entra.add(alice());
        world.signed_in("alice").await;
        let applied = Folder::new(&[("groups.yaml", GROUPS), ("tenants.yaml", TENANTS), ("admins.yaml", "admins: [root@example.com]\n")]);
        world.cli(&["apply", "-f", applied.path(), "--yes"]).await;
        let folder = Folder::new(&[]);
        let path = format!("{}/new", folder.path());
        let done = world.cli(&["export", "-o", &path]).await;
        assert_eq!(done, format!("1 groups, 1 tenants, 0 tiers, 0 rules and 0 keys are in {path}/groups.yaml, {path}/tenants.yaml, {path}/tiers.yaml, {path}/rules.yaml, {path}/keys.yaml.\n"));
        assert_eq!(folder.read("new/groups.yaml"), format!("groups:\n  - name: Support\n    links:\n      - \"entra:{MCP_GITHUB}\"\n"));
        assert_eq!(folder.read("new/tenants.yaml"), "tenants:\n  - id: github\n    name: GitHub\n    groups:\n      - group: Support\n        role: member\n");
        assert!(!folder.0.path().join("new/admins.yaml").exists());
        assert_eq!(world.cli(&["apply", "-f", &path]).await, "Nothing to do: the directory holds what the files say.\n");

        let refused = world.cli_refuses(&["export", "-o", &path, "--members"]).await;
        assert!(refused.contains("new/groups.yaml is already there") && refused.contains("--force"), "{refused}");
        assert!(!folder.0.path().join("new/admins.yaml").exists(), "all or nothing");
        world.cli(&["export", "-o", &path, "--members", "--force"]).await;
        assert!(folder.read("new/groups.yaml").ends_with("    members:\n      - user: bob@example.com\n        until: 2100-01-01T00:00:00Z\n"));
        assert_eq!(folder.read("new/admins.yaml"), "admins:\n  - root@example.com\n");
        let mode = std::fs::metadata(folder.0.path().join("new/admins.yaml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o027, 0, "{mode:o}");
        assert_eq!(world.cli(&["apply", "-f", &path]).await, "Nothing to do: the directory holds what the files say.\n");
        let all = ["groups", "tenants", "admins"].map(|name| folder.read(&format!("new/{name}.yaml"))).concat();
        assert!(!all.contains(world.entra.client_secret().as_str()) && !all.contains("alice"), "{all}");
    }
}
