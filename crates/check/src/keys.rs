//! Checks the key ring that seals cookies, tickets and session records.

use super::finding::{Finding, Place, codes, describe};
use gatepost_config::{Config, StoresConfig, keyring};
use gatepost_core::secret::Secret;
use std::collections::BTreeSet;
use std::path::Path;

codes! {
    GUESSABLE = Warning "keys-guessable":
        "Whoever guesses the key can make cookies for anybody.",
        "Replace it with random bytes: openssl rand -base64 32. Put the new key first, and remove this one after GATEPOST_SESSION__ABSOLUTE_TIMEOUT.";
    MANY = Hint "keys-many":
        "Old keys still unseal everything, also keys that were replaced because somebody may know them.",
        "Remove every key that has not been the first for longer than GATEPOST_SESSION__ABSOLUTE_TIMEOUT.";
    FILE = Error "keys-file":
        "Gatepost does not start, or other users know its keys and can sign in as anybody.",
        "Let only Gatepost's user own and read the file (chmod 600). If another user may have read it, delete it; then everybody must sign in again.";
}

/// A rotation needs no more keys than this.
const MANY_KEYS: usize = 3;

pub(super) fn inspect(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &config.stores {
        StoresConfig::Embedded { file } if config.secret_keys.is_empty() => beside(file, &mut findings),
        _ => ring(&config.secret_keys, &Place::from("GATEPOST_SECRET_KEYS"), &mut findings),
    }
    findings
}

fn beside(store: &Path, findings: &mut Vec<Finding>) {
    let place = Place::line(&keyring::path_beside(store), 0);
    match keyring::find(store) {
        Ok(Some(keys)) => ring(&keys, &place, findings),
        Ok(None) => {
            findings.push(Finding::fine("keys", place, "There is none yet: the first start creates it."));
        }
        Err(error) => findings.push(FILE.at(place, describe(&error))),
    }
}

fn ring(keys: &[Secret], place: &Place, findings: &mut Vec<Finding>) {
    let weak = keys.iter().position(is_guessable);
    if let Some(at) = weak {
        let found = format!("Key {} is text or a pattern, not random bytes.", at + 1);
        findings.push(GUESSABLE.at(place.clone(), found));
    }
    if keys.len() > MANY_KEYS {
        findings.push(MANY.at(place.clone(), format!("There are {} keys.", keys.len())));
    }
    if weak.is_none() && keys.len() <= MANY_KEYS {
        let plural = if keys.len() == 1 { "" } else { "s" };
        findings.push(Finding::fine("keys", place.clone(), format!("{} key{plural}.", keys.len())));
    }
}

/// Whether a key is text or a pattern. Of 32 random bytes, all are printable with a probability of 10^-14, and it is
/// even less likely that fewer than 16 of them are different.
fn is_guessable(key: &Secret) -> bool {
    let bytes = key.expose();
    let distinct: BTreeSet<u8> = bytes.iter().copied().collect();
    distinct.len() < 16 || bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_patterns_are_guessable_keys() {
        assert!(is_guessable(&Secret::from(*b"12345678901234567890123456789012")));
        assert!(is_guessable(&Secret::from([0; 32])));
        assert!(!is_guessable(&Secret::generate()));
    }
}
