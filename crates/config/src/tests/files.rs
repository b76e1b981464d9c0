//! Files: the configuration itself, secrets in files, the key ring of embedded stores.

use super::*;
use crate::keyring::{self, KeyRingError};
use gatepost_core::ids::RequestId;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder of its own for each test, removed with all that is in it.
struct Folder(PathBuf);

impl Folder {
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("gatepost-config-{}", RequestId::generate()));
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a new file");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the folder can be removed");
    }
}

fn load(path: Option<&Path>, environment: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Config::load(path, environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))
}

#[test]
fn a_secret_may_lie_in_a_file_and_loses_its_trailing_newline() {
    use crate::ClientCredential;
    use secrecy::ExposeSecret;
    let folder = Folder::new();
    let path = folder.file("secret", "hunter2\r\n");
    let kept: Vec<_> =
        SHORTEST.iter().filter(|(name, _)| *name != "MICROSOFT_CLIENT_SECRET").copied().collect();
    let config =
        accepted(with("", &[&kept[..], &[("MICROSOFT_CLIENT_SECRET_FILE", path.as_str())]].concat()));
    let ClientCredential::Secret(secret) = &config.providers[0].credential else { panic!("{config:?}") };
    assert_eq!(secret.current().expose_secret(), "hunter2");
    let keys = folder.file("keys", &format!("{KEY}\n"));
    let config = accepted(with(&format!("secret_keys_file = {keys:?}"), &SHORTEST));
    assert_eq!(config.secret_keys.len(), 1);
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    use crate::ClientCredential;
    use secrecy::ExposeSecret;
    let folder = Folder::new();
    let path = folder.file("secret", "\u{feff}hunter2\r\n");
    let kept: Vec<_> =
        SHORTEST.iter().filter(|(name, _)| *name != "MICROSOFT_CLIENT_SECRET").copied().collect();
    let environment = [&kept[..], &[("MICROSOFT_CLIENT_SECRET_FILE", path.as_str())]].concat();
    let config = accepted(with("", &environment));
    let ClientCredential::Secret(secret) = &config.providers[0].credential else { panic!("{config:?}") };
    assert_eq!(secret.current().expose_secret(), "hunter2");
    let toml = folder.file("marked.toml", "\u{feff}[session]\nabsolute_timeout = \"7d\"\n");
    let config = accepted(load(Some(Path::new(&toml)), &SHORTEST));
    assert_eq!(config.session.absolute_timeout, std::time::Duration::from_hours(168));
}

#[test]
fn a_secret_in_two_forms_is_refused_unless_the_environment_overrules_the_file() {
    let folder = Folder::new();
    let path = folder.file("keys", KEY);
    let both = shortest_and(&[("GATEPOST_SECRET_KEYS", KEY), ("GATEPOST_SECRET_KEYS_FILE", &path)]);
    refused(both, &["GATEPOST_SECRET_KEYS: GATEPOST_SECRET_KEYS_FILE is also given"]);
    let environment = [&SHORTEST[..], &[("GATEPOST_SECRET_KEYS_FILE", path.as_str())]].concat();
    accepted(with("secret_keys = [\"not read\"]", &environment));
    let environment = [&SHORTEST[..], &[("GATEPOST_SECRET_KEYS", KEY)]].concat();
    accepted(with("secret_keys_file = \"not/read\"", &environment));
}

#[test]
fn an_unreadable_file_is_named() {
    let folder = Folder::new();
    let missing = folder.0.join("missing").to_str().expect("a path in UTF-8").to_owned();
    refused(
        shortest_and(&[("GATEPOST_SECRET_KEYS_FILE", &missing)]),
        &["GATEPOST_SECRET_KEYS_FILE: cannot read", &missing, "No such file"],
    );
    refused(shortest_and(&[("GATEPOST_CA_FILE", &missing)]), &["GATEPOST_CA_FILE: cannot read", &missing]);
    refused(
        shortest_and(&[("GATEPOST_SECRET_KEYS_FILE", &folder.file("empty", "\n"))]),
        &["GATEPOST_SECRET_KEYS_FILE: found nothing"],
    );
    refused(
        shortest_and(&[("GATEPOST_CA_FILE", &folder.file("ca", "x"))]),
        &["a file without a certificate"],
    );
}

#[test]
fn the_file_is_named_by_the_argument_or_by_the_variable() {
    let folder = Folder::new();
    let one = folder.file("one.toml", "log.level = \"warn\"");
    let two = folder.file("two.toml", "log.level = \"debug\"");
    let environment = [&SHORTEST[..], &[("GATEPOST_CONFIG", two.as_str())]].concat();
    assert_eq!(accepted(load(Some(Path::new(&one)), &environment)).log.level, "warn");
    assert_eq!(accepted(load(None, &environment)).log.level, "debug");
    let missing = folder.0.join("missing.toml");
    refused(load(Some(&missing), &SHORTEST), &["--config: cannot read", "missing.toml"]);
    let wrong = folder.file("wrong.toml", "hosst = 1");
    refused(
        load(Some(Path::new(&wrong)), &SHORTEST),
        &["hosst in ", "wrong.toml: unknown setting; did you mean hosts?"],
    );
}

#[test]
fn an_embedded_store_makes_its_key_ring_once_for_its_owner_alone() {
    let folder = Folder::new();
    let store = folder.0.join("gatepost.db");
    let made = keyring::read_or_create(&store).expect("a new ring");
    let again = keyring::read_or_create(&store).expect("the same ring");
    assert_eq!((made.len(), &made), (1, &again));
    let path = keyring::path_beside(&store);
    assert_eq!(fs::metadata(&path).expect("the ring").permissions().mode() & 0o7777, 0o600);
    assert_eq!(folder.names(), ["gatepost.db.keys"], "no draft is left");
}

#[test]
fn of_many_that_start_at_once_all_read_the_same_ring() {
    let folder = Folder::new();
    let store = folder.0.join("gatepost.db");
    let start = std::sync::Barrier::new(8);
    let rings: Vec<_> = std::thread::scope(|scope| {
        let start_one = || {
            start.wait();
            keyring::read_or_create(&store).expect("a ring")
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start_one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(rings.iter().all(|ring| *ring == rings[0]));
    assert_eq!(folder.names().len(), 1);
}

#[test]
fn a_key_ring_that_others_may_read_or_that_is_none_is_refused_and_kept() {
    let folder = Folder::new();
    let store = folder.0.join("gatepost.db");
    let path = folder.file("gatepost.db.keys", &format!("{KEY}\n"));
    for mode in [0o644, 0o640, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("our file");
        let error = keyring::read_or_create(&store).expect_err("an exposed ring");
        assert!(matches!(error, KeyRingError::Exposed { mode: found, .. } if found == mode), "{error}");
        assert!(error.to_string().contains("chmod 600"));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("our file");
    assert!(keyring::read_or_create(&store).is_ok());
    for text in ["", "hunter2", "aHVudGVyMg=="] {
        fs::remove_file(&path).expect("our file");
        folder.file("gatepost.db.keys", text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our file");
        let error = keyring::read_or_create(&store).expect_err("no ring");
        assert!(matches!(error, KeyRingError::Malformed { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(fs::read_to_string(&path).expect("kept"), text);
    }
}

#[test]
fn a_folder_that_refuses_the_key_ring_is_an_error_that_names_it() {
    let error = keyring::read_or_create(Path::new("/dev/null/gatepost.db")).expect_err("no folder");
    assert!(
        matches!(&error, KeyRingError::File { .. })
            && error.to_string().contains("/dev/null/gatepost.db.keys")
    );
}
