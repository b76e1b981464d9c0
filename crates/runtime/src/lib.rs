//! What a replica holds while it runs, and what all who answer requests need: settings, stores, copies of the directory,
//! sessions in memory, limits. The modules, in the order in which they may depend on one another:
//!
//! | module | is |
//! |---|---|
//! | [`parameters`] | parameters of an address or a form, each at most once |
//! | [`respond`] | the answers of both listeners |
//! | [`permits`] | limits on what one holder, and all together, may do at a time |
//! | [`rate`] | limits on what one holder may do in a time |
//! | [`tasks`] | work that outlives its request |
//! | [`readiness`] | whether this replica should get requests |
//! | [`site`] | what is configured: settings, hosts, keys, providers |
//! | [`stores`] | the two stores, with their metrics |
//! | [`dns`] | asks for the records by which somebody proves that a host is theirs |
//! | [`leadership`] | which replica does the work that one alone does |
//! | [`webhook`] | tells a chat about requests for access |
//! | [`authn`] | who calls: session and standing, read side by side |
//! | [`invalidation`] | when answers that are kept in memory stop counting |
//! | [`hosts`] | which hosts are protected: the configuration's, and those of tenants |
//! | [`tenant_routers`] | routers of tenants' hosts, for Traefik |
//! | [`providers`] | at which providers people sign in: the configuration's, and those of tenants |
//! | [`usage`] | what tenants use, as this replica counts it |
//! | [`quotas`] | how many requests a tenant may send |
//! | [`revocation`] | how a session ends |
//! | [`refresh`] | sessions refreshed at their provider |
//! | [`headers`] | the headers of a request, as bytes |
//! | [`identity_headers`] | a permit as headers for the application |
//! | [`assertion`] | a permit as a signed token for the application |
//! | [`session_cache`] | sessions, keys and tokens in memory |
//! | [`failing`] | limits on what failing credentials cost |
//! | [`key_look_up`] | finds an API key that is not in memory |
//! | [`key_uses`] | when API keys were last used |
//! | [`tools`] | tool servers, and what of them a person may use |

pub mod assertion;
pub mod authn;
pub mod dns;
pub mod failing;
pub mod headers;
pub mod hosts;
pub mod identity_headers;
pub mod invalidation;
pub mod key_look_up;
pub mod key_uses;
pub mod leadership;
pub mod parameters;
pub mod permits;
pub mod providers;
pub mod quotas;
pub mod rate;
pub mod readiness;
pub mod refresh;
pub mod respond;
pub mod revocation;
pub mod session_cache;
pub mod site;
pub mod stores;
pub mod tasks;
pub mod tenant_routers;
pub mod tools;
pub mod usage;
pub mod webhook;
