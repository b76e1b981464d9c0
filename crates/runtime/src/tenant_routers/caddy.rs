//! The routers of tenants' hosts as a file for Caddy: a snippet that asks Gatepost, and a site for each host.
//!
//! `forward_auth` with `copy_headers` is not used. Where Gatepost's answer lacks a header, Caddy 2.6 writes the name of a
//! placeholder into it, and later ones before 2.11.2 leave what the client sent. The snippet is what `forward_auth` stands
//! for, and deletes each of Gatepost's headers before it sets those that the answer has. One that is empty is not sent.
//!
//! Of `Upgrade` and `Connection` only those of a WebSocket stay. Behind an upgrade to HTTP/2 further requests would pass Caddy
//! unseen (RFC 7540, 3.2), and `Connection` names headers that a proxy takes out (RFC 9110, 7.6.1): Gatepost's, if a client
//! says so.

use super::{FileOptions, TenantRouters};
use gatepost_core::header_names::canonical;
use std::fmt::Write as _;

/// What Caddy removes from a request that passes, beside Gatepost's own headers: how proxies before it described the request.
/// It sets `X-Forwarded-For`, `-Host` and `-Proto` itself.
const DESCRIBED: [&str; 10] = [
    "forwarded",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-original-for",
    "x-original-method",
    "x-original-url",
    "x-real-ip",
];

/// What the client gets beside the application's answer: how much of a quota is left.
const PASSED_ON: [&str; 2] = ["ratelimit", "ratelimit-policy"];

/// How Caddy 2.6 compares a header that an answer does not have. Newer ones compare it as an empty one.
const ABSENT: &str = "<nil>";

impl TenantRouters<'_> {
    /// The file, always in the same order.
    pub fn caddy(&self, options: &FileOptions) -> String {
        let mut text = snippet(options);
        for (host, (_, upstream)) in &self.hosts {
            let _ = write!(text, "\n{host} {{\n");
            for import in &options.imports {
                let _ = writeln!(text, "    import {import}");
            }
            let upstream = upstream.as_str().trim_end_matches('/');
            let _ = write!(
                text,
                "    route {{\n        import gatepost\n        reverse_proxy {upstream}\n    }}\n}}\n"
            );
        }
        text
    }
}

fn snippet(options: &FileOptions) -> String {
    // The question mark stays also before nothing: without it, the client's query would be the requirement.
    let query = options.query();
    let gate = options.gate.as_str().trim_end_matches('/');
    let mut text = format!(
        "(gatepost) {{
    @gatepost_websocket header_regexp Upgrade (?i)^websocket$
    @gatepost_no_websocket not header_regexp Upgrade (?i)^websocket$
    request_header @gatepost_no_websocket -Upgrade
    request_header @gatepost_no_websocket -Connection
    request_header @gatepost_websocket Upgrade websocket
    request_header @gatepost_websocket Connection Upgrade
    reverse_proxy {gate} {{
        method GET
        rewrite /verify?{query}
        header_up X-Forwarded-Method {{method}}
        header_up X-Forwarded-Uri {{uri}}
        header_up -Connection
        header_up -Expect
        header_up -Upgrade
"
    );
    if options.gate.scheme() == "https" {
        let folder = &options.certificates;
        let _ = write!(
            text,
            "        transport http {{
            tls_client_auth \"{folder}/client.crt\" \"{folder}/client.key\"
            tls_trusted_ca_certs \"{folder}/ca.crt\"
        }}
"
        );
    }
    text.push_str("        @gatepost_permits status 200\n        handle_response @gatepost_permits {\n            route {\n");
    let own = options.own_headers.iter().map(String::as_str);
    for name in own.clone().chain(DESCRIBED) {
        let _ = writeln!(text, "                request_header -{}", canonical(name));
    }
    let told = own.map(|name| ("request_header", name)).chain(PASSED_ON.map(|name| ("header", name)));
    for (number, (directive, name)) in told.enumerate() {
        let name = canonical(name);
        let told = format!("{{http.reverse_proxy.header.{name}}}");
        let _ = write!(
            text,
            "                @gatepost_{number} not vars {told} \"\" {ABSENT}\n                {directive} @gatepost_{number} {name} {told}\n"
        );
    }
    text.push_str("            }\n        }\n    }\n}\n");
    text
}
