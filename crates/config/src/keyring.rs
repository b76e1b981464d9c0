//! The key ring that seals cookies, tickets and session records: its text form, and its file in embedded mode.
//!
//! Guarantees: a key ring is never empty, its keys differ, and no error shows a key. The file is created atomically
//! with mode 0600. An existing file is never overwritten, because all sealed values would be lost.

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

/// A text that is not a key ring. The error contains no key material.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text has no keys.
    #[error("contains no key, expected {EXPECTED}")]
    Empty,
    /// A key is not base64.
    #[error("key {number} is not base64 ({length} characters, not shown), expected {EXPECTED}")]
    Encoding {
        /// The position of the key, from 1.
        number: usize,
        /// The number of characters.
        length: usize,
    },
    /// A key does not have 32 bytes.
    #[error("key {number} has {length} bytes, expected {EXPECTED}")]
    Length {
        /// The position of the key, from 1.
        number: usize,
        /// The number of bytes after decoding.
        length: usize,
    },
    /// Two keys are the same. The operator probably meant to replace one of them.
    #[error("keys {first} and {second} are the same, expected different keys")]
    Twice {
        /// The position of the first of them, from 1.
        first: usize,
        /// The position of the second, from 1.
        second: usize,
    },
}

/// Why the key ring's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// Other users may read the file, and may know the keys.
    #[error("{} can be read by other users (mode {mode:04o}): chmod 600 it, and replace its keys if another user may have read them", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file's text is not a key ring.
    #[error("{} is not a key ring", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with the text.
        #[source]
        cause: KeyError,
    },
    /// The file cannot be read or created.
    #[error("cannot read or create the key ring {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        cause: io::Error,
    },
}

/// Parses keys that are separated by commas or white space. The first key seals, all keys unseal.
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

/// The path of an embedded store's key ring: the store's path with `.keys` appended.
pub fn path_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

/// Reads the key ring of an embedded store; `None` if it has none.
pub fn find(store: &Path) -> Result<Option<Vec<Secret>>, KeyRingError> {
    open(&path_beside(store))
}

/// Reads the key ring of an embedded store. If it has none, creates one with a single new key.
pub fn read_or_create(store: &Path) -> Result<Vec<Secret>, KeyRingError> {
    let path = path_beside(store);
    if let Some(keys) = open(&path)? {
        return Ok(keys);
    }
    create(&path).map_err(|cause| KeyRingError::File { path: path.clone(), cause })?;
    let vanished = || io::Error::new(ErrorKind::NotFound, "it was removed while it was created");
    open(&path)?.ok_or_else(|| KeyRingError::File { path, cause: vanished() })
}

fn open(path: &Path) -> Result<Option<Vec<Secret>>, KeyRingError> {
    let failed = |cause| KeyRingError::File { path: path.to_owned(), cause };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    // The mode of the open file, not of the path, which could point to another file by now.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyRingError::Exposed { path: path.to_owned(), mode });
    }
    let text = Zeroizing::new(io::read_to_string(file).map_err(failed)?);
    parse(&text).map(Some).map_err(|cause| KeyRingError::Malformed { path: path.to_owned(), cause })
}

/// Writes the file under another name and then links it, so that two processes that start at once use the same keys,
/// and none reads a file that is half written.
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
