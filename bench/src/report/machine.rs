//! Describes the machine and the time of a run, which the report contains.

use serde::Serialize;
use std::fmt;
use std::fs;
use std::process::Command;

/// The machine and the time of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The date and time in UTC.
    pub date: String,
    /// The commit that was built.
    pub commit: String,
    /// The name of the processor.
    pub processor: String,
    /// The number of cores that the benchmark could use.
    pub cores: usize,
    /// The size of the memory in GiB.
    pub memory: u64,
    /// The operating system and the kernel.
    pub system: String,
    /// The load average at the start, which shows whether anything else was running.
    pub load_average: String,
    /// The versions of the used programs.
    pub programs: Vec<String>,
}

impl Machine {
    /// Describes this machine now, with the number of usable cores.
    pub fn here(cores: usize, traefik: Option<&str>) -> Self {
        let programs = [
            version("rustc", "--version"),
            version("redis-server", "--version").map(|text| words(&text, 3)),
            postgres(),
            traefik.and_then(traefik_version),
            version("valgrind", "--version"),
        ];
        Self {
            date: output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_default(),
            commit: commit(),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            cores,
            memory: memory().unwrap_or_default() >> 20,
            system: system(),
            load_average: fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned(),
            programs: programs.into_iter().flatten().collect(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, commit {}", self.date, self.commit)?;
        writeln!(f, "{}, {} cores, {} GiB, {}", self.processor, self.cores, self.memory, self.system)?;
        writeln!(f, "load average at the start: {}", self.load_average)?;
        write!(f, "{}", self.programs.join("; "))
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn version(program: &str, argument: &str) -> Option<String> {
    Some(output(program, &[argument])?.lines().next()?.trim().to_owned())
}

/// The first words of a text.
fn words(text: &str, count: usize) -> String {
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

/// The version of Traefik. One that was built from source reports `dev`, so the version is taken from its folder.
fn traefik_version(program: &str) -> Option<String> {
    let folder = std::path::Path::new(program).parent()?.file_name()?.to_string_lossy().into_owned();
    let said = version(program, "version")?;
    let said = said.trim_start_matches("Version:").trim().to_owned();
    Some(if said == "dev" {
        format!("Traefik {}", folder.trim_start_matches("traefik-"))
    } else {
        format!("Traefik {said}")
    })
}

/// The version of Postgres, from a client program of the same version: Debian does not put server programs into PATH.
fn postgres() -> Option<String> {
    version("psql", "--version")
}

fn commit() -> String {
    let Some(commit) = output("git", &["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed =
        output("git", &["status", "--porcelain", "--untracked-files=no", "--", "src", "Cargo.lock"]);
    if changed.is_some_and(|changed| !changed.is_empty()) { format!("{commit} with changes") } else { commit }
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory() -> Option<u64> {
    field("/proc/meminfo", "MemTotal")?.strip_suffix("kB")?.trim().parse().ok()
}

fn system() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let name = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = name.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default();
    format!("{}, Linux {}", name.trim_matches('"'), kernel.trim())
}
