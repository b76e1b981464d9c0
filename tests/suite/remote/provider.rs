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
        let part = ["tenant", "provider", "set", "acme", "--label", "Acme", "--only"];
        let (code, said, error) = elsewhere.run(&key, &part).await;
        assert!(code == Some(0) && said.contains("see: Acme") && said.contains("acme.example (active)"), "{said}{error}");
        let again = elsewhere.run(&key, &part).await.1;
        assert!(again.contains("already brings this provider"), "{again}");
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

    async fn people_are_invited_and_a_tenants_data_is_written_from_elsewhere(pair) {
        let elsewhere = Elsewhere::start(pair).await;
        let key = elsewhere.full_key().await;
        elsewhere.world.cli(&["tenant", "create", "acme"]).await;
        let (code, said, error) = elsewhere.run(&key, &["tenant", "invite", "acme", "new@example.com", "--json"]).await;
        assert_eq!(code, Some(0), "{said}{error}");
        let made: serde_json::Value = serde_json::from_str(&said).unwrap();
        let link = made["link"].as_str().unwrap();
        assert!(link.starts_with(&elsewhere.world.url(PUBLIC, "/invitations/")), "{link}");
        let create = ["tenant", "create", "zeta", "--name", "Zeta", "--admin", "new@example.com"];
        let (code, said, error) = elsewhere.run(&key, &create).await;
        assert!(code == Some(0) && said.contains("was created") && said.contains("/invitations/"), "{said}{error}");
        let (code, said, error) = elsewhere.run(&key, &create).await;
        assert!(code == Some(1) && error.contains("there is already a tenant zeta"), "{said}{error}");
        let list = ["tenant", "invitations", "acme"];
        let (there, here) = (elsewhere.run(&key, &list).await, elsewhere.run_here(&list).await);
        assert_eq!(there, here);
        assert!(here.1.contains("new@example.com"), "{}", here.1);
        let file = elsewhere.folder.path().join("acme.json").display().to_string();
        let (code, said, error) = elsewhere.run(&key, &["tenant", "export", "acme", "-o", &file]).await;
        assert_eq!(code, Some(0), "{said}{error}");
        let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(written["invitations"][0]["email"], "new@example.com", "{written}");
        let withdraw = ["tenant", "withdraw-invitation", "acme", made["id"].as_str().unwrap()];
        let (code, said, error) = elsewhere.run(&key, &withdraw).await;
        assert!(code == Some(0) && said.contains("new@example.com counts no more"), "{said}{error}");
        assert_eq!(elsewhere.run(&key, &withdraw).await.0, Some(1), "it is gone");
        assert_eq!(elsewhere.run(&key, &["tenant", "export", "none", "-o", &file]).await.0, Some(1));
    }
}
