//! The binary: parses the command line and hands over to the library.

#[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
fn main() -> std::process::ExitCode {
    gatepost::cli::run(std::env::args_os(), std::env::vars_os())
}
