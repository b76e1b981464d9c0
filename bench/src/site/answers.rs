//! Records Gatepost's answers, so that a bare server can return the same headers for the same request.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use tempfile::NamedTempFile;

/// The headers of answers by the request's last cookie (`name=value`), in a file that bare servers read.
#[derive(Debug)]
pub struct Answers(NamedTempFile);

impl Answers {
    /// Writes the file.
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

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}
