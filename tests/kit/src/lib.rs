//! Fakes and drivers for Gatepost's tests and demo: everything around the binary that a test must own.

#[cfg(feature = "browser")]
pub mod browser;
pub mod client; // a headless browser of a script: cookie jars, redirects one by one
pub mod echo; // an application that answers what it was sent
pub mod edge; // the ForwardAuth edge: what Traefik does, in a few lines
pub mod entra; // fake Entra ID and Graph over HTTP, and any other OpenID provider
pub mod faulty; // a TCP proxy that stalls, cuts, slows
pub mod language_model; // streams answers as an OpenAI server does
pub mod lies; // a provider that lies, each lie by name
pub mod open_webui; // what Open WebUI does with trusted headers
pub mod process; // private Redis, Postgres, Traefik and the real binary
