//! Runs the checks of a script one after another, and says of each in one line whether it holds.

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What holds, in one sentence, and a function that panics when it does not.
pub type Check<H> = (&'static str, for<'a> fn(&'a H) -> LocalBoxFuture<'a, ()>);

/// Starts what the checks need. Runs those of the first so many, which set up what the others need, and of the others
/// those with a part of a sentence. At the end logs are kept.
pub async fn run<H>(
    start: impl Future<Output = H>,
    checks: &[Check<H>],
    (set_up, part): (usize, &str),
    keep_logs: impl FnOnce(&H),
) -> ExitCode {
    let begun = Instant::now();
    let reason = Arc::new(Mutex::new(String::new()));
    let noted = Arc::clone(&reason);
    std::panic::set_hook(Box::new(move |panic| {
        *noted.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    let why = || indented(&reason.lock().unwrap_or_else(PoisonError::into_inner));
    let Ok(house) = AssertUnwindSafe(start).catch_unwind().await else {
        println!("FAILED  everything starts\n{}", why());
        return ExitCode::FAILURE;
    };
    println!("ok      everything starts ({:.0} s)", begun.elapsed().as_secs_f32());
    let (first, rest) = checks.split_at(set_up);
    let mut failed = 0;
    for (sentence, check) in first.iter().chain(rest.iter().filter(|(sentence, _)| sentence.contains(part))) {
        let begun = Instant::now();
        let outcome = AssertUnwindSafe(check(&house)).catch_unwind().await;
        let took = begun.elapsed().as_secs_f32();
        if outcome.is_ok() {
            println!("ok      {sentence} ({took:.0} s)");
        } else {
            failed += 1;
            println!("FAILED  {sentence} ({took:.0} s)\n{}", why());
        }
    }
    keep_logs(&house);
    println!("{}", if failed == 0 { "Everything holds.".to_owned() } else { format!("{failed} failed.") });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("          {line}")).collect::<Vec<_>>().join("\n")
}
