//! What a gate answers to whom, so that a bare one answers the same headers to the same request.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use tempfile::NamedTempFile;

/// Header lines by the request's last cookie (`name=value`), in a file that bare gates read.
#[derive(Debug)]
pub struct Answers(NamedTempFile);

impl Answers {
    /// Writes them down.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(answers: &BTreeMap<String, Vec<(String, String)>>) -> io::Result<Self> {
        let file = NamedTempFile::new()?;
        serde_json::to_writer(file.as_file(), answers)?;
        Ok(Self(file))
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(file: &Path) -> io::Result<BTreeMap<String, Vec<(String, String)>>> {
        Ok(serde_json::from_slice(&std::fs::read(file)?)?)
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
