//! The command line against an installation elsewhere: it says and leaves what the command line there would, and the key goes
//! nowhere else.

mod key;
mod provider;
mod questions;
mod same;
mod servers;

use crate::world::{PUBLIC, Pair, Plan, World, alice, run_command};
use gatepost_kit::entra::Person;
use gatepost_kit::process::{Gatepost, GatepostBuilder};
use gatepost_kit::tunnel::Tunnel;
use serde_json::Value;
use std::path::PathBuf;
use tempfile::TempDir;

/// What a command left: its exit code, standard output and standard error.
type Ran = (Option<i32>, String, String);

/// A world, and a machine that has nothing but its address, its authority and keys.
struct Elsewhere {
    world: World,
    tunnel: Tunnel,
    folder: TempDir,
}

impl Elsewhere {
    async fn start(pair: Pair) -> Self {
        let plan = Plan::default().env("GATEPOST_SERVICES", "chat=http://chat:8080");
        let plan = plan.env("GATEPOST_TENANTS__SELF_SERVICE", "true");
        let world = plan.env("GATEPOST_TENANTS__PROVIDER_NETWORKS", "127.0.0.0/8").start(pair).await;
        world.entra.add(alice());
        world.entra.add(Person::named("bob"));
        let tunnel = Tunnel::to(world.edge.addr()).await;
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), world.authority.ca_pem()).unwrap();
        Self { world, tunnel, folder }
    }

    /// Makes a key there, and returns what is said about it, with the secret.
    async fn make_key(&self, arguments: &[&str]) -> Value {
        let made = self.world.cli(&[&["key", "create", "Laptop", "--json"], arguments].concat()).await;
        serde_json::from_str(&made).unwrap()
    }

    /// A key that may everything.
    async fn full_key(&self) -> String {
        let made = self.make_key(&["--scope", "api.read", "--scope", "api.write"]).await;
        made["key"].as_str().unwrap().to_owned()
    }

    /// The command line of the other machine with a key in a file.
    fn command_line(&self, key: &str) -> GatepostBuilder {
        let path: PathBuf = self.folder.path().join("key");
        std::fs::write(&path, format!("{key}\n")).unwrap();
        Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
            .folder(self.folder.path())
            .env("GATEPOST_API", self.world.url(PUBLIC, "").trim_end_matches('/'))
            .env("GATEPOST_API_KEY_FILE", path.display().to_string())
            .env("GATEPOST_CA_FILE", self.folder.path().join("ca.pem").display().to_string())
            .env("HTTPS_PROXY", self.tunnel.url())
    }

    /// Runs a command there. Whatever comes of it, it does not show the key.
    async fn run(&self, key: &str, arguments: &[&str]) -> Ran {
        let (code, out, error) = run_command(&self.command_line(key), arguments).await;
        assert!(!out.contains(key) && !error.contains(key), "{arguments:?}: {out}{error}");
        (code, out, error)
    }

    async fn run_here(&self, arguments: &[&str]) -> Ran {
        run_command(&self.world.builder, arguments).await
    }

    async fn audit(&self) -> Vec<Value> {
        let (code, out, error) = self.run_here(&["audit", "list", "--limit", "10000", "--json"]).await;
        assert_eq!(code, Some(0), "{error}");
        let said: Value = serde_json::from_str(&out).unwrap();
        said["entries"].as_array().unwrap().clone()
    }
}
