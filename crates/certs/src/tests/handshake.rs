//! TLS handshakes over a pipe: which clients are accepted, and what a new file changes.

use super::*;
use crate::{Role, issue};
use gatepost_kit::process::until;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The parameters of a handshake, as the client sees them.
#[derive(Debug)]
struct Agreed {
    protocol: Option<Vec<u8>>,
    version: Option<ProtocolVersion>,
    kind: Option<HandshakeKind>,
    tickets: u32,
}

/// Trusts `ca.crt` of one folder and presents the pair `shown`, which may be of another.
fn client(trusted: &Path, shown: Option<(&Path, Role)>) -> ClientConfig {
    client_for(trusted, shown, rustls::ALL_VERSIONS)
}

fn client_for(
    trusted: &Path,
    shown: Option<(&Path, Role)>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let certificate = |path| CertificateDer::from_pem_file(path).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate(Role::Authority.certificate_in(trusted))).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring's versions")
        .with_root_certificates(roots);
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some((folder, role)) => {
            let key = PrivateKeyDer::from_pem_file(role.key_in(folder)).expect("a key");
            config.with_client_auth_cert(vec![certificate(role.certificate_in(folder))], key).expect("a pair")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::in_memory_sessions(8);
    config
}

/// Sends a byte and reads it back: in TLS 1.3 a client learns only from reading that it was refused.
async fn connect(
    tls: &InternalTls,
    client: &Arc<ClientConfig>,
    name: &'static str,
) -> std::io::Result<Agreed> {
    let (near, far) = duplex(64 * 1024);
    let acceptor = TlsAcceptor::from(tls.server_config());
    let served = async move {
        let mut stream = acceptor.accept(far).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.shutdown().await
    };
    let asked = async {
        let name = ServerName::try_from(name).expect("a name");
        let mut stream = TlsConnector::from(Arc::clone(client)).connect(name, near).await?;
        stream.write_u8(7).await?;
        assert_eq!(stream.read_u8().await?, 7);
        let (_, session) = stream.get_ref();
        Ok(Agreed {
            protocol: session.alpn_protocol().map(<[u8]>::to_vec),
            version: session.protocol_version(),
            kind: session.handshake_kind(),
            tickets: session.tls13_tickets_received(),
        })
    };
    match tokio::join!(served, asked) {
        (Ok(()), asked) => asked,
        // An alert only repeats the error of the other end.
        (Err(served), Err(asked)) if served.to_string().contains("alert") => Err(asked),
        (Err(served), _) => Err(served),
    }
}

async fn opens(tls: &InternalTls, config: ClientConfig) -> Agreed {
    connect(tls, &Arc::new(config), "localhost").await.expect("a handshake")
}

async fn is_refused(tls: &InternalTls, config: ClientConfig, part: &str) {
    let error = connect(tls, &Arc::new(config), "localhost").await.expect_err("a refusal").to_string();
    assert!(error.contains(part), "{part:?} is not in {error:?}");
}

fn load(folder: &Folder) -> InternalTls {
    InternalTls::load_at(&folder.path(), folder.now).expect("it serves")
}

fn traefik(folder: &Folder) -> ClientConfig {
    client(&folder.path(), Some((&folder.path(), Role::Client)))
}

#[tokio::test]
async fn traefik_gets_in_over_http_2_by_any_name_of_the_server() {
    let folder = Folder::filled();
    let tls = load(&folder);
    let client = Arc::new(traefik(&folder));
    for name in ["localhost", "gatepost", "127.0.0.1", "::1"] {
        let agreed = connect(&tls, &client, name).await.expect(name);
        assert_eq!(agreed.protocol.as_deref(), Some(&b"h2"[..]));
        assert_eq!(agreed.version, Some(ProtocolVersion::TLSv1_3));
    }
    let error = connect(&tls, &client, "traefik").await.expect_err("another name");
    assert!(error.to_string().contains("not valid for name"), "{error}");
    let folder = &folder.path();
    let old = client_for(folder, Some((folder, Role::Client)), &[&rustls::version::TLS12]);
    assert_eq!(opens(&tls, old).await.version, Some(ProtocolVersion::TLSv1_2));
}

#[tokio::test]
async fn a_client_without_a_valid_certificate_is_refused() {
    let (folder, other) = (Folder::filled(), Folder::filled());
    let tls = load(&folder);
    let here = folder.path();
    is_refused(&tls, client(&here, None), "no certificates").await;
    is_refused(&tls, client(&here, Some((&other.path(), Role::Client))), "BadSignature").await;
    is_refused(
        &tls,
        client(&here, Some((&here, Role::Server))),
        "extended key usage for client authentication",
    )
    .await;
    let old = Folder::new().days_later(-91);
    for name in ["ca.crt", "ca.key"] {
        fs::create_dir_all(old.path()).expect("a folder");
        fs::copy(folder.file(name), old.file(name)).expect("our file");
    }
    old.make();
    is_refused(&tls, client(&here, Some((&old.path(), Role::Client))), "xpired").await;
    let tls12 = client_for(&here, None, &[&rustls::version::TLS12]);
    is_refused(&tls, tls12, "no certificates").await;
}

#[tokio::test]
async fn the_proxys_certificate_cannot_stand_for_the_server() {
    let folder = Folder::filled();
    let certified = folder.path();
    let config = {
        let certificate =
            CertificateDer::from_pem_file(Role::Client.certificate_in(&certified)).expect("there");
        let key = PrivateKeyDer::from_pem_file(Role::Client.key_in(&certified)).expect("there");
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring's versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("a pair")
    };
    let (near, far) = duplex(64 * 1024);
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connector = TlsConnector::from(Arc::new(traefik(&folder)));
    let name = ServerName::try_from("traefik").expect("a name");
    let (_, asked) = tokio::join!(acceptor.accept(far), connector.connect(name, near));
    let error = asked.expect_err("a refusal").to_string();
    assert!(error.contains("extended key usage for server authentication"), "{error}");
}

#[tokio::test]
async fn the_authority_signs_for_no_other_name() {
    let folder = Folder::filled();
    let tls = load(&folder);
    let authority =
        rcgen::KeyPair::from_pem(&fs::read_to_string(folder.file("ca.key")).expect("there")).expect("a key");
    let key = rcgen::KeyPair::from_pem(&fs::read_to_string(folder.file("server.key")).expect("there"))
        .expect("a key");
    for name in ["bank.example.com", "10.0.0.1"] {
        let names = names(&[name]).names.into_iter().collect();
        let forged = issue::leaf(Role::Server, &key, &names, &authority, folder.now).expect("signed");
        fs::write(folder.file("server.crt"), forged).expect("our file");
        folder.does_not_serve("server.crt is not valid under the authority");
        assert!(tls.reload().is_err());
    }
    opens(&tls, traefik(&folder)).await;
}

#[tokio::test]
async fn no_session_is_resumed() {
    let folder = Folder::filled();
    let tls = load(&folder);
    for versions in [&[&rustls::version::TLS13], &[&rustls::version::TLS12]] {
        let here = folder.path();
        let client = Arc::new(client_for(&here, Some((&here, Role::Client)), versions));
        for _ in 0..2 {
            let agreed = connect(&tls, &client, "localhost").await.expect("a handshake");
            assert_eq!((agreed.kind, agreed.tickets), (Some(HandshakeKind::Full), 0));
        }
    }
}

#[tokio::test]
async fn a_new_authority_counts_from_the_reload_on_and_the_old_one_no_more() {
    let folder = Folder::filled();
    let tls = load(&folder);
    let old = traefik(&folder);
    assert!(!tls.reload().expect("nothing new"));
    folder.make_with(&MakeOptions { force: true, ..MakeOptions::default() });
    opens(&tls, old.clone()).await;
    assert!(tls.reload().expect("good files"));
    opens(&tls, traefik(&folder)).await;
    let error = connect(&tls, &Arc::new(old), "localhost").await.expect_err("a refusal").to_string();
    assert!(error.contains("BadSignature"), "{error}");
}

#[tokio::test]
async fn a_renewal_changes_nothing_for_those_who_trusted_what_was_before() {
    let folder = Folder::new().days_later(-10 * 365);
    folder.make();
    let before = folder.root.path().join("before");
    fs::create_dir(&before).expect("a new folder");
    fs::copy(folder.file("ca.crt"), before.join("ca.crt")).expect("our folder");
    let folder = folder.days_later(10 * 365 - 1);
    folder.make();
    let tls = load(&folder);
    opens(&tls, client(&before, Some((&folder.path(), Role::Client)))).await;
    assert!(tls.not_after() > folder.now.plus(89 * DAY) && tls.not_after() <= folder.now.plus(90 * DAY));
}

#[tokio::test]
async fn broken_new_files_leave_the_old_ones_in_use_and_are_logged_once() {
    let folder = Folder::filled();
    let tls = load(&folder);
    let (not_after, good) = (tls.not_after(), fs::read(folder.file("server.crt")).expect("there"));
    fs::write(folder.file("server.crt"), "garbage").expect("our file");
    assert!(tls.reload().is_err());
    assert!(!tls.reload().expect("told already"));
    folder.set_mode("server.key", 0o644);
    assert!(tls.reload().is_err(), "another change, another word");
    opens(&tls, traefik(&folder)).await;
    assert_eq!(tls.not_after(), not_after);
    folder.set_mode("server.key", 0o600);
    fs::write(folder.file("server.crt"), good).expect("our file");
    assert!(tls.reload().expect("good again"));
}

#[tokio::test]
async fn a_running_server_renews_what_is_due_and_serves_with_it() {
    let folder = Folder::new().days_later(-80);
    folder.make();
    let folder = folder.days_later(80);
    let tls = Arc::new(load(&folder));
    assert!(tls.not_after() < folder.now.plus(11 * DAY));
    let fresh = tokio::spawn(Arc::clone(&tls).keep_fresh());
    until("a renewal", Duration::from_secs(10), async || {
        (tls.not_after() > folder.now.plus(89 * DAY)).then_some(())
    })
    .await;
    opens(&tls, traefik(&folder)).await;
    fresh.abort();
}
