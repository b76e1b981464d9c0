//! The permissions that Gatepost's Redis user needs: one list for the store, for `check` and for the documents.
//!
//! The list contains exactly the commands that the store calls. Redis applies the same rules to commands that a script
//! calls.

use redis::{Cmd, ErrorKind, RedisError, Script, ServerErrorKind};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The rules of `ACL SETUSER` as a literal, for `concat!`.
#[macro_export]
macro_rules! redis_user_rules {
    () => {
        "~gatepost:* +get +mget +set +del +sadd +srem +smembers +incr +pexpire +pttl +evalsha +script|load"
    };
}

/// The rules of `ACL SETUSER` for Gatepost's user.
pub const USER_RULES: &str = redis_user_rules!();

/// The rules that Gatepost's user needs besides on each node of a Cluster.
pub const CLUSTER_RULES: &str = "+ping +asking +cluster|slots";

/// How long the same refusal is not logged again.
const LOG_AGAIN: Duration = Duration::from_mins(1);
/// The maximum number of different refusals that are remembered. There are hardly more commands.
const MAX_NOTED: usize = 64;
/// The lifetime of scratch keys in milliseconds, in case the user may not delete them.
const SCRATCH_TTL: &str = "10000";

/// Whether Redis' access rules refused the command. Redis before 7.2 reports refusals within a script without a code,
/// so they can only be recognised by their text.
pub fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) || is_refusal_in_script(error)
}

fn is_refusal_in_script(error: &RedisError) -> bool {
    let text = error.to_string();
    ["The user executing the script can't", "ACL failure in script"].iter().any(|words| text.contains(words))
}

/// Whether the name of the key was refused and not the command. Redis has one code, `NOPERM`, for both, so only the
/// text tells them apart.
pub(super) fn is_about_key(error: &RedisError) -> bool {
    let text = error.to_string();
    text.contains("to access") || text.contains("access at least one of the keys")
}

/// Logs refusals in one place for all callers of the store, including those that ignore errors.
#[derive(Default)]
pub(super) struct RefusalLog(Mutex<HashMap<String, Instant>>);

impl RefusalLog {
    pub fn note(&self, error: &RedisError) {
        if is_refusal(error) && self.is_due(error.to_string()) {
            tracing::warn!(
                error = %error,
                grant = USER_RULES,
                "Redis refuses a command to Gatepost's user: grant it with ACL SETUSER"
            );
        }
    }

    fn is_due(&self, text: String) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, since| since.elapsed() < LOG_AGAIN);
        let is_due = noted.len() < MAX_NOTED && !noted.contains_key(&text);
        if is_due {
            noted.insert(text, Instant::now());
        }
        is_due
    }
}

/// A script and its text.
pub(super) type Written<'a> = (&'a Script, &'static str);

/// Each command of the list and each script, on keys below `scratch`, which nobody else uses. The last command deletes
/// the keys.
pub(super) fn trials(scratch: &[u8], scripts: &[Written<'_>]) -> Vec<(&'static str, Cmd)> {
    let named = |name: &str| [scratch, name.as_bytes()].concat();
    let (value, set) = (named("value"), named("set"));
    let command = |name: &str, key: &[u8], arguments: &[&str]| {
        let mut command = redis::cmd(name);
        command.arg(key).arg(arguments);
        command
    };
    let mut trials = vec![
        ("SET", command("SET", &value, &["1", "PX", SCRATCH_TTL])),
        ("GET", command("GET", &value, &[])),
        ("MGET", command("MGET", &value, &[])),
        ("INCR", command("INCR", &value, &[])),
        ("PTTL", command("PTTL", &value, &[])),
        ("SADD", command("SADD", &set, &["member"])),
        ("PEXPIRE", command("PEXPIRE", &set, &[SCRATCH_TTL])),
        ("SMEMBERS", command("SMEMBERS", &set, &[])),
        ("SREM", command("SREM", &set, &["member"])),
    ];
    let mut keys = vec![value, set];
    for (script, text) in scripts {
        let [first, second, third] = ["", ":2", ":3"].map(|end| named(&(script.get_hash().to_owned() + end)));
        let (mut load, mut call) = (redis::cmd("SCRIPT"), redis::cmd("EVALSHA"));
        load.arg("LOAD").arg(*text);
        call.arg(script.get_hash()).arg(3).arg(&first).arg(&second).arg(&third).arg(&[SCRATCH_TTL; 9]);
        trials.extend([("SCRIPT LOAD", load), ("EVALSHA", call)]);
        keys.extend([first, second, third]);
    }
    let mut delete = redis::cmd("DEL");
    delete.arg(keys);
    trials.push(("DEL", delete));
    trials
}

/// The commands of [`CLUSTER_RULES`]. Without the last one there is no connection.
pub(super) fn cluster_trials() -> [(&'static str, Cmd); 2] {
    [("PING", redis::cmd("PING")), ("ASKING", redis::cmd("ASKING"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_list_is_tried_and_no_other() {
        let listed: Vec<String> = USER_RULES
            .split(' ')
            .filter_map(|rule| rule.strip_prefix('+'))
            .map(|name| name.to_uppercase().replace('|', " "))
            .collect();
        let trials = trials(b"scratch:", &[(&Script::new("return 1"), "return 1")]);
        let mut tried: Vec<&str> = trials.iter().map(|(name, _)| *name).collect();
        let mut listed: Vec<&str> = listed.iter().map(String::as_str).collect();
        listed.sort_unstable();
        tried.sort_unstable();
        assert_eq!(tried, listed);
    }
}
