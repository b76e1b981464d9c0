//! The settings themselves: every fault at once, and what is allowed but seldom meant.

use super::finding::{Code, Finding, codes, sentence};
use gatepost_config::{Config, ConfigErrors, Problem};
use std::net::{IpAddr, SocketAddr};

codes! {
    UNKNOWN = Error "config-unknown":
        "Gatepost does not start: a setting that nothing reads may have been meant to close something.",
        "Correct the name, or remove the setting.";
    NOT_SUPPORTED = Error "config-not-supported":
        "Gatepost does not start.",
        "Remove the setting until a version supports it.";
    MISSING = Error "config-missing":
        "Gatepost does not start.",
        "Give the setting.";
    MALFORMED = Error "config-malformed":
        "Gatepost does not start.",
        "Write the value as it is expected.";
    UNREADABLE = Error "config-unreadable":
        "Gatepost does not start.",
        "Correct the path, or let Gatepost's user read the file.";
    CONTRADICTION = Error "config-contradiction":
        "Gatepost does not start.",
        "Change one of the settings that are named.";
    NOT_TEXT = Error "config-not-text":
        "Gatepost does not start: reading a secret with replacements would change it silently.",
        "Write the variable as UTF-8.";
    DEVELOPMENT = Warning "config-development":
        "Cookies travel without protection: whoever is on the line is signed in.",
        "Give https addresses, unless this is development on one's own machine.";
    PROXIES_LOOPBACK = Warning "config-proxies-loopback":
        "Gatepost answers 403 to a Traefik in another container, though it listens for it.",
        "Set GATEPOST_TRUSTED_PROXIES to the network that holds only Traefik and Gatepost.";
    PROXIES_WIDE = Error "config-proxies-wide":
        "Everybody who reaches the internal listener can ask it as if they were Traefik, and write X-Forwarded-* as they like.",
        "Name the one network that holds only Traefik and Gatepost, as in 172.30.0.0/29.";
    PUBLIC_EXPOSED = Hint "config-public-exposed":
        "The public listener speaks plain http and takes X-Forwarded-For from whoever reaches it.",
        "Bind it to loopback, or publish no port of it: browsers come through Traefik.";
    WILDCARD = Hint "config-wildcard":
        "Whoever may name a host below it, and bring it to Traefik behind the middleware, gets identity headers of the people who go there.",
        "Name the hosts one by one where others may make names.";
    REFRESH_RARE = Warning "config-refresh-rare":
        "What changes at the provider (groups, a disabled account) binds nobody until the session ends.",
        "Set GATEPOST_SESSION__REFRESH_INTERVAL well below GATEPOST_SESSION__ABSOLUTE_TIMEOUT.";
    STALE_NEVER = Hint "config-no-stale":
        "Every hiccup of Postgres answers 503 at once, also to people who were just let in.",
        "Leave GATEPOST_VERIFY__STALE_IF_ERROR at 60s unless that is meant.";
}

/// A variable that may be a setting is no text.
pub(super) fn not_text(name: &str) -> Finding {
    NOT_TEXT.at(name, "It is no UTF-8 text.")
}

/// Every fault of a configuration that does not hold.
pub(super) fn errors(errors: &ConfigErrors) -> Vec<Finding> {
    let finding = |error: &gatepost_config::ConfigError| {
        code(&error.problem).at(error.setting.as_str(), sentence(&error.problem.to_string()))
    };
    errors.list().iter().map(finding).collect()
}

const fn code(problem: &Problem) -> &'static Code {
    match problem {
        Problem::Unknown { .. } | Problem::Elsewhere(_) => &UNKNOWN,
        Problem::NotYet => &NOT_SUPPORTED,
        Problem::Missing { .. } => &MISSING,
        Problem::Malformed { .. } => &MALFORMED,
        Problem::Unreadable { .. } => &UNREADABLE,
        Problem::Contradiction(_) => &CONTRADICTION,
    }
}

/// What holds together, and is still seldom meant.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.is_development() {
        let found = format!("{} is plain http.", config.public_url);
        findings.push(DEVELOPMENT.at("GATEPOST_PUBLIC_URL", found));
    }
    let is_loopback_only = config.trusted_proxies.iter().all(|network| network.addr().is_loopback());
    if listens_beyond(config.internal_addr) && is_loopback_only {
        let found =
            format!("The internal listener is {}, and only loopback is trusted.", config.internal_addr);
        findings.push(PROXIES_LOOPBACK.at("GATEPOST_TRUSTED_PROXIES", found));
    }
    for network in &config.trusted_proxies {
        let widest = if network.addr().is_ipv4() { 16 } else { 48 };
        if network.prefix_len() < widest && !network.addr().is_loopback() {
            findings.push(PROXIES_WIDE.at("GATEPOST_TRUSTED_PROXIES", format!("{network} is trusted.")));
        }
    }
    if is_public(config.public_addr.ip()) {
        let found = format!("The public listener is {}.", config.public_addr);
        findings.push(PUBLIC_EXPOSED.at("GATEPOST_PUBLIC_ADDR", found));
    }
    for host in config.hosts.iter().filter(|host| host.to_string().contains('*')) {
        findings.push(WILDCARD.at("GATEPOST_HOSTS", format!("{host} stands for every host of one label.")));
    }
    if config.session.refresh_interval >= config.session.absolute_timeout {
        findings
            .push(REFRESH_RARE.at("GATEPOST_SESSION__REFRESH_INTERVAL", "It is no shorter than a session."));
    }
    if config.verify.stale_if_error.is_zero() {
        findings.push(STALE_NEVER.at("GATEPOST_VERIFY__STALE_IF_ERROR", "It is 0."));
    }
    if findings.iter().all(|finding| finding.severity() < super::Severity::Warning) {
        let list = |words: Vec<String>| words.join(", ");
        let hosts = list(config.hosts.iter().map(ToString::to_string).collect());
        let providers = list(config.providers.iter().map(|provider| provider.id.to_string()).collect());
        let found = format!("Protected: {hosts}. Providers: {providers}.");
        findings.push(Finding::fine("configuration", "settings", found));
    }
    findings
}

const fn listens_beyond(address: SocketAddr) -> bool {
    !address.ip().is_loopback()
}

/// An address of the Internet, not of a private network and not "any".
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_unspecified() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_loopback() || v6.is_unspecified()),
    }
}
