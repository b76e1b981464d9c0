//! Compares gungraun's summaries on standard input with the table in the repository, or replaces the table with them.

mod table;

use clap::Parser;
use std::io::Read;
use std::path::PathBuf;
use table::{compare, from_summaries, from_table, to_table};

#[derive(Debug, Parser)]
struct Options {
    /// The table
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
    /// What was counted becomes the table
    #[arg(long)]
    accept: bool,
}

fn main() -> Result<(), String> {
    let options = Options::parse();
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    let now = from_summaries(&text)?;
    let before = from_table(&std::fs::read_to_string(&options.table).unwrap_or_default())?;
    let (changes, has_changed) = compare(&before, &now);
    println!("\n== Instructions (valgrind), before and now\n{changes}");
    if options.accept {
        return std::fs::write(&options.table, to_table(&now)).map_err(|error| error.to_string());
    }
    if has_changed {
        println!("Counts changed. If that is meant: script/bench --instructions --accept");
    }
    Ok(())
}
