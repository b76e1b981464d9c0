//! `docs/check.md` names every kind of finding as the code has it, and no other.

use gatepost_check as check;

#[test]
fn the_document_lists_every_finding_with_its_fix() {
    let document = include_str!("../../../docs/check.md");
    let rows: Vec<String> = check::codes()
        .map(|code| {
            let cell = |text: &str| text.replace('|', "\\|");
            let (name, severity) = (code.name, code.severity.as_str());
            format!("| `{name}` | {severity} | {} | {} |", cell(code.risk), cell(code.fix))
        })
        .collect();
    let found: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(found, rows, "docs/check.md should have:\n{}", rows.join("\n"));
}

#[test]
fn every_kind_of_finding_has_a_name_of_its_own_and_full_sentences() {
    let mut names = std::collections::BTreeSet::new();
    for code in check::codes() {
        assert!(names.insert(code.name), "{} is there twice", code.name);
        assert!(code.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", code.name);
        for text in [code.risk, code.fix] {
            let begins = text.starts_with(|c: char| c.is_ascii_uppercase() || text.starts_with("chmod"));
            assert!(text.ends_with('.') && begins || text.contains("openssl"), "{}: {text}", code.name);
        }
    }
}
