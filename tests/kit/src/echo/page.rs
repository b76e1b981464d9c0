//! The application's page for people: the identity headers, links, and all received headers.

use std::fmt::Write as _;

use super::{Pages, Received};

/// A service worker that repeats every navigation, as those of real applications do.
pub(super) const WORKER: &str = r"
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', event => {
  if (event.request.mode === 'navigate') event.respondWith(fetch(event.request));
});
";

/// Registers the service worker. The title becomes `controlled` when it controls this page.
pub(super) const REGISTRATION: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>waiting</title>
<h1>Service worker</h1>
<script>
const controlled = () => { document.title = 'controlled'; };
navigator.serviceWorker.addEventListener('controllerchange', controlled);
navigator.serviceWorker.register('/sw.js', { scope: '/' })
  .then(() => { if (navigator.serviceWorker.controller) controlled(); })
  .catch(error => { document.title = 'failed: ' + error; });
</script></html>
"#;

const STYLE: &str = "
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }
body { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1.5rem 0; }
nav a { padding: .45rem .9rem; border: 1px solid; border-radius: .5rem; color: inherit; text-decoration: none; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: .85rem; }
td { padding: .2rem .4rem; border-top: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { width: 34%; }
";

const FACTS: [(&str, &str); 6] = [
    ("Signed in as", "x-user-email"),
    ("Name", "x-user-name"),
    ("Groups", "x-user-groups"),
    ("Tenants", "x-user-tenants"),
    ("Administrator", "x-user-admin"),
    ("List of groups was cut", "x-user-groups-truncated"),
];

pub(super) fn render(received: &Received, pages: &Pages) -> String {
    let title = escape(&pages.title);
    let person = received.header("x-user-name").or(received.header("x-user-email"));
    let greeting = person
        .map_or_else(|| "Hello, whoever you are".to_owned(), |name| format!("Hello, {}", readable(name)));
    let facts = FACTS.iter().filter_map(|(label, name)| received.header(name).map(|value| (label, value)));
    let facts = facts.fold(String::new(), |mut list, (label, value)| {
        let value = if value.is_empty() { "none".to_owned() } else { readable(&value.replace(',', ", ")) };
        let _ = write!(list, "<dt>{label}</dt><dd>{value}</dd>");
        list
    });
    let links = pages.links.iter().fold(String::new(), |mut list, link| {
        let _ = write!(list, "<a href=\"{}\">{}</a>", escape(&link.url), escape(&link.text));
        list
    });
    let rows = received.headers.iter().fold(String::new(), |mut rows, (name, value)| {
        let _ = write!(rows, "<tr><td>{}</td><td>{}</td></tr>", escape(name), escape(value));
        rows
    });
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"icon\" href=\"data:,\"><style>{STYLE}</style></head><body><main><p>{title}</p><h1>{greeting}</h1>\
         <p>This is the application behind the gate. It asked nobody to sign in: all it knows about you came in \
         headers from Gatepost.</p><dl>{facts}</dl><nav><a href=\"/.gatepost/logout\">Sign out</a>{links}</nav>\
         <p>You asked for <code id=\"uri\">{} {}</code></p>\
         <details><summary>Every header I received</summary><table>{rows}</table></details></main></body></html>",
        escape(&received.method),
        escape(&received.uri)
    )
}

/// Decodes a percent-encoded header value.
fn readable(value: &str) -> String {
    let decoded = url::form_urlencoded::parse(
        format!("v={}", value.replace('+', "%2B").replace('&', "%26")).as_bytes(),
    )
    .next()
    .map_or_else(|| value.to_owned(), |(_, decoded)| decoded.into_owned());
    escape(&decoded)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
