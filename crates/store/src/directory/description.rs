//! What the database of the directory is and holds, for operators.

use super::count::Count;
use gatepost_core::clock::Timestamp;

/// The database of the directory at one moment.
#[derive(Clone, Debug)]
pub struct Description {
    /// The version of the server, or of the library.
    pub version: String,
    /// The number of the newest migration that was applied.
    pub schema: i64,
    /// The rows of each table, counted up to a limit.
    pub rows: Vec<(&'static str, Count)>,
    /// Standbys that follow. `None`: there can be none.
    pub standbys: Option<i64>,
    /// The last drill of a restore. `None`: there was none, or there can be none.
    pub last_drill: Option<Drill>,
}

/// A dump of the directory was restored into another database and examined there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// The name of the dump's file.
    pub dump: String,
    /// When it was restored.
    pub drilled_at: Timestamp,
}

impl Drill {
    /// When the dump was taken, as `backup.sh` writes it into the name (`gatepost-20261130T021500Z.dump`). `None`: the name is
    /// another one.
    pub fn dumped_at(&self) -> Option<Timestamp> {
        let at = self.dump.rsplit('-').next()?;
        let is_ours =
            at.get(8..9) == Some("T") && at.get(15..).is_some_and(|rest| rest.starts_with("Z.dump"));
        let part = |from, to| is_ours.then(|| at.get(from..to)).flatten();
        let (date, time) =
            ([part(0, 4)?, part(4, 6)?, part(6, 8)?], [part(9, 11)?, part(11, 13)?, part(13, 15)?]);
        format!("{}T{}Z", date.join("-"), time.join(":")).parse().ok()
    }
}

impl From<(String, i64)> for Drill {
    fn from((dump, at): (String, i64)) -> Self {
        Self { dump, drilled_at: Timestamp::from_unix(at) }
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// The host, or the folder of the socket.
    pub host: String,
    pub port: u16,
    pub user: String,
    /// The name of the database.
    pub database: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_dump_says_when_it_was_taken_and_another_name_does_not() {
        let at = |dump: &str| Drill::from((dump.to_owned(), 1)).dumped_at();
        let taken = Some(Timestamp::from_unix(1_796_004_900));
        assert_eq!(at("gatepost-20261130T021500Z.dump"), taken);
        assert_eq!(at("my-base-20261130T021500Z.dump.age"), taken);
        for other in [
            "",
            "-",
            "copy.dump",
            "gatepost-20261130T021500Z",
            "gatepost-20261130_021500Z.dump",
            "gatepost-20261330T021500Z.dump",
            "gatepost-2026113\u{e9}T021500Z.dump",
            "gatepost-20261130T0215\u{e9}Z.dump",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
    }
}
