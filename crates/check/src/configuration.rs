//! Checks the settings: reports all errors at once, and valid values that are rarely intended.

use super::finding::{Code, Finding, codes, sentence};
use gatepost_config::{Config, ConfigErrors, Problem};
use std::net::{IpAddr, SocketAddr};

codes! {
    UNKNOWN = Error "config-unknown":
        "Gatepost does not start, because the setting may have been meant to restrict access.",
        "Correct the name, or remove the setting.";
    MISSING = Error "config-missing":
        "Gatepost does not start.",
        "Set it.";
    MALFORMED = Error "config-malformed":
        "Gatepost does not start.",
        "Write a value of the expected form.";
    UNREADABLE = Error "config-unreadable":
        "Gatepost does not start.",
        "Correct the path, or let Gatepost's user read the file.";
    CONTRADICTION = Error "config-contradiction":
        "Gatepost does not start.",
        "Change one of the settings that the finding names.";
    NOT_TEXT = Error "config-not-text":
        "Gatepost does not start, because a secret that is not UTF-8 would be read wrongly.",
        "Set the variable to a text in UTF-8.";
    DEVELOPMENT = Warning "config-development":
        "Cookies are sent without encryption: whoever can read the network traffic can use them.",
        "Use https addresses, unless you develop on your own machine.";
    PROXIES_LOOPBACK = Warning "config-proxies-loopback":
        "Gatepost listens on the network, but answers 403 to a Traefik in another container.",
        "Set GATEPOST_TRUSTED_PROXIES to the network that contains only Traefik and Gatepost.";
    PROXIES_WIDE = Error "config-proxies-wide":
        "Everybody in this network who reaches the internal listener can send requests as if they were Traefik, with any X-Forwarded-* headers.",
        "Name the network that contains only Traefik and Gatepost, as in 172.30.0.0/29.";
    PUBLIC_EXPOSED = Hint "config-public-exposed":
        "The public listener speaks plain http, and uses the X-Forwarded-For header of everybody who reaches it.",
        "Bind it to loopback, or do not publish its port: browsers reach it through Traefik.";
    WILDCARD = Hint "config-wildcard":
        "Whoever can create a host below this domain, and a Traefik router with the middleware for it, gets the identity headers of everybody who opens it.",
        "List the hosts one by one if other people can create hosts there.";
    REFRESH_RARE = Warning "config-refresh-rare":
        "A change at the provider (groups, a disabled account) takes effect only when the session ends.",
        "Set GATEPOST_SESSION__REFRESH_INTERVAL well below GATEPOST_SESSION__ABSOLUTE_TIMEOUT.";
    STALE_NEVER = Hint "config-no-stale":
        "If Postgres is unreachable for a moment, every request is answered with 503 at once, also for people who passed a moment before.",
        "Leave GATEPOST_VERIFY__STALE_IF_ERROR at 60s, unless this is intended.";
}

/// The finding for a variable that may be a setting and is not UTF-8.
pub(super) fn not_text(name: &str) -> Finding {
    NOT_TEXT.at(name, "The value is not UTF-8.")
}

/// The findings for the errors of a configuration.
pub(super) fn errors(errors: &ConfigErrors) -> Vec<Finding> {
    let finding = |error: &gatepost_config::ConfigError| {
        code(&error.problem).at(error.setting.as_str(), sentence(&error.problem.to_string()))
    };
    errors.list().iter().map(finding).collect()
}

const fn code(problem: &Problem) -> &'static Code {
    match problem {
        Problem::Unknown { .. } | Problem::NotNeeded(_) => &UNKNOWN,
        Problem::Missing { .. } => &MISSING,
        Problem::Malformed { .. } => &MALFORMED,
        Problem::Unreadable { .. } => &UNREADABLE,
        Problem::Contradiction(_) => &CONTRADICTION,
    }
}

/// The findings for a valid configuration.
pub(super) fn inspect(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.is_development() {
        let found = format!("{} is plain http.", config.public_url);
        findings.push(DEVELOPMENT.at("GATEPOST_PUBLIC_URL", found));
    }
    let is_loopback_only = config.trusted_proxies.iter().all(|network| network.addr().is_loopback());
    if listens_beyond(config.internal_addr) && is_loopback_only {
        let found =
            format!("The internal listener is {}, but only loopback is trusted.", config.internal_addr);
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
        findings.push(
            WILDCARD
                .at("GATEPOST_HOSTS", format!("{host} covers every host with one label in place of the *.")),
        );
    }
    if config.session.refresh_interval >= config.session.absolute_timeout {
        findings.push(REFRESH_RARE.at(
            "GATEPOST_SESSION__REFRESH_INTERVAL",
            "It is not shorter than GATEPOST_SESSION__ABSOLUTE_TIMEOUT.",
        ));
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

/// Whether an address is on the Internet: neither in a private network nor the wildcard address.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_unspecified() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_unique_local() || v6.is_loopback() || v6.is_unspecified()),
    }
}
