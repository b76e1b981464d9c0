//! Parsing of the command line, without running commands.

use super::environment::{Environment, NotText};
use super::report;
use super::{Arguments, Command};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(std::iter::once("gatepost").chain(line.split_whitespace()))
}

fn environment(variables: &[(&[u8], &[u8])]) -> Result<Environment, NotText> {
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Environment::read(
        variables.iter().map(|(name, value)| (text(name), text(value))).collect::<Vec<_>>().into_iter(),
    )
}

#[test]
fn the_definition_holds_together() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_of_the_field_is_understood() {
    let end = format!("session end {HASH}");
    for line in [
        "",
        "serve",
        "migrate --config x.toml",
        "migrate --as-owner postgres://owner@db/gatepost",
        "healthcheck",
        "check",
        "check --json --traefik traefik.yml dynamic/a.toml docker-compose.yml",
        "check --traefik a.yml --traefik b.yml --config gatepost.toml",
        "erasures keep backups",
        "tenant routers --for caddy --gate https://gatepost:4181 --require meter=api_requests --import own --import hsts",
        "erasures apply backups --migrate --json",
        "erasures apply backups --dry-run",
        "certs",
        "certs --dir x --name gatepost --name ::1 --client-dir y --force --json",
        "admin grant alice@example.com",
        "admin revoke 018f0000-0000-7000-8000-000000000001",
        "admin grant a@b.c --for 8h --dry-run --json",
        "admin grant a@b.c --until 2026-12-04T17:00Z --if-version 7",
        "admin reset a@b.c --json",
        "admin --json list",
        "group link MCP-GitHub entra:abc",
        "group link MCP-Admin entra:role:Admin",
        "group unlink entra:abc",
        "group list",
        "group add MCP-GitHub a@b.c",
        "group add MCP-GitHub 018f0000-0000-7000-8000-000000000001 --json",
        "group add MCP-GitHub a@b.c --for 8h",
        "group add MCP-GitHub a@b.c --until 2026-12-04T18:00:00+01:00",
        "group create MCP-GitHub",
        "group rename MCP-Gihtub MCP-GitHub",
        "group delete MCP-Gihtub --dry-run",
        "group remove MCP-GitHub a@b.c",
        "group members MCP-GitHub",
        "tenant create github --name x",
        "tenant create github --admin a@b.c --json",
        "tenant provider set github --issuer https://id.acme.com --client-id x --client-secret-file f --only",
        "tenant provider set github --client-secret-file f",
        "tenant provider set github --only=false --assume-verified",
        "tenant map MCP-GitHub github",
        "tenant map MCP-GitHub github --role viewer",
        "tenant unmap MCP-GitHub github",
        "tenant add-member github a@b.c",
        "tenant add-member github a@b.c --role admin --for 7d",
        "tenant add-member github a@b.c --until 2026-12-04T17:00Z",
        "tenant remove-member github a@b.c",
        "tenant rename github x",
        "tenant rename github",
        "tenant delete github --if-version v7",
        "tenant suspend github --reason unpaid --dry-run",
        "tenant resume github --json",
        "tenant set github --tier pro --limit keys=10 --limit members= --feature sso_enabled=true",
        "tenant set github --no-tier --if-version 3",
        "tenant show github --json",
        "tenant host add github blog.acme.com",
        "tenant host confirm github blog.acme.com",
        "tenant host approve github blog.acme.com --dry-run",
        "tenant host refuse github blog.acme.com",
        "tenant host remove github blog.acme.com --json",
        "tenant restore github",
        "proposal list --json",
        "proposal approve 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --dry-run",
        "proposal refuse 0199d1f0-5b7c-7d2e-8a3f-0123456789ab",
        "proposal refuse 0199d1f0-5b7c-7d2e-8a3f-0123456789ab --answer later --if-version v1",
        "tenant list",
        "explain --user a@b.c --url https://app.example.com/x --group A --group B --method POST",
        "explain --user a@b.c --url https://app.example.com/ --require tenant=x&max_age=9 --json",
        "explain --user a@b.c --url https://app.example.com/ --at 2026-11-24T18:00:00Z --from https://b.c",
        "explain --request 019ab8c5d2a37e6f9b0c1d2e3f405162 --json",
        "access --url https://app.example.com/x",
        "access --requirement group=A&max_age=9 --json",
        "access --tenant t --csv",
        "access --user a@b.c --json",
        "user create a@b.c",
        "user disable a@b.c",
        "user enable a@b.c",
        "user show a@b.c",
        "user list",
        "user address a@b.c --to d@e.f",
        "user address 018f0000-0000-7000-8000-000000000001 --to d@e.f --json",
        "user release a@b.c",
        "session list a@b.c",
        "session end --user a@b.c",
        "audit list",
        "audit list --user a@b.c --actor cli:ops --action admin.grant --action admin.revoke --limit 500",
        "audit list --target group:Team --since 7d --until 2026-11-24T23:35:00+01:00 --json",
        "audit list --request 0192f0c1a2b37c4d8e9f001122334455 --before 1795563301-12",
        "completions bash",
        &end,
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
    }
}

#[test]
fn what_is_misspelt_is_refused_before_anything_is_opened() {
    let both = format!("session end {HASH} --user a@b.c");
    for (line, kind) in [
        ("admin", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("certs --name *.example.com", ErrorKind::ValueValidation),
        ("admin grant", ErrorKind::MissingRequiredArgument),
        ("tenant provider set github", ErrorKind::MissingRequiredArgument),
        ("tenant provider set github --issuer https://id.acme.com", ErrorKind::MissingRequiredArgument),
        ("admin grant nobody", ErrorKind::ValueValidation),
        ("group link X entra", ErrorKind::ValueValidation),
        ("group add MCP-GitHub", ErrorKind::MissingRequiredArgument),
        ("group add MCP-GitHub nobody", ErrorKind::ValueValidation),
        ("group add MCP-GitHub a@b.c --for 0h", ErrorKind::ValueValidation),
        ("group add MCP-GitHub a@b.c --for 8", ErrorKind::ValueValidation),
        ("group add MCP-GitHub a@b.c --for 18446744073709551615d", ErrorKind::ValueValidation),
        ("group add MCP-GitHub a@b.c --until 2026-12-04T17:00", ErrorKind::ValueValidation),
        ("group add MCP-GitHub a@b.c --until 8h", ErrorKind::ValueValidation),
        ("group add MCP-GitHub a@b.c --for 8h --until 2026-12-04T17:00Z", ErrorKind::ArgumentConflict),
        ("admin grant a@b.c --for -8h", ErrorKind::UnknownArgument),
        ("admin revoke a@b.c --for 8h", ErrorKind::UnknownArgument),
        ("group rename MCP-GitHub", ErrorKind::MissingRequiredArgument),
        ("tenant add-member github a@b.c --role boss", ErrorKind::ValueValidation),
        ("user create nobody", ErrorKind::ValueValidation),
        ("group remove MCP-GitHub", ErrorKind::MissingRequiredArgument),
        ("group members", ErrorKind::MissingRequiredArgument),
        ("tenant map A b --role boss", ErrorKind::ValueValidation),
        ("user address a@b.c", ErrorKind::MissingRequiredArgument),
        ("user address a@b.c --to nobody", ErrorKind::ValueValidation),
        ("session end", ErrorKind::MissingRequiredArgument),
        ("session end 12ab", ErrorKind::ValueValidation),
        (&both, ErrorKind::ArgumentConflict),
        ("explain", ErrorKind::MissingRequiredArgument),
        ("explain --user a@b.c", ErrorKind::MissingRequiredArgument),
        ("explain --url https://app.example.com/", ErrorKind::MissingRequiredArgument),
        ("explain --user a@b.c --url app.example.com", ErrorKind::ValueValidation),
        ("explain --user a@b.c --url https://a.b/ --at today", ErrorKind::ValueValidation),
        (
            "explain --user a@b.c --url https://a.b/ --group A --require admin=true",
            ErrorKind::ArgumentConflict,
        ),
        ("explain --request 12", ErrorKind::ValueValidation),
        ("explain --request 019ab8c5d2a37e6f9b0c1d2e3f405162 --user a@b.c", ErrorKind::ArgumentConflict),
        ("access", ErrorKind::MissingRequiredArgument),
        ("access --url app.example.com", ErrorKind::ValueValidation),
        ("access --tenant a/b", ErrorKind::ValueValidation),
        ("access --tenant t --requirement tenant=t", ErrorKind::ArgumentConflict),
        ("access --tenant t --csv --json", ErrorKind::ArgumentConflict),
        ("access --user a@b.c --csv", ErrorKind::ArgumentConflict),
        ("serve --json", ErrorKind::UnknownArgument),
        ("completions", ErrorKind::MissingRequiredArgument),
        ("completions tcsh", ErrorKind::InvalidValue),
        ("audit list --user a@b.c --target group:Team", ErrorKind::ArgumentConflict),
        ("audit list --since yesterday", ErrorKind::ValueValidation),
        ("audit list --request 12", ErrorKind::ValueValidation),
        ("audit list --before 12", ErrorKind::ValueValidation),
        ("audit list --limit 0", ErrorKind::ValueValidation),
        ("check --traefik", ErrorKind::InvalidValue),
    ] {
        assert_eq!(parse(line).map(drop).map_err(|error| error.kind()), Err(kind), "{line}");
    }
}

#[test]
fn json_may_stand_at_either_place() {
    for line in ["admin list --json", "admin --json list"] {
        let command = parse(line).ok().and_then(|arguments| arguments.command);
        assert!(matches!(command, Some(Command::Admin(args)) if args.json), "{line}");
    }
}

/// Our commands in the examples of a help text, up to a pipe or a redirection. A text in quotes is one word, as for a shell.
fn examples(help: &str) -> Vec<String> {
    let (_, examples) = help.split_once("Example").unwrap_or_default();
    let lines = examples.lines().filter_map(|line| line.strip_prefix("  gatepost "));
    lines.map(|line| one_word(line.split(['|', '>']).next().unwrap_or_default())).collect()
}

/// The line without quotes, and what stood in them without spaces. An empty text stays in quotes, which make it a word here.
fn one_word(line: &str) -> String {
    let word = |(at, part): (usize, &str)| match part {
        "" if at % 2 == 1 => "''".to_owned(),
        part if at % 2 == 1 => part.replace(' ', "-"),
        part => part.to_owned(),
    };
    line.split('\'').enumerate().map(word).collect()
}

fn demand_examples(command: &mut clap::Command, path: &str) {
    let help = command.render_long_help().to_string();
    let examples = examples(&help);
    assert!(!examples.is_empty(), "`{path} --help` shows no example:\n{help}");
    for example in examples {
        assert!(format!("gatepost {example} ").starts_with(&format!("{path} ")), "{path}: {example}");
        assert!(parse(&example).is_ok(), "{path}: {example}: {:?}", parse(&example));
    }
    // clap's own command "help" prints the texts that are checked here.
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        demand_examples(inner, &path);
    }
}

#[test]
fn the_help_of_every_command_shows_examples_that_are_understood() {
    demand_examples(&mut Arguments::command(), "gatepost");
}

#[test]
fn every_command_is_in_the_document_and_nothing_else_is() {
    let document = include_str!("../../../docs/cli.md");
    let mut commands = Vec::new();
    for group in Arguments::command().get_subcommands() {
        let name = group.get_name();
        let leaves: Vec<String> =
            group.get_subcommands().map(|leaf| format!("{name} {}", leaf.get_name())).collect();
        commands.extend(if leaves.is_empty() { vec![name.to_owned()] } else { leaves });
    }
    let rows = document.lines().filter(|line| line.starts_with("| `gatepost ")).collect::<String>();
    for command in &commands {
        let is_named = rows
            .match_indices(&format!("`gatepost {command}"))
            .any(|(at, text)| rows[at + text.len()..].starts_with(['`', ' ']));
        assert!(is_named, "docs/cli.md does not name `gatepost {command}`");
    }
    for named in rows.split("`gatepost ").skip(1) {
        let words = named.split('`').next().unwrap_or_default();
        let is_command = |command: &String| format!("{words} ").starts_with(&format!("{command} "));
        assert!(commands.iter().any(is_command), "docs/cli.md names `gatepost {words}`, which is no command");
    }
}

#[test]
fn a_setting_that_is_no_text_is_named_and_what_others_have_is_passed_over() {
    let ours = environment(&[(b"GATEPOST_HOSTS", b"\xff")]);
    assert_eq!(
        ours.map(drop).map_err(|error| error.to_string()),
        Err("the variable GATEPOST_HOSTS is not UTF-8 text".to_owned())
    );
    let theirs = environment(&[(b"LS_COLORS", b"\xff"), (b"\xfe", b"x"), (b"HOME", b"/")]);
    assert_eq!(theirs.map(|environment| environment.variables().count()), Ok(1));
}

#[test]
fn the_audit_names_the_user_of_the_operating_system() {
    let who = |variables: &[(&[u8], &[u8])]| {
        environment(variables).map(|environment| environment.actor().who.to_string())
    };
    assert_eq!(who(&[(b"USER", b"ops")]), Ok("cli:ops".to_owned()));
    assert_eq!(who(&[(b"USER", b"root"), (b"LOGNAME", b"o\nps")]), Ok("cli:ops".to_owned()));
    assert!(who(&[(b"USER", b"")]).is_ok_and(|who| who.starts_with("cli:uid ")));
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    assert_eq!(report::plain("a\u{1b}[31m\u{202e}b\nc\td"), "a\u{fffd}[31m\u{fffd}b\nc\u{fffd}d");
    let json = serde_json::json!({ "name": "a\u{9b}31m\u{202e}b\u{7f}" });
    let printed = report::escaped(&json.to_string());
    assert_eq!(printed, r#"{"name":"a\u009b31m\u202eb\u007f"}"#);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).ok(), Some(json), "it means the same");
}

#[test]
fn a_table_is_columns_without_lines() {
    let rows = vec![["alice".to_owned(), "x\ny".to_owned()], ["bo".to_owned(), "-".to_owned()]];
    assert_eq!(
        report::table(Some(["User", "Groups"]), rows),
        "User    Groups\nalice   x\n        y\nbo      -"
    );
}
