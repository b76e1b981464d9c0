//! The checks: each says in one sentence what holds, and is a function that panics when it does not.

mod keys;
mod people;
mod sessions;
mod tools;

use crate::house::House;
use futures_util::FutureExt as _;
use gatepost_kit::checks::{self, Check};
use std::process::ExitCode;

/// In this order: the first three set up what the others need.
const SETS_UP: usize = 3;
const CHECKS: [Check<House>; 23] = [
    ("people get accounts under their address, and the first is the administrator", |house| {
        people::accounts(house).boxed_local()
    }),
    ("newcomers see no model until the administrator opens one", |house| people::models(house).boxed_local()),
    (
        "the administrator registers a tool server, gives a tool to a group, and enters it in Open WebUI",
        |house| tools::set_up(house).boxed_local(),
    ),
    ("a group of the same name in Open WebUI has the people of Gatepost's", |house| {
        people::groups(house).boxed_local()
    }),
    ("a question in Chromium is answered word by word through the WebSocket", |house| {
        people::chat(house).boxed_local()
    }),
    ("an upload arrives whole", |house| people::upload(house).boxed_local()),
    ("who sends identity headers is nobody else by them", |house| people::spoofing(house).boxed_local()),
    ("mcp-proxy answers the people of the router's tenant and nobody else", |house| {
        people::tools(house).boxed_local()
    }),
    (
        "tools: what Open WebUI sends to servers of both eras is what the suite's tests send, byte for byte",
        |house| tools::recorded(house).boxed_local(),
    ),
    ("tools: a person of the group has the tool of the rule and no other, somebody else has none", |house| {
        tools::group(house).boxed_local()
    }),
    ("tools: a session's end ends them, in an answer that streams as well", |house| {
        tools::signed_out(house).boxed_local()
    }),
    ("tools: so does `gatepost user disable`", |house| tools::disabled(house).boxed_local()),
    ("tools: a sign-out ends what Open WebUI does for a person by itself", |house| {
        tools::by_itself(house).boxed_local()
    }),
    ("signing out in Open WebUI's menu is signing out everywhere", |house| {
        sessions::menu(house).boxed_local()
    }),
    ("line 1: the next person at a browser sees nothing of the last one", |house| {
        sessions::next_person(house).boxed_local()
    }),
    ("line 2: Back shows no chat after a sign-out", |house| sessions::back(house).boxed_local()),
    (
        "line 3: a session that ends while the page is open asks for a sign-in there, and the question passes",
        |house| sessions::ended(house).boxed_local(),
    ),
    ("line 3: a page in use asks the gate now and then, an unused one never", |house| {
        sessions::in_use(house).boxed_local()
    }),
    ("line 4: the first question after a pause passes", |house| sessions::pause(house).boxed_local()),
    ("line 5: a key of Open WebUI passes on the documented router alone", |house| {
        keys::own_keys(house).boxed_local()
    }),
    ("line 6: of a disabled person new requests are refused, and an answer that streams goes on", |house| {
        people::disabled(house).boxed_local()
    }),
    ("line 7: who gets another address keeps the account where addresses are kept", |house| {
        people::address(house).boxed_local()
    }),
    ("line 9: a program that asks for JSON is told as JSON that a header's alias is refused", |house| {
        keys::alias(house).boxed_local()
    }),
];

/// Runs the checks with `part` in their sentence, after those that set up, and says of each whether it holds.
pub async fn run(part: &str) -> ExitCode {
    checks::run(start(), &CHECKS, (SETS_UP, part), House::keep_logs).await
}

async fn start() -> House {
    let mut variables =
        vec![("GATEPOST_SESSION__REFRESH_INTERVAL", format!("{}s", sessions::REFRESH.as_secs()))];
    // A Gatepost that does not know a setting does not start.
    if crate::read("docs/configuration.md").contains("`GATEPOST_ADDRESS_CHANGES`") {
        variables.push(("GATEPOST_ADDRESS_CHANGES", "keep".to_owned()));
    }
    House::start(variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).await
}
