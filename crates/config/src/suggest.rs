//! Finds the known setting whose name is most similar to an unknown one.

use super::given::Source;
use super::raw::variable_of;
use std::collections::BTreeSet;

/// The least similarity, from 0 to 1, for a suggestion.
const MIN_SIMILARITY: f64 = 0.75;

/// The known setting that is most similar to `key`, in the form in which `source` gives it.
pub(super) fn suggestion(source: &Source, key: &str, known: &BTreeSet<String>) -> Option<String> {
    // `provider.x.kind` resembles no known setting if no provider has a valid name.
    let provider = key.split_once('.').map(|(_, rest)| format!("providers.{rest}"));
    let provider = provider.filter(|twin| twin != key && twin.matches('.').count() == 2);
    let known = known.iter().chain(&provider);
    match source {
        Source::Toml { .. } => best(&key.to_lowercase(), known.cloned(), similarity),
        Source::Variable(name) => {
            let name = name.to_uppercase();
            let variables: Vec<String> = known.map(|key| variable_of(key)).collect();
            let inner = variables.iter().find(|variable| name.ends_with(variable.as_str())).cloned();
            let whole = || best(&name, variables.iter().cloned(), similarity);
            inner.or_else(whole).or_else(|| best(&name, variables.iter().cloned(), similarity_of_parts))
        }
    }
}

fn similarity(name: &str, candidate: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(name, candidate)
}

/// The similarity of the least similar part between `__`. It finds `SESSION__IDLE_TIMEOUT` for `SESION__IDLE`.
fn similarity_of_parts(name: &str, candidate: &str) -> f64 {
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
    similarity: impl Fn(&str, &str) -> f64,
) -> Option<String> {
    candidates
        .map(|candidate| (similarity(name, &candidate), candidate))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
