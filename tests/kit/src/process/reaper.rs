//! Ends the child processes that a test process leaves behind. Children are killed when their value is dropped, but
//! statics are never dropped, and a killed test process drops nothing. One shell per test process reads from a pipe
//! what to end. When the test process ends in any way, the pipe is closed, and the shell acts.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=' '; folders=
while read -r verb what; do
  case $verb in
    started) pids="$pids$what " ;;
    ended) pids=$(printf %s "$pids" | sed "s/ $what / /") ;;
    folder) folders="$folders $what" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
# A child of a killed browser writes for another moment.
for folder in $folders; do rm -rf "$folder" 2>/dev/null || { sleep 1; rm -rf "$folder"; }; done
"#;

#[expect(
    clippy::zombie_processes,
    reason = "the shell must outlive this process, which is what it waits for"
)]
static PIPE: LazyLock<Mutex<ChildStdin>> = LazyLock::new(|| {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh starts");
    Mutex::new(shell.stdin.take().expect("the shell's input is a pipe"))
});

fn tell(line: &str) {
    let mut pipe = PIPE.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(pipe, "{line}").expect("the reaper reads");
}

/// Registers a process to be killed when this process ends.
pub fn started(pid: u32) {
    tell(&format!("started {pid}"));
}

/// Unregisters a process that has ended, because its id may be reused.
pub fn ended(pid: u32) {
    tell(&format!("ended {pid}"));
}

/// Registers a folder to be removed when this process ends. The path must not contain white space.
pub fn folder(path: &Path) {
    tell(&format!("folder {}", path.display()));
}
