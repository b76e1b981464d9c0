//! Reads the CPU time in nanoseconds and the memory of a process from `/proc`.

use crate::cores;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::Path;

/// A process whose CPU time is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The name in tables.
    pub name: String,
    /// The process id.
    pub pid: u32,
    /// Whether child processes count, too. Postgres has one for each connection.
    pub with_children: bool,
}

impl Watched {
    /// Measures only this process.
    pub fn new(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid, with_children: false }
    }

    /// Measures a process and its children.
    pub fn family(name: &str, pid: u32) -> Self {
        Self { with_children: true, ..Self::new(name, pid) }
    }

    /// Gives the process the lowest priority from now on.
    ///
    /// # Errors
    /// The operating system refused.
    pub fn be_nice(&self) -> io::Result<()> {
        let children = if self.with_children { children(self.pid) } else { Vec::new() };
        cores::be_nice(self.pid, None)?;
        children.into_iter().try_for_each(|child| cores::be_nice(child, None))
    }

    /// The CPU time so far.
    ///
    /// # Errors
    /// The process has ended.
    pub fn cost(&self) -> io::Result<Cost> {
        let own = Cost::of(self.pid, self.with_children)?;
        let children = if self.with_children { children(self.pid) } else { Vec::new() };
        // A child may end after the list was made.
        Ok(children.iter().filter_map(|pid| Cost::of(*pid, false).ok()).fold(own, Cost::plus))
    }
}

/// CPU time from two sources: exact in nanoseconds, but only for running threads; and for the whole process including
/// ended threads, but only in clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    living: u64,
    whole: u64,
}

impl Cost {
    fn of(pid: u32, with_ended_children: bool) -> io::Result<Self> {
        let folder = Path::new("/proc").join(pid.to_string());
        let stat = fs::read_to_string(folder.join("stat"))?;
        let ticks =
            ticks(&stat, with_ended_children).ok_or_else(|| io::Error::other("stat cannot be read"))?;
        Ok(Self { living: threads_nanos(&folder.join("task"))?, whole: ticks * tick_nanos() })
    }

    fn plus(self, other: Self) -> Self {
        Self { living: self.living + other.living, whole: self.whole + other.whole }
    }

    /// Nanoseconds since an earlier reading. If threads have ended, the exact time is too small, and the time in ticks
    /// is used. Both of its readings are rounded down.
    pub fn since(self, before: Self) -> u64 {
        let whole = self.whole.saturating_sub(before.whole).saturating_sub(2 * tick_nanos());
        self.living.saturating_sub(before.living).max(whole)
    }
}

/// `utime` and `stime`, and optionally those of ended children (proc(5)). The name before them may contain any
/// character.
fn ticks(stat: &str, with_ended_children: bool) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let wanted = if with_ended_children { 11..15 } else { 11..13 };
    fields.get(wanted)?.iter().map(|ticks| ticks.parse::<u64>().ok()).sum()
}

fn tick_nanos() -> u64 {
    1_000_000_000 / rustix::param::clock_ticks_per_second()
}

/// The CPU time of the calling thread in nanoseconds.
///
/// # Errors
/// `/proc` is not mounted.
pub fn own_nanos() -> io::Result<u64> {
    on_core(&fs::read_to_string("/proc/thread-self/schedstat")?)
}

fn threads_nanos(tasks: &Path) -> io::Result<u64> {
    let mut nanos = 0;
    for task in fs::read_dir(tasks)? {
        match fs::read_to_string(task?.path().join("schedstat")) {
            Ok(text) => nanos += on_core(&text)?,
            // A thread may end after the list was made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(nanos)
}

/// The first number of `schedstat`: the CPU time (proc(5)).
fn on_core(schedstat: &str) -> io::Result<u64> {
    let first = schedstat.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
    first.ok_or_else(|| io::Error::other("schedstat has no number: a kernel without CONFIG_SCHED_INFO?"))
}

fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// The memory of a process in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All pages in memory, including shared pages.
    pub rss: u64,
    /// All pages in memory, with each shared page divided by the number of processes that share it.
    pub pss: u64,
    /// Pages that do not belong to a file.
    pub anonymous: u64,
}

impl Memory {
    /// Reads the current memory of a process.
    ///
    /// # Errors
    /// The process has ended, or belongs to another user.
    pub fn of(pid: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Self::parse(&text).ok_or_else(|| io::Error::other("smaps_rollup cannot be read"))
    }

    fn parse(smaps: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = smaps.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"))?;
            line.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
        };
        Some(Self { rss: bytes("Rss:")?, pss: bytes("Pss:")?, anonymous: bytes("Anonymous:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn busy(time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            std::hint::black_box(std::hint::black_box(3_u64).pow(7));
        }
    }

    #[test]
    fn the_books_show_what_this_process_has_done_also_by_threads_that_have_ended() {
        let me = Watched::new("me", std::process::id());
        let (before, thread) = (me.cost().expect("ours"), own_nanos().expect("ours"));
        let other = std::thread::spawn(|| {
            let before = own_nanos().expect("ours");
            busy(Duration::from_millis(100));
            own_nanos().expect("ours") - before
        });
        let done = other.join().expect("no panic");
        assert!(done > 1_000_000, "{done} ns");
        assert!(own_nanos().expect("ours") - thread < done, "another thread's time is not ours");
        let spent = me.cost().expect("ours").since(before);
        assert!(spent + 4 * tick_nanos() >= done, "{spent} of {done} ns");
        assert!(Watched::new("nobody", u32::MAX).cost().is_err());
    }

    #[test]
    fn ticks_are_read_behind_a_name_of_any_characters() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 300 400 20 0 1 0 9";
        assert_eq!((ticks(stat, false), ticks(stat, true)), (Some(30), Some(730)));
        assert_eq!(ticks("7 (a) S 1", false), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let smaps = "5581 [rollup]\nRss:            12345 kB\nPss:             1000 kB\nPss_Dirty:          1 kB\nAnonymous:       200 kB\n";
        let memory = Memory { rss: 12_345 * 1024, pss: 1_024_000, anonymous: 204_800 };
        assert_eq!(Memory::parse(smaps), Some(memory));
        assert_eq!(Memory::parse("Rss: many kB"), None);
        assert!(Memory::of(std::process::id()).expect("ours").rss > 1 << 20);
    }
}
