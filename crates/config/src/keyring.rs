//! The key ring that seals cookies, tickets and session records: its text form, and its file in embedded mode.
//!
//! Guarantees: a ring is never empty, its keys differ, and no error shows any of them. The file appears whole or not at
//! all, belongs to its owner alone (mode 0600), and an existing one is never written over: sealed values would be lost.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use gatepost_core::secret::{Secret, fill_random};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

pub(super) const EXPECTED: &str =
    "keys of exactly 32 random bytes each, base64 (make one: openssl rand -base64 32)";

/// Why a text is no key ring; never holds key material.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// No keys in it.
    #[error("holds no key, expected {EXPECTED}")]
    Empty,
    /// Not base64.
    #[error("key {number} is no base64 ({length} characters, not shown), expected {EXPECTED}")]
    Encoding {
        /// Which, from 1.
        number: usize,
        /// Of its text.
        length: usize,
    },
    /// Not 32 bytes.
    #[error("key {number} has {length} bytes, expected {EXPECTED}")]
    Length {
        /// Which, from 1.
        number: usize,
        /// Bytes after decoding.
        length: usize,
    },
    /// Twice the same: it was probably meant to be replaced.
    #[error("keys {first} and {second} are the same, expected each once")]
    Twice {
        /// Which, from 1.
        first: usize,
        /// Which, from 1.
        second: usize,
    },
}

/// Why the ring's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// Others may read it, so its keys may be known.
    #[error("{} may be read by others (mode {mode:04o}): chmod 600, and replace its keys if others did", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is not a key ring.
    #[error("{} is no key ring", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        cause: KeyError,
    },
    /// The file system refused.
    #[error("cannot read or make the key ring {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Keys separated by commas or white space; the first writes, all read.
pub fn parse(text: &str) -> Result<Vec<Secret>, KeyError> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    let keys: Vec<Secret> =
        words.enumerate().map(|(at, word)| parse_key(at + 1, word)).collect::<Result<_, _>>()?;
    for (at, key) in keys.iter().enumerate() {
        if let Some(before) = keys[..at].iter().position(|other| other.digest() == key.digest()) {
            return Err(KeyError::Twice { first: before + 1, second: at + 1 });
        }
    }
    if keys.is_empty() { Err(KeyError::Empty) } else { Ok(keys) }
}

fn parse_key(number: usize, text: &str) -> Result<Secret, KeyError> {
    let decoded =
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|form| form.decode(text).ok());
    let bytes = Zeroizing::new(decoded.ok_or(KeyError::Encoding { number, length: text.chars().count() })?);
    let key: [u8; 32] =
        bytes.as_slice().try_into().map_err(|_| KeyError::Length { number, length: bytes.len() })?;
    Ok(Secret::from(key))
}

/// Where the ring of an embedded store lies: its file's name and `.keys`.
pub fn path_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

/// Reads the ring beside an embedded store, if there is one.
pub fn find(store: &Path) -> Result<Option<Vec<Secret>>, KeyRingError> {
    open(&path_beside(store))
}

/// Reads the ring beside an embedded store, and makes one of a single new key if there is none.
pub fn read_or_create(store: &Path) -> Result<Vec<Secret>, KeyRingError> {
    let path = path_beside(store);
    if let Some(keys) = open(&path)? {
        return Ok(keys);
    }
    create(&path).map_err(|cause| KeyRingError::File { path: path.clone(), cause })?;
    let vanished = || io::Error::new(ErrorKind::NotFound, "it vanished while it was made");
    open(&path)?.ok_or_else(|| KeyRingError::File { path, cause: vanished() })
}

fn open(path: &Path) -> Result<Option<Vec<Secret>>, KeyRingError> {
    let failed = |cause| KeyRingError::File { path: path.to_owned(), cause };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    // Asked of the open file: the name could point elsewhere by now.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyRingError::Exposed { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(io::read_to_string(file).map_err(failed)?);
    parse(&text).map(Some).map_err(|cause| KeyRingError::Malformed { path: path.to_owned(), cause })
}

/// Written under another name and then linked: of two that start at once one wins, and neither reads half a ring.
fn create(path: &Path) -> io::Result<()> {
    let mut suffix = [0; 8];
    fill_random(&mut suffix);
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:016x}", u64::from_ne_bytes(suffix)));
    let draft = PathBuf::from(draft);
    let written = write_new(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = fs::remove_file(&draft);
    written.and(removed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let key = Zeroizing::new(STANDARD.encode(Secret::generate().expose()));
    writeln!(file, "{}", *key)?;
    file.sync_all()
}
