//! The checks: each says in one sentence what holds, and is a function that panics when it does not.

mod keys;
mod people;
mod sessions;
mod tools;

use crate::house::House;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

type Check = (&'static str, for<'a> fn(&'a House) -> LocalBoxFuture<'a, ()>);

/// In this order: the first three set up what the others need.
const SETS_UP: usize = 3;
const CHECKS: [Check; 23] = [
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
    let begun = Instant::now();
    let reason = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&reason);
    std::panic::set_hook(Box::new(move |panic| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    let house = AssertUnwindSafe(start()).catch_unwind().await;
    let Ok(house) = house else {
        println!(
            "FAILED  everything starts\n{}",
            indented(&reason.lock().unwrap_or_else(PoisonError::into_inner))
        );
        return ExitCode::FAILURE;
    };
    println!("ok      everything starts ({:.0} s)", begun.elapsed().as_secs_f32());
    let chosen = CHECKS
        .iter()
        .enumerate()
        .filter(|(number, (sentence, _))| *number < SETS_UP || sentence.contains(part));
    let mut failed = 0;
    for (_, (sentence, check)) in chosen {
        let begun = Instant::now();
        let outcome = AssertUnwindSafe(check(&house)).catch_unwind().await;
        let took = begun.elapsed().as_secs_f32();
        if outcome.is_ok() {
            println!("ok      {sentence} ({took:.0} s)");
        } else {
            failed += 1;
            let reason = reason.lock().unwrap_or_else(PoisonError::into_inner);
            println!("FAILED  {sentence} ({took:.0} s)\n{}", indented(&reason));
        }
    }
    house.keep_logs();
    println!("Screenshots and logs: {}", house.pictures.display());
    println!("{}", if failed == 0 { "Everything holds.".to_owned() } else { format!("{failed} failed.") });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("          {line}\n")).collect()
}
