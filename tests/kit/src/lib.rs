//! Fakes and drivers for Gatepost's tests and demo: everything that a test needs besides the binary.

#[cfg(feature = "browser")]
pub mod browser;
pub mod checks; // runs the checks of a script one by one
pub mod client; // a scripted browser: cookie jars, redirects one by one
pub mod dns; // a server of the DNS that answers about TXT records, or fails
pub mod echo; // an application that answers with the request that it received
pub mod edge; // a small ForwardAuth proxy in place of Traefik
pub mod entra; // fake Entra ID and Graph over HTTP, and any other OpenID provider
pub mod faulty; // a TCP proxy that stalls, resets and delays
pub mod history; // what was answered when, and whether it fits what was acknowledged
pub mod language_model; // streams answers as an OpenAI server does
pub mod lies; // a provider that lies, each lie by name
pub mod open_webui; // a fake Open WebUI that reads trusted headers
pub mod process; // private Redis, Postgres, Traefik and the real binary
pub mod tool_calls; // what Open WebUI sends to a tool server, as recorded
pub mod tool_server; // a small tool server (MCP) over HTTP
pub mod tunnel; // an HTTPS_PROXY from which every connection leads to one address
