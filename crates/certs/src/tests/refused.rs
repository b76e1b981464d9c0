//! Invalid folders are refused with a message that helps, and not repaired.

use super::*;
use crate::{CertsError, renew_if_due};

#[test]
fn a_key_that_others_may_read_is_refused() {
    for name in ["ca.key", "server.key", "client.key"] {
        for mode in [0o640, 0o604, 0o620] {
            let folder = Folder::filled();
            folder.set_mode(name, mode);
            folder.refuses(&format!("{name} may be read by others (mode {mode:04o})"));
            if name == "server.key" {
                folder.does_not_serve("may be read by others");
            }
        }
    }
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() {
    let folder = Folder::filled();
    for mode in [0o720, 0o702, 0o1777] {
        folder.set_mode("", mode);
        folder.refuses("others may write to the folder");
    }
    folder.set_mode("", 0o755);
    folder.make();
}

#[test]
fn what_does_not_belong_together_is_named() {
    let (folder, other) = (Folder::filled(), Folder::filled());
    for name in ["server.key", "client.key", "ca.key"] {
        let own = fs::read(folder.file(name)).expect("our file");
        fs::copy(other.file(name), folder.file(name)).expect("our folder");
        folder.refuses("do not belong together");
        folder.refuses(name);
        if name == "server.key" {
            folder.does_not_serve("do not belong together");
        }
        fs::write(folder.file(name), own).expect("our file");
    }
    folder.make();
}

#[test]
fn certificates_of_another_authority_are_refused_and_nothing_is_replaced() {
    let (folder, other) = (Folder::filled(), Folder::filled());
    for name in ["server.crt", "server.key"] {
        fs::copy(other.file(name), folder.file(name)).expect("our folder");
    }
    folder.refuses("server.crt is not valid under the authority");
    folder.does_not_serve("server.crt is not valid under the authority");

    let folder = Folder::filled();
    for name in ["ca.crt", "ca.key"] {
        fs::remove_file(folder.file(name)).expect("our file");
    }
    let before = folder.contents();
    folder.refuses("server.crt is not valid under the authority");
    assert_eq!(folder.contents(), before);
}

#[test]
fn a_certificate_serves_only_what_it_is_for() {
    let folder = Folder::filled();
    for (from, to) in [("client.crt", "server.crt"), ("client.key", "server.key")] {
        fs::copy(folder.file(from), folder.file(to)).expect("our folder");
    }
    folder.does_not_serve("server.crt is not valid under the authority");
    let folder = Folder::filled();
    fs::copy(folder.file("server.crt"), folder.file("ca.crt")).expect("our folder");
    folder.does_not_serve("contains no certificate of an authority");
}

#[test]
fn garbage_is_named() {
    let folder = Folder::filled();
    for (name, part) in [
        ("ca.crt", "ca.crt contains no certificate"),
        ("server.crt", "server.crt contains no certificate"),
        ("server.key", "server.key contains no private key"),
    ] {
        let own = fs::read(folder.file(name)).expect("our file");
        for text in ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            fs::write(folder.file(name), text).expect("our file");
            folder.refuses(part);
            folder.does_not_serve(part);
        }
        fs::write(folder.file(name), own).expect("our file");
    }
}

#[test]
fn what_has_expired_does_not_serve() {
    let folder = Folder::filled().days_later(91);
    folder.does_not_serve("server.crt expired on ");
    let folder = folder.days_later(3600);
    for name in ["server.crt", "client.crt"] {
        fs::remove_file(folder.file(name)).expect("our file");
    }
    fs::copy(folder.file("ca.crt"), folder.root.path().join("old.crt")).expect("our folder");
    folder.make();
    fs::copy(folder.root.path().join("old.crt"), folder.file("ca.crt")).expect("our folder");
    folder.does_not_serve("ca.crt expired on ");
}

#[test]
fn what_is_missing_is_named_with_the_command_that_makes_it() {
    let folder = Folder::new();
    folder.does_not_serve("`gatepost certs` makes it");
    let error = renew_if_due(&folder.path(), folder.now).expect_err("an error");
    assert!(matches!(error, CertsError::NoFolder(_)), "{error}");
    for name in ["ca.crt", "server.crt", "server.key"] {
        let folder = Folder::filled();
        fs::remove_file(folder.file(name)).expect("our file");
        folder.does_not_serve(&format!("{name}: `gatepost certs` makes what is missing"));
    }
}

#[test]
fn without_the_authoritys_key_what_is_good_stays_and_nothing_is_signed() {
    let folder = Folder::filled();
    fs::remove_file(folder.file("ca.key")).expect("our file");
    let before = folder.contents();
    assert!(folder.make().states.iter().all(|state| state.made.is_none()));
    let folder = folder.days_later(61);
    folder.refuses("server.crt must be replaced, but there is no ");
    let outcome = renew_if_due(&folder.path(), folder.now).expect("a word on how things stand");
    assert_eq!(outcome.states.len(), 3);
    assert!(outcome.states.iter().all(|state| state.made.is_none()));
    assert_eq!(folder.contents(), before);
}

#[test]
fn an_authority_that_gatepost_did_not_make_signs_nothing_here() {
    let folder = Folder::new();
    fs::create_dir(folder.path()).expect("a new folder");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    fs::write(folder.file("ca.crt"), params.self_signed(&key).expect("a certificate").pem())
        .expect("our folder");
    fs::write(folder.file("ca.key"), key.serialize_pem()).expect("our folder");
    folder.set_mode("ca.key", 0o600);
    folder.refuses("Gatepost did not make the authority");
}

#[test]
fn the_proxys_files_do_not_go_beside_the_authoritys_key() {
    let folder = Folder::filled();
    let options = MakeOptions { client_dir: Some(folder.path()), ..MakeOptions::default() };
    let error = make(&folder.path(), &options, folder.now).expect_err("an error");
    assert!(matches!(error, CertsError::SameFolder(_)), "{error}");
}
