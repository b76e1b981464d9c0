//! Checks Compose files: published ports, shared networks, and versions of images.

use super::image::{Image, Version};
use super::setup::{Setup, Spot, is_gatepost};
use super::source::{interpolate, is_traefik, pairs};
use crate::finding::{Finding, codes};
use std::collections::{BTreeMap, BTreeSet};

codes! {
    VERSION_OLD = Error "traefik-version-old":
        "This version has known vulnerabilities. A client can bypass every middleware (Upgrade: h2c, CVE-2026-88008), or send an application forged identity headers (trailers, CVE-2026-88004).",
        "Run Traefik 3.7.13 or newer.";
    VERSION_FLOATING = Warning "traefik-version-floating":
        "The version of Traefik depends on when the image was pulled. An old one may have known vulnerabilities, a new one different options.",
        "Give the whole version, as in traefik:v3.7.13.";
    IMAGE_FLOATING = Warning "compose-image-floating":
        "The next pull may bring a different version than the one that was tested, and then you cannot go back to the old one.",
        "Give a version or a digest.";
    PORT_PUBLISHED = Error "compose-port-published":
        "Whoever reaches the port bypasses Gatepost and can send any identity headers. Docker opens the port even if ufw blocks it.",
        "Remove ports: Traefik reaches the container over their common network. To use the port yourself, publish it on 127.0.0.1.";
    HOST_NETWORK = Error "compose-host-network":
        "Every port of the container is a port of the machine, which bypasses Gatepost.",
        "Remove network_mode: host, and add the container to a network with Traefik.";
    GATE_NETWORK = Warning "compose-gate-network":
        "Another container on the network between Traefik and Gatepost can send Gatepost requests as if it were Traefik, and try stolen cookies without being noticed.",
        "Give Traefik and Gatepost their own network with a fixed subnet, and set GATEPOST_TRUSTED_PROXIES to that subnet.";
    APPLICATION_NETWORK = Warning "compose-application-network":
        "If one application is taken over, it can reach the other without Gatepost, with any identity headers.",
        "Give each application its own network with Traefik.";
    DOCKER_SOCKET = Warning "compose-docker-socket":
        "Whoever takes over Traefik becomes root on the machine, even if the socket is mounted read-only.",
        "Use the file provider, or a socket proxy that can only list containers.";
    PROXY_VARIABLE = Warning "compose-proxy-variable":
        "Traefik sends its requests to Gatepost through this proxy, which can read every cookie and token.",
        "Also set NO_PROXY: \"*\".";
}

/// The oldest version without these vulnerabilities.
const SAFE: [u32; 3] = [3, 7, 13];

pub(super) fn inspect(setup: &Setup<'_>, findings: &mut Vec<Finding>) {
    for file in setup.composes() {
        let services: Vec<Service<'_>> = file
            .get("services")
            .into_iter()
            .flat_map(Spot::entries)
            .map(|(name, spot)| Service { name, spot, role: role(setup, name, spot) })
            .collect();
        for service in &services {
            image(service, findings);
            published(service, findings);
            if service.role == Role::Traefik {
                traefik(service, findings);
            }
        }
        networks(&services, findings);
    }
}

struct Service<'a> {
    name: &'a str,
    spot: Spot<'a>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Traefik,
    Gatepost,
    /// A service that a router with Gatepost leads to.
    Application,
    Other,
}

fn role(setup: &Setup<'_>, name: &str, spot: Spot<'_>) -> Role {
    let image = spot.get("image").and_then(|image| image.node.text()).map(interpolate).unwrap_or_default();
    if is_traefik(spot.node) {
        return Role::Traefik;
    }
    if is_gatepost(Image::parse(&image).name) || is_gatepost(name) {
        return Role::Gatepost;
    }
    let container = spot.get("container_name").and_then(|name| name.node.text());
    let is_behind = setup.routers.iter().filter(|router| setup.gate_of(router).is_some()).any(|router| {
        let servers = setup.servers(&router.service());
        let leads_here = |host: &str| host == name || Some(host) == container;
        router.owner == Some(name) || servers.iter().filter_map(url::Url::host_str).any(leads_here)
    });
    if is_behind { Role::Application } else { Role::Other }
}

fn image(service: &Service<'_>, findings: &mut Vec<Finding>) {
    let Some(spot) = service.spot.get("image") else { return };
    let text = interpolate(spot.node.text().unwrap_or_default());
    let image = Image::parse(&text);
    let found = format!("{} runs {text}.", service.name);
    if service.role == Role::Traefik {
        let version = image.version();
        let is_old = match version {
            Version::Exact(version) => version < SAFE,
            Version::Floating(major, minor) => {
                major < SAFE[0] || (major == SAFE[0] && minor.is_some_and(|minor| minor < SAFE[1]))
            }
            Version::Unknown => false,
        };
        let is_fixed = matches!(version, Version::Exact(_)) || image.is_pinned;
        if is_old {
            findings.push(VERSION_OLD.at(spot.place(), found));
        } else if !is_fixed {
            findings.push(VERSION_FLOATING.at(spot.place(), found));
        }
    } else if !image.is_pinned
        && !image.name.contains("${")
        && matches!(image.tag, None | Some("latest" | "main" | "master" | "edge" | "nightly"))
    {
        findings.push(IMAGE_FLOATING.at(spot.place(), found));
    }
}

fn published(service: &Service<'_>, findings: &mut Vec<Finding>) {
    if !matches!(service.role, Role::Application | Role::Gatepost) {
        return;
    }
    if let Some(mode) = service.spot.get("network_mode").filter(|mode| mode.node.text() == Some("host")) {
        findings.push(HOST_NETWORK.at(mode.place(), format!("{} runs on the host's network.", service.name)));
    }
    let Some(ports) = service.spot.get("ports") else { return };
    for port in ports.node.items() {
        let host = match port.text() {
            Some(text) => interpolate(text),
            None => port.get("host_ip").and_then(|ip| ip.text()).unwrap_or_default().to_owned() + ":",
        };
        let is_local = ["127.", "[::1]", "::1", "localhost"].iter().any(|local| host.starts_with(local));
        if !is_local {
            let found = format!("{} publishes a port on a public address.", service.name);
            findings.push(PORT_PUBLISHED.at(ports.line(port.line), found));
        }
    }
}

fn traefik(service: &Service<'_>, findings: &mut Vec<Finding>) {
    let volumes = service.spot.get("volumes");
    for volume in volumes.iter().flat_map(|volumes| volumes.node.items()) {
        let source = volume.text().or_else(|| volume.get("source")?.text()).unwrap_or_default();
        if source.contains("docker.sock") {
            let place = service.spot.line(volume.line);
            findings
                .push(DOCKER_SOCKET.at(place, format!("{} has access to Docker's socket.", service.name)));
        }
    }
    let variables = pairs(service.spot.get("environment").map(|spot| spot.node));
    let find = |wanted: &str| variables.iter().find(|(name, ..)| name.eq_ignore_ascii_case(wanted));
    if let Some((name, _, line)) = find("HTTP_PROXY").or_else(|| find("HTTPS_PROXY"))
        && find("NO_PROXY").is_none()
    {
        let found = format!("{} has {name}, but no NO_PROXY.", service.name);
        findings.push(PROXY_VARIABLE.at(service.spot.line(*line), found));
    }
}

/// The networks of a service, each with its line in the file; Compose's `default` if the service names none.
fn networks_of(service: &Service<'_>) -> BTreeMap<String, usize> {
    let Some(list) = service.spot.get("networks") else {
        let is_apart = service.spot.get("network_mode").is_some();
        let line = service.spot.node.line;
        return if is_apart { BTreeMap::new() } else { [("default".to_owned(), line)].into() };
    };
    let named = list.node.items().iter().filter_map(|item| Some((item.text()?.to_owned(), item.line)));
    let mapped = list.node.entries().iter().map(|(name, node)| (name.clone(), node.line));
    named.chain(mapped).collect()
}

fn networks(services: &[Service<'_>], findings: &mut Vec<Finding>) {
    let mut members: BTreeMap<String, Vec<(&Service<'_>, usize)>> = BTreeMap::new();
    for service in services {
        for (network, line) in networks_of(service) {
            members.entry(network).or_default().push((service, line));
        }
    }
    let with_traefik: BTreeSet<&String> = members
        .iter()
        .filter(|(_, members)| members.iter().any(|(service, _)| service.role == Role::Traefik))
        .map(|(network, _)| network)
        .collect();
    for (network, members) in &members {
        let of = |role| members.iter().filter(move |(service, _)| service.role == role);
        let others: Vec<&str> =
            of(Role::Application).chain(of(Role::Other)).map(|(one, _)| one.name).collect();
        if let Some((gatepost, line)) = of(Role::Gatepost).next()
            && with_traefik.contains(network)
            && !others.is_empty()
        {
            let found = format!(
                "The network {network} of Traefik and {} also has {}.",
                gatepost.name,
                others.join(", ")
            );
            findings.push(GATE_NETWORK.at(gatepost.spot.line(*line), found));
        }
        if let Some((second, line)) = of(Role::Application).nth(1) {
            let names: Vec<&str> = of(Role::Application).map(|(one, _)| one.name).collect();
            let found = format!("The network {network} has several applications: {}.", names.join(", "));
            findings.push(APPLICATION_NETWORK.at(second.spot.line(*line), found));
        }
    }
}
