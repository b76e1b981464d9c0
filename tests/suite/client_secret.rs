//! A client secret that is replaced in its file, and the way to the provider through a proxy.

use crate::world::{APP, Pair, Plan, run_command};
use gatepost_kit::entra::{CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM, ClientSecret, Entra};
use gatepost_kit::process::{Gatepost, until};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_replaced_in_its_file_is_used_within_a_minute_without_a_restart() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "the-first-secret\n").unwrap();
    let path = file.display().to_string();
    let world = Plan::default()
        .without("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET")
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET_FILE", path)
        .start(Pair::Embedded)
        .await;
    world.entra.add(crate::world::alice());
    let register = |value: &str| {
        let secrets = vec![ClientSecret { value: value.to_owned(), is_expired: false }];
        world.entra.configure(|app| app.secrets = secrets);
    };
    register("the-first-secret");
    world.signed_in("alice").await;
    register("the-second-secret");
    std::fs::write(&file, "the-second-secret\n").unwrap();
    until("a sign-in with the new secret", Duration::from_mins(1), async || {
        let trip = world.browser().navigate(&world.url(APP, "/")).await;
        (trip.end().status == 200).then_some(())
    })
    .await;
    world.gatepost.wait_for_line("a secret was replaced in its file").await;
    assert!(world.gatepost.logs().iter().all(|line| !line.contains("the-second-secret")));
}

/// Nobody signs in meanwhile: what is wrong with a file is told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_replaced_in_its_file_is_used_and_a_broken_one_is_warned_of_before_it_is_needed() {
    // The fake provider finds a certificate by its digest, and reads no more of it.
    let renewed = CLIENT_CERTIFICATE_PEM.replacen("MII", "MIJ", 1);
    assert_ne!(renewed, CLIENT_CERTIFICATE_PEM);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("client.pem");
    let put = |text: &str| std::fs::write(&file, text).unwrap();
    put(&format!("{CLIENT_CERTIFICATE_PEM}{CLIENT_KEY_PEM}"));
    let entra = Entra::start().await;
    entra.configure(|app| {
        app.secrets.clear();
        app.register_certificate(CLIENT_CERTIFICATE_PEM, CLIENT_KEY_PEM);
    });
    let world = Plan::default()
        .without("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET")
        .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_CERTIFICATE_FILE", file.display().to_string())
        .start_with(Pair::Embedded, entra)
        .await;
    world.entra.add(crate::world::alice());
    world.signed_in("alice").await;
    let says = async |part: &str| {
        until("a line of the log", Duration::from_mins(1), async || {
            world.gatepost.logs().iter().any(|line| line.contains(part)).then_some(())
        })
        .await;
    };
    put(CLIENT_CERTIFICATE_PEM);
    says("holds no valid value").await;
    world.signed_in("alice").await;
    put(&format!("{renewed}{CLIENT_KEY_PEM}"));
    says("a secret was replaced in its file").await;
    let stale = world.entra.list_used_assertions().len();
    let trip = world.browser().navigate(&world.url(APP, "/")).await;
    assert_ne!(trip.end().status, 200, "the provider does not know the new one yet");
    assert_eq!(world.entra.list_used_assertions().len(), stale);
    world.entra.configure(|app| app.register_certificate(&renewed, CLIENT_KEY_PEM));
    world.signed_in("alice").await;
}

/// A proxy that takes down whom it is asked to connect to, and connects to nobody.
async fn asked_of_a_proxy(no_proxy: &str) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let serving = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let line = BufReader::new(connection).lines().next_line().await;
            told.send(line.ok().flatten().unwrap_or_default()).unwrap();
        }
    });
    let folder = TempDir::new().unwrap();
    let builder = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
        .env("GATEPOST_PUBLIC_URL", "https://auth.example.com")
        .env("GATEPOST_HOSTS", "wiki.example.com")
        .env("GATEPOST_PROVIDERS__KC__KIND", "oidc")
        .env("GATEPOST_PROVIDERS__KC__ISSUER", "https://idp.example.test/realms/main")
        .env("GATEPOST_PROVIDERS__KC__CLIENT_ID", "gatepost")
        .env("GATEPOST_PROVIDERS__KC__CLIENT_SECRET", "a-secret")
        .env("HTTPS_PROXY", proxy)
        .env("NO_PROXY", no_proxy)
        .folder(folder.path());
    let (_, said, _) = run_command(&builder, &["check", "--json"]).await;
    assert!(said.contains("provider-unreachable"), "{said}");
    serving.abort();
    let mut lines = Vec::new();
    while let Some(line) = heard.recv().await {
        lines.push(line);
    }
    lines
}

#[tokio::test]
async fn providers_are_called_through_the_proxy_of_the_environment_unless_it_excepts_them() {
    let asked = asked_of_a_proxy("other.example.test").await;
    assert_eq!(asked.first().map(String::as_str), Some("CONNECT idp.example.test:443 HTTP/1.1"), "{asked:?}");
    for exception in ["idp.example.test", ".example.test", "*"] {
        assert_eq!(asked_of_a_proxy(exception).await, Vec::<String>::new(), "{exception}");
    }
}
