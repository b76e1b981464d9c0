//! The merged configuration of all files: entry points, routers and middlewares, each with its file and line.

use super::document::Node;
use super::rule::{self, Branch};
use super::source::{Kind, Source};
use crate::finding::Place;
use std::path::Path;
use url::Url;

/// The merged configuration, borrowed from the sources.
#[derive(Debug)]
pub(super) struct Setup<'a> {
    pub sources: &'a [Source],
    pub entry_points: Vec<EntryPoint<'a>>,
    pub routers: Vec<Router<'a>>,
    pub middlewares: Vec<Middleware<'a>>,
}

/// A node and its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    pub file: &'a Path,
    pub node: &'a Node,
}

impl<'a> Spot<'a> {
    /// The file and line of this node.
    pub fn place(self) -> Place {
        Place::line(self.file, self.node.line)
    }

    /// A line of the same file.
    pub fn line(self, line: usize) -> Place {
        Place::line(self.file, line)
    }

    pub fn get(self, name: &str) -> Option<Self> {
        self.at(name)
    }

    pub fn at(self, path: &str) -> Option<Self> {
        self.node.at(path).map(|node| Self { file: self.file, node })
    }

    pub fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        self.node.entries().iter().map(move |(name, node)| (name.as_str(), Self { file: self.file, node }))
    }
}

#[derive(Debug)]
pub(super) struct EntryPoint<'a> {
    pub name: &'a str,
    pub spot: Spot<'a>,
}

impl EntryPoint<'_> {
    pub fn is_default(&self) -> bool {
        self.spot.get("asDefault").is_some_and(|flag| flag.node.is_true())
    }

    pub fn has_tls(&self) -> bool {
        self.spot.at("http.tls").is_some_and(|tls| !tls.node.is_false())
    }

    pub fn redirects(&self) -> bool {
        self.spot.at("http.redirections.entryPoint").is_some()
    }
}

#[derive(Debug)]
pub(super) struct Router<'a> {
    pub name: &'a str,
    pub provider: &'static str,
    pub spot: Spot<'a>,
    /// The service of the Compose file whose labels define the router.
    pub owner: Option<&'a str>,
    /// The parsed rule; `None` if there is none, or if it is malformed.
    pub branches: Option<Vec<Branch>>,
}

impl Router<'_> {
    /// The name of the service with its provider, as in `wiki@file`. Labels without a service lead to their own
    /// container.
    pub fn service(&self) -> String {
        let named = self.spot.get("service").and_then(|service| service.node.text());
        match (named, self.owner) {
            (Some(name), _) if name.contains('@') => name.to_owned(),
            (_, Some(owner)) => format!("{owner}@{}", self.provider),
            (name, None) => format!("{}@{}", name.unwrap_or(self.name), self.provider),
        }
    }
}

#[derive(Debug)]
pub(super) struct Middleware<'a> {
    pub name: &'a str,
    pub provider: &'static str,
    pub spot: Spot<'a>,
}

impl<'a> Middleware<'a> {
    /// The configuration, if the middleware is of this kind.
    pub fn of_kind(&self, kind: &str) -> Option<Spot<'a>> {
        self.spot.get(kind)
    }

    /// The configuration, if the middleware calls Gatepost.
    pub fn gate(&self) -> Option<Spot<'a>> {
        self.of_kind("forwardAuth").filter(|spot| calls_gatepost(*spot))
    }
}

/// Whether the name of a container or host is Gatepost's, as in `gatepost` or `gatepost.internal`.
pub(super) fn is_gatepost(name: &str) -> bool {
    name.split('.').next() == Some("gatepost")
}

/// Whether a `forwardAuth` middleware calls Gatepost, judged by the path or the host of its address.
fn calls_gatepost(spot: Spot<'_>) -> bool {
    let address = spot.get("address").and_then(|address| address.node.text()).unwrap_or_default();
    let url = Url::parse(address).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let path = url.as_ref().map(Url::path).unwrap_or_default();
    is_gatepost(host) || path == "/verify" || path.starts_with("/verify/")
}

/// One middleware in a router's chain.
pub(super) enum Link<'s, 'a> {
    Known(&'s Middleware<'a>),
    /// A name that no given file defines, and where it is written.
    Unknown(&'a str, Place),
}

impl<'a> Setup<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        let mut setup =
            Self { sources, entry_points: Vec::new(), routers: Vec::new(), middlewares: Vec::new() };
        for source in sources {
            setup.add(source);
        }
        setup
    }

    fn add(&mut self, source: &'a Source) {
        let root = Spot { file: &source.file, node: &source.node };
        let below = |path| root.at(path).into_iter().flat_map(Spot::entries);
        match source.kind {
            Kind::Static => {
                self.entry_points.extend(below("entryPoints").map(|(name, spot)| EntryPoint { name, spot }));
            }
            Kind::Dynamic(provider) => {
                self.middlewares.extend(below("http.middlewares").map(|(name, spot)| Middleware {
                    name,
                    provider,
                    spot,
                }));
                self.routers.extend(below("http.routers").map(|(name, spot)| Router {
                    name,
                    provider,
                    spot,
                    owner: source.owner.as_deref(),
                    branches: spot.get("rule").and_then(|rule| rule::parse(rule.node.text()?)),
                }));
            }
            Kind::Compose => {}
        }
    }

    /// The files with static configuration.
    pub fn statics(&self) -> impl Iterator<Item = Spot<'a>> {
        let is_static = |source: &&Source| source.kind == Kind::Static;
        self.sources.iter().filter(is_static).map(|source| Spot { file: &source.file, node: &source.node })
    }

    /// The Compose files.
    pub fn composes(&self) -> impl Iterator<Item = Spot<'a>> {
        let is_compose = |source: &&Source| source.kind == Kind::Compose;
        self.sources.iter().filter(is_compose).map(|source| Spot { file: &source.file, node: &source.node })
    }

    /// Whether there is a source of this provider.
    pub fn has_provider(&self, provider: &str) -> bool {
        self.sources.iter().any(|source| matches!(source.kind, Kind::Dynamic(own) if own == provider))
    }

    /// The middlewares that call Gatepost.
    pub fn gates(&self) -> impl Iterator<Item = (&Middleware<'a>, Spot<'a>)> {
        self.middlewares.iter().filter_map(|middleware| Some((middleware, middleware.gate()?)))
    }

    /// The entry points of a router, as far as the given static files define them.
    pub fn entry_points_of<'s>(&'s self, router: &Router<'a>) -> Vec<&'s EntryPoint<'a>> {
        let named = router.spot.get("entryPoints").map(|list| list.node.texts()).unwrap_or_default();
        let is_named =
            |point: &&EntryPoint<'_>| named.iter().any(|(name, _)| name.eq_ignore_ascii_case(point.name));
        if !named.is_empty() {
            return self.entry_points.iter().filter(is_named).collect();
        }
        let defaults: Vec<_> = self.entry_points.iter().filter(|point| point.is_default()).collect();
        if defaults.is_empty() { self.entry_points.iter().collect() } else { defaults }
    }

    /// The middlewares of a router in the order in which they run. Those of the entry points come first.
    pub fn chain<'s>(&'s self, router: &Router<'a>) -> Vec<Link<'s, 'a>> {
        let mut links = Vec::new();
        for point in self.entry_points_of(router) {
            if let Some(list) = point.spot.at("http.middlewares") {
                self.follow(list, "file", &mut links, 0);
            }
        }
        if let Some(list) = router.spot.get("middlewares") {
            self.follow(list, router.provider, &mut links, 0);
        }
        links
    }

    /// Resolves a list of names into links, including `chain` middlewares.
    pub fn follow<'s>(
        &'s self,
        list: Spot<'a>,
        provider: &'static str,
        links: &mut Vec<Link<'s, 'a>>,
        level: usize,
    ) {
        for (name, line) in list.node.texts() {
            match self.find_middleware(name, provider) {
                Some(middleware) => match middleware.spot.at("chain.middlewares") {
                    Some(inner) if level < 8 => self.follow(inner, middleware.provider, links, level + 1),
                    _ => links.push(Link::Known(middleware)),
                },
                None => links.push(Link::Unknown(name, list.line(line))),
            }
        }
    }

    /// The middleware of this name, as in `gatepost@file`; without a provider in the name, the one of `provider`.
    pub fn find_middleware(&self, name: &str, provider: &str) -> Option<&Middleware<'a>> {
        let (name, provider) = name.split_once('@').unwrap_or((name, provider));
        self.middlewares.iter().find(|one| one.name == name && one.provider.eq_ignore_ascii_case(provider))
    }

    /// The position of the middleware that calls Gatepost in the router's chain.
    pub fn gate_of(&self, router: &Router<'a>) -> Option<usize> {
        self.chain(router).iter().position(|link| matches!(link, Link::Known(one) if one.gate().is_some()))
    }

    /// The addresses of a service's servers.
    pub fn servers(&self, service: &str) -> Vec<Url> {
        let (name, provider) = service.split_once('@').unwrap_or((service, "file"));
        let sources = self.sources.iter().filter(|source| source.kind == Kind::Dynamic("file"));
        let nodes = sources.filter(|_| provider == "file").filter_map(|source| {
            let services = source.node.at("http.services")?;
            services.entries().iter().find(|(own, _)| own == name)?.1.at("loadBalancer.servers")
        });
        let urls = nodes.flat_map(Node::items).filter_map(|server| server.get("url")?.text());
        urls.filter_map(|url| Url::parse(url).ok()).collect()
    }
}
