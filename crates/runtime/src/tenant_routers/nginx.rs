//! The routers of tenants' hosts as a file for nginx, which its `http` block includes: one server for each service.
//!
//! `auth_request` asks `/verify/nginx`, and knows 2xx, 401 and 403 alone. So the answer's headers say the rest, and
//! `auth_request_set` reads them. Each of Gatepost's headers is set anew, also if the answer lacks it: nginx does not send an
//! empty one, and the client's is gone.
//!
//! The request is described by `$host`, by which nginx chose the server. `$http_host` may name another one, where the request
//! line has a host too (RFC 9112, 3.2.2): then one tenant's members would enter the host of another.
//!
//! What the `http` block or an included file says about errors must not reach the question: an `error_page` there makes nginx go
//! on with another address, and of what comes of a question it asks nobody.
//!
//! A host that has no server gets the first server of its address. So the file begins with one that answers nobody.
//!
//! Below `/.gatepost/` Gatepost answers the browser itself. nginx compares the path that it has decoded and shortened, Gatepost
//! the one that the client wrote, so nginx lets nothing but the plain spelling through.

use super::{FileOptions, TenantRouters};
use gatepost_core::header_names::canonical;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use url::Url;

/// The name of the internal listener in nginx. It is no name of a host: nginx would not look that one up any more.
const GATE: &str = "gatepost_internal";

/// How proxies describe a request. The client's go no further; those with a value are nginx's own.
const DESCRIBED: [(&str, &str); 13] = [
    ("Forwarded", "\"\""),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Forwarded-Host", "$host"),
    ("X-Forwarded-Method", "\"\""),
    ("X-Forwarded-Port", "$server_port"),
    ("X-Forwarded-Prefix", "\"\""),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Server", "\"\""),
    ("X-Forwarded-Uri", "\"\""),
    ("X-Original-For", "\"\""),
    ("X-Original-Method", "\"\""),
    ("X-Original-URL", "\"\""),
    ("X-Real-IP", "$remote_addr"),
];

/// What Gatepost's answer says to nginx: the variable, and the header.
const TOLD: [(&str, &str); 5] = [
    ("status", "x_gatepost_status"),
    ("location", "x_gatepost_location"),
    ("retry_after", "retry_after"),
    ("ratelimit", "ratelimit"),
    ("ratelimit_policy", "ratelimit_policy"),
];

const MAPS: &str = "\
map $http_upgrade $gatepost_upgrade {
    default \"\";
    ~*^websocket$ websocket;
}

map $gatepost_upgrade $gatepost_connection {
    default \"\";
    websocket Upgrade;
}

map $gatepost_status $gatepost_cache_control {
    default no-store;
    \"\" \"\";
}
";

/// What clients get instead of nginx's own 500, and what no application's answer is replaced with.
const REFUSALS: &str = "
    location @gatepost_sign_in {
        if ($gatepost_location) {
            return 302 $gatepost_location;
        }
        default_type application/json;
        return 401 '{\"error\":\"unauthorized\"}';
    }

    location @gatepost_refused {
        if ($gatepost_status = 429) {
            return 429;
        }
        default_type text/html;
        return 403 '<!doctype html><html lang=\"en\"><title>Not allowed</title><h1>Not allowed</h1><p>This request may not pass. \
If you are signed in with another account than you wanted, <a href=\"/.gatepost/start?prompt=select_account&amp;uri=/\">use \
another one</a>.</p>';
    }

    location @gatepost_unavailable {
        return 503;
    }
";

impl TenantRouters<'_> {
    /// The file, always in the same order.
    pub fn nginx(&self, options: &FileOptions) -> String {
        let mut services = BTreeMap::new();
        for (host, (service, upstream)) in &self.hosts {
            services.entry(service).or_insert_with(|| (*upstream, Vec::new())).1.push(host);
        }
        // The maps name variables that only a server with the question has.
        if services.is_empty() {
            return String::new();
        }
        let mut text = upstream(options) + MAPS + &nobody(options);
        for (upstream, hosts) in services.into_values() {
            text.push_str("\nserver {\n    server_name");
            for host in hosts {
                let _ = write!(text, "\n        {host}");
            }
            text.push_str(";\n");
            text.push_str(&includes(options));
            text.push_str(&server(options));
            text.push_str(&application(options, upstream));
            text.push_str(REFUSALS);
            text.push_str("}\n");
        }
        text
    }
}

/// The internal listener. Its connections are kept: each new one is a handshake.
fn upstream(options: &FileOptions) -> String {
    let gate = &options.gate;
    let (host, port) =
        (gate.host_str().unwrap_or_default(), gate.port_or_known_default().unwrap_or_default());
    format!("upstream {GATE} {{\n    server {host}:{port};\n    keepalive 32;\n}}\n\n")
}

/// Whoever names a host that has no server, where nothing else is the default of the address.
fn nobody(options: &FileOptions) -> String {
    format!("\nserver {{\n    server_name gatepost.invalid;\n{}    return 421;\n}}\n", includes(options))
}

/// What each server has besides, as `listen`.
fn includes(options: &FileOptions) -> String {
    let lines: Vec<String> =
        options.imports.iter().map(|import| format!("    include {import};\n")).collect();
    lines.concat()
}

/// The question, and the paths that Gatepost answers.
fn server(options: &FileOptions) -> String {
    let scheme = options.gate.scheme();
    let requirement = options.query();
    let call = call(options);
    format!(
        "    ignore_invalid_headers on;
    underscores_in_headers off;
    proxy_headers_hash_max_size 2048;
    proxy_headers_hash_bucket_size 128;
    add_header Cache-Control $gatepost_cache_control always;
    add_header RateLimit $gatepost_ratelimit always;
    add_header RateLimit-Policy $gatepost_ratelimit_policy always;
    add_header Retry-After $gatepost_retry_after always;

    location = /.gatepost/verify {{
        internal;
        error_page 599 @gatepost_unavailable;
        proxy_pass {scheme}://{GATE}/verify/nginx?{requirement};
        proxy_set_header X-Original-URL $scheme://$host$request_uri;
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Original-For $remote_addr;
{call}    }}

    location ^~ /.gatepost/ {{
        if ($request_uri !~ ^/\\.gatepost/) {{
            return 404;
        }}
        client_max_body_size 64k;
        rewrite ^ /verify? break;
        proxy_pass {scheme}://{GATE};
        proxy_method GET;
        proxy_set_header X-Forwarded-Method $request_method;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header X-Forwarded-Host $host;
        proxy_set_header X-Forwarded-Uri $request_uri;
        proxy_set_header X-Forwarded-For $remote_addr;
{call}    }}
"
    )
}

/// How nginx calls Gatepost: without the body, and with room for an answer with as many cookies as a request may have.
fn call(options: &FileOptions) -> String {
    let mut text = String::from(
        "        proxy_http_version 1.1;
        proxy_set_header Host gatepost;
        proxy_set_header Connection \"\";
        proxy_set_header Content-Length \"\";
        proxy_pass_request_body off;
        proxy_intercept_errors off;
        proxy_pass_request_headers on;
        proxy_connect_timeout 1s;
        proxy_read_timeout 5s;
        proxy_buffer_size 64k;
        proxy_buffers 4 64k;
        proxy_cache off;
",
    );
    if options.gate.scheme() == "https" {
        let (folder, name) = (&options.certificates, options.gate.host_str().unwrap_or_default());
        let _ = write!(
            text,
            "        proxy_ssl_certificate \"{folder}/client.crt\";
        proxy_ssl_certificate_key \"{folder}/client.key\";
        proxy_ssl_trusted_certificate \"{folder}/ca.crt\";
        proxy_ssl_verify on;
        proxy_ssl_name {name};
        proxy_ssl_server_name on;
"
        );
    }
    text
}

/// Everything else: the application, once Gatepost lets the request pass.
fn application(options: &FileOptions, upstream: &Url) -> String {
    let mut text = String::from(
        "
    location / {
        satisfy all;
        auth_request /.gatepost/verify;
",
    );
    for (variable, header) in TOLD {
        let _ = writeln!(text, "        auth_request_set $gatepost_{variable} $upstream_http_{header};");
    }
    let own = options.own_headers.iter();
    for name in own.clone().map(|name| name.replace('-', "_")) {
        let _ = writeln!(text, "        auth_request_set $gatepost_header_{name} $upstream_http_{name};");
    }
    let address = upstream.as_str().trim_end_matches('/');
    let _ = write!(
        text,
        "        error_page 401 = @gatepost_sign_in;
        error_page 403 = @gatepost_refused;
        error_page 500 = @gatepost_unavailable;
        proxy_intercept_errors off;
        proxy_pass {address};
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $gatepost_upgrade;
        proxy_set_header Connection $gatepost_connection;
"
    );
    if upstream.scheme() == "https" {
        let name = upstream.host_str().unwrap_or_default();
        let _ = write!(
            text,
            "        proxy_ssl_verify on;
        proxy_ssl_name {name};
        proxy_ssl_server_name on;
"
        );
    }
    for (name, value) in DESCRIBED {
        let _ = writeln!(text, "        proxy_set_header {name} {value};");
    }
    for name in own {
        let variable = name.replace('-', "_");
        let _ = writeln!(text, "        proxy_set_header {} $gatepost_header_{variable};", canonical(name));
    }
    text.push_str("    }\n");
    text
}
