//! One test's site: Traefik, provider, stores, Gatepost and applications with pages, on names without a port.

use super::assert_quiet;
use crate::world::{APP, MCP_GITHUB, OTHER, PUBLIC, Pair, Stores, alice, heard, run_command, stores};
use gatepost_kit::browser::Browser;
use gatepost_kit::echo::{Echo, Link, Pages, Received};
use gatepost_kit::entra::{Entra, Person};
use gatepost_kit::process::{Application, Authority, Dynamic, Gatepost, GatepostBuilder, Traefik};

/// An application that is not behind the gate: another site.
pub const ELSEWHERE: &str = "elsewhere.example.org";
/// Asks for the group MCP-GitHub.
pub const TEAM: &str = "team.example.test";
/// Asks for a sign-in at most three seconds old: a hand-over between busy processes must fit in.
pub const BANK: &str = "bank.example.test";

/// Routes the header debugger.
pub const DEBUG: &str = "debug.example.test";

/// Heading of the 503 pages.
const TOO_BUSY: &str = "One moment, please";

pub struct Site {
    pub entra: Entra,
    pub app: Echo,
    pub stores: Stores,
    pub gatepost: Gatepost,
    builder: GatepostBuilder,
    traefik: Traefik,
}

impl Site {
    /// Alice is in the group, Bob in none; nobody sits at the browser.
    pub async fn start(pair: Pair) -> Self {
        Self::start_with(pair, Vec::new()).await
    }

    /// Where every request is looked up: memory would answer while a store is out.
    pub async fn forgetful(pair: Pair) -> Self {
        Self::start_with(pair, vec![("GATEPOST_VERIFY__CACHE_MEMORY".to_owned(), "0".to_owned())]).await
    }

    /// With more variables for Gatepost.
    pub async fn start_with(pair: Pair, variables: Vec<(String, String)>) -> Self {
        let entra = Entra::start().await;
        entra.add(alice());
        entra.add(Person::named("bob"));
        for path in ["/callback/entra", "/logged-out"] {
            entra.register_redirect_uri(&url(PUBLIC, path));
        }
        let (stores, store_variables) = stores(pair).await;
        let builder = Gatepost::builder(env!("CARGO_BIN_EXE_gatepost"))
            .env("GATEPOST_PUBLIC_URL", format!("https://{PUBLIC}"))
            .env("GATEPOST_HOSTS", "*.example.test,*.example.org")
            .env("GATEPOST_GROUPS", format!("MCP-GitHub=entra:{MCP_GITHUB}"))
            .env("GATEPOST_PROVIDERS__ENTRA__KIND", "entra")
            .env("GATEPOST_PROVIDERS__ENTRA__AUTHORITY", entra.authority())
            .env("GATEPOST_PROVIDERS__ENTRA__TENANT_ID", entra.tid())
            .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_ID", entra.client_id())
            .env("GATEPOST_PROVIDERS__ENTRA__CLIENT_SECRET", entra.client_secret())
            .folder(stores.folder())
            .envs(store_variables)
            .envs(variables);
        let gatepost = builder.start().await;
        gatepost.wait_ready().await;
        let app = Echo::with_pages(pages()).await;
        let authority = Authority::for_names(["*.example.test", "*.example.org"]);
        let traefik = Traefik::with_authority(routes(&gatepost, &app), authority).await;
        Self { entra, app, stores, gatepost, builder, traefik }
    }

    /// A browser with an empty profile.
    pub async fn browser(&self) -> Browser {
        let secure = self.traefik.secure();
        let hosts = Browser::builder().map("*.example.test:443", secure).map("*.example.org:443", secure);
        hosts.trust(self.traefik.authority()).start().await
    }

    /// A browser in which this person chose an account and has seen `APP`.
    pub async fn signed_in(&self, who: &str) -> Browser {
        let browser = self.browser().await;
        browser.open(&url(APP, "/")).await;
        pick(&browser, who).await;
        arrive(&browser, "You asked for GET /").await;
        browser
    }

    /// What the application received for this method and path with query.
    pub fn received(&self, method: &str, uri: &str) -> Received {
        let requests = self.app.requests();
        let found = requests.into_iter().rev().find(|request| request.method == method && request.uri == uri);
        found.unwrap_or_else(|| panic!("the application received no {method} {uri}"))
    }

    /// Runs a subcommand of the command line on this site's configuration.
    pub async fn cli(&self, arguments: &[&str]) {
        self.cli_all(&[arguments]).await;
    }

    /// The same for several, one after the other; waits once, for all of them.
    pub async fn cli_all(&self, commands: &[&[&str]]) {
        for arguments in commands {
            let (code, stdout, stderr) = run_command(&self.builder, arguments).await;
            assert_eq!(code, Some(0), "{arguments:?}: {stdout}{stderr}");
        }
        heard(self.gatepost.internal()).await;
    }

    /// Traefik no longer hands over some of the headers that Gatepost sends.
    pub async fn hand_over_none_of(&self, headers: &[&str]) {
        let all = routes(&self.gatepost, &self.app);
        let fewer = headers.iter().fold(all, |routes, header| {
            assert!(routes.contains(header), "Traefik hands over no {header} anyway");
            routes.replace(&format!("{header}, "), "")
        });
        self.traefik.reload(&fewer).await;
    }

    pub async fn assert_quiet(&self, browser: &Browser) {
        assert_quiet(browser, &[PUBLIC, APP, OTHER, ELSEWHERE, TEAM, BANK, DEBUG]).await;
    }
}

/// A failed test tells what Gatepost logged.
impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.gatepost.logs().join("\n"));
        }
    }
}

pub fn url(host: &str, path: &str) -> String {
    format!("https://{host}{path}")
}

/// Waits for this text and returns all of the page's. On a busy machine a look-up may miss its deadline, and the page
/// that says so asks for a reload: what was begun must then go on.
pub async fn arrive(browser: &Browser, text: &str) -> String {
    for _ in 0..20 {
        let page = browser.wait_for_any_text(&[text, TOO_BUSY]).await;
        if page.contains(text) {
            return page;
        }
        browser.reload().await;
    }
    panic!("{} stays unavailable", browser.url().await);
}

/// Chooses an account at the provider.
pub async fn pick(browser: &Browser, who: &str) {
    wait_for_picker(browser).await;
    browser.click_id(&format!("person-{who}")).await;
}

/// Posts `a=1` to `/form` from the page that is open.
pub async fn submit_form(browser: &Browser) {
    let form = "<form method=post action=/form><input name=a value=1></form>";
    browser.evaluate(&format!("document.body.innerHTML = '{form}'; document.forms[0].submit()")).await;
}

/// Waits for the provider's question.
pub async fn wait_for_picker(browser: &Browser) {
    arrive(browser, "Pick an account").await;
}

fn pages() -> Pages {
    let link = |text: &str, url: String| Link { text: text.to_owned(), url };
    let links = vec![
        link("Sign out of the application", url(APP, "/.gatepost/logout")),
        link("Sign out of everything", url(PUBLIC, "/logout")),
    ];
    Pages { title: "Wiki".to_owned(), links }
}

fn routes(gatepost: &Gatepost, app: &Echo) -> String {
    let open = Dynamic::default().public_host(PUBLIC, &[gatepost.public()]).application(&Application {
        host: ELSEWHERE.to_owned(),
        backend: app.addr(),
        verify: None,
    });
    let (app, debugger) = (app.addr(), gatepost.public());
    let gated = [
        (APP, app, ""),
        (OTHER, app, ""),
        (TEAM, app, "group=MCP-GitHub"),
        (BANK, app, "max_age=3"),
        (DEBUG, debugger, "admin=true&assertion=true"),
    ];
    let routes = gated.into_iter().fold(open, |routes, (host, backend, requirement)| {
        let verify = Some(gatepost.verify_url(requirement));
        routes.application(&Application { host: host.to_owned(), backend, verify })
    });
    routes.yaml()
}
