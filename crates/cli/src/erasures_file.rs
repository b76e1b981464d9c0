//! The file that keeps what was erased, beside the dumps of the directory.
//!
//! It holds ids and times alone: a line that names its form, then one line for each erasure. Lines are only added. All
//! lines of one addition are one write, which is on the disk when it returns. A crash can cut the last line off; the next
//! addition completes it, because the directory knows how it goes on. Until then nobody knows whom it names, so the file
//! cannot be used.
//!
//! The file's name has the time at which the directory was created. So the files of several directories can lie in one
//! folder, and none is mistaken for another one's.

use gatepost_core::calendar::rfc3339;
use gatepost_core::clock::Timestamp;
use gatepost_store::directory::{Erasure, ErasureError};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The first line.
const FORM: &str = "gatepost-erasures 1";

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("there is no file {}, so nobody knows what was erased since the dump", .0.display())]
    Missing(PathBuf),
    #[error("{} cannot be used", .0.display())]
    Io(PathBuf, #[source] io::Error),
    #[error("{} does not begin with the line `{}`", .0.display(), FORM)]
    Form(PathBuf),
    #[error("line {line} of {} is no erasure", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        #[source]
        source: ErasureError,
    },
    #[error("line {line} of {} is cut off: nobody knows whom it names", path.display())]
    Torn { path: PathBuf, line: usize },
}

impl FileError {
    /// What to do.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => {
                "copy it from where the dumps were kept, or write it with `gatepost erasures keep` from the directory that was dumped"
            }
            Self::Io(..) => "give a folder that you may write to: the one with the dumps",
            Self::Form(_) | Self::Line { .. } => {
                "only `gatepost erasures keep` of this version or an older one writes it: take another copy of the file"
            }
            Self::Torn { .. } => {
                "`gatepost erasures keep` completes it from the directory that was dumped; else take another copy of the file; if \
                 there is none, delete that line: whom it names stays"
            }
        }
    }
}

/// The file of one directory.
#[derive(Debug)]
pub(super) struct ErasuresFile {
    path: PathBuf,
}

/// What a file says.
#[derive(Debug, Default)]
struct Content<'a> {
    erasures: Vec<Erasure>,
    /// What stands behind the last end of a line, if it is no whole line, and the number of that line.
    torn: Option<(usize, &'a str)>,
    /// The last line is whole, but its end is missing.
    lacks_end: bool,
}

impl ErasuresFile {
    /// The file in this folder for the directory that was created at this time.
    pub(super) fn new(folder: &Path, created_at: Timestamp) -> Self {
        let at: String = rfc3339(created_at).chars().filter(char::is_ascii_alphanumeric).collect();
        Self { path: folder.join(format!("erasures-{at}.txt")) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all erasures.
    pub(super) fn read(&self) -> Result<Vec<Erasure>, FileError> {
        let mut file = File::open(&self.path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => FileError::Missing(self.path.clone()),
            _ => self.failed(error),
        })?;
        file.lock_shared().map_err(|error| self.failed(error))?;
        let text = self.text(&mut file)?;
        let content = self.parse(&text)?;
        match content.torn {
            Some((line, _)) => Err(FileError::Torn { path: self.path.clone(), line }),
            None => Ok(content.erasures),
        }
    }

    /// Adds those that the file lacks; creates it if it does not exist, for its owner alone. Returns how many it added.
    pub(super) fn add(&self, erasures: &[Erasure]) -> Result<usize, FileError> {
        let mut options = OpenOptions::new();
        let opened = options.read(true).append(true).create(true).mode(0o600).open(&self.path);
        let mut file = opened.map_err(|error| self.failed(error))?;
        file.lock().map_err(|error| self.failed(error))?;
        let text = self.text(&mut file)?;
        let (addition, added) = self.addition(&text, erasures)?;
        if !addition.is_empty() {
            let written = file.write_all(addition.as_bytes()).and_then(|()| file.sync_all());
            written.map_err(|error| self.failed(error))?;
        }
        if text.is_empty() {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
            synced.map_err(|error| self.failed(error))?;
        }
        Ok(added)
    }

    /// What is to be written behind `text`, and how many erasures it adds.
    fn addition(&self, text: &str, erasures: &[Erasure]) -> Result<(String, usize), FileError> {
        let content = self.parse(text)?;
        let known: HashSet<&Erasure> = content.erasures.iter().collect();
        let missing = erasures.iter().filter(|erasure| !known.contains(erasure));
        let mut lines: Vec<String> = missing.map(ToString::to_string).collect();
        let added = lines.len();
        let mut addition = String::new();
        match content.torn {
            // The line of the form, of which nothing or a part is there.
            Some((1, begin)) => addition = format!("{}\n", &FORM[begin.len()..]),
            Some((line, begin)) => {
                let torn = || FileError::Torn { path: self.path.clone(), line };
                let at = lines.iter().position(|line| line.starts_with(begin)).ok_or_else(torn)?;
                addition = format!("{}\n", &lines.remove(at)[begin.len()..]);
            }
            None if content.lacks_end => addition.push('\n'),
            None => {}
        }
        addition.extend(lines.into_iter().flat_map(|line| [line, "\n".to_owned()]));
        Ok((addition, added))
    }

    fn parse<'a>(&self, text: &'a str) -> Result<Content<'a>, FileError> {
        let path = || self.path.clone();
        let (whole, last) = text.rsplit_once('\n').map_or((None, text), |(whole, last)| (Some(whole), last));
        let Some(whole) = whole else {
            return match last {
                FORM => Ok(Content { lacks_end: true, ..Content::default() }),
                _ if FORM.starts_with(last) => Ok(Content { torn: Some((1, last)), ..Content::default() }),
                _ => Err(FileError::Form(path())),
            };
        };
        let mut lines = whole.split('\n').zip(1..);
        if lines.next().is_none_or(|(line, _)| line != FORM) {
            return Err(FileError::Form(path()));
        }
        let mut content = Content::default();
        let mut number = 1;
        for (text, line) in lines {
            let read =
                text.parse::<Erasure>().map_err(|source| FileError::Line { path: path(), line, source })?;
            content.erasures.push(read);
            number = line;
        }
        match last.parse::<Erasure>() {
            _ if last.is_empty() => {}
            Ok(erasure) => {
                content.erasures.push(erasure);
                content.lacks_end = true;
            }
            Err(ErasureError) => content.torn = Some((number + 1, last)),
        }
        Ok(content)
    }

    fn text(&self, file: &mut File) -> Result<String, FileError> {
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| match error.kind() {
            ErrorKind::InvalidData => FileError::Form(self.path.clone()),
            _ => self.failed(error),
        })?;
        Ok(text)
    }

    fn failed(&self, error: io::Error) -> FileError {
        FileError::Io(self.path.clone(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const A: &str = "user 0199d1f0-5b7c-7d2e-8a3f-00000000000a 2026-11-24T23:35:01Z";
    const B: &str = "user 0199d1f0-5b7c-7d2e-8a3f-00000000000b 2026-11-24T23:35:02Z";
    const T: &str = "tenant acme 2026-01-02T03:04:05Z 2026-11-24T23:35:03Z";

    fn some(lines: &[&str]) -> Vec<Erasure> {
        lines.iter().map(|line| line.parse().expect("an erasure")).collect()
    }

    fn file() -> (TempDir, ErasuresFile) {
        let folder = TempDir::new().expect("a folder");
        let file = ErasuresFile::new(folder.path(), Timestamp::from_unix(1_795_563_301));
        (folder, file)
    }

    #[test]
    fn a_file_is_named_by_its_directory_and_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, file) = file();
        assert!(matches!(file.read(), Err(FileError::Missing(path)) if path == file.path()));
        assert_eq!(file.add(&[]).expect("added"), 0);
        let path = folder.path().join("erasures-20261124T233501Z.txt");
        assert_eq!(fs::read_to_string(&path).expect("text"), "gatepost-erasures 1\n");
        assert_eq!(path.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
        assert_eq!(file.read().expect("read"), []);
    }

    #[test]
    fn lines_are_only_added_and_each_erasure_once() {
        let (_folder, file) = file();
        assert_eq!(file.add(&some(&[A])).expect("added"), 1);
        assert_eq!(file.add(&some(&[A, T])).expect("added"), 1);
        // A directory that was restored may not know all of them any more.
        assert_eq!(file.add(&some(&[B])).expect("added"), 1);
        assert_eq!(file.add(&some(&[T, A])).expect("added"), 0);
        let text = fs::read_to_string(file.path()).expect("text");
        assert_eq!(text, format!("{FORM}\n{A}\n{T}\n{B}\n"));
        assert_eq!(file.read().expect("read"), some(&[A, T, B]));
    }

    /// A crash at any byte of an addition.
    #[test]
    fn a_torn_line_is_refused_and_completed_by_the_directory_that_knows_it() {
        let whole = format!("{FORM}\n{A}\n{T}\n");
        for end in 0..whole.len() {
            let (_folder, file) = file();
            fs::write(file.path(), &whole[..end]).expect("written");
            let last = whole[..end].rsplit('\n').next().expect("a line");
            let is_whole = last == FORM || last.parse::<Erasure>().is_ok() || (end > 0 && last.is_empty());
            match file.read() {
                Ok(_) => assert!(is_whole, "{end}"),
                Err(FileError::Torn { .. }) => assert!(!is_whole, "{end}"),
                Err(error) => panic!("{end}: {error}"),
            }
            file.add(&some(&[A, T])).expect("added");
            assert_eq!(fs::read_to_string(file.path()).expect("text"), whole, "{end}");
        }
    }

    #[test]
    fn a_torn_line_of_which_the_directory_knows_nothing_is_left_alone() {
        let (_folder, file) = file();
        let text = format!("{FORM}\n{A}\n{}", &B[..45]);
        fs::write(file.path(), &text).expect("written");
        assert!(matches!(file.add(&some(&[A, T])), Err(FileError::Torn { line: 3, .. })));
        assert_eq!(fs::read_to_string(file.path()).expect("text"), text);
    }

    #[test]
    fn a_file_that_something_else_wrote_is_refused_by_its_line_and_left_alone() {
        for (text, line) in [
            ("gatepost-erasures 2\n".to_owned(), 0),
            ("alice@example.com\n".to_owned(), 0),
            ("alice".to_owned(), 0),
            (format!("{A}\n"), 0),
            (format!("{FORM}\n{A}\n\n{B}\n"), 3),
            (format!("{FORM}\nuser alice@example.com\n{A}\n"), 2),
        ] {
            let (_folder, file) = file();
            fs::write(file.path(), &text).expect("written");
            let errors = [file.read().expect_err("refused"), file.add(&some(&[A])).expect_err("refused")];
            for error in errors {
                let found = match error {
                    FileError::Form(_) => 0,
                    FileError::Line { line, .. } => line,
                    error => panic!("{text}: {error}"),
                };
                assert_eq!(found, line, "{text}");
            }
            assert_eq!(fs::read_to_string(file.path()).expect("text"), text);
        }
        let (_folder, file) = file();
        fs::write(file.path(), [0xff, b'\n']).expect("written");
        assert!(matches!(file.read(), Err(FileError::Form(_))));
    }
}
