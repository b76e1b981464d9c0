//! Assigns processor cores: the measured server has one core for itself, the load and everything else have the other.

use rustix::io::Errno;
use rustix::process::{Pid, Resource, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::io;

/// The two cores that the benchmark uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// The core of the measured server.
    pub server: usize,
    /// The core of the load, and of the stores and the provider.
    pub load: usize,
    /// The number of cores that this process may use.
    pub count: usize,
}

impl Cores {
    /// Chooses the first and the last core that this process may use.
    ///
    /// # Errors
    /// There is only one core, so load and server would compete for it.
    pub fn choose() -> io::Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let count = cores.clone().count();
        let pair = cores.next().zip(cores.next_back());
        let (server, load) = pair.ok_or_else(|| {
            io::Error::other("the benchmark needs two cores: one for the server, one for the load")
        })?;
        Ok(Self { server, load, count })
    }
}

/// Pins the calling thread, and the threads and processes that it starts later, to this core.
///
/// # Errors
/// The operating system refused.
pub fn pin_here(core: usize) -> io::Result<()> {
    Ok(sched_setaffinity(None, &only(core))?)
}

/// Pins all threads of a process to this core.
///
/// # Errors
/// The operating system refused.
pub fn pin(pid: u32, core: usize) -> io::Result<()> {
    threads(pid)?.into_iter().try_for_each(|thread| unless_gone(sched_setaffinity(Some(thread), &only(core))))
}

/// Lowers the priority of all threads of a process but one, so that they only run when the core is idle.
///
/// # Errors
/// The operating system refused.
pub fn be_nice(pid: u32, but: Option<Pid>) -> io::Result<()> {
    let mut others = threads(pid)?.into_iter().filter(|thread| Some(*thread) != but);
    others.try_for_each(|thread| unless_gone(setpriority_process(Some(thread), 19)))
}

/// The id of the calling thread.
pub fn own_id() -> Pid {
    gettid()
}

/// Raises the limit of open files as far as possible, because each connection needs one.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.current.unwrap_or(u64::MAX))
}

/// Ignores the error if a thread ended after the list was made.
fn unless_gone(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(Errno::SRCH) => Ok(()),
        result => Ok(result?),
    }
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

fn threads(pid: u32) -> io::Result<Vec<Pid>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))?;
    let ids =
        tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok().and_then(Pid::from_raw));
    Ok(ids.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_where_it_was_put_and_one_core_is_too_few() {
        let allowed = sched_getaffinity(None).expect("our own");
        let Ok(cores) = Cores::choose() else { return assert_eq!(allowed.count(), 1) };
        assert_ne!(cores.server, cores.load);
        std::thread::spawn(move || {
            pin_here(cores.load).expect("a core that was allowed");
            let set = sched_getaffinity(None).expect("our own");
            assert_eq!((set.count(), set.is_set(cores.load)), (1, true));
            assert!(Cores::choose().is_err());
        })
        .join()
        .expect("no panic");
    }
}
