//! Writes the results into a document, between two markers.

use std::fs;
use std::io;
use std::path::Path;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";

/// Replaces the text between the markers of a file.
///
/// # Errors
/// The file or a marker is missing.
pub fn write_between(path: &Path, text: &str) -> io::Result<()> {
    let old = fs::read_to_string(path)?;
    let new = replaced(&old, text).ok_or_else(|| io::Error::other(format!("{BEGIN} or {END} is missing")))?;
    fs::write(path, new)
}

fn replaced(old: &str, text: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let old = format!("words\n{BEGIN}\n1\n{END}\nmore words\n");
        let new = replaced(&old, "2\n").expect("both markers");
        assert_eq!(new, format!("words\n{BEGIN}\n2\n{END}\nmore words\n"));
        assert_eq!(replaced(&new, "2"), Some(new.clone()));
        assert_eq!(replaced("words", "2"), None);
    }

    #[test]
    fn the_document_has_the_markers() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
        let text = fs::read_to_string(path).expect("docs/performance.md");
        assert!(replaced(&text, "").is_some());
    }
}
