//! The provider of a tenant, set from elsewhere.

use super::Elsewhere;
use crate::world::PUBLIC;
use gatepost_kit::entra::Entra;

both_pairs! {
    async fn the_provider_of_a_tenant_is_set_decided_about_and_removed_from_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        let key = elsewhere.full_key().await;
        let acme = Entra::start_oidc().await;
        acme.register_redirect_uri(&elsewhere.world.url(PUBLIC, "/callback/t-acme"));
        elsewhere.world.cli(&["tenant", "create", "acme"]).await;
        let secret = elsewhere.folder.path().join("secret").display().to_string();
        let (issuer, client) = (acme.issuer(), acme.client_id());
        let set = [
            "tenant", "provider", "set", "acme", "--issuer", &issuer, "--client-id", &client,
            "--client-secret-file", &secret, "--domain", "acme.example",
        ];
        std::fs::write(&secret, "not the secret").unwrap();
        let (code, _, error) = elsewhere.run(&key, &set).await;
        assert!(code == Some(1) && error.contains("refuses the client"), "{error}");
        std::fs::write(&secret, acme.client_secret()).unwrap();
        let approve: &[&str] = &["tenant", "provider", "approve", "acme", "acme.example"];
        for command in [&set[..], approve] {
            let (code, said, error) = elsewhere.run(&key, command).await;
            assert_eq!(code, Some(0), "{command:?}: {said}{error}");
            assert!(!said.contains(&acme.client_secret()), "{said}");
        }
        let show = ["tenant", "provider", "show", "acme"];
        let (there, here) = (elsewhere.run(&key, &show).await, elsewhere.run_here(&show).await);
        assert_eq!(there, here);
        assert!(here.1.contains("acme.example (active)"), "{}", here.1);
        for command in [["tenant", "check", "acme"].as_slice(), &["tenant", "check", "acme", "--json"]] {
            let (there, here) = (elsewhere.run(&key, command).await, elsewhere.run_here(command).await);
            assert_eq!(there, here);
            assert!(here.1.contains("host-none"), "{}", here.1);
        }
        assert_eq!(elsewhere.run(&key, &["tenant", "check", "nobody"]).await.0, Some(1));
        assert_eq!(elsewhere.run(&key, &["tenant", "provider", "remove", "acme"]).await.0, Some(0));
        assert_eq!(elsewhere.run(&key, &show).await.0, Some(1));
    }
}
