//! Writes Traefik's dynamic configuration for Gatepost and applications behind it, as an operator would.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The headers that Traefik copies from an answer of `/verify` to the application's request.
pub const AUTH_RESPONSE_HEADERS: [&str; 15] = [
    "X-User-Email",
    "X-User-Groups",
    "X-User-Groups-Truncated",
    "X-User-Admin",
    "X-User-Id",
    "X-User-Name",
    "X-User-Tenants",
    "X-User-Role",
    "X-Tenant-Id",
    "X-User-Assertion",
    "X-User-Via",
    "X-User-Tools",
    "X-Gatepost-Key",
    "Cookie",
    "Authorization",
];

/// An application behind Traefik.
#[derive(Debug, Clone)]
pub struct Application {
    /// The host name without a port.
    pub host: String,
    /// The address of the application.
    pub backend: SocketAddr,
    /// The address of `/verify` with the requirement; `None` for an open application.
    pub verify: Option<String>,
}

/// A dynamic configuration file that is being built.
#[derive(Debug, Clone, Default)]
pub struct Dynamic {
    routers: String,
    services: String,
    middlewares: String,
    count: usize,
    client: Option<PathBuf>,
}

impl Dynamic {
    /// Routes `host` to the public listeners of one or several Gatepost replicas.
    #[must_use]
    pub fn public_host(mut self, host: &str, replicas: &[SocketAddr]) -> Self {
        self.router(host, replicas, None);
        self
    }

    /// Uses the client certificate in this folder of `gatepost certs --client-dir` for all `https://` addresses of
    /// `/verify` that are added later.
    #[must_use]
    pub fn client_certificate(mut self, folder: impl Into<PathBuf>) -> Self {
        self.client = Some(folder.into());
        self
    }

    /// Adds the route of an application, with or without the middleware.
    #[must_use]
    pub fn application(mut self, application: &Application) -> Self {
        self.router(&application.host, &[application.backend], application.verify.as_deref());
        self
    }

    fn router(&mut self, host: &str, servers: &[SocketAddr], verify: Option<&str>) {
        let id = self.count;
        self.count += 1;
        for (name, tls) in [("tls", true), ("plain", false)] {
            let entry_points = if tls { "[websecure, websecure2]" } else { "[web]" };
            let _ = write!(
                self.routers,
                "    r{id}-{name}:\n      rule: Host(`{host}`)\n      entryPoints: {entry_points}\n      service: s{id}\n"
            );
            if tls {
                self.routers += "      tls: {}\n";
            }
            if verify.is_some() {
                let _ = writeln!(self.routers, "      middlewares: [gate{id}]");
            }
        }
        let _ = write!(self.services, "    s{id}:\n      loadBalancer:\n        servers:\n");
        for server in servers {
            let _ = writeln!(self.services, "          - url: http://{server}");
        }
        if let Some(address) = verify {
            self.middleware(id, address);
        }
    }

    fn middleware(&mut self, id: usize, address: &str) {
        let _ = write!(
            self.middlewares,
            "    gate{id}:\n      forwardAuth:\n        address: \"{address}\"\n        trustForwardHeader: false\n        \
             maxResponseBodySize: 16384\n        preserveLocationHeader: true\n        authResponseHeaders: [{}]\n",
            AUTH_RESPONSE_HEADERS.join(", ")
        );
        if address.contains("mcp=true") {
            self.middlewares += "        forwardBody: true\n        maxBodySize: 4194304\n";
        }
        if let Some(folder) = self.client.as_ref().filter(|_| address.starts_with("https:")) {
            let folder = folder.display();
            let _ = write!(
                self.middlewares,
                "        tls:\n          ca: {folder}/ca.crt\n          cert: {folder}/client.crt\n          \
                 key: {folder}/client.key\n"
            );
        }
    }

    /// The text of the file.
    pub fn yaml(&self) -> String {
        let mut yaml = format!("http:\n  routers:\n{}  services:\n{}", self.routers, self.services);
        if !self.middlewares.is_empty() {
            let _ = write!(yaml, "  middlewares:\n{}", self.middlewares);
        }
        yaml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(verify: &str) -> Application {
        let backend = ([127, 0, 0, 1], 80).into();
        Application { host: "app.example.test".to_owned(), backend, verify: Some(verify.to_owned()) }
    }

    #[test]
    fn the_certificate_is_shown_to_gates_over_tls_alone() {
        let dynamic = Dynamic::default().client_certificate("/folder");
        let plain = dynamic.clone().application(&application("http://127.0.0.1:4181/verify")).yaml();
        let tls = dynamic.application(&application("https://127.0.0.1:4181/verify")).yaml();
        assert!(!plain.contains("/folder"), "{plain}");
        assert!(
            tls.contains("        tls:\n          ca: /folder/ca.crt\n          cert: /folder/client.crt\n"),
            "{tls}"
        );
        assert!(
            !Dynamic::default().application(&application("https://g/verify")).yaml().contains("client.crt")
        );
    }
}
