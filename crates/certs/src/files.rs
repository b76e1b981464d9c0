//! The files of the folder: read with care for who else may, written whole or not at all, by one runner at a time.

use super::{CertsError, Role};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const LOCK: &str = ".lock";
/// A link to where the proxy's files go, so that a renewal finds the place again.
const CLIENT_DIR: &str = "client-dir";
const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;
const GROUP_READS: u32 = 0o040;

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> CertsError + 'a {
    move |cause| CertsError::File { doing, path: path.to_owned(), cause }
}

/// The folder, made with mode 0700 where it is missing.
pub(super) fn create_folder(path: &Path) -> Result<(), CertsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make the folder", path))
}

/// Refuses a folder in which others could put an authority of theirs.
pub(super) fn check_folder(path: &Path) -> Result<(), CertsError> {
    let mode = fs::metadata(path).map_err(failed("read the folder", path))?.permissions().mode() & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(CertsError::Open { path: path.to_owned(), mode }) }
}

/// Waits for the other runner, if there is one; dropping the file lets the next one in.
pub(super) fn lock(folder: &Path) -> Result<File, CertsError> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(PRIVATE).open(&path);
    let file = file.map_err(failed("write", &path))?;
    file.lock().map_err(failed("lock", &path))?;
    Ok(file)
}

/// A certificate's text, if there is one.
pub(super) fn find_certificate(path: &Path) -> Result<Option<String>, CertsError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => text.map(Some).map_err(failed("read", path)),
    }
}

/// A private key's text, if there is one.
pub(super) fn find_key(path: &Path) -> Result<Option<Zeroizing<String>>, CertsError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed("read", path))?,
    };
    // Asked of the open file: the name could point elsewhere by now.
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

/// Under another name first, so that no reader meets half a file; under [`lock`], so that the draft is ours alone.
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
        // Only root gives files away; the group is for its members to give.
        fchown(&file, Some(uid), Some(gid)).or_else(|_| fchown(&file, None, Some(gid)))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Where the proxy's files go, if that was ever said.
pub(super) fn find_client_dir(folder: &Path) -> Result<Option<PathBuf>, CertsError> {
    let link = folder.join(CLIENT_DIR);
    match fs::read_link(&link) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        target => target.map(Some).map_err(failed("read", &link)),
    }
}

/// Makes the proxy's folder where it is missing, and remembers it.
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

/// What the proxy needs, and nothing with which it could be somebody else.
fn published(folder: &Path, client_dir: &Path) -> [(PathBuf, PathBuf); 3] {
    let pair = |name: &str| (folder.join(name), client_dir.join(name));
    [
        pair(Role::Authority.certificate_file()),
        pair(Role::Client.key_file()),
        pair(Role::Client.certificate_file()),
    ]
}

/// Whether the proxy's folder holds what ours holds.
pub(super) fn is_published(folder: &Path, client_dir: &Path) -> bool {
    published(folder, client_dir).iter().all(|(ours, theirs)| match (find_text(ours), find_text(theirs)) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        _ => false,
    })
}

/// Copies what differs. The key belongs to the folder's owner and group as far as the operating system lets us give it
/// away, and its group reads it where the group reads the folder: Traefik often runs as somebody else.
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

/// What changes whenever a file is replaced, written or given other permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

/// `None` where there is no such file, or nobody may see it.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some(Stamp { inode: file.ino(), changed: (file.ctime(), file.ctime_nsec()) })
}
