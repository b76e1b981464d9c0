//! Which core does what: what is measured has one for itself, the load and everything around it have the other.

use rustix::io::Errno;
use rustix::process::{Pid, Resource, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use std::fs;
use std::io;

/// Two cores of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    /// For the server that is measured.
    pub server: usize,
    /// For the load, and for what the server asks.
    pub load: usize,
    /// How many there are.
    pub count: usize,
}

impl Cores {
    /// The first and the last core that this process may use.
    ///
    /// # Errors
    /// There is only one: load and server would measure one another.
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

/// Runs the calling thread, and what it starts from now on, on this core.
///
/// # Errors
/// The operating system refused.
pub fn pin_here(core: usize) -> io::Result<()> {
    Ok(sched_setaffinity(None, &only(core))?)
}

/// Runs every thread of a process on this core.
///
/// # Errors
/// The operating system refused.
pub fn pin(pid: u32, core: usize) -> io::Result<()> {
    threads(pid)?.into_iter().try_for_each(|thread| unless_gone(sched_setaffinity(Some(thread), &only(core))))
}

/// Lets every thread of a process but one give way to others: they run when nobody else on their core wants to.
///
/// # Errors
/// The operating system refused.
pub fn be_nice(pid: u32, but: Option<Pid>) -> io::Result<()> {
    let mut others = threads(pid)?.into_iter().filter(|thread| Some(*thread) != but);
    others.try_for_each(|thread| unless_gone(setpriority_process(Some(thread), 19)))
}

/// The calling thread.
pub fn own_id() -> Pid {
    gettid()
}

/// Opens as many files as the system lets us: a connection is one.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.current.unwrap_or(u64::MAX))
}

/// A thread may end between the list and the deed.
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
