//! Reads and writes the files of the folder. Keys that other users may read are refused, files are replaced by a rename,
//! and a lock file allows one writer at a time.

use super::{CertsError, Role};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const LOCK: &str = ".lock";
/// A symbolic link to the folder of the proxy's files, so that a renewal finds it.
const CLIENT_DIR: &str = "client-dir";
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;
const GROUP_READS: u32 = 0o040;

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> CertsError + 'a {
    move |cause| CertsError::File { doing, path: path.to_owned(), cause }
}

/// Creates the folder with mode 0700 if it is missing.
pub(super) fn create_folder(path: &Path) -> Result<(), CertsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make the folder", path))
}

/// Refuses a folder where other users could replace the authority.
pub(super) fn check_folder(path: &Path) -> Result<(), CertsError> {
    let mode = fs::metadata(path).map_err(failed("read the folder", path))?.permissions().mode() & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(CertsError::Open { path: path.to_owned(), mode }) }
}

/// Waits for the lock of the folder. Dropping the file releases it.
pub(super) fn lock(folder: &Path) -> Result<File, CertsError> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(PRIVATE).open(&path);
    let file = file.map_err(failed("write", &path))?;
    file.lock().map_err(failed("lock", &path))?;
    Ok(file)
}

/// The text of a certificate file; `None` if it does not exist.
pub(super) fn find_certificate(path: &Path) -> Result<Option<String>, CertsError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(failed("read", path)),
    }
}

/// The text of a private key file; `None` if it does not exist.
pub(super) fn find_key(path: &Path) -> Result<Option<Zeroizing<String>>, CertsError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed("read", path))?,
    };
    // Of the open file, because the path could lead to another file by now.
    let mode = file.metadata().map_err(failed("read", path))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CertsError::Exposed { path: path.to_owned(), mode });
    }
    io::read_to_string(file).map(Zeroizing::new).map(Some).map_err(failed("read", path))
}

pub(super) fn write_certificate(path: &Path, text: &str) -> Result<(), CertsError> {
    write(path, text, PUBLIC, None).map_err(failed("write", path))
}

pub(super) fn write_key(path: &Path, text: &str) -> Result<(), CertsError> {
    write(path, text, PRIVATE, None).map_err(failed("write", path))
}

/// Writes a draft and renames it, so that no reader sees half a file. Callers hold [`lock`], so no other process writes
/// the same draft.
fn write(path: &Path, text: &str, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&draft)?;
    file.write_all(text.as_bytes())?;
    if let Some((uid, gid)) = owner {
        // Only root may change the owner. A member of the group may set the group.
        fchown(&file, Some(uid), Some(gid)).or_else(|_| fchown(&file, None, Some(gid)))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// The folder of the proxy's files; `None` if it was never set.
pub(super) fn find_client_dir(folder: &Path) -> Result<Option<PathBuf>, CertsError> {
    let link = folder.join(CLIENT_DIR);
    match fs::read_link(&link) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        target => target.map(Some).map_err(failed("read", &link)),
    }
}

/// Creates the folder of the proxy's files if it is missing, and records it.
pub(super) fn set_client_dir(folder: &Path, wanted: &Path) -> Result<PathBuf, CertsError> {
    create_folder(wanted)?;
    let target = wanted.canonicalize().map_err(failed("read the folder", wanted))?;
    if folder.canonicalize().map_err(failed("read the folder", folder))? == target {
        return Err(CertsError::SameFolder(target));
    }
    if find_client_dir(folder)?.as_ref() != Some(&target) {
        let (link, draft) = (folder.join(CLIENT_DIR), folder.join(".client-dir.new"));
        let linked = match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => symlink(&target, &draft).and_then(|()| fs::rename(&draft, &link)),
        };
        linked.map_err(failed("write", &link))?;
    }
    Ok(target)
}

/// The files that the proxy needs. The keys of the authority and of the server are not among them.
fn published(folder: &Path, client_dir: &Path) -> [(PathBuf, PathBuf); 3] {
    let pair = |name: &str| (folder.join(name), client_dir.join(name));
    [
        pair(Role::Authority.certificate_file()),
        pair(Role::Client.key_file()),
        pair(Role::Client.certificate_file()),
    ]
}

/// Whether the proxy's folder has the present files.
pub(super) fn is_published(folder: &Path, client_dir: &Path) -> bool {
    published(folder, client_dir).iter().all(|(ours, theirs)| match (find_text(ours), find_text(theirs)) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        _ => false,
    })
}

/// Copies the files that differ. Traefik often runs as another user: the key gets the owner and group of the proxy's
/// folder as far as the operating system allows that, and the group may read the key if it may read the folder.
pub(super) fn publish(folder: &Path, client_dir: &Path) -> Result<(), CertsError> {
    let place = fs::metadata(client_dir).map_err(failed("read the folder", client_dir))?;
    let owner = Some((place.uid(), place.gid()));
    for (ours, theirs) in published(folder, client_dir) {
        let is_key = ours.extension().is_some_and(|extension| extension == "key");
        let mode = if is_key { PRIVATE | (place.mode() & GROUP_READS) } else { PUBLIC };
        let text = find_text(&ours)?.ok_or_else(|| CertsError::Missing(ours.clone()))?;
        let is_same = find_text(&theirs).is_ok_and(|found| found.as_ref() == Some(&text))
            && fs::metadata(&theirs).is_ok_and(|file| file.mode() & 0o7777 == mode);
        if !is_same {
            write(&theirs, &text, mode, owner).map_err(failed("write", &theirs))?;
        }
    }
    Ok(())
}

fn find_text(path: &Path) -> Result<Option<Zeroizing<String>>, CertsError> {
    Ok(find_certificate(path)?.map(Zeroizing::new))
}

/// Changes whenever a file is replaced, is written, or gets other permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

/// `None` if there is no such file or it is not accessible.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some(Stamp { inode: file.ino(), changed: (file.ctime(), file.ctime_nsec()) })
}
