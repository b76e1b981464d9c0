//! Two tenants of the demo, each with a host, a provider, people and a look of its own.

use crate::tools::run;
use gatepost_kit::echo::{Echo, Link, Pages};
use gatepost_kit::entra::{Entra, Person, Style};
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// What a tenant is in the demo.
struct Plan {
    id: &'static str,
    name: &'static str,
    host: &'static str,
    accent: &'static str,
    notice: &'static str,
    /// Who administers it, and who is a member: the first part of an address.
    people: [&'static str; 2],
}

const PLANS: [Plan; 2] = [
    Plan {
        id: "acme",
        name: "ACME Corporation",
        host: "acme.localhost",
        accent: "#7a1f5c",
        notice: "On Monday from 8 to 9 nobody can sign in.",
        people: ["dana", "eric"],
    },
    Plan {
        id: "zeta",
        name: "Zeta Labs",
        host: "zeta.localhost",
        accent: "#1f5c7a",
        notice: "Visitors sign in with the account of the platform.",
        people: ["zoe", "yuri"],
    },
];

/// A tenant that runs. Dropping it stops its provider and its application.
pub(crate) struct Tenant {
    plan: &'static Plan,
    application: Echo,
    provider: Entra,
}

impl Tenant {
    /// Starts the providers and the applications of both, for a public host at this address.
    pub(crate) async fn start_both(
        public: &str,
        first_port: impl Fn() -> Result<u16, String>,
    ) -> Result<[Self; 2], Box<dyn Error>> {
        let [acme, zeta] = &PLANS;
        Ok([Self::start(acme, public, first_port()?).await?, Self::start(zeta, public, first_port()?).await?])
    }

    async fn start(plan: &'static Plan, public: &str, port: u16) -> Result<Self, Box<dyn Error>> {
        let provider = Entra::start_with(Style::Oidc, SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        provider.register_redirect_uri(&format!("{public}/callback/t-{}", plan.id));
        for who in plan.people {
            provider.add(Person { email: Some(plan.address(who)), ..Person::named(who) });
        }
        let links = vec![Link { text: "My account".to_owned(), url: format!("{public}/") }];
        let pages = Pages { title: format!("An application of {}", plan.name), links };
        Ok(Self { plan, application: Echo::with_pages(pages).await, provider })
    }

    pub(crate) const fn host(&self) -> &'static str {
        self.plan.host
    }

    pub(crate) fn application(&self) -> SocketAddr {
        self.application.addr()
    }

    /// Makes the tenant by the commands that an operator and its administrators would run.
    pub(crate) async fn set_up(&self, binary: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
        let Plan { id, name, host, accent, notice, people: [admin, member] } = self.plan;
        let (admin, member) = (self.plan.address(admin), self.plan.address(member));
        let (issuer, client, domain) =
            (self.provider.issuer(), self.provider.client_id(), self.plan.domain());
        let secret = folder.join(format!("{id}.secret")).display().to_string();
        std::fs::write(&secret, self.provider.client_secret())?;
        let set = ["tenant", "provider", "set", id, "--issuer", &issuer, "--client-id", &client];
        let provider =
            [&set[..], &["--client-secret-file", &secret, "--label", name, "--domain", &domain]].concat();
        let commands: [&[&str]; 8] = [
            &["tenant", "create", id, "--name", name],
            &["tenant", "host", "add", id, host],
            &["tenant", "host", "approve", id, host],
            &provider,
            &["tenant", "provider", "approve", id, &domain],
            &["tenant", "add-member", id, &admin, "--role", "admin"],
            &["tenant", "add-member", id, &member],
            &["tenant", "branding", id, "--name", name, "--accent", accent, "--notice", notice],
        ];
        for command in commands {
            run(binary, folder, command).await?;
        }
        Ok(())
    }
}

impl Plan {
    fn domain(&self) -> String {
        format!("{}.example", self.id)
    }

    fn address(&self, who: &str) -> String {
        format!("{who}@{}", self.domain())
    }
}

/// What to try with them.
pub(crate) fn describe(port: u16, public: &str) -> String {
    let [acme, zeta] = &PLANS;
    format!(
        "  8. Two tenants have hosts, providers and a look of their own. Open http://{acme_host}:{port} in a private window, choose
     {acme_name} and sign in as {admin} or {member}; then http://{zeta_host}:{port} in the same window: its people are others.
     {admin} changes how the pages of {acme_name} look at http://{public}:{port}/admin/tenants/{acme}/branding.
",
        acme_host = acme.host,
        acme_name = acme.name,
        zeta_host = zeta.host,
        acme = acme.id,
        admin = acme.people[0],
        member = acme.people[1],
    )
}
