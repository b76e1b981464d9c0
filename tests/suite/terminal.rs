//! The command line at a terminal: colours there alone, and shells that complete its commands.

use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const GATEPOST: &str = env!("CARGO_BIN_EXE_gatepost");
/// How every colour begins (ECMA-48, SGR).
const ESCAPE: &str = "\u{1b}[";

/// Runs a line of bash with the program as `$GATEPOST`, in an empty folder and nothing but these variables.
fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = TempDir::new().unwrap();
    Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder.path())
        .env("TERM", "xterm-256color")
        .env("GATEPOST", GATEPOST)
        .envs(variables.iter().copied())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

/// What a command shows at a terminal, standard output and standard error together.
fn at_a_terminal(command: &str, variables: &[(&str, &str)]) -> String {
    let shown = run("script", &["-qec", &format!("\"$GATEPOST\" {command}"), "/dev/null"], variables);
    String::from_utf8(shown.stdout).unwrap()
}

/// The same where nobody looks: standard output and standard error are pipes.
fn in_a_pipe(command: &str) -> String {
    let shown = run("bash", &["-c", &format!("\"$GATEPOST\" {command}")], &[]);
    [shown.stdout, shown.stderr].map(|text| String::from_utf8(text).unwrap()).concat()
}

#[test]
fn colours_are_for_terminals_and_no_color_turns_them_off() {
    for (command, part) in [
        ("check", "GATEPOST_PUBLIC_URL"),
        ("user list", "GATEPOST_PUBLIC_URL"),
        ("serve", "GATEPOST_PUBLIC_URL"),
        ("--help", "Usage"),
        ("user lsit", "lsit"),
    ] {
        let coloured = at_a_terminal(command, &[]);
        assert!(coloured.contains(ESCAPE) && coloured.contains(part), "{command}: {coloured}");
        for variables in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let plain = at_a_terminal(command, &[variables]);
            assert!(
                !plain.contains('\u{1b}') && plain.contains(part),
                "{command} with {variables:?}: {plain}"
            );
        }
        let piped = in_a_pipe(command);
        assert!(!piped.contains('\u{1b}') && piped.contains(part), "{command} in a pipe: {piped}");
    }
}

#[test]
fn an_error_goes_to_standard_error_with_a_hint_and_a_result_to_standard_output() {
    for (command, code) in [("user list", 1), ("serve", 1), ("certs", 1), ("user lsit", 2)] {
        let refused = run("bash", &["-c", &format!("\"$GATEPOST\" {command}")], &[]);
        let stderr = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(code), 0), "{command}: {stderr}");
        assert!(stderr.contains("\nhint: ") || stderr.contains("similar subcommand"), "{command}: {stderr}");
    }
    let helped = run("bash", &["-c", "\"$GATEPOST\" group add --help"], &[]);
    assert_eq!((helped.status.code(), helped.stderr.len()), (Some(0), 0));
}

/// What bash offers when somebody presses the tabulator behind `line`.
fn bash_offers(line: &str) -> Vec<String> {
    let script = r#"
        source <("$GATEPOST" completions bash)
        read -ra COMP_WORDS <<<"$LINE"
        [[ $LINE == *' ' ]] && COMP_WORDS+=("")
        COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        registered=$(complete -p gatepost)
        [[ $registered =~ -F\ ([a-z_]+) ]] || exit 3
        "${BASH_REMATCH[1]}" gatepost "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let offered = run("bash", &["--norc", "-c", script], &[("LINE", line)]);
    assert!(offered.status.success(), "{line:?}: {}", String::from_utf8_lossy(&offered.stderr));
    String::from_utf8(offered.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(bash_offers("gatepost heal"), ["healthcheck"]);
    assert_eq!(bash_offers("gatepost group mem"), ["members"]);
    let groups = bash_offers("gatepost group ");
    for command in ["add", "remove", "members", "link", "unlink", "list"] {
        assert!(groups.iter().any(|offered| offered == command), "{command}: {groups:?}");
    }
    assert_eq!(bash_offers("gatepost audit list --act"), ["--actor", "--action"]);
    let mut shells = bash_offers("gatepost completions ");
    shells.retain(|offered| !offered.starts_with('-'));
    assert_eq!(shells, ["bash", "zsh", "fish"], "no other shell");
}

#[test]
fn zsh_and_fish_understand_what_is_printed_for_them() {
    for (shell, script) in [
        ("zsh", r#"zsh -fn <("$GATEPOST" completions zsh)"#),
        (
            "zsh",
            r#"zsh -fc 'autoload -Uz compinit && compinit -D && source <("$GATEPOST" completions zsh) && print -r -- $_comps[gatepost]' | grep -x _gatepost"#,
        ),
        ("fish", r#"fish --no-execute <("$GATEPOST" completions fish)"#),
    ] {
        let checked = run("bash", &["-c", script], &[]);
        assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    let offered = |line: &str| {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("gatepost.fish");
        std::fs::write(&file, run(GATEPOST, &["completions", "fish"], &[]).stdout).unwrap();
        let variables = [("LINE", line), ("SCRIPT", file.to_str().unwrap())];
        let shown = run("fish", &["--no-config", "-c", "source $SCRIPT; complete -C $LINE"], &variables);
        String::from_utf8(shown.stdout).unwrap()
    };
    assert!(offered("gatepost group mem").starts_with("members\t"), "{}", offered("gatepost group mem"));
    assert!(offered("gatepost audit list --act").contains("--actor\t"));
}
