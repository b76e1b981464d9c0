//! Copies in both directions that are killed at random moments: what is half copied is never served, and all end equal.
//! `script/copies` runs many of them.

use super::populated::fill;
use super::refusals::on_postgres;
use super::{Move, copy, succeeded};
use crate::world::run_command;
use gatepost_kit::history::Dice;
use gatepost_kit::process::{GatepostBuilder, Postgres};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::sleep;

/// The copies of a test run.
const FEW: u64 = 2;
/// How often one copy is killed at most.
const MOST_KILLS: u64 = 3;
/// Several batches of each of the large tables.
const PEOPLE: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3500) \
    INSERT INTO users (id, email, created_at) SELECT printf('00000000-0000-4000-8000-%012x', n), 'p' || n || '@example.com', n FROM n;
    INSERT INTO audit_entries (at, actor, action, target) SELECT created_at, 'cli:x', 'user.create', 'user:' || id FROM users;";

#[expect(clippy::disallowed_methods, reason = "how many, and the seed that a report names")]
fn chosen(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// One copy, and the settings for its target.
struct Way {
    from: String,
    to: String,
    settings: GatepostBuilder,
}

impl Way {
    /// Copies, killed so many times, each after a random part of the time that a copy takes. Returns how often it was killed
    /// before it was done.
    async fn copy_and_kill(&self, dice: &mut Dice, takes: Duration) -> u64 {
        let kills = 1 + dice.roll(MOST_KILLS);
        let takes = u64::try_from(takes.as_micros()).unwrap();
        for done in 0..kills {
            let arguments = ["copy", "--from", &self.from, "--to", &self.to, "--resume"];
            let command = arguments.iter().fold(self.settings.clone(), |command, word| command.arg(*word));
            let copying = command.spawn();
            sleep(Duration::from_micros(dice.roll(takes))).await;
            copying.sigkill();
            if copying.wait_exit().await.success() {
                return done;
            }
            self.is_not_served().await;
        }
        let (code, stdout, stderr) = copy(&self.settings, &self.from, &self.to, &["--resume"]).await;
        // The last kill may have come after the last mark.
        assert!(code == Some(0) || stderr.contains("is complete: it was copied from"), "{stdout}{stderr}");
        kills
    }

    /// Commands refuse a target that is not complete. `group list` changes nothing where a schema is missing.
    async fn is_not_served(&self) {
        let (code, stdout, stderr) = run_command(&self.settings, &["group", "list", "--json"]).await;
        let is_complete = copy(&self.settings, &self.from, &self.to, &["--verify-only"]).await.0 == Some(0);
        let is_empty = code == Some(0) && stdout.trim() == "[]";
        assert!(code != Some(0) || is_complete || is_empty, "half a copy can be served: {stdout}{stderr}");
    }

    async fn is_equal(&self) {
        let compared = succeeded(copy(&self.settings, &self.from, &self.to, &["--verify-only"]).await);
        assert!(compared.contains("hold the same"), "{compared}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_are_killed_at_random_moments_end_equal() {
    let (copies, seed) = (chosen("GATEPOST_TEST_COPIES", FEW), chosen("GATEPOST_TEST_SEED", 7));
    let moved = Move::begin().await;
    moved.stop(&moved.world.gatepost).await;
    fill(&moved.file, PEOPLE).await;
    let file = format!("sqlite:{}", moved.file.display());
    let started_at = Instant::now();
    succeeded(moved.copy(&[]).await);
    let takes = started_at.elapsed();
    let (mut dice, mut kills) = (Dice(seed | 1), 0);
    for number in 0..copies {
        fill(&moved.file, "DELETE FROM copy_state").await;
        let postgres = Postgres::shared().await.database().await;
        let settings = moved.shared().env("DATABASE_URL", &postgres);
        let there = Way { from: file.clone(), to: postgres.clone(), settings };
        kills += there.copy_and_kill(&mut dice, takes).await;
        there.is_equal().await;

        let folder = TempDir::new().unwrap();
        let back = folder.path().join("back.db");
        let to = format!("sqlite:{}", back.display());
        let back = Way { from: postgres.clone(), to, settings: moved.embedded(&back) };
        kills += back.copy_and_kill(&mut dice, takes).await;
        back.is_equal().await;
        // Databases of a whole run would fill the server.
        on_postgres(&postgres, "DROP SCHEMA gatepost CASCADE").await;
        println!(
            "seed {seed}: {} of {copies} copies there and back are equal, {kills} were killed",
            number + 1
        );
    }
}
