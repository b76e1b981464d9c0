//! "Did you mean": the known setting that is most like an unknown one, in the form in which that one was given.

use super::raw::{Source, variable_of};
use std::collections::BTreeSet;

/// Below this likeness (0 to 1) a suggestion would be a guess.
const LIKE_ENOUGH: f64 = 0.75;

/// The setting that was probably meant by `key`, given at `source`.
pub(super) fn suggestion(source: &Source, key: &str, known: &BTreeSet<String>) -> Option<String> {
    // `provider.x.kind` has no known twin if no provider was configured rightly.
    let provider = key.split_once('.').map(|(_, rest)| format!("providers.{rest}"));
    let provider = provider.filter(|twin| twin != key && twin.matches('.').count() == 2);
    let known = known.iter().chain(&provider);
    match source {
        Source::Toml { .. } => best(&key.to_lowercase(), known.cloned(), likeness),
        Source::Variable(name) => {
            let name = name.to_uppercase();
            let variables: Vec<String> = known.map(|key| variable_of(key)).collect();
            let inner = variables.iter().find(|variable| name.ends_with(variable.as_str())).cloned();
            let whole = || best(&name, variables.iter().cloned(), likeness);
            inner.or_else(whole).or_else(|| best(&name, variables.iter().cloned(), likeness_of_parts))
        }
    }
}

fn likeness(name: &str, candidate: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(name, candidate)
}

/// The likeness of the least like part: `SESION__IDLE` has every part of `SESSION__IDLE_TIMEOUT`, one of them cut short.
fn likeness_of_parts(name: &str, candidate: &str) -> f64 {
    let parts = |name: &'_ str| -> Vec<String> {
        name.strip_prefix("GATEPOST_").unwrap_or(name).split("__").map(str::to_owned).collect()
    };
    let (own, others) = (parts(name), parts(candidate));
    if own.len() < 2 || own.len() != others.len() {
        return 0.0;
    }
    let parts = own.iter().zip(others).map(|(own, other)| strsim::jaro_winkler(own, &other));
    parts.fold(1.0, f64::min)
}

fn best(
    name: &str,
    candidates: impl Iterator<Item = String>,
    likeness: impl Fn(&str, &str) -> f64,
) -> Option<String> {
    candidates
        .map(|candidate| (likeness(name, &candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
