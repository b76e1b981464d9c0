//! A child process of a test. It collects the output by line, sends signals by process id, and kills the process when
//! it is dropped. Threads read the output, because the value may outlive the runtime of the test that made it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{reaper, until};

/// A running program.
#[derive(Debug)]
pub struct Running {
    name: String,
    pid: u32,
    child: Mutex<Child>,
    lines: Arc<Mutex<Vec<String>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// Starts `command` without standard input, and collects its output. `name` is used in messages.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start(name: &str, command: Command) -> Self {
        Self::start_with_log(name, command, None)
    }

    /// Like [`Running::start`], and also writes each line to `log`.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub fn start_with_log(name: &str, mut command: Command, log: Option<Arc<File>>) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{name} ({}) does not start: {error}", command.get_program().display())
            });
        let pid = child.id();
        reaper::started(pid);
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take(), &lines, log.clone());
        collect(child.stderr.take(), &lines, log);
        Self { name: name.to_owned(), pid, child: Mutex::new(child), lines }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// All lines so far, of standard output and standard error, in the order in which they were read.
    pub fn lines(&self) -> Vec<String> {
        locked(&self.lines).clone()
    }

    /// The whole output so far.
    pub fn log(&self) -> String {
        self.lines().join("\n")
    }

    /// Waits until a line contains `part`, and returns the first one.
    ///
    /// # Panics
    /// If `deadline` has passed.
    pub async fn wait_for_line(&self, part: &str, deadline: Duration) -> String {
        let what = format!("a line with {part:?} from {}", self.name);
        until(&what, deadline, async || self.lines().into_iter().find(|line| line.contains(part))).await
    }

    /// The exit status, if the process has ended.
    ///
    /// # Panics
    /// If the status cannot be read.
    pub fn find_exit(&self) -> Option<ExitStatus> {
        locked(&self.child).try_wait().expect("a child can be asked")
    }

    /// Waits until the process ends by itself.
    ///
    /// # Panics
    /// If `deadline` has passed.
    pub async fn wait_exit(&self, deadline: Duration) -> ExitStatus {
        until(&format!("the end of {}", self.name), deadline, async || self.find_exit()).await
    }

    /// Waits until `look` returns a value.
    ///
    /// # Panics
    /// If the process ends, or if `deadline` has passed.
    pub async fn ready<T>(&self, deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let what = format!("{} to be ready", self.name);
        until(&what, deadline, async || {
            let exit = self.find_exit();
            assert!(exit.is_none(), "{} ended ({exit:?}) before it was ready:\n{}", self.name, self.log());
            look().await
        })
        .await
    }

    /// Sends a signal, unless the process has ended, because its id may then belong to another process.
    pub fn signal(&self, signal: Signal) {
        if self.find_exit().is_none()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // The child may end before the signal is sent, but its id is not reused before it is reaped.
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends SIGTERM.
    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills the process, and waits until it has ended.
    pub fn sigkill(&self) {
        let mut child = locked(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Pauses the process with SIGSTOP.
    pub fn sigstop(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues a paused process.
    pub fn sigcont(&self) {
        self.signal(Signal::CONT);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sigkill();
        reaper::ended(self.pid);
    }
}

fn collect(
    stream: Option<impl Read + Send + 'static>,
    lines: &Arc<Mutex<Vec<String>>>,
    log: Option<Arc<File>>,
) {
    let Some(stream) = stream else { return };
    let lines = Arc::clone(lines);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if let Some(log) = &log {
                // A full disk must not stop the program.
                let _ = (&**log).write_all(&line);
            }
            locked(&lines).push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    });
}
