//! The binary: parses the command line and hands over to the library.

/// What lives long lies apart from what a request needs for a moment: the C library's allocator mixes them, and leaves
/// holes that nothing fits.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[expect(clippy::disallowed_methods, reason = "the one door to the environment")]
fn main() -> std::process::ExitCode {
    gatepost_cli::run(gatepost::app::PROGRAM, std::env::args_os(), std::env::vars_os())
}
