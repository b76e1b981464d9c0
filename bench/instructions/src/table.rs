//! The table of instruction counts in the repository, and the comparison with it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The relative difference that is noise: counts depend on the order of hashing and allocation.
const NOISE: f64 = 0.03;

/// The number of instructions of each benchmark.
pub type Counts = BTreeMap<String, u64>;

/// Reads what gungraun prints with `--output-format=json`: one summary after another.
///
/// # Errors
/// A summary is malformed, or has no count.
pub fn from_summaries(text: &str) -> Result<Counts, String> {
    let mut counts = Counts::new();
    for summary in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let summary = summary.map_err(|error| error.to_string())?;
        let name = name_of(&summary).ok_or_else(|| format!("no name: {summary}"))?;
        let count = instructions(&summary).ok_or_else(|| format!("{name}: no count: {summary}"))?;
        counts.insert(name, count);
    }
    if counts.is_empty() { Err("no summary".to_owned()) } else { Ok(counts) }
}

fn name_of(summary: &Value) -> Option<String> {
    let (function, id) = (summary["function_name"].as_str()?, summary["id"].as_str().unwrap_or_default());
    Some(format!("{function} {id}").trim().to_owned())
}

/// The count `Ir` (instructions read), of all threads that ran the benchmark.
fn instructions(summary: &Value) -> Option<u64> {
    let new = &summary["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    new.as_u64().filter(|count| *count > 0)
}

/// Formats the table: one line with name, tab and count for each benchmark.
pub fn to_table(counts: &Counts) -> String {
    let mut text = String::new();
    for (name, count) in counts {
        let _ = writeln!(text, "{name}\t{count}");
    }
    text
}

/// Parses the text of [`to_table`].
///
/// # Errors
/// A line is malformed.
pub fn from_table(text: &str) -> Result<Counts, String> {
    let line = |line: &str| {
        let (name, count) = line.split_once('\t')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    text.lines().map(|text| line(text).ok_or_else(|| format!("no count: {text:?}"))).collect()
}

/// Describes the differences, one line each, and tells whether any of them is more than noise.
pub fn compare(before: &Counts, now: &Counts) -> (String, bool) {
    let mut text = String::new();
    let mut has_changed = false;
    for name in before.keys().chain(now.keys().filter(|name| !before.contains_key(*name))) {
        let line = match (before.get(name), now.get(name)) {
            (Some(before), Some(now)) => {
                let change = ratio(*now, *before) - 1.0;
                let is_change = change.abs() > NOISE;
                has_changed |= is_change;
                let mark = if is_change { "  CHANGED" } else { "" };
                format!("{before:>9} -> {now:>9}  {:+6.1} %{mark}", change * 100.0)
            }
            (None, Some(now)) => format!("      new -> {now:>9}  CHANGED"),
            (Some(before), None) => format!("{before:>9} ->      gone  CHANGED"),
            (None, None) => continue,
        };
        has_changed |= before.contains_key(name) != now.contains_key(name);
        let _ = writeln!(text, "{name:<38} {line}");
    }
    (text, has_changed)
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
fn ratio(now: u64, before: u64) -> f64 {
    now as f64 / before as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counts(list: &[(&str, u64)]) -> Counts {
        list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn each_summary_is_a_count_and_what_is_none_is_an_error() {
        let summary = |name: &str, count: u64| {
            let metrics = json!({ "Ir": { "values": { "new": count } } });
            let profile = json!({ "data": { "total": { "metrics": metrics } } });
            json!({ "function_name": name, "id": "of_a_host", "profiles": [profile] }).to_string()
        };
        let text = format!("{}\n{}\n", summary("open_cookie", 10_506), summary("pass_key", 10_436));
        let wanted = counts(&[("open_cookie of_a_host", 10_506), ("pass_key of_a_host", 10_436)]);
        assert_eq!(from_summaries(&text), Ok(wanted));
        for text in ["", "{}", "no JSON", &summary("open_cookie", 0)] {
            assert!(from_summaries(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let counts = counts(&[("decide_permit group", 412), ("open_cookie of_a_host", 9_000)]);
        assert_eq!(from_table(&to_table(&counts)), Ok(counts));
        assert!(from_table("decide_permit 412").is_err());
    }

    #[test]
    fn noise_is_no_change_and_what_is_new_or_gone_is_one() {
        let before = counts(&[("a", 1_000), ("b", 1_000)]);
        assert!(!compare(&before, &counts(&[("a", 1_025), ("b", 975)])).1);
        let (text, has_changed) = compare(&before, &counts(&[("a", 1_100), ("b", 1_000)]));
        assert!(has_changed && text.contains("+10.0 %  CHANGED"), "{text}");
        assert!(compare(&before, &counts(&[("a", 1_000)])).1);
        assert!(compare(&counts(&[("a", 1)]), &counts(&[("a", 1), ("b", 2)])).1);
    }
}
