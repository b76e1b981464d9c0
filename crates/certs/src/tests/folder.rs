//! Which files are created, renewed and kept, and their permissions.

use super::*;
use crate::{Cause, Role, renew_if_due};

const FILES: [&str; 6] = ["ca.crt", "ca.key", "client.crt", "client.key", "server.crt", "server.key"];

fn made(outcome: &Outcome) -> [Option<Cause>; 3] {
    Role::ALL.map(|role| outcome.states.iter().find(|state| state.role == role).and_then(|state| state.made))
}

#[test]
fn the_first_run_makes_all_of_it_and_nobody_else_reads_a_key() {
    let folder = Folder::new();
    assert_eq!(made(&folder.make()), [Some(Cause::Missing); 3]);
    assert!(folder.contents().keys().eq(FILES), "{:?}", folder.contents().keys());
    assert_eq!(mode(&folder.path()), 0o700);
    for name in FILES {
        assert_eq!(mode(&folder.file(name)), if name.contains(".key") { 0o600 } else { 0o644 }, "{name}");
    }
}

#[test]
fn the_second_run_changes_nothing() {
    let folder = Folder::filled();
    let before = folder.contents();
    let outcome = folder.make();
    assert_eq!((made(&outcome), outcome.states.len()), ([None; 3], 3));
    assert_eq!(folder.contents(), before);
}

#[test]
fn a_third_before_its_end_a_certificate_is_renewed_and_keeps_its_key() {
    let folder = Folder::filled().days_later(59);
    let before = folder.contents();
    assert_eq!(made(&renew_if_due(&folder.path(), folder.now).expect("well")), [None; 3]);
    assert_eq!(folder.contents(), before);

    let folder = folder.days_later(2);
    let outcome = renew_if_due(&folder.path(), folder.now).expect("renewed");
    assert_eq!(made(&outcome), [None, Some(Cause::Due), Some(Cause::Due)]);
    assert_eq!(outcome.states[1].not_after.since(folder.now), 90 * DAY);
    let after = folder.contents();
    let changed: Vec<&String> = after.keys().filter(|name| after[*name] != before[*name]).collect();
    assert_eq!(changed, ["client.crt", "server.crt"]);
    InternalTls::load_at(&folder.path(), folder.now).expect("it serves");
}

#[test]
fn the_authority_lives_ten_years_and_is_renewed_with_its_key() {
    let folder = Folder::new();
    let outcome = folder.make();
    assert_eq!(outcome.states[0].not_after.since(folder.now), 3650 * DAY);
    let key = folder.contents().remove("ca.key");
    for days in [2500, 12 * 365] {
        let folder = Folder { root: TempDir::new().expect("a new folder"), now: folder.now };
        folder.make();
        let folder = folder.days_later(days);
        assert_eq!(made(&folder.make()), [Some(Cause::Due); 3], "{days}");
        InternalTls::load_at(&folder.path(), folder.now).expect("it serves");
    }
    let folder = folder.days_later(2500);
    folder.make();
    assert_eq!(folder.contents().remove("ca.key"), key);
}

#[test]
fn what_is_missing_is_made_under_the_authority_there_is() {
    let folder = Folder::filled();
    let before = folder.contents();
    for (name, expected) in [
        ("server.crt", [None, Some(Cause::Missing), None]),
        ("client.key", [None, None, Some(Cause::Missing)]),
        ("ca.crt", [Some(Cause::Missing), None, None]),
    ] {
        fs::remove_file(folder.file(name)).expect("our file");
        assert_eq!(made(&folder.make()), expected, "{name}");
        assert_eq!(folder.contents()["ca.key"], before["ca.key"]);
        InternalTls::load_at(&folder.path(), folder.now).expect("it serves");
    }
}

#[test]
fn other_names_are_taken_over_and_kept() {
    let folder = Folder::filled();
    assert_eq!(
        made(&folder.make_with(&names(&["GATE.example.com", "10.0.0.7"]))),
        [Some(Cause::Names), Some(Cause::Names), None]
    );
    let outcome = folder.make();
    assert_eq!(made(&outcome), [None; 3]);
    let texts = |at: usize| outcome.states[at].names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(0), ["gate.example.com", "traefik", "10.0.0.7"]);
    assert_eq!(
        (texts(1), texts(2)),
        (vec!["gate.example.com".to_owned(), "10.0.0.7".to_owned()], vec!["traefik".to_owned()])
    );
    let forced = folder.make_with(&MakeOptions { force: true, ..MakeOptions::default() });
    assert_eq!(forced.states[1].names, outcome.states[1].names, "force keeps the names");
    assert!(names(&["::1"]).names[0].to_string() == "::1");
    for text in ["", "*.example.com", "a b", "gate.", "https://gate", "10.0.0.0/8"] {
        assert!(text.parse::<crate::Name>().is_err(), "{text}");
    }
}

#[test]
fn force_makes_everything_anew_whatever_lies_there() {
    let folder = Folder::filled();
    let before = folder.contents();
    fs::write(folder.file("client.crt"), "garbage").expect("our file");
    let outcome = folder.make_with(&MakeOptions { force: true, ..MakeOptions::default() });
    assert_eq!(made(&outcome), [Some(Cause::Forced); 3]);
    let after = folder.contents();
    assert!(after.keys().eq(FILES) && FILES.iter().all(|name| after[*name] != before[*name]));
    InternalTls::load_at(&folder.path(), folder.now).expect("it serves");
}

#[test]
fn the_proxys_folder_holds_what_the_proxy_needs_and_stays_so() {
    let folder = Folder::new();
    let proxy = folder.root.path().join("for").join("traefik");
    let outcome =
        folder.make_with(&MakeOptions { client_dir: Some(proxy.clone()), ..MakeOptions::default() });
    assert_eq!(outcome.client_dir.as_deref(), Some(proxy.canonicalize().expect("made").as_path()));
    let ours = folder.contents();
    let theirs = contents(&proxy);
    assert!(theirs.keys().eq(["ca.crt", "client.crt", "client.key"]));
    assert!(theirs.iter().all(|(name, bytes)| ours[name] == *bytes));
    assert_eq!((mode(&proxy), mode(&proxy.join("client.key"))), (0o700, 0o600));

    fs::set_permissions(&proxy, Permissions::from_mode(0o750)).expect("our folder");
    folder.make();
    assert_eq!(mode(&proxy.join("client.key")), 0o640, "its group reads the key where it reads the folder");
    fs::remove_file(proxy.join("ca.crt")).expect("our file");
    renew_if_due(&folder.path(), folder.now).expect("well");
    assert_eq!(contents(&proxy), theirs);

    let folder = folder.days_later(61);
    renew_if_due(&folder.path(), folder.now).expect("renewed");
    assert_eq!(contents(&proxy)["client.crt"], folder.contents()["client.crt"]);
    assert_ne!(contents(&proxy)["client.crt"], theirs["client.crt"]);
}

#[test]
fn two_runners_make_one_set() {
    let folder = Folder::new();
    let runs: Vec<[Option<Cause>; 3]> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| made(&folder.make()))).collect();
        runs.into_iter().map(|run| run.join().expect("no panic")).collect()
    });
    assert_eq!(runs.iter().filter(|made| **made == [Some(Cause::Missing); 3]).count(), 1, "{runs:?}");
    assert_eq!(runs.iter().filter(|made| **made == [None; 3]).count(), 3, "{runs:?}");
}

#[test]
fn what_a_killed_runner_left_is_in_nobodys_way() {
    let folder = Folder::filled();
    fs::remove_file(folder.file("ca.crt")).expect("our file");
    fs::write(folder.file("ca.crt.new"), "half").expect("our folder");
    folder.make();
    assert!(folder.contents().keys().eq(FILES));
}
